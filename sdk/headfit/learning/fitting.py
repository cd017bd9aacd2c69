"""Which head the evidence allows: imprinting, discriminant analysis or logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import TrainingDivergedError
from headfit.files.head_parts import Calibration
from headfit.learning.binary import STEPS, BinaryFit, binary_logits, fit_binary
from headfit.learning.calibration import calibrate, sharpness, sureness, weigh
from headfit.learning.candidate import (
    FEW_PHOTOS,
    Candidate,
    analysed,
    best_l2,
    imprinted,
    regressed,
)
from headfit.learning.class_sums import ClassSums
from headfit.learning.held_out import HeldOut, logits_by_folds
from headfit.learning.settings import Settings
from headfit.learning.typicality import Typicality, left_out_distances
from headfit.maths.arrays import Scalar
from headfit.maths.lbfgs import Progress
from headfit.maths.softmax import softmax

Array: TypeAlias = npt.NDArray[np.floating[Any]]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]

LOGISTIC_FROM = 20
"""Photos of its smallest class from which "auto" takes logistic regression, not imprinting. Chosen
on 5 and 102 kinds of flowers, 15 of scenes and 40 of birds at 1 to 100 photos per class.
"""

_BINARY_FOLDS = 5
_TAUGHT_TO = 1e-3


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
    typicality : Typicality or None
        Where the calibration's score is "typicality".
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head alone: see `headfit.learning.binary.BinaryFit`.
    optimum : weights and bias, or None
        Of logistic regression as it was before anything was added, to begin the next fit with.
    """

    weights: FloatArray
    bias: FloatArray
    training: dict[str, Scalar]
    held_out: HeldOut = field(default_factory=HeldOut.nothing)
    calibration: Calibration | None = None
    typicality: Typicality | None = None
    thresholds: FloatArray | None = None
    optimum: tuple[FloatArray, FloatArray] | None = None


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

    "auto" is a sum of heads, each with the factor that makes the examples that the heads are made
    without the most believable. Where every class has `LOGISTIC_FROM` photos or more, it is that of
    logistic regression and discriminant analysis; where there are fewer examples than features, of
    which the analysis could tell little, of logistic regression and imprinting. Otherwise it is
    that of imprinting and the analysis: with very few photos mostly the former, with more the
    latter. Where no class has more than `FEW_PHOTOS` and none a single one, logistic regression is
    added to both.

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
    methods = _methods(embeddings, targets) if settings.method == "auto" else (settings.method,)
    if settings.l2 is None and not {"logistic", "binary"}.isdisjoint(methods):
        settings = replace(settings, l2=best_l2(embeddings, targets, n_classes, settings))
    if settings.method == "binary":
        return _binary(embeddings, targets, n_classes, settings, progress)
    if methods != ("logistic",) and sums is None:
        sums = ClassSums.of(embeddings, targets, n_classes)
    candidates, optimum = [], None
    for method in methods:
        if method == "logistic":
            fitted = regressed(embeddings, targets, n_classes, settings, start, progress)
            optimum = fitted.weights, fitted.bias
        else:
            assert sums is not None
            if method == "imprint":
                fitted = imprinted(sums, embeddings, targets)
            else:
                fitted = analysed(sums, embeddings, targets, settings)
        candidates.append(fitted)
    return replace(_exported(embeddings, candidates, settings), optimum=optimum)


def _methods(embeddings: FloatArray, targets: TargetArray) -> tuple[str, ...]:
    """Return which heads "auto" adds up."""
    counts = np.bincount(targets)
    if counts.max() == 1:  # nothing could say how far to trust each
        return ("imprint",)
    if counts.min() >= 2 and counts.max() <= FEW_PHOTOS:
        return ("imprint", "lda", "logistic")
    if counts.min() < LOGISTIC_FROM:
        return ("imprint", "lda")
    return ("logistic", "lda") if len(embeddings) > embeddings.shape[1] else ("imprint", "logistic")


