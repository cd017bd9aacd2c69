"""A private head: what one example can change is bounded as stated, and the noise is as stated."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.maths.softmax import loss_and_gradient
from headfit.privacy.noise import (
    METHODS,
    Privacy,
    class_sums,
    clipped_gradient_sum,
    fit_private,
    second_moments,
)
from headfit.privacy.public_view import PublicView

DIM, N_CLASSES = 6, 3
CLASSES = ("cup", "jug", "pen")
VIEW = PublicView.plain(DIM, 8.0)


def examples(n_samples: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Return embeddings of three well separated classes; some are long, one is 0."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, N_CLASSES, n_samples)
    centres = np.eye(DIM)[:N_CLASSES] * 8
    values = (centres[targets] + rng.normal(size=(n_samples, DIM))).astype(np.float32)
    values[0] = 0
    values[-1] *= 50
    return values, targets


def exact(method: str) -> Privacy:
    return Privacy(epsilon=1, delta=1e-5, method=method)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 19), clip=st.floats(0.05, 4))
def test_one_example_changes_the_sums_by_no_more_than_stated(
    seed: int, row: int, clip: float
) -> None:
    """sqrt(2) for class sums, 1 for the upper triangle of the moments, clip_norm for gradients."""
    values, targets = examples(20, seed)
    clipped = VIEW.seen(values)
    kept = np.arange(20) != row
    parameters = np.random.default_rng(seed).normal(size=(DIM + 1, N_CLASSES)) * 5

    def change(total: npt.NDArray, without: npt.NDArray) -> float:
        return float(np.linalg.norm(total - without))

    assert change(
        class_sums(clipped, targets, N_CLASSES), class_sums(clipped[kept], targets[kept], N_CLASSES)
    ) <= math.sqrt(2) * (1 + 1e-12)
    assert (
        change(np.triu(second_moments(clipped)), np.triu(second_moments(clipped[kept]))) <= 1 + 1e-9
    )
    assert change(
        clipped_gradient_sum(parameters, clipped, targets, clip),
        clipped_gradient_sum(parameters, clipped[kept], targets[kept], clip),
    ) <= clip * (1 + 1e-9)


def test_the_closed_form_clips_the_true_gradients() -> None:
    """The gradient of each example by itself, from the head's own loss, clipped, and added up."""
    values, targets = examples(20, 1)
    clipped = VIEW.seen(values)
    parameters = np.random.default_rng(2).normal(size=(DIM + 1, N_CLASSES))
    expected = np.zeros_like(parameters)
    norms = []
    for row, target in zip(clipped, targets, strict=True):
        _, weights, bias = loss_and_gradient(
            parameters[:-1], parameters[-1], row[None], np.array([target]), 0.0
        )
        gradient = np.vstack([weights, bias])
        norms.append(np.linalg.norm(gradient))
        expected += gradient * min(1.0, 0.5 / norms[-1])
    assert min(norms) < 0.5 < max(norms)
    actual = clipped_gradient_sum(parameters, clipped, targets, 0.5)
    np.testing.assert_allclose(expected, actual, rtol=1e-6, atol=1e-9)


class _Recorded(np.random.Generator):
    """A generator that remembers how wide each noise was, and adds none."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))
        self.spreads: list[float] = []

    def normal(self, loc: float, scale: float, size: object) -> npt.NDArray[np.float64]:  # type: ignore[override]
        self.spreads.append(scale)
        return np.zeros(size)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("method", "sensitivity", "releases"),
    [("class-sums", math.sqrt(2), 1), ("statistics", math.sqrt(3), 2), ("dp-sgd", 1.0, 200)],
)
def test_the_noise_does_not_depend_on_the_data(
    method: str, sensitivity: float, releases: int
) -> None:
    """As wide for 3 examples as for 300: sensitivity times the accountant's multiplier."""
    for n_samples in (3, 300):
        recorded = _Recorded()
        fit_private(*examples(n_samples, 0), CLASSES, exact(method), VIEW, recorded)
        noise = exact(method).noise_multiplier()
        assert recorded.spreads == pytest.approx([sensitivity * noise] * releases)


