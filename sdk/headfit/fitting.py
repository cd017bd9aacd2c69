"""Which head the evidence allows: imprinting, discriminant analysis or logistic regression."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.binary_head import STEPS, fit_binary
from headfit.calibration import HeldOut, calibrate, sharpness
from headfit.errors import TrainingDivergedError
from headfit.headblocks import Calibration
from headfit.imprint import imprint, imprint_leave_one_out
from headfit.lda import fit_lda
from headfit.logistic import fit_logistic
from headfit.softmax import softmax
from headfit.solvers import Progress
from headfit.sums import ClassSums

Array: TypeAlias = npt.NDArray[np.float64]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]
Scalar: TypeAlias = str | int | float | bool | None

METHODS = ("auto", "imprint", "lda", "logistic", "binary")

DEFAULT_L2 = 50.0
"""Measured on 5 kinds of flowers and 15 of scenes, 1 to 400 photos per class, with the 288-wide
embeddings of a binary network: near the most accurate of 1 to 3000 at every number of photos, with
probabilities closer to how often they are right than at 10 or less. It counts against the sum of
the losses, so it needs no change as photos come.
"""

PRIOR_PHOTOS = 500.0
"""Measured on the same embeddings: 300 and 1000 are near the most accurate of 3 to 3000 at every
number of photos. Choosing among 100 to 3000 by leave-one-out was no better, so it stays.
"""

LOGISTIC_FROM = 20
"""Photos of its smallest class from which "auto" takes logistic regression. Chosen on 5 and 102
kinds of flowers, 15 of scenes and 40 of birds at 1 to 100 photos per class.
"""

MAX_JUDGED = 2000
"""Examples that are left out at most: enough for a percent of accuracy or of temperature."""

# How sharp these logits usually have to be, where there are too few photos to tell: as measured
# on the same embeddings at 1 to 5 photos per class.
_IMPRINT_SHARPNESS = 4.0
_LDA_SHARPNESS = 0.006
_LOGISTIC_SHARPNESS = 1.0

_logger = logging.getLogger("headfit")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fit; `headfit.head.SoftmaxHead` says what each means."""

    method: str = "auto"
    l2: float = DEFAULT_L2
    tolerance: float = 1e-4
    max_iterations: int = 500
    balanced: bool = False
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was learned, and how.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``.
    training : dict
        Method, settings and outcome, for the head file.
    held_out : HeldOut
        Nothing by default, and of private fits.
    calibration : Calibration or None
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head alone: see `headfit.binary_head.BinaryFit`.
    """

    weights: FloatArray
    bias: FloatArray
    training: dict[str, Scalar]
    held_out: HeldOut = field(default_factory=HeldOut.nothing)
    calibration: Calibration | None = None
    thresholds: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    """A head, not yet calibrated, and the logits of the examples that it was made without."""

    weights: Array | FloatArray
    bias: Array | FloatArray
    rows: TargetArray
    targets: TargetArray
    logits: Array
    expected_sharpness: float
    training: dict[str, Scalar]


def fit_head(
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    settings: Settings,
    *,
    sums: ClassSums | None = None,
    start: tuple[FloatArray, FloatArray] | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a head by the method that the settings name, or the best that the evidence allows.

    "auto" is logistic regression where every class has `LOGISTIC_FROM` photos or more. Otherwise
    it is the sum of imprinting and discriminant analysis, each with the factor that makes the
    examples that the heads are made without the most believable: with very few photos that is
    mostly imprinting, with more the analysis.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each example's class; no class is empty.
    n_classes : int
    settings : Settings
    sums : ClassSums, optional
        Of these examples, where they are known already.
    start : weights and bias, optional
        Where logistic regression begins.
    progress : callable, optional
        Called as ``progress(iteration, loss)``; only logistic regression iterates.

    Raises
    ------
    TrainingDivergedError
        If numbers leave float32.
    """
    method = settings.method
    if method == "auto" and np.bincount(targets).min() >= LOGISTIC_FROM:
        method = "logistic"
    if method in ("logistic", "binary"):
        solution = _logistic(embeddings, targets, n_classes, settings, start, progress)
        float_head = _exported([solution], settings)
        return _binary(embeddings, targets, float_head) if method == "binary" else float_head
    sums = ClassSums.of(embeddings, targets, n_classes) if sums is None else sums
    solutions = []
    if method != "lda":
        solutions.append(_imprint(sums, embeddings, targets))
    if method != "imprint":
        solutions.append(_lda(sums, embeddings, targets, settings))
    if method == "auto" and not len(solutions[0].rows):  # one photo per class: nothing to go by
        solutions = solutions[:1]
    return _exported(solutions, settings)


def _logistic(
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    settings: Settings,
    start: tuple[FloatArray, FloatArray] | None,
    progress: Progress | None,
) -> _Solution:
    counts = np.bincount(targets, minlength=n_classes)
    sample_weights = None
    if settings.balanced:
        sample_weights = (len(targets) / (n_classes * counts))[targets].astype(np.float32)
    rows = _judged(counts, targets)
    fit = fit_logistic(
        embeddings,
        targets,
        n_classes,
        l2=settings.l2,
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
        label_smoothing=settings.label_smoothing,
        sample_weights=sample_weights,
        start=start,
        left_out=rows,
        progress=progress,
    )
    if not fit.converged:
        _logger.warning("training stopped after %d iterations, not converged", fit.iterations)
    training: dict[str, Scalar] = {
        "method": "logistic-regression",
        "solver": "l-bfgs",
        "l2": float(settings.l2),
        "balanced": settings.balanced,
        "label_smoothing": float(settings.label_smoothing),
        "tolerance": float(settings.tolerance),
        "max_iterations": int(settings.max_iterations),
        "iterations": fit.iterations,
        "loss": fit.loss,
        "converged": fit.converged,
    }
    return _Solution(
        fit.weights, fit.bias, rows, targets[rows], fit.left_out_logits, _LOGISTIC_SHARPNESS,
        training,
    )  # fmt: skip


