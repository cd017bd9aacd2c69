"""Multinomial logistic regression: examples in, weights and bias for plain embeddings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import TrainingDivergedError
from headfit.softmax import loss_and_gradient, softmax
from headfit.solvers import Progress, minimise_lbfgs
from headfit.sums import ROUNDING

Array: TypeAlias = npt.NDArray[np.float64]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """What was learned, and how.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``.
    loss : float
        The loss reached, penalty included, per sample, in nats.
    iterations : int
        Steps of L-BFGS.
    converged : bool
        Whether the tolerance was met.
    left_out_logits : ndarray of shape (n_left_out, n_classes), dtype float64
        The logits of examples without which the fit is estimated.
    """

    weights: FloatArray
    bias: FloatArray
    loss: float
    iterations: int
    converged: bool
    left_out_logits: Array


def fit_logistic(
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    *,
    l2: float,
    tolerance: float,
    max_iterations: int,
    label_smoothing: float = 0.0,
    sample_weights: FloatArray | None = None,
    start: tuple[FloatArray, FloatArray] | None = None,
    left_out: TargetArray | None = None,
    progress: Progress | None = None,
) -> LogisticFit:
    """Minimise the softmax loss on standardised embeddings, and fold the standardisation away.

    The penalty is on the weights of standardised features, so that a feature's unit does not
    matter, and standardised features are what L-BFGS minimises fastest.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each example's class.
    n_classes : int
    l2, label_smoothing, sample_weights
        As in `headfit.softmax.loss_and_gradient`.
    tolerance, max_iterations
        As in `headfit.solvers.minimise_lbfgs`; the tolerance is a fraction of the gradient's norm
        at zero, wherever the start.
    start : weights and bias for plain embeddings, optional
        Where to begin: nearer than zero if the head has learned most of this before. The optimum
        is the same.
    left_out : ndarray of int, optional
        Rows of the examples to be left out, one by one, when all is fitted; by default none.
    progress : callable, optional
        As in `headfit.solvers.minimise_lbfgs`.

    Raises
    ------
    TrainingDivergedError
        If numbers overflow.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the solver refuses what overflows
        mean, scale = mean_and_scale(embeddings)
        standardised = embeddings - mean
        standardised /= scale
    shape = (embeddings.shape[1] + 1, n_classes)  # the bias is the last row

    def flat_loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        rows = parameters.reshape(shape)
        loss, weights_gradient, bias_gradient = loss_and_gradient(
            rows[:-1],
            rows[-1],
            standardised,
            targets,
            l2,
            label_smoothing=label_smoothing,
            sample_weights=sample_weights,
        )
        return loss, np.concatenate([weights_gradient.ravel(), bias_gradient])

    begin = np.zeros(shape[0] * shape[1], np.float32)
    reference_norm = None
    if start is not None:
        reference_norm = float(np.linalg.norm(flat_loss(begin)[1]))
        weights, bias = start
        begin = np.vstack([weights * scale[:, np.newaxis], bias + mean @ weights]).ravel()
    minimum = minimise_lbfgs(
        flat_loss,
        begin,
        tolerance=tolerance,
        max_iterations=max_iterations,
        reference_norm=reference_norm,
        progress=progress,
    )
    # ((e - mean) / scale) @ w + b  ==  e @ (w / scale) + (b - mean @ (w / scale))
    optimum = minimum.parameters.reshape(shape)
    rows = optimum.astype(np.float64)
    exact_weights = rows[:-1] / scale[:, np.newaxis]
    with np.errstate(over="ignore"):  # refused below
        weights = exact_weights.astype(np.float32)
        bias = (rows[-1] - mean @ exact_weights).astype(np.float32)
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise TrainingDivergedError(
            "expected weights within float32, found larger ones; the embeddings hardly vary "
            f"(smallest standard deviation {scale.min():g}): scale them up"
        )
    left_out_logits = np.zeros((0, n_classes))
    if left_out is not None and len(left_out):
        logits = standardised @ optimum[:-1] + optimum[-1]
        pull = np.ones(len(targets), np.float32) if sample_weights is None else sample_weights
        wanted = np.full((len(left_out), n_classes), label_smoothing / n_classes)
        wanted[np.arange(len(left_out)), targets[left_out]] += 1 - label_smoothing
        left_out_logits = _without(standardised, logits, wanted, pull, l2, left_out)
    return LogisticFit(
        weights, bias, minimum.loss, minimum.iterations, minimum.converged, left_out_logits
    )


def _without(
    standardised: FloatArray,
    logits: FloatArray,
    wanted: Array,
    pull: FloatArray,
    l2: float,
    left_out: TargetArray,
) -> Array:
    """Return the logits of examples under the optimum without each: one step of Newton's from here.

    Rad and Maleki, "A scalable estimate of the out-of-sample prediction error via approximate
    leave-one-out cross-validation", JRSS B 2020. Here the curvature of every example counts the
    same for all classes, by its mean ``(1 - sum(p ** 2)) / (n_classes - 1)``, so that one matrix
    as wide as an embedding serves them all. The bias is held, as is the standardisation.
    """
    probabilities = softmax(logits)
    curvature = pull * (1 - np.square(probabilities).sum(axis=1)) / (logits.shape[1] - 1)
    hessian = ((standardised * curvature[:, np.newaxis]).T @ standardised).astype(np.float64)
    # What float32 rounds to nothing must not make the matrix singular where l2 is 0.
    ridge = l2 + ROUNDING * (1 + float(np.trace(hessian)))
    hessian[np.diag_indices_from(hessian)] += ridge
    examples = standardised[left_out].astype(np.float64)
    leverage = np.einsum("nd,dn->n", examples, np.linalg.solve(hessian, examples.T))
    remains = np.maximum(1 - curvature[left_out] * leverage, ROUNDING)
    away = probabilities[left_out] - wanted
    step: Array = (pull[left_out] * leverage / remains)[:, np.newaxis] * away
    return logits[left_out] + step


def mean_and_scale(embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each feature's mean and standard deviation, summed in float64, as float32.

    A feature that only varies by rounding is constant: it gets the scale 1, is 0 once centred, and
    so its weight stays 0.
    """
    mean = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = embeddings - mean
    variance = np.einsum("ij,ij->j", centred, centred, dtype=np.float64) / len(embeddings)
    scale = np.sqrt(variance).astype(np.float32)
    scale[scale <= ROUNDING * np.abs(mean)] = 1
    return mean, scale