@pytest.mark.parametrize("method", METHODS)
def test_with_many_examples_a_private_head_is_right(method: str) -> None:
    """4000 examples of easy classes at epsilon 3, on embeddings as they are."""
    values, targets = examples(4000, 3)
    privacy = Privacy(epsilon=3, delta=1e-5, method=method, expected_samples=4000)
    fit = fit_private(values, targets, CLASSES, privacy, VIEW, np.random.default_rng(4))
    fresh, fresh_targets = examples(1000, 5)
    predicted = (fresh @ fit.weights + fit.bias).argmax(axis=1)
    assert (predicted == fresh_targets)[1:].mean() > 0.97
    assert fit.weights.dtype == fit.bias.dtype == np.float32
    assert fit.weights.shape == (DIM, N_CLASSES)


@pytest.mark.parametrize("method", METHODS)
def test_with_few_examples_and_a_small_epsilon_it_knows_little(method: str) -> None:
    """The promise is kept by knowing nothing: ten examples, epsilon 0.1."""
    values, targets = examples(10, 3)
    privacy = Privacy(epsilon=0.1, delta=1e-5, method=method)
    fresh, fresh_targets = examples(300, 5)
    accuracies = []
    for seed in range(20):
        fit = fit_private(values, targets, CLASSES, privacy, VIEW, np.random.default_rng(seed))
        accuracies.append(((fresh @ fit.weights + fit.bias).argmax(axis=1) == fresh_targets).mean())
    assert np.mean(accuracies) < 0.6


@pytest.mark.parametrize("method", METHODS)
def test_the_promise_and_its_assumptions_can_be_written_down(method: str) -> None:
    """What goes into the head file: the noised counts, never the exact ones."""
    values, targets = examples(50, 3)
    fits = [
        fit_private(values, targets, CLASSES, exact(method), VIEW, np.random.default_rng(seed))
        for seed in range(5)
    ]
    assert fits[0].training["method"] == f"private-{method}"
    promise = fits[0].privacy
    assert (promise.epsilon, promise.delta) == (1.0, 1e-5)
    assert method in promise.mechanism
    assert "one example, added or removed" in promise.assumptions
    assert fits[0].training["noise_multiplier"] == exact(method).noise_multiplier()
    counts = {fit.class_counts for fit in fits}
    assert counts == {(0, 0, 0)} if method == "dp-sgd" else len(counts) == 5
    assert not np.array_equal(fits[0].weights, fits[1].weights)


def test_inputs_are_not_written_to() -> None:
    values, targets = examples(30, 1)
    values.flags.writeable = targets.flags.writeable = False
    for method in METHODS:
        fit_private(values, targets, CLASSES, exact(method), VIEW, np.random.default_rng(0))


def test_no_example_at_all_makes_a_head_of_noise() -> None:
    """Whether there was any example is private, too."""
    nothing = np.zeros((0, DIM), np.float32), np.zeros(0, np.intp)
    for method in METHODS:
        fit = fit_private(*nothing, CLASSES, exact(method), VIEW, np.random.default_rng(0))
        assert np.isfinite(fit.weights).all()
        assert fit.weights.any()


@pytest.mark.parametrize(
    "wrong",
    [{"epsilon": 0}, {"delta": 0.5}, {"method": "hope"}, {"learning_rate": 0},
     {"clip_norm": math.inf}, {"expected_samples": -1}],
)  # fmt: skip
def test_settings_that_promise_nothing_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match="expected"):
        Privacy(**({"epsilon": 1, "delta": 1e-5} | wrong))


def test_what_is_seen_is_never_longer_than_one() -> None:
    """Whatever comes in, for any view: this is what the noise is measured by."""
    values, _ = examples(200, 0)
    for view in (VIEW, PublicView.of(values[:100], 4)):
        assert np.linalg.norm(view.seen(1000 * values), axis=1).max() <= 1 + 1e-12


