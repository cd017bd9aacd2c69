"""Multinomial logistic regression: examples in, weights and bias for plain embeddings out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import TrainingDivergedError
from headfit.maths.lbfgs import Product, Progress, minimise_lbfgs
from headfit.maths.scaling import ROUNDING, mean_and_scale
from headfit.maths.softmax import SoftmaxLoss, softmax

Array: TypeAlias = npt.NDArray[np.float64]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]

# Looking along a line costs a tenth of the products that lead to it.
_FIRST_CURVATURE = 0.25
_LEAST_TOLERANCE = 1e-6  # that float32 reaches
_TINY = float(np.finfo(np.float32).tiny)


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
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        What features are standardised by; 0 for a constant one.
    """

    weights: FloatArray
    bias: FloatArray
    loss: float
    iterations: int
    converged: bool
    left_out_logits: Array
    mean: Array
    inverse_scale: Array


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
        As in `headfit.maths.softmax.loss_and_gradient`.
    tolerance, max_iterations
        As in `headfit.maths.lbfgs.minimise_lbfgs`; the tolerance is a fraction of the gradient's
        norm at zero, wherever the start.
    start : weights and bias for plain embeddings, optional
        Where to begin: nearer than zero if the head has learned most of this before. The optimum
        is the same.
    left_out : ndarray of int, optional
        Rows of the examples to be left out, one by one, when all is fitted; by default none.
    progress : callable, optional
        As in `headfit.maths.lbfgs.minimise_lbfgs`.

    Raises
    ------
    TrainingDivergedError
        If numbers overflow.
    """
    n_samples, embedding_dim = embeddings.shape
    decades = -math.log10(max(tolerance, _LEAST_TOLERANCE))
    inverse_hessian = reference_norm = span = None
    with np.errstate(over="ignore", invalid="ignore"):  # the solver refuses what overflows
        mean, scale = mean_and_scale(embeddings)
        features = embeddings - mean
        features /= scale
        loss = SoftmaxLoss(features, targets, n_classes, l2, label_smoothing, sample_weights)
        # The bias is the last row.
        begin = loss.at(np.zeros((embedding_dim + 1) * n_classes, np.float32))
        if start is not None:
            reference_norm = float(np.linalg.norm(begin.gradient()))
            weights, bias = start
            varies = np.isfinite(scale)
            bias = bias + mean @ weights
            rows = np.vstack([weights * np.where(varies, scale, 0)[:, np.newaxis], bias])
            begin = loss.at(rows.ravel())
            norm = float(np.linalg.norm(begin.gradient()))
            decades += math.log10(max(norm, _TINY) / max(reference_norm, _TINY))
        if is_worth_a_hessian(n_samples, embedding_dim, n_classes, decades):
            if n_samples < embedding_dim:
                span = _Span(features)
                features = span.coordinates
                loss = replace(loss, embeddings=features)
                begin = loss.at(span.enter(begin.parameters, n_classes))
            inverse_hessian = _inverse_hessian(features, n_classes, l2)
    minimum = minimise_lbfgs(
        begin,
        tolerance=tolerance,
        max_iterations=max_iterations,
        first_curvature=_FIRST_CURVATURE,
        reference_norm=reference_norm,
        inverse_hessian=inverse_hessian,
        progress=progress,
    )
    # ((e - mean) / scale) @ w + b  ==  e @ (w / scale) + (b - mean @ (w / scale))
    optimum = minimum.parameters.reshape(-1, n_classes)
    exact_weights = (optimum[:-1] if span is None else span.leave(optimum[:-1])).astype(np.float64)
    exact_weights /= scale[:, np.newaxis]
    with np.errstate(over="ignore"):  # refused below
        weights = exact_weights.astype(np.float32)
        bias = (optimum[-1] - mean @ exact_weights).astype(np.float32)
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise TrainingDivergedError(
            "expected weights within float32, found larger ones; the embeddings hardly vary "
            f"(smallest standard deviation {scale.min():g}): scale them up"
        )
    left_out_logits = np.zeros((0, n_classes))
    if left_out is not None and len(left_out):
        logits = features @ optimum[:-1] + optimum[-1]
        pull = np.ones(len(targets), np.float32) if sample_weights is None else sample_weights
        wanted = np.full((len(left_out), n_classes), label_smoothing / n_classes)
        wanted[np.arange(len(left_out)), targets[left_out]] += 1 - label_smoothing
        left_out_logits = _without(features, logits, wanted, pull, l2, left_out)
    return LogisticFit(
        weights, bias, minimum.loss, minimum.iterations, minimum.converged, left_out_logits,
        mean.astype(np.float64), 1 / scale.astype(np.float64),
    )  # fmt: skip


class _Span:
    """The space that fewer examples than features span: the optimum lies in it.

    Attributes
    ----------
    coordinates : ndarray of shape (n_samples, n_samples), dtype float32
        The examples by an orthonormal basis of it, lower triangular: they have the same products
        with each other, so that the same penalty leads to the same logits.
    """

    def __init__(self, rows: FloatArray) -> None:
        self._rows = rows.astype(np.float64)
        products = self._rows @ self._rows.T
        # Examples that are alike, and the mean's being 0, make it singular.
        products[np.diag_indices_from(products)] += np.finfo(float).eps * (1 + np.trace(products))
        self._triangle = np.linalg.cholesky(products)
        self.coordinates: FloatArray = self._triangle.astype(np.float32)

    def enter(self, parameters: FloatArray, n_classes: int) -> FloatArray:
        """Return by the basis what the examples see of parameters for plain features."""
        rows = parameters.reshape(-1, n_classes)
        inside = np.zeros((len(self.coordinates) + 1, n_classes), np.float32)
        inside[-1] = rows[-1]
        if rows[:-1].any():
            inside[:-1] = np.linalg.solve(self._triangle, self._rows @ rows[:-1])
        return inside.ravel()

    def leave(self, weights: FloatArray) -> Array:
        """Return weights for plain features."""
        outside: Array = self._rows.T @ np.linalg.solve(self._triangle.T, weights)
        return outside


def is_worth_a_hessian(n_samples: int, embedding_dim: int, n_classes: int, decades: float) -> bool:
    """Return whether its inverse costs less than the steps that it saves.

    On the way to a gradient 4 decades below the first it saves some 25 evaluations of 4 products
    each with embeddings of 288 features, as measured on flowers and scenes, 300 and more with those
    of 4,096. As the way is a geometric one, it saves a quarter of that a decade. Of fewer examples
    than features the matrix is smaller, and their span is to be found before.
    """
    if n_samples < embedding_dim:
        cost = 4 * n_samples**2 / embedding_dim + n_samples
    else:
        cost = 2 * embedding_dim**2 / n_samples + embedding_dim
    return cost <= embedding_dim / 12 * decades * n_classes


def _inverse_hessian(standardised: FloatArray, n_classes: int, l2: float) -> Product:
    """Return the product with the inverse of the loss's Hessian at zero, where it is simple.

    All classes are as probable there, and it is the same for each: their features' second moments
    over ``n_classes``, and the penalty. So the first step leads to a ridge regression.
    """
    n_samples = len(standardised)
    hessian = standardised.T @ standardised
    hessian *= np.float32(1 / n_classes)
    ridge = l2 + ROUNDING * (1 + float(np.trace(hessian)))
    hessian[np.diag_indices_from(hessian)] += np.float32(ridge)
    inverse = np.linalg.inv(hessian / np.float32(n_samples))

    def product(vector: FloatArray) -> FloatArray:
        rows = vector.reshape(-1, n_classes)
        result = np.empty_like(rows)
        np.matmul(inverse, rows[:-1], out=result[:-1])
        np.multiply(rows[-1], np.float32(n_classes), out=result[-1])
        return result.ravel()

    return product


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
    scaled = standardised * np.sqrt(curvature)[:, np.newaxis]
    # What float32 rounds to nothing must not make the matrix singular where l2 is 0.
    ridge = l2 + ROUNDING * (1 + float(np.vdot(scaled, scaled)))
    share = np.minimum(leverage(scaled, ridge, left_out), 1 - ROUNDING)
    # Of a certain example, which curves nothing, share over curvature is 0 / 0: it pulls at
    # nothing either.
    reach = share / (np.maximum(curvature[left_out], ROUNDING) * (1 - share))
    away = probabilities[left_out] - wanted
    step: Array = (pull[left_out] * reach)[:, np.newaxis] * away
    return logits[left_out] + step


def leverage(rows: FloatArray, ridge: float, chosen: TargetArray) -> Array:
    """Return chosen diagonal elements of ``rows (rows^T rows + ridge I)^-1 rows^T``.

    Where rows are fewer than features, from the smaller matrix ``rows rows^T``.
    """
    if len(rows) <= rows.shape[1]:
        products = (rows @ rows.T).astype(np.float64)
        products[np.diag_indices_from(products)] += ridge
        outer: Array = 1 - ridge * np.diagonal(np.linalg.inv(products))
        return outer[chosen]
    products = (rows.T @ rows).astype(np.float64)
    products[np.diag_indices_from(products)] += ridge
    some = rows[chosen]
    solved = some @ np.linalg.inv(products).astype(np.float32)
    inner: Array = np.einsum("nd,nd->n", solved, some).astype(np.float64)
    return inner