def _binary(embeddings: FloatArray, targets: TargetArray, float_head: Fit) -> Fit:
    """Train signs on what half the class names and half the float head say.

    Names alone were 1 to 2 points worse on 5 kinds of flowers and 15 of scenes, the float head
    alone 2 points worse on 102 kinds of flowers.
    """
    wanted = softmax(embeddings @ float_head.weights + float_head.bias) / 2
    wanted[np.arange(len(targets)), targets] += np.float32(0.5)
    l2 = float_head.training["l2"]
    assert isinstance(l2, float)
    fit = fit_binary(embeddings, wanted, float_head.weights, float_head.bias, l2)
    training: dict[str, Scalar] = {
        "method": "binary",
        "asked_for": "binary",
        "l2": l2,
        "balanced": float_head.training["balanced"],
        "label_smoothing": float_head.training["label_smoothing"],
        "steps": STEPS,
        "loss": fit.loss,
    }
    return Fit(fit.weights, fit.bias, training, thresholds=fit.thresholds)


def _imprint(sums: ClassSums, embeddings: FloatArray, targets: TargetArray) -> _Solution:
    spread = sums.mean_and_inverse_scale()
    weights, bias = imprint(sums, *spread)
    rows = _judged(sums.counts, targets)
    logits = imprint_leave_one_out(sums, *spread, embeddings[rows], targets[rows])
    training: dict[str, Scalar] = {"method": "imprint"}
    return _Solution(weights, bias, rows, targets[rows], logits, _IMPRINT_SHARPNESS, training)


def _lda(
    sums: ClassSums, embeddings: FloatArray, targets: TargetArray, settings: Settings
) -> _Solution:
    rows = _judged(sums.counts, targets)
    spread = sums.mean_and_inverse_scale()
    analysis = fit_lda(sums, *spread, PRIOR_PHOTOS, embeddings[rows], targets[rows])
    bias, logits = analysis.bias, analysis.left_out_logits
    if settings.balanced:  # every class is as common as any other
        log_frequency = np.log(sums.counts)
        bias, logits = bias - log_frequency, logits - log_frequency
    training: dict[str, Scalar] = {
        "method": "lda",
        "prior_photos": PRIOR_PHOTOS,
        "balanced": settings.balanced,
    }
    return _Solution(analysis.weights, bias, rows, targets[rows], logits, _LDA_SHARPNESS, training)


def _judged(counts: npt.NDArray[np.int64], targets: TargetArray) -> TargetArray:
    """Return the rows of examples to leave out one by one, evenly spread if there are many.

    The only one of its class leaves nothing to judge it by.
    """
    rows = np.flatnonzero(counts[targets] > 1)
    step = -(-len(rows) // MAX_JUDGED)
    return rows[:: max(step, 1)]


def _exported(solutions: Sequence[_Solution], settings: Settings) -> Fit:
    """Add heads up, calibrated by what was held out, and fold that into float32 weights."""
    rows, targets = solutions[0].rows, solutions[0].targets
    factors = sharpness(
        [solution.logits for solution in solutions],
        targets,
        [solution.expected_sharpness for solution in solutions],
    )
    weights = _weighted_sum(factors, [solution.weights for solution in solutions])
    bias = _weighted_sum(factors, [solution.bias for solution in solutions])
    probabilities = softmax(_weighted_sum(factors, [solution.logits for solution in solutions]))
    # What all classes have in common changes no probability, but would drown in float32 what sets
    # them apart.
    with np.errstate(over="ignore"):  # refused below
        exported_weights = np.ascontiguousarray(
            weights - weights.mean(axis=1, keepdims=True), np.float32
        )
        exported_bias = (bias - bias.mean()).astype(np.float32)
    if not (np.isfinite(exported_weights).all() and np.isfinite(exported_bias).all()):
        raise TrainingDivergedError(
            "expected weights within float32, found larger ones; the embeddings are too small or "
            "hardly vary: scale them up"
        )
    is_right = probabilities.argmax(axis=1) == targets
    names = [str(solution.training["method"]) for solution in solutions]
    training: dict[str, Scalar] = {}
    for solution in solutions:
        training |= solution.training
    training |= {
        "method": "+".join(names),
        "asked_for": settings.method,
        "leave_one_out_accuracy": float(is_right.mean()) if len(is_right) else None,
    }
    for name, factor in zip(names, factors, strict=True):
        training["sharpness" if len(names) == 1 else f"{name}_sharpness"] = factor
    held_out = HeldOut(rows, targets, probabilities)
    return Fit(exported_weights, exported_bias, training, held_out, calibrate(held_out))


def _weighted_sum(factors: Sequence[float], arrays: Sequence[Array | FloatArray]) -> Array:
    """Return the weighted sum of arrays of one shape."""
    total: Array = np.tensordot(factors, np.stack(arrays).astype(np.float64), axes=1)
    return total