def test_a_head_on_what_is_seen_is_a_head_on_embeddings() -> None:
    """Unfolded weights give the same logits, where nothing is clipped."""
    public, _ = examples(100, 1)
    view = PublicView.of(public, 4)
    values = public[1:20] / 20 + view.centre.astype(np.float32) * 0.95
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(4, N_CLASSES)), rng.normal(size=N_CLASSES)
    expected = view.seen(values) @ weights + bias
    unfolded_weights, unfolded_bias = view.unfold(weights, bias)
    actual = values @ unfolded_weights + unfolded_bias
    np.testing.assert_allclose(expected, actual, rtol=1e-4, atol=1e-4)


def test_one_embedding_is_seen_whatever_the_others_are() -> None:
    """The view must come from public pictures alone."""
    values, _ = examples(50, 2)
    view = PublicView.of(values[:30], 3)
    np.testing.assert_allclose(view.seen(values)[7:8], view.seen(values[7:8]), rtol=1e-12)


@pytest.mark.parametrize("public", [np.zeros((2, 6)), np.ones((20, 6)), np.zeros(6)])
def test_public_pictures_that_show_nothing_are_refused(public: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match="public pictures"):
        PublicView.of(public, 3)


def test_a_private_head_is_saved_with_its_promise(tmp_path: Path) -> None:
    """The file says what is promised; it holds noised counts only, and loads as the same head."""
    values, targets = examples(60, 3)
    names = [("cup", "jug", "pen")[target] for target in targets]
    heads = [
        SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5, public_view=VIEW))
        for _ in range(2)
    ]
    assert not np.array_equal(heads[0].weights_, heads[1].weights_)  # the noise is fresh
    heads[0].save(tmp_path / "private.head")
    head = SoftmaxHead.load(tmp_path / "private.head")
    assert head.training_ == heads[0].training_
    assert head.privacy_ == heads[0].privacy_
    assert (head.privacy_.epsilon, head.privacy_.delta) == (1.0, 1e-5)
    assert head.class_counts_ == heads[0].class_counts_
    assert head.class_counts_ != heads[1].class_counts_
    np.testing.assert_array_equal(head.weights_, heads[0].weights_)


def test_a_private_head_holds_nothing_that_has_no_noise() -> None:
    """What calibrates others, and where their embeddings lie, is of the photos themselves."""
    values, targets = examples(60, 3)
    names = [("cup", "jug", "pen")[target] for target in targets]
    ordinary = SoftmaxHead().fit(values, names).fitted_
    assert ordinary.calibration is not None
    assert ordinary.typicality is not None
    data = SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5, public_view=VIEW)).fitted_
    assert data.calibration is None
    assert data.typicality is None
    assert data.training.keys() == {"method", "noise_multiplier", "view_width", "view_norm"}


def test_a_private_head_that_learns_on_without_noise_promises_nothing() -> None:
    values, targets = examples(60, 3)
    names = [("cup", "jug", "pen")[target] for target in targets]
    head = SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5, public_view=VIEW))
    head.partial_fit(values, names)
    assert head.privacy_ is None


def test_without_a_view_the_golden_picture_says_how_long_embeddings_are(
    extractor_path: Path,
) -> None:
    extractor = Extractor.open(extractor_path)
    view = Privacy(1, 1e-5).view(160, extractor.manifest)
    assert view.norm == pytest.approx(np.linalg.norm(extractor.manifest.golden.embedding))
    values = np.random.default_rng(0).normal(size=(20, 160))
    names = ["cup", "pen"] * 10
    assert SoftmaxHead().fit(values, names, extractor=extractor, privacy=Privacy(1, 1e-5))
    with pytest.raises(InputError, match="found neither"):
        SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5))
    with pytest.raises(InputError, match="width 160, found width 6"):
        SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5, public_view=VIEW))
