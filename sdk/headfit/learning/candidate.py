"""Heads of one method each, not yet calibrated, and what they say of examples left out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.learning.calibration import sharpness
from headfit.learning.class_sums import ClassSums
from headfit.learning.held_out import judged, logits_by_folds
from headfit.learning.imprint import imprint, imprint_leave_one_out
from headfit.learning.lda import fit_lda
from headfit.learning.logistic import LogisticFit, fit_logistic
from headfit.learning.settings import DEFAULT_L2, Settings
from headfit.maths.arrays import Scalar
from headfit.maths.lbfgs import Progress
from headfit.maths.softmax import cross_entropy

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

FEW_PHOTOS = 4
"""Photos of its largest class up to which logistic regression is fitted again with as many left out
of each class. It depends so much on which class has one photo more there that leaving out single
photos made it far too unsure: on flowers and scenes with 2 photos per class the calibration error
falls from 21 and 24 % to 5 and 8.
"""

FEWEST_FOLDS, MOST_FOLDS = 5, 10

# How sharp these logits usually have to be, where there are too few photos to tell: as measured
# on the same embeddings at 1 to 5 photos per class.
_IMPRINT_SHARPNESS = 4.0
_LDA_SHARPNESS = 0.006
_LOGISTIC_SHARPNESS = 1.0

L2_CHOICES = (500.0, 150.0, 50.0, 15.0, 5.0)
"""Among which the penalty is chosen, the strongest first."""

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
        Of all embeddings: `headfit.learning.class_sums.ClassSums.mean_and_inverse_scale`.
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
    """Return the imprinted head; see `headfit.learning.imprint`."""
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
    """Return the head of discriminant analysis; see `headfit.learning.lda`."""
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
    *,
    by_folds: bool = False,
) -> Candidate:
    """Return the head of logistic regression; see `headfit.learning.logistic`.

    Its l2 must be known.

    Examples are left out by fitting again without a fold of them where they are few, or if
    ``by_folds``; else by a step of Newton's method.
    """
    counts = np.bincount(targets, minlength=n_classes)
    sample_weights = None
    if settings.balanced:
        sample_weights = (len(targets) / (n_classes * counts))[targets].astype(np.float32)
    rows = judged(counts, targets)
    are_few = counts.max() <= FEW_PHOTOS
    is_refitted = by_folds or are_few or len(targets) <= REFITTED_UP_TO

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

    whole = fit(slice(None), start, None if is_refitted else rows, progress)
    if not whole.converged:
        _logger.warning("training stopped after %d iterations, not converged", whole.iterations)
    left_out_logits: Array = whole.left_out_logits
    if is_refitted:
        # As many folds as photos leave one photo of each class out at a time.
        most = FEWEST_FOLDS if by_folds else MOST_FOLDS
        n_folds = int(np.clip(counts.min(), 2 if are_few else FEWEST_FOLDS, most))
        left_out_logits = logits_by_folds(rows, targets, n_classes, n_folds, logits_without)
    training: dict[str, Scalar] = {
        "method": "logistic-regression",
        "solver": "l-bfgs",
        "l2": float(settings.penalty),
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


def best_l2(
    embeddings: FloatArray, targets: TargetArray, n_classes: int, settings: Settings
) -> float:
    """Return the penalty under which left out examples are the most believable, once calibrated.

    By five folds, for a step of Newton's method is too kind to weak penalties: with it this took
    the weakest for scenes, and lost a point. Where none can be left out, the default.
    """
    best, least, start = DEFAULT_L2, np.inf, None
    for l2 in L2_CHOICES:
        tried = replace(settings, l2=l2)
        fitted = regressed(embeddings, targets, n_classes, tried, start, None, by_folds=True)
        start = fitted.weights.astype(np.float32), fitted.bias.astype(np.float32)
        if not len(fitted.rows):
            break
        (factor,) = sharpness([fitted.logits], fitted.targets, [fitted.expected_sharpness])
        loss = cross_entropy(factor * fitted.logits, fitted.targets)
        if loss < least:
            best, least = l2, loss
    return best
