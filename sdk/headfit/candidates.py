"""Heads of one method each, not yet calibrated, and what they say of examples left out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.fields import Scalar
from headfit.held_out import judged, logits_by_folds
from headfit.imprint import imprint, imprint_leave_one_out
from headfit.lda import fit_lda
from headfit.logistic import LogisticFit, fit_logistic
from headfit.settings import Settings
from headfit.solvers import Progress
from headfit.sums import ClassSums

Array: TypeAlias = npt.NDArray[np.floating[Any]]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]

PRIOR_PHOTOS = 500.0
"""Measured on 5 kinds of flowers and 15 of scenes: 300 and 1000 are near the most accurate of 3 to
3000 at every number of photos. Choosing among 100 to 3000 by leave-one-out was no better, so it
stays.
"""

REFITTED_UP_TO = 100
"""Examples up to which logistic regression is fitted again without some: a step of Newton's method
is cheaper, and was too sure at 25 to 100 photos of 5 kinds of flowers (docs/results.md).
"""

FEWEST_FOLDS, MOST_FOLDS = 5, 10

# How sharp these logits usually have to be, where there are too few photos to tell: as measured
# on the same embeddings at 1 to 5 photos per class.
_IMPRINT_SHARPNESS = 4.0
_LDA_SHARPNESS = 0.006
_LOGISTIC_SHARPNESS = 1.0

_logger = logging.getLogger("headfit")


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A head, not yet calibrated, and the logits of the examples that it was made without.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes)
    bias : ndarray of shape (n_classes,)
    rows, targets : ndarray of shape (n_held_out,), dtype intp
        Which examples were left out, and their classes' columns.
    logits : ndarray of shape (n_held_out, n_classes), dtype float64
    expected_sharpness : float
        The factor that logits of this kind usually need.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        Of all embeddings: `headfit.sums.ClassSums.mean_and_inverse_scale`.
    training : dict
        Method, settings and outcome, for the head file.
    """

    weights: Array
    bias: Array
    rows: TargetArray
    targets: TargetArray
    logits: Array
    expected_sharpness: float
    mean: Array
    inverse_scale: Array
    training: dict[str, Scalar]


def imprinted(sums: ClassSums, embeddings: FloatArray, targets: TargetArray) -> Candidate:
    """Return the imprinted head; see `headfit.imprint`."""
    spread = sums.mean_and_inverse_scale()
    weights, bias = imprint(sums, *spread)
    rows = judged(sums.counts, targets)
    logits = imprint_leave_one_out(sums, *spread, embeddings[rows], targets[rows])
    training: dict[str, Scalar] = {"method": "imprint"}
    return Candidate(
        weights, bias, rows, targets[rows], logits, _IMPRINT_SHARPNESS, *spread, training
    )


def analysed(
    sums: ClassSums, embeddings: FloatArray, targets: TargetArray, settings: Settings
) -> Candidate:
    """Return the head of discriminant analysis; see `headfit.lda`."""
    rows = judged(sums.counts, targets)
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
    return Candidate(
        analysis.weights, bias, rows, targets[rows], logits, _LDA_SHARPNESS, *spread, training
    )


def regressed(
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    settings: Settings,
    start: tuple[FloatArray, FloatArray] | None,
    progress: Progress | None,
) -> Candidate:
    """Return the head of logistic regression; see `headfit.logistic`."""
    counts = np.bincount(targets, minlength=n_classes)
    sample_weights = None
    if settings.balanced:
        sample_weights = (len(targets) / (n_classes * counts))[targets].astype(np.float32)
    rows = judged(counts, targets)
    is_refitted = len(targets) <= REFITTED_UP_TO

    def fit(
        taught: TargetArray | slice,
        start: tuple[FloatArray, FloatArray] | None,
        left_out: TargetArray | None = None,
        progress: Progress | None = None,
    ) -> LogisticFit:
        return fit_logistic(
            embeddings[taught],
            targets[taught],
            n_classes,
            l2=settings.l2,
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

    whole = fit(slice(None), start, None if is_refitted else rows, progress)
    if not whole.converged:
        _logger.warning("training stopped after %d iterations, not converged", whole.iterations)
    left_out_logits: Array = whole.left_out_logits
    if is_refitted:
        n_folds = int(np.clip(counts.min(), FEWEST_FOLDS, MOST_FOLDS))
        left_out_logits = logits_by_folds(rows, targets, n_classes, n_folds, logits_without)
    training: dict[str, Scalar] = {
        "method": "logistic-regression",
        "solver": "l-bfgs",
        "l2": float(settings.l2),
        "balanced": settings.balanced,
        "label_smoothing": float(settings.label_smoothing),
        "tolerance": float(settings.tolerance),
        "max_iterations": int(settings.max_iterations),
        "iterations": whole.iterations,
        "loss": whole.loss,
        "converged": whole.converged,
    }
    return Candidate(
        whole.weights, whole.bias, rows, targets[rows], left_out_logits, _LOGISTIC_SHARPNESS,
        whole.mean, whole.inverse_scale, training,
    )  # fmt: skip
