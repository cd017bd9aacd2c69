"""The loss of a softmax head along lines, where it costs no product of matrices.

Logits are linear in weights and bias: those of every point of a line follow from those at its start
and those of its direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.maths.softmax import loss_and_pull

FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxLoss:
    """What a head is to fit: the loss of `headfit.maths.softmax.loss_and_gradient`.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
    n_classes : int
    l2, label_smoothing, sample_weights
        As in `headfit.maths.softmax.loss_and_gradient`.
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
    """Weights and bias with their logits: a `headfit.maths.line_search.Place`.

    Attributes
    ----------
    of : SoftmaxLoss
    parameters : ndarray of shape ((embedding_dim + 1) * n_classes,), dtype float32
    logits : ndarray of shape (n_classes, n_samples), dtype float32
    loss : float
    pull : ndarray of shape (n_classes, n_samples), dtype float32
        The derivative by the logits; see `headfit.maths.softmax.loss_and_pull`.
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
        """Return what tells place and slope at a step: one product of matrices for them all."""
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
