"""Differentially private heads: what one example can change is bounded, and drowned in noise.

Every embedding is seen through a public view and clipped to the unit ball by itself. Nothing is
standardised or centred by the data, and nothing is divided by the number of examples: both would
tell of the data without noise. Neighbouring data sets differ by one example, added or removed.
The names of the classes and their number count as public. How the noise is bought is in
`headfit.privacy.accounting`; what is not defended is in docs/privacy.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headfit.errors import InputError
from headfit.files.manifest import Manifest
from headfit.learning.fitted_head import FittedHead, PrivacyGuarantee
from headfit.maths.arrays import DoubleArray, FloatArray, Scalar, TargetArray
from headfit.maths.softmax import softmax
from headfit.privacy.accounting import check_privacy, noise_for
from headfit.privacy.public_view import PublicView

METHODS = ("class-sums", "statistics", "dp-sgd")

LOGIT_SCALE = 10.0
"""How sharp the probabilities of one-shot heads are. A constant, for the spread of the embeddings
must not be looked at: classes are right, probabilities are not calibrated."""


ASSUMPTIONS = (
    "Neighbouring data sets differ by one example, added or removed. The names of the classes and "
    "their number are public. Settings, and the view of the embeddings, were chosen without the "
    "examples. Only this head was released of them: epsilons of several heads add up. Nobody "
    "guesses the seed of the noise, which comes from the operating system; its rounding to 64 bits "
    "is not accounted for."
)


@dataclass(frozen=True, slots=True)
class Privacy:
    """How private a head shall be, and what is publicly known; chosen without looking at the data.

    Attributes
    ----------
    epsilon : float
        How much more likely any outcome may become by one example: ``exp(epsilon)`` times. 1 is
        strong, 10 is weak.
    delta : float
        Probability that the promise fails; well below one over the number of examples.
    public_view : PublicView, optional
        How the head sees embeddings. `PublicView.of` some hundred public pictures brings much
        accuracy. By default they are seen as they are, and clipped to the length of the embedding
        of the extractor's golden picture.
    method : str
        "class-sums": the sum of each class, noised once, makes nearest-mean classes; best with few
        examples. "statistics": the second moments too, which make ridge regression; needs
        thousands. "dp-sgd": noisy gradient descent on the softmax loss.
    expected_samples : int
        For "dp-sgd": a guess at the number of examples, by which gradients are divided.
    sampling_rate, steps, clip_norm, learning_rate
        For "dp-sgd": the chance of an example to be in a step, the number of steps, the norm to
        which one example's gradient is clipped, and the size of a step for each class there is: of
        many classes each is met more rarely.
    """

    epsilon: float
    delta: float
    public_view: PublicView | None = None
    method: str = "class-sums"
    expected_samples: int = 1000
    sampling_rate: float = 0.1
    steps: int = 200
    clip_norm: float = 1.0
    learning_rate: float = 0.25

    def __post_init__(self) -> None:
        check_privacy(self.epsilon, self.delta)
        if self.method not in METHODS:
            raise InputError(f"expected one of {', '.join(METHODS)}, found {self.method!r}")
        for name in ("clip_norm", "learning_rate", "expected_samples"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InputError(f"expected a positive {name}, found {value}")

    def noise_multiplier(self) -> float:
        """Return the noise that keeps the promise, in units of what one example can change."""
        if self.method == "dp-sgd":
            return noise_for(self.epsilon, self.delta, self.sampling_rate, self.steps)
        return noise_for(self.epsilon, self.delta)

    def view(self, embedding_dim: int, manifest: Manifest | None) -> PublicView:
        """Return how embeddings of this width are seen; ``manifest`` describes their extractor.

        Raises
        ------
        InputError
            If the view is of another extractor, or there is neither a view nor a golden picture.
        """
        if self.public_view is None:
            if manifest is None or manifest.golden is None:
                raise InputError(
                    "expected a public view, or an extractor with a golden picture, found neither; "
                    "pass public_view=PublicView.of(embeddings of public pictures)"
                )
            return PublicView.plain(embedding_dim, math.hypot(*manifest.golden.embedding))
        width = len(self.public_view.centre)
        if width != embedding_dim:
            raise InputError(
                f"expected a public view of embeddings of width {embedding_dim}, found width "
                f"{width}; make it with the extractor that made these"
            )
        return self.public_view


def fit_private(
    embeddings: FloatArray,
    targets: TargetArray,
    classes: tuple[str, ...],
    privacy: Privacy,
    view: PublicView,
    generator: np.random.Generator,
) -> FittedHead:
    """Fit a head that is differentially private in every example, and may be published.

    Its ``class_counts`` are noised numbers of examples, zeros for "dp-sgd", which learns none: the
    exact ones are private.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each example's class.
    classes : tuple of str
        Class names in column order.
    privacy : Privacy
    view : PublicView
        How embeddings are seen; ``privacy`` may have none.
    generator : numpy.random.Generator
        Where the noise comes from. Nobody may be able to guess its seed: pass a fresh
        ``np.random.default_rng()``.
    """
    n_classes = len(classes)
    noise = privacy.noise_multiplier()
    clipped = view.seen(embeddings)
    if privacy.method == "dp-sgd":
        weights, bias = _descend(clipped, targets, n_classes, privacy, noise, generator)
        counts = np.zeros(n_classes)
    else:
        weights, bias, counts = _one_shot(
            clipped, targets, n_classes, noise, generator, privacy.method == "statistics"
        )
    training: dict[str, Scalar] = {
        "method": f"private-{privacy.method}",
        "noise_multiplier": noise,
        "view_width": view.directions.shape[1],
        "view_norm": view.norm,
    }
    if privacy.method == "dp-sgd":
        for name in ("expected_samples", "sampling_rate", "steps", "clip_norm", "learning_rate"):
            training[name] = getattr(privacy, name)
    unfolded_weights, unfolded_bias = view.unfold(weights, bias)
    return FittedHead(
        weights=unfolded_weights,
        bias=unfolded_bias,
        classes=classes,
        class_counts=tuple(max(0, round(count)) for count in counts.tolist()),
        training=training,
        privacy=PrivacyGuarantee(
            f"{privacy.method}, Gaussian noise",
            float(privacy.epsilon),
            float(privacy.delta),
            ASSUMPTIONS,
        ),
    )


def class_sums(clipped: DoubleArray, targets: TargetArray, n_classes: int) -> DoubleArray:
    """Return per class the sum of ``(embedding, 1)``: shape (n_classes, embedding_dim + 1).

    One example changes it by at most ``sqrt(2)`` in norm.
    """
    sums = np.zeros((n_classes, clipped.shape[1] + 1))
    np.add.at(sums, targets, _with_one(clipped))
    return sums


def second_moments(clipped: DoubleArray) -> DoubleArray:
    """Return ``sum(e e^T)``, of which one example changes the upper triangle by at most 1."""
    moments: DoubleArray = clipped.T @ clipped
    return moments


def clipped_gradient_sum(
    parameters: DoubleArray, clipped: DoubleArray, targets: TargetArray, clip_norm: float
) -> DoubleArray:
    """Return the sum of the examples' gradients of the cross-entropy, each clipped.

    The gradient of one example is the outer product of ``(e, 1)`` and ``p - y``, so its norm is
    ``||p - y|| sqrt(||e||^2 + 1)``: no gradient of a single example is ever formed.

    Parameters
    ----------
    parameters : ndarray of shape (embedding_dim + 1, n_classes)
        The weights, and the bias as the last row.
    """
    with_one = _with_one(clipped)
    difference = softmax(with_one @ parameters)
    difference[np.arange(len(targets)), targets] -= 1
    norms = np.linalg.norm(difference, axis=1) * np.linalg.norm(with_one, axis=1)
    difference *= (clip_norm / np.maximum(norms, clip_norm))[:, np.newaxis]
    return with_one.T @ difference


def _one_shot(
    clipped: DoubleArray,
    targets: TargetArray,
    n_classes: int,
    noise: float,
    generator: np.random.Generator,
    with_moments: bool,
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Release noised sums once; everything after the noise is free."""
    embedding_dim = clipped.shape[1]
    spread = noise * math.sqrt(3 if with_moments else 2)
    sums = class_sums(clipped, targets, n_classes)
    sums += generator.normal(0, spread, sums.shape)
    counts = sums[:, -1]
    if with_moments:
        upper = np.triu(second_moments(clipped) + generator.normal(0, spread, [embedding_dim] * 2))
        moments = upper + np.triu(upper, 1).T
        # The eigenvalues of the noise reach 2 sqrt(embedding_dim) spreads: below that is nothing.
        ridge = 2 * math.sqrt(embedding_dim) * spread + 1
        values, vectors = np.linalg.eigh(moments)
        inverse = vectors / (np.maximum(values, 0) + ridge) @ vectors.T
        return LOGIT_SCALE * inverse @ sums[:, :-1].T, np.zeros(n_classes), counts
    # A mean of n examples has noise of spread / n: shrunk by what a mean could be beside it.
    size = np.maximum(counts, 1.0)[:, np.newaxis]
    means = sums[:, :-1] / size
    noise_energy = embedding_dim * (spread / size[:, 0]) ** 2
    energy = np.maximum(np.square(means).sum(axis=1) - noise_energy, 0)
    return LOGIT_SCALE * means.T, -LOGIT_SCALE / 2 * energy, counts


