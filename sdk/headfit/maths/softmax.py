"""Softmax regression: the loss that a head minimises, its gradient, and both along lines.

    logits = embeddings @ weights + bias
    p = exp(logits) / sum(exp(logits))
    loss = mean(-log p[target]) + l2 / (2 * n_samples) * sum(weights ** 2)
    d loss / d logits = (p - onehot(target)) / n_samples

Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4. Logits are linear in weights
and bias: those of every point of a line follow from those at its start and those of its direction,
so that a whole line costs one product of matrices.

Nothing is checked here (the callers did), and no input is written to where it is not said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headfit.maths.arrays import FloatArray, Floats, TargetArray


def log_softmax(logits: FloatArray) -> FloatArray:
    """Return the logarithm of `softmax`, exact where a probability underflows.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
        ``logits - log(sum(exp(logits)))`` per row, in nats.
    """
    # Subtracting the row's largest logit changes nothing in exact arithmetic and keeps exp finite.
    shifted: FloatArray = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(logits: Floats) -> Floats:
    """Return ``exp(logits) / sum(exp(logits))`` per row.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32 or float64

    Returns
    -------
    ndarray of shape (n_samples, n_classes), of the same dtype
        Probabilities; each row sums to 1.
    """
    probabilities: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def cross_entropy(logits: FloatArray, targets: TargetArray) -> float:
    """Return the mean of ``-log p(target)`` over the samples, in nats.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each sample's class.
    """
    log_probabilities = log_softmax(logits)[np.arange(len(targets)), targets]
    # Summed in float64: a line search compares losses that differ in the seventh digit.
    return -float(log_probabilities.mean(dtype=np.float64))


def loss_and_gradient(
    weights: FloatArray,
    bias: FloatArray,
    embeddings: FloatArray,
    targets: TargetArray,
    l2: float,
    *,
    label_smoothing: float = 0.0,
    sample_weights: FloatArray | None = None,
) -> tuple[float, FloatArray, FloatArray]:
    """Return the loss that a head minimises, and its gradient.

    ``loss = sum(sample_weights * cross_entropy(embeddings @ weights + bias, wanted)) / n_samples
    + l2 / (2 * n_samples) * sum(weights ** 2)``, where ``wanted`` is ``1 - label_smoothing`` of
    the target and ``label_smoothing`` spread evenly over all classes.
    Times ``n_samples`` it is a negative log posterior: the penalty is the prior, and counts for
    less the more samples there are. The bias is not penalised, so that the penalty does not change
    how common each class is taken to be.

    Parameters
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each sample's class.
    l2 : float
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``.
    label_smoothing : float
        From 0 to below 1. Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016,
        section 7.
    sample_weights : ndarray of shape (n_samples,), dtype float32, optional
        How many samples each counts for; by default one.

    Returns
    -------
    loss : float
        In nats.
    weights_gradient : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_gradient : ndarray of shape (n_classes,), dtype float32
    """
    n_samples = len(targets)
    logits = weights.T @ embeddings.T
    logits += bias[:, np.newaxis]
    loss, pull = loss_and_pull(
        logits, targets, label_smoothing=label_smoothing, sample_weights=sample_weights
    )
    decay = l2 / n_samples
    loss += decay / 2 * float(np.square(weights).sum(dtype=np.float64))
    weights_gradient = embeddings.T @ pull.T
    weights_gradient += weights * decay
    return loss, weights_gradient, pull.sum(axis=1)


def loss_and_pull(
    logits: FloatArray,
    targets: TargetArray,
    *,
    label_smoothing: float = 0.0,
    sample_weights: FloatArray | None = None,
) -> tuple[float, FloatArray]:
    """Return the loss without its penalty, and its derivative by every logit.

    ``sample_weights * (probabilities - wanted) / n_samples``, with the names of
    `loss_and_gradient`.

    Parameters
    ----------
    logits : ndarray of shape (n_classes, n_samples), dtype float32
        Written over. A row per class: sums over classes then run along whole rows, which takes half
        the time.
    targets, label_smoothing, sample_weights
        As in `loss_and_gradient`.

    Returns
    -------
    loss : float
    pull : ndarray of shape (n_classes, n_samples), dtype float32
        The array of the logits.
    """
    n_classes, n_samples = logits.shape
    columns = np.arange(n_samples)
    logits -= logits.max(axis=0)
    wanted = (1 - label_smoothing) * logits[targets, columns]
    if label_smoothing:
        wanted += label_smoothing * logits.mean(axis=0)
    pull = np.exp(logits, out=logits)
    sums = pull.sum(axis=0)
    losses = np.log(sums) - wanted
    if sample_weights is not None:
        losses *= sample_weights
    sums *= n_samples
    pull /= sums
    if label_smoothing:
        pull -= label_smoothing / n_classes / n_samples
    pull[targets, columns] -= (1 - label_smoothing) / n_samples
    if sample_weights is not None:
        pull *= sample_weights
    return float(losses.mean(dtype=np.float64)), pull


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxLoss:
    """The loss of `loss_and_gradient` on given examples, as a function of the parameters.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
    n_classes : int
    l2, label_smoothing, sample_weights
        As in `loss_and_gradient`.
    """

    embeddings: FloatArray
    targets: TargetArray
    n_classes: int
    l2: float
    label_smoothing: float = 0.0
    sample_weights: FloatArray | None = None

    def at(self, parameters: FloatArray) -> SoftmaxPlace:
        """Return the place of these weights and bias.

        Parameters
        ----------
        parameters : ndarray of shape ((embedding_dim + 1) * n_classes,), dtype float32
            A row of ``n_classes`` for every feature, and the bias.
        """
        if not self.rows(parameters)[:-1].any():  # where fits begin; it saves a product
            bias = self.rows(parameters)[-1][:, np.newaxis]
            return self.place(parameters, np.repeat(bias, len(self.targets), axis=1))
        return self.place(parameters, self.logits(parameters))

    def logits(self, parameters: FloatArray) -> FloatArray:
        """Return logits, a row per class: shape (n_classes, n_samples)."""
        rows = self.rows(parameters)
        logits: FloatArray = rows[:-1].T @ self.embeddings.T
        logits += rows[-1][:, np.newaxis]
        return logits

    def place(self, parameters: FloatArray, logits: FloatArray) -> SoftmaxPlace:
        """Return the place of parameters whose logits are known."""
        loss, pull = loss_and_pull(
            logits.copy(),
            self.targets,
            label_smoothing=self.label_smoothing,
            sample_weights=self.sample_weights,
        )
        weights = self.rows(parameters)[:-1].ravel()
        loss += self.decay / 2 * float(np.dot(weights, weights))
        return SoftmaxPlace(self, parameters, logits, loss, pull)

    def rows(self, parameters: FloatArray) -> FloatArray:
        """Return the parameters as a row for every feature, and the bias."""
        return parameters.reshape(-1, self.n_classes)

    @property
    def decay(self) -> float:
        """The penalty's factor."""
        return self.l2 / len(self.targets)


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxPlace:
    """Weights and bias with their logits: a `headfit.maths.lbfgs.Place`.

    Attributes
    ----------
    of : SoftmaxLoss
    parameters : ndarray of shape ((embedding_dim + 1) * n_classes,), dtype float32
    logits : ndarray of shape (n_classes, n_samples), dtype float32
    loss : float
    pull : ndarray of shape (n_classes, n_samples), dtype float32
        The derivative by the logits; see `loss_and_pull`.
    """

    of: SoftmaxLoss
    parameters: FloatArray
    logits: FloatArray
    loss: float
    pull: FloatArray

    def gradient(self) -> FloatArray:
        """Return the gradient, in the order of the parameters: one product of matrices."""
        weights = self.of.rows(self.parameters)[:-1]
        gradient = np.empty((len(weights) + 1, self.of.n_classes), np.float32)
        np.matmul(self.of.embeddings.T, self.pull.T, out=gradient[:-1])
        gradient[:-1] += np.float32(self.of.decay) * weights
        self.pull.sum(axis=1, out=gradient[-1])
        return gradient.ravel()

    def towards(self, direction: FloatArray) -> Callable[[float], tuple[SoftmaxPlace, float]]:
        """Return a function from a step to place and slope: one product of matrices for all."""
        change = self.of.logits(direction)
        weights = self.of.rows(direction)[:-1].ravel()

        def at(step: float) -> tuple[SoftmaxPlace, float]:
            parameters = self.parameters + np.float32(step) * direction
            logits = np.float32(step) * change
            logits += self.logits
            place = self.of.place(parameters, logits)
            penalised = self.of.rows(parameters)[:-1].ravel()
            slope = float(np.vdot(place.pull, change)) + self.of.decay * float(
                np.dot(penalised, weights)
            )
            return place, slope

        return at