def _exported(embeddings: FloatArray, candidates: Sequence[Candidate], settings: Settings) -> Fit:
    """Add heads up, calibrated by what was held out, and fold that into float32 weights."""
    first = candidates[0]
    factors = sharpness(
        [candidate.logits for candidate in candidates],
        first.targets,
        [candidate.expected_sharpness for candidate in candidates],
    )
    weights = _weighted_sum(factors, [candidate.weights for candidate in candidates])
    bias = _weighted_sum(factors, [candidate.bias for candidate in candidates])
    logits = _weighted_sum(factors, [candidate.logits for candidate in candidates])
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
    names = [str(candidate.training["method"]) for candidate in candidates]
    training: dict[str, Scalar] = {}
    for candidate in candidates:
        training |= candidate.training
    training |= {"method": "+".join(names), "asked_for": settings.method}
    for name, factor in zip(names, factors, strict=True):
        training["sharpness" if len(names) == 1 else f"{name}_sharpness"] = factor
    return _calibrated(embeddings, first, logits, exported_weights, exported_bias, training)


def _binary(
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    settings: Settings,
    progress: Progress | None,
) -> Fit:
    """Train signs on what half the class names and half the float head say.

    Names alone were 1 to 2 points worse on 5 kinds of flowers and 15 of scenes, the float head
    alone 2 points worse on 102 kinds of flowers. The temperature and the thresholds are those of
    heads that lack a fifth of the examples, from the float head on.
    """
    # Nearer to the float head's optimum signs are no better.
    roughly = replace(settings, tolerance=max(settings.tolerance, _TAUGHT_TO))

    def trained(
        taught: TargetArray | slice,
        start: tuple[FloatArray, FloatArray] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Candidate, BinaryFit]:
        some, of = embeddings[taught], targets[taught]
        candidate = regressed(some, of, n_classes, roughly, start, progress)
        head = _exported(some, [candidate], settings)
        wanted = softmax(some @ head.weights + head.bias) / 2
        wanted[np.arange(len(of)), of] += np.float32(0.5)
        return candidate, fit_binary(some, wanted, head.weights, head.bias, settings.penalty)

    def logits_without(taught: TargetArray, left_out: TargetArray) -> FloatArray:
        _, fit = trained(taught, (candidate.weights, candidate.bias))
        return binary_logits(embeddings[left_out], fit.weights, fit.bias, fit.thresholds)

    candidate, fit = trained(slice(None), progress=progress)
    logits = logits_by_folds(candidate.rows, targets, n_classes, _BINARY_FOLDS, logits_without)
    (factor,) = sharpness([logits], candidate.targets, [1.0])
    training: dict[str, Scalar] = {
        "method": "binary",
        "asked_for": "binary",
        "l2": float(settings.penalty),
        "balanced": settings.balanced,
        "label_smoothing": float(settings.label_smoothing),
        "steps": STEPS,
        "loss": fit.loss,
        "sharpness": factor,
    }
    weights, bias = fit.weights * np.float32(factor), fit.bias * np.float32(factor)
    fitted = _calibrated(embeddings, candidate, factor * logits, weights, bias, training)
    return replace(fitted, thresholds=fit.thresholds)


def _calibrated(
    embeddings: FloatArray,
    candidate: Candidate,
    logits: Array,
    weights: FloatArray,
    bias: FloatArray,
    training: dict[str, Scalar],
) -> Fit:
    """Return the fit with what the logits of the candidate's left out examples say of it."""
    rows, targets = candidate.rows, candidate.targets
    held_out = HeldOut(rows, targets, softmax(logits))
    is_right = held_out.probabilities.argmax(axis=1) == targets
    training["leave_one_out_accuracy"] = float(is_right.mean()) if len(is_right) else None
    typicality = typical = None
    spread = candidate.mean, candidate.inverse_scale
    distances = left_out_distances(embeddings[rows], *spread, len(embeddings))
    weight = weigh(sureness("typicality", logits, 0), distances)
    if weight is not None:
        typicality = Typicality.weighed(*spread, weight)
        typical = sureness("typicality", logits, weight * distances)
    return Fit(weights, bias, training, held_out, calibrate(held_out, typical), typicality)


def _weighted_sum(factors: Sequence[float], arrays: Sequence[Array]) -> Array:
    """Return the weighted sum of arrays of one shape."""
    total: Array = np.tensordot(factors, np.stack(arrays).astype(np.float64), axes=1)
    return total
