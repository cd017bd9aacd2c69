"""Multinomial logistic regression: examples in, weights and bias for plain embeddings out."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.learning.calibration import sharpness
from headfit.learning.candidate import Candidate
from headfit.learning.held_out import LeftOut, logits_by_folds
from headfit.learning.problem import Problem
from headfit.learning.settings import DEFAULT_L2
from headfit.maths.arrays import Array, DoubleArray, FloatArray, Scalar, TargetArray, blocks
from headfit.maths.lbfgs import Product, Progress, minimise_lbfgs
from headfit.maths.scaling import ROUNDING, standardised
from headfit.maths.softmax import SoftmaxLoss, log_softmax, softmax

REFITTED_UP_TO = 100
"""Examples up to which logistic regression is fitted again without some: a step of Newton's method
is cheaper, and was too sure at 25 to 100 photos of 5 kinds of flowers (docs/results.md).
"""

FEW_PHOTOS = 4
"""Photos of its largest class up to which logistic regression is fitted again with as many left out
of each class. It depends so much on which class has one photo more there that leaving out single
photos made it far too unsure: on flowers and scenes with 2 photos per class the calibration error
falls from 21 and 24 % to 5 and 8.
"""

FEWEST_FOLDS, MOST_FOLDS = 5, 10

L2_CHOICES = (500.0, 150.0, 50.0, 15.0, 5.0)
"""Among which the penalty is chosen, the strongest first."""

COLD_UP_TO = 10_000_000
"""Numbers, samples times features times classes, up to which a fit begins at zero.

