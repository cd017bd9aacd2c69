"""Training by examples that come in batches and are not kept: a step of descent for each batch.

As logistic regression does it, on standardised features; here by the mean and the spread of what
was seen so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError, TrainingDivergedError
from headfit.learning.fitted_head import FittedHead
from headfit.learning.settings import Settings
from headfit.maths.arrays import DoubleArray, FloatArray, Scalar, TargetArray
from headfit.maths.descent import AdamState, adam_start, adam_step, momentum_step
from headfit.maths.scaling import scale_of
from headfit.maths.softmax import loss_and_gradient


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A head on its way, and what the next step needs to know of those before.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``.
    counts : ndarray of shape (n_classes,), dtype int64
        Examples seen of each class.
    n_samples : int
        Examples that the next two are of.
    sums, squares : ndarray of shape (embedding_dim,), dtype float64
        Of these examples' features.
    memory : AdamState
        Of steps on standardised features, the bias as their last row; for momentum ``mean`` is
        the velocity.
    """

    weights: FloatArray
    bias: FloatArray
    counts: npt.NDArray[np.int64]
    n_samples: int
    sums: DoubleArray
    squares: DoubleArray
    memory: AdamState

    @classmethod
    def new(cls, embedding_dim: int) -> Stream:
        """Return a stream that has seen nothing and knows no class."""
        return cls.of(np.zeros((embedding_dim, 0), np.float32), np.zeros(0, np.float32), [])

    @classmethod
    def of(cls, weights: FloatArray, bias: FloatArray, counts: npt.ArrayLike) -> Stream:
        """Return a stream that goes on from a head."""
        nothing = np.zeros(len(weights))
        memory = adam_start(np.zeros((len(weights) + 1) * len(bias), np.float32))
        return cls(weights, bias, np.asarray(counts, np.int64), 0, nothing, nothing, memory)

    def at_columns(self, columns: list[int]) -> Stream:
        """Return the same with classes in another order; -1 stands for a new one."""
        rows = np.vstack([self.weights, self.bias])
        memory = (part.reshape(rows.shape) for part in (self.memory.mean, self.memory.square))
        rows, mean, square = (
            np.column_stack([part, np.zeros(len(part), np.float32)])[:, columns]
            for part in (rows, *memory)
        )
        return Stream(
            np.ascontiguousarray(rows[:-1]),
            rows[-1].copy(),
            np.append(self.counts, 0)[columns],
            self.n_samples,
            self.sums,
            self.squares,
            AdamState(self.memory.steps, mean.ravel(), square.ravel()),
        )

    def after(
        self, embeddings: FloatArray, targets: TargetArray, settings: Settings
    ) -> tuple[Stream, float]:
        """Return the stream after one step on a batch, and the loss before it, in nats.

        The loss is that of `headfit.maths.softmax.loss_and_gradient`; the penalty counts against
        the sum of the losses of all examples seen, as in `headfit.learning.logistic`.

        Parameters
        ----------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
            At least one; not written to.
        targets : ndarray of shape (n_samples,), dtype intp
        settings : Settings

        Raises
        ------
        TrainingDivergedError
            If numbers leave float32.
        """
        n_batch, n_classes = len(targets), len(self.bias)
        counts = self.counts + np.bincount(targets, minlength=n_classes)
        exact = embeddings.astype(np.float64)
        n_samples = self.n_samples + n_batch
        sums, squares = self.sums + exact.sum(axis=0), self.squares + np.square(exact).sum(axis=0)
        mean = sums / n_samples
        scale = scale_of(squares / n_samples - np.square(mean), mean)
        varies = np.isfinite(scale)
        weights = self.weights * np.where(varies, scale, 0)[:, np.newaxis]
        rows = np.vstack([weights, self.bias + mean @ self.weights]).astype(np.float32)
        seen = int(counts.sum())
        sample_weights = None
        if settings.balanced:
            n_known = np.count_nonzero(counts)
            sample_weights = (seen / (n_known * counts[targets])).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            loss, *gradients = loss_and_gradient(
                rows[:-1],
                rows[-1],
                ((exact - mean) / scale).astype(np.float32),
                targets,
                settings.penalty * n_batch / seen,
                label_smoothing=settings.label_smoothing,
                sample_weights=sample_weights,
            )
            parameters, memory = self._step(rows.ravel(), np.vstack(gradients).ravel(), settings)
            rows = parameters.reshape(rows.shape).astype(np.float64)
            exact_weights = rows[:-1] / scale[:, np.newaxis]
            exact_weights[~varies] = self.weights[~varies]
            stepped = exact_weights.astype(np.float32)
            bias = (rows[-1] - mean @ exact_weights).astype(np.float32)
        if not (np.isfinite(stepped).all() and np.isfinite(bias).all() and np.isfinite(loss)):
            raise TrainingDivergedError(
                f"expected finite weights after a step, found others; the loss before it was "
                f"{loss:g}: lower the learning_rate, {settings.learning_rate:g}, or look for "
                "extreme values in the embeddings"
            )
        return Stream(stepped, bias, counts, n_samples, sums, squares, memory), loss

    @staticmethod
    def check(head: FittedHead, embeddings: FloatArray) -> None:
        """Refuse to go on training a binary head, or one of another width.

        Raises
        ------
        InputError
            If it is one of these.
        """
        if head.thresholds is not None:
            raise InputError(
                "expected a head of float weights to go on training, found a binary one; fit it "
                "again, or stream into a new head"
            )
        if embeddings.shape[1] != head.embedding_dim:
            raise InputError(
                f"expected embeddings of width {head.embedding_dim} as before, found width "
                f"{embeddings.shape[1]}; use one extractor for all"
            )

    def training(self, settings: Settings, loss: float) -> dict[str, Scalar]:
        """Return settings and outcome, for the head file."""
        return {
            "method": "streaming",
            "solver": settings.solver,
            "learning_rate": float(settings.learning_rate),
            "l2": float(settings.penalty),
            "balanced": settings.balanced,
            "label_smoothing": float(settings.label_smoothing),
            "steps": self.memory.steps,
            "loss": loss,
        }

    def _step(
        self, parameters: FloatArray, gradient: FloatArray, settings: Settings
    ) -> tuple[FloatArray, AdamState]:
        rate = settings.learning_rate
        if settings.solver == "adam":
            return adam_step(parameters, gradient, self.memory, learning_rate=rate)
        parameters, velocity = momentum_step(
            parameters, gradient, self.memory.mean, learning_rate=rate
        )
        return parameters, AdamState(self.memory.steps + 1, velocity, self.memory.square)