def _descend(
    clipped: DoubleArray,
    targets: TargetArray,
    n_classes: int,
    privacy: Privacy,
    noise: float,
    generator: np.random.Generator,
) -> tuple[DoubleArray, DoubleArray]:
    """Run DP-SGD (Abadi et al., 2016) with Poisson sampling; the mean of the later half counts."""
    parameters = np.zeros((clipped.shape[1] + 1, n_classes))
    average = np.zeros_like(parameters)
    # By the expected number, a constant; the actual one is private (meta-pytorch/opacus#571).
    rate = privacy.learning_rate * n_classes / (privacy.sampling_rate * privacy.expected_samples)
    first_kept = privacy.steps // 2
    for step in range(privacy.steps):
        is_in = generator.random(len(clipped)) < privacy.sampling_rate
        gradient = clipped_gradient_sum(
            parameters, clipped[is_in], targets[is_in], privacy.clip_norm
        )
        gradient += generator.normal(0, noise * privacy.clip_norm, gradient.shape)
        parameters -= rate * gradient
        if step >= first_kept:
            average += parameters / (privacy.steps - first_kept)
    return average[:-1], average[-1]


def _with_one(clipped: DoubleArray) -> DoubleArray:
    return np.concatenate([clipped, np.ones((len(clipped), 1))], axis=1)