So the head is a function of the examples alone, to the bit.
"""

# How sharp these logits usually have to be: see `headfit.learning.imprint`.
_SHARPNESS = 1.0

# Looking along a line costs a tenth of the products that lead to it.
_FIRST_CURVATURE = 0.25
_LEAST_TOLERANCE = 1e-6  # that float32 reaches
_TINY = float(np.finfo(np.float32).tiny)

_logger = logging.getLogger("headfit")


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
    left_out_logits: DoubleArray
    mean: DoubleArray
    inverse_scale: DoubleArray


def regressed(problem: Problem, *, by_folds: bool = False) -> Candidate:
    """Return the head of logistic regression of a problem.

    Examples are held out by fitting again without a fold of them where they are few, or if
    ``by_folds``; else by a step of Newton's method. A penalty of None is chosen first.
    """
    problem = with_penalty(problem)
    embeddings, targets, settings = problem.embeddings, problem.targets, problem.settings
    counts, left_out = problem.group_counts, problem.left_out
    weights = problem.weights
    if settings.balanced:
        factors = (problem.mass / (problem.n_classes * problem.masses))[targets]
        weights = factors if weights is None else factors * weights
    sample_weights = None if weights is None else weights.astype(np.float32)
    are_few = counts.max() <= FEW_PHOTOS
    is_refitted = by_folds or are_few or counts.sum() <= REFITTED_UP_TO

    def fit(
        taught: TargetArray | slice,
        start: tuple[FloatArray, FloatArray] | None,
        left_out: LeftOut | None = None,
        progress: Progress | None = None,
    ) -> LogisticFit:
        return fit_logistic(
            embeddings[taught],
            targets[taught],
            problem.n_classes,
            l2=settings.penalty,
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
            label_smoothing=settings.label_smoothing,
            sample_weights=None if sample_weights is None else sample_weights[taught],
            start=start,
            left_out=left_out,
            progress=progress,
        )

    def logits_without(taught: TargetArray, left_out: TargetArray) -> Array:
        without = fit(taught, (whole.weights, whole.bias))
        return embeddings[left_out] @ without.weights + without.bias

    whole = fit(slice(None), problem.start, None if is_refitted else left_out, problem.progress)
    if not whole.converged:
        _logger.warning("training stopped after %d iterations, not converged", whole.iterations)
    left_out_logits: Array = whole.left_out_logits
    if is_refitted:
        # As many folds as photos leave one photo of each class out at a time.
        most = FEWEST_FOLDS if by_folds else MOST_FOLDS
        n_folds = int(np.clip(counts.min(), 2 if are_few else FEWEST_FOLDS, most))
        left_out_logits = logits_by_folds(
            left_out, targets, problem.groups, n_folds, logits_without
        )
    training: dict[str, Scalar] = {
        "method": "logistic-regression",
        "solver": "l-bfgs",
        "l2": float(settings.penalty),
        "balanced": settings.balanced,
        "label_smoothing": float(settings.label_smoothing),
        "tolerance": float(settings.tolerance),
        "max_iterations": int(settings.max_iterations),
        "iterations": whole.iterations,
        "loss": whole.loss * len(targets) / problem.mass,
        "converged": whole.converged,
    }
    return Candidate(
        whole.weights, whole.bias, left_out_logits, _SHARPNESS,
        whole.mean, whole.inverse_scale, training, (whole.weights, whole.bias),
    )  # fmt: skip


def with_penalty(problem: Problem) -> Problem:
    """Return the problem with an l2 that was None chosen by five folds.

    It is the one under which held-out examples are the most believable, once calibrated. A step of
    Newton's method is too kind to weak penalties: with it this took the weakest for scenes, and
    lost a point. Where no example can be held out, the default.
    """
    if problem.settings.l2 is not None:
        return problem
    best, least = DEFAULT_L2, np.inf
    tried = replace(problem, start=None, progress=None)
    for l2 in L2_CHOICES:
        tried = tried.under(replace(problem.settings, l2=l2))
        fitted = regressed(tried, by_folds=True)
        tried = replace(tried, start=fitted.optimum)
        left_out = problem.left_out
        if not len(left_out.rows):
            break
        (factor,) = sharpness(
            [fitted.logits], left_out.targets, [fitted.expected_sharpness], left_out.shares
        )
        found = log_softmax(factor * fitted.logits)[np.arange(len(left_out.rows)), left_out.targets]
        loss = -float(np.average(found, weights=left_out.shares))
        if loss < least:
            best, least = l2, loss
    return problem.under(replace(problem.settings, l2=best))


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
    left_out: LeftOut | None = None,
    progress: Progress | None = None,
) -> LogisticFit:
    """Minimise the softmax loss on standardised embeddings, and fold the standardisation away.

    The penalty is on the weights of standardised features, so that a feature's unit does not
    matter until it hardly varies beside the others (`headfit.maths.scaling.LEAST_SPREAD`), and
    standardised features are what L-BFGS minimises fastest.

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
    left_out : LeftOut, optional
        Examples to be left out, a group at a time, when all is fitted; by default none.
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
        features, mean, scale = standardised(embeddings, sample_weights)
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
            inverse_hessian = _inverse_hessian(features, n_classes, l2, sample_weights)
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
    if left_out is not None and len(left_out.rows):
        logits = features @ optimum[:-1] + optimum[-1]
        pull = np.ones(len(targets), np.float32) if sample_weights is None else sample_weights
        wanted = np.full((len(left_out.rows), n_classes), label_smoothing / n_classes)
        wanted[np.arange(len(left_out.rows)), left_out.targets] += 1 - label_smoothing
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
        self.coordinates: FloatArray = self._triangle.astype(np.float32, order="F")

    def enter(self, parameters: FloatArray, n_classes: int) -> FloatArray:
        """Return by the basis what the examples see of parameters for plain features."""
        rows = parameters.reshape(-1, n_classes)
        inside = np.zeros((len(self.coordinates) + 1, n_classes), np.float32)
        inside[-1] = rows[-1]
        if rows[:-1].any():
            inside[:-1] = np.linalg.solve(self._triangle, self._rows @ rows[:-1])
        return inside.ravel()

    def leave(self, weights: FloatArray) -> DoubleArray:
        """Return weights for plain features."""
        outside: DoubleArray = self._rows.T @ np.linalg.solve(self._triangle.T, weights)
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


