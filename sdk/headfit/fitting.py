"""Which head the evidence allows: imprinting, discriminant analysis or logistic regression."""

from __future__ import annotations

import logging
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

LDA_FROM_PER_CLASS = 3
LOGISTIC_FROM_PER_CLASS = 20
FEW_IN_ALL = 100
"""Photos per class on average from which "auto" presumes in favour of the analysis, and from which
it takes logistic regression; and photos in all that are too many for imprinting. Chosen on 5 and
102 kinds of flowers, 15 of scenes and 40 of birds at 1 to 20 photos per class.
"""

MAX_JUDGED = 2000
"""Examples that are left out at most: enough for a percent of accuracy or of temperature."""

# How sharp these logits usually have to be, where there are too few photos to tell: as measured
# on the same embeddings at 1 to 5 photos per class.
_IMPRINT_SHARPNESS = 4.0
_LDA_SHARPNESS = 0.03
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

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """Which held-out examples get the right class."""
        is_right: npt.NDArray[np.bool_] = self.logits.argmax(axis=1) == self.targets
        return is_right


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

    "auto" is logistic regression from `LOGISTIC_FROM_PER_CLASS` photos on. Below it is
    discriminant analysis, and below `LDA_FROM_PER_CLASS` imprinting, unless the other one gets so
    many more of the examples right that it is made without that chance does not explain it. With
    so few per class but `FEW_IN_ALL` together it is logistic regression.

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
    per_class = len(targets) / n_classes
    is_sparse = per_class < LDA_FROM_PER_CLASS
    if method == "auto" and (
        per_class >= LOGISTIC_FROM_PER_CLASS or (is_sparse and len(targets) >= FEW_IN_ALL)
    ):
        method = "logistic"
    if method in ("logistic", "binary"):
        solution = _logistic(embeddings, targets, n_classes, settings, start, progress)
        float_head = _exported(solution, settings)
        return _binary(embeddings, targets, float_head) if method == "binary" else float_head
    sums = ClassSums.of(embeddings, targets, n_classes) if sums is None else sums
    if method == "imprint":
        return _exported(_imprint(sums, embeddings, targets), settings)
    analysis = _lda(sums, embeddings, targets, settings)
    if method == "lda":
        return _exported(analysis, settings)
    presumed, other = _imprint(sums, embeddings, targets), analysis
    if not is_sparse:
        presumed, other = other, presumed
    return _exported(other if _is_surely_better(other, presumed) else presumed, settings)


def _is_surely_better(head: _Solution, than: _Solution) -> bool:
    """Return whether a head is right more often, by two standard deviations of what chance does.

    Only examples that one gets right and the other wrong tell (McNemar's test).
    """
    wins = int((head.is_right & ~than.is_right).sum())
    losses = int((than.is_right & ~head.is_right).sum())
    return bool(wins - losses > 2 * np.sqrt(wins + losses))


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
    weights, bias, logits = fit_lda(sums, *spread, PRIOR_PHOTOS, embeddings[rows], targets[rows])
    if settings.balanced:  # every class is as common as any other
        log_frequency = np.log(sums.counts)
        bias, logits = bias - log_frequency, logits - log_frequency
    training: dict[str, Scalar] = {
        "method": "lda",
        "prior_photos": PRIOR_PHOTOS,
        "balanced": settings.balanced,
    }
    return _Solution(weights, bias, rows, targets[rows], logits, _LDA_SHARPNESS, training)


def _judged(counts: npt.NDArray[np.int64], targets: TargetArray) -> TargetArray:
    """Return the rows of examples to leave out one by one, evenly spread if there are many.

    The only one of its class leaves nothing to judge it by.
    """
    rows = np.flatnonzero(counts[targets] > 1)
    step = -(-len(rows) // MAX_JUDGED)
    return rows[:: max(step, 1)]


def _exported(solution: _Solution, settings: Settings) -> Fit:
    """Calibrate a head by what was held out, and fold that into float32 weights."""
    factor = sharpness(solution.logits, solution.targets, solution.expected_sharpness)
    # What all classes have in common changes no probability, but would drown in float32 what sets
    # them apart.
    weights = solution.weights - solution.weights.mean(axis=1, keepdims=True)
    bias = solution.bias - solution.bias.mean()
    with np.errstate(over="ignore"):  # refused below
        rounded_weights = (factor * weights).astype(np.float32)
        rounded_bias = (factor * bias).astype(np.float32)
    if not (np.isfinite(rounded_weights).all() and np.isfinite(rounded_bias).all()):
        raise TrainingDivergedError(
            "expected weights within float32, found larger ones; the embeddings are too small or "
            "hardly vary: scale them up"
        )
    is_right = solution.is_right
    training: dict[str, Scalar] = {
        **solution.training,
        "asked_for": settings.method,
        "sharpness": factor,
        "leave_one_out_accuracy": float(is_right.mean()) if len(is_right) else None,
    }
    probabilities = softmax(factor * solution.logits)
    held_out = HeldOut(solution.rows, solution.targets, probabilities)
    weights = np.ascontiguousarray(rounded_weights)
    return Fit(weights, rounded_bias, training, held_out, calibrate(held_out))