def _inverse_hessian(
    standardised: FloatArray, n_classes: int, l2: float, sample_weights: FloatArray | None
) -> Product:
    """Return the product with the inverse of the loss's Hessian at zero, where it is simple.

    All classes are as probable there, and it is the same for each: their features' second moments
    over ``n_classes``, and the penalty. So the first step leads to a ridge regression.
    """
    n_samples = len(standardised)
    if sample_weights is not None:
        standardised = standardised * np.sqrt(sample_weights)[:, np.newaxis]
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
    wanted: DoubleArray,
    pull: FloatArray,
    l2: float,
    left_out: LeftOut,
) -> DoubleArray:
    """Return logits of examples under the optimum without their groups, by a step of Newton's.

    Rad and Maleki, "A scalable estimate of the out-of-sample prediction error via approximate
    leave-one-out cross-validation", JRSS B 2020. Here the curvature of every example counts the
    same for all classes, by its mean ``(1 - sum(p ** 2)) / (n_classes - 1)``, so that one matrix
    as wide as an embedding serves them all. The bias is held, as is the standardisation.
    """
    probabilities = softmax(logits)
    curvature = pull * (1 - np.square(probabilities).sum(axis=1)) / (logits.shape[1] - 1)
    rows = left_out.rows
    shares, among_groups = leverage(standardised, curvature, l2, left_out)
    shares = np.minimum(shares, 1 - ROUNDING)
    # Of a certain example, which curves nothing, share over curvature is 0 / 0: it pulls at
    # nothing either.
    curved = np.maximum(curvature[rows], ROUNDING).astype(np.float64)
    away = pull[rows][:, np.newaxis] * (probabilities[rows] - wanted)
    step: DoubleArray = (shares / (curved * (1 - shares)))[:, np.newaxis] * away
    for here, block in among_groups:
        # The same of several at once: H (I - H)^-1, each by the root of its curvature.
        roots = np.sqrt(curved[here])[:, np.newaxis]
        remains = (1 + ROUNDING) * np.eye(len(here)) - block
        step[here] = block @ np.linalg.solve(remains, away[here] / roots) / roots
    return logits[rows] + step


def leverage(
    features: FloatArray, curvature: FloatArray, l2: float, left_out: LeftOut
) -> tuple[DoubleArray, list[tuple[TargetArray, DoubleArray]]]:
    """Return elements of ``rows (rows^T rows + l2 I)^-1 rows^T``, the hat matrix.

    The rows are ``sqrt(curvature) * features``. Where they are fewer than features, from the
    smaller matrix ``rows rows^T``.

    Returns
    -------
    diagonal : ndarray of shape (n_left_out,), dtype float64
    among_groups : list of (places, elements)
        For each group of several, where its examples are among those left out, and the elements
        between them.
    """
    n_samples, embedding_dim = features.shape
    roots = np.sqrt(curvature)[:, np.newaxis]
    chosen = left_out.rows
    several = left_out.several
    if n_samples <= embedding_dim:
        rows = features * roots
        products, ridge = _with_ridge((rows @ rows.T).astype(np.float64), l2)
        outer = -ridge * np.linalg.inv(products)
        outer[np.diag_indices_from(outer)] += 1
        return np.diagonal(outer)[chosen], [
            (here, outer[np.ix_(chosen[here], chosen[here])]) for here in several
        ]
    moments = np.zeros((embedding_dim, embedding_dim))
    for block in blocks(n_samples, 2048):
        rows = features[block] * roots[block]
        moments += rows.T @ rows
    some = features.T[:, chosen] * roots[chosen].T
    solved = np.linalg.inv(_with_ridge(moments, l2)[0]).astype(np.float32) @ some
    inner: DoubleArray = np.einsum("dn,dn->n", solved, some).astype(np.float64)
    return inner, [
        (here, (solved[:, here].T @ some[:, here]).astype(np.float64)) for here in several
    ]


def _with_ridge(products: DoubleArray, l2: float) -> tuple[DoubleArray, float]:
    """Add the penalty to the diagonal; what float32 rounds to nothing must not make it singular."""
    ridge = l2 + ROUNDING * (1 + float(np.trace(products)))
    products[np.diag_indices_from(products)] += ridge
    return products, ridge
