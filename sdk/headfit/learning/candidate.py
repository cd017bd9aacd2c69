"""Candidate: a head of one method, not yet calibrated; and the sum of several as a fitted head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.learning.calibration import (
    calibrate,
    can_tell,
    leads_of,
    sharpness,
    sureness,
    weigh,
)
from headfit.learning.fitted_head import FittedHead
from headfit.learning.held_out import HeldOut
from headfit.learning.likeness import MAX_CLASSES, likeness_of
from headfit.learning.problem import Fit, Problem
from headfit.learning.typicality import Typicality, left_out_distances
from headfit.maths.arrays import Array, FloatArray, Scalar
from headfit.maths.softmax import softmax


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A head, not yet calibrated, and the logits of held-out examples.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes)
    bias : ndarray of shape (n_classes,)
    logits : ndarray of shape (n_left_out, n_classes), dtype float64
        Of the examples that the problem leaves out, each of a head that was fitted without its
        group.
    expected_sharpness : float
        The factor that logits of this kind usually need.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        Of all embeddings: `headfit.learning.class_sums.ClassSums.mean_and_inverse_scale`.
    training : dict
        Method, settings and outcome, for the head file.
    optimum : weights and bias, or None
        Of logistic regression: see `headfit.learning.problem.Fit`.
    """

    weights: Array
    bias: Array
    logits: Array
    expected_sharpness: float
    mean: Array
    inverse_scale: Array
    training: dict[str, Scalar]
    optimum: tuple[FloatArray, FloatArray] | None = None


def combined(problem: Problem, candidates: Sequence[Candidate], *, tied: bool = False) -> Fit:
    """Return the sum of heads, each with the factor that makes held-out examples most believable.

    What is scaled is folded into float32 weights. If ``tied``, the factors keep nearly the ratio
    that they usually have.

    Raises
    ------
    TrainingDivergedError
        If numbers leave float32.
    """
    first = candidates[0]
    factors = sharpness(
        [candidate.logits for candidate in candidates],
        problem.left_out.targets,
        [candidate.expected_sharpness for candidate in candidates],
        problem.left_out.shares,
        tied=tied,
    )
    weights = _weighted_sum(factors, [candidate.weights for candidate in candidates])
    bias = _weighted_sum(factors, [candidate.bias for candidate in candidates])
    logits = _weighted_sum(factors, [candidate.logits for candidate in candidates])
    # What all classes have in common changes no probability, but would drown in float32 what sets
    # them apart.
    with np.errstate(over="ignore"):  # refused below
        folded_weights = np.ascontiguousarray(
            weights - weights.mean(axis=1, keepdims=True), np.float32
        )
        folded_bias = (bias - bias.mean()).astype(np.float32)
    if not (np.isfinite(folded_weights).all() and np.isfinite(folded_bias).all()):
        raise TrainingDivergedError(
            "expected weights within float32, found larger ones; the embeddings are too small or "
            "hardly vary: scale them up"
        )
    names = [str(candidate.training["method"]) for candidate in candidates]
    training: dict[str, Scalar] = {}
    for candidate in candidates:
        training |= candidate.training
    training |= {"method": "+".join(names), "asked_for": problem.settings.method}
    for name, factor in zip(names, factors, strict=True):
        training["sharpness" if len(names) == 1 else f"{name}_sharpness"] = factor
    optimum = next((each.optimum for each in candidates if each.optimum is not None), None)
    return calibrated(
        problem, first, logits, folded_weights, folded_bias, training, optimum=optimum
    )


def calibrated(
    problem: Problem,
    candidate: Candidate,
    logits: Array,
    weights: FloatArray,
    bias: FloatArray,
    training: dict[str, Scalar],
    *,
    thresholds: FloatArray | None = None,
    optimum: tuple[FloatArray, FloatArray] | None = None,
) -> Fit:
    """Return the fit with what the logits of held-out examples say of it."""
    left_out = problem.left_out
    held_out = HeldOut(
        left_out.rows, left_out.targets, softmax(logits), left_out.shares, problem.group_counts
    )
    training["leave_one_out_accuracy"] = held_out.accuracy
    score = "max_probability"
    known_by: Array | None = None
    typicality = likeness = None
    background = problem.background
    spread = candidate.mean, candidate.inverse_scale
    n_groups = round(float(left_out.shares.sum()))
    if background is not None and problem.n_classes <= MAX_CLASSES and can_tell(n_groups):
        score = "likeness"
        likeness, known_by = likeness_of(
            background,
            problem.embeddings,
            problem.targets,
            problem.n_classes,
            left_out.rows,
            left_out.groups,
            leads_of(logits),
        )
    else:
        embeddings = problem.embeddings[left_out.rows]
        distances = left_out_distances(embeddings, *spread, problem.mass, left_out)
        weight = weigh(leads_of(logits), distances, left_out.shares)
        if weight is not None:
            score = "typicality"
            typicality = Typicality.weighed(*spread, weight)
            known_by = sureness("typicality", logits, weight * distances)
    head = FittedHead(
        weights=weights,
        bias=bias,
        classes=problem.classes,
        class_counts=tuple(np.bincount(problem.targets).tolist()),
        training=training,
        storage="float32" if thresholds is None else "binary",
        thresholds=thresholds,
        calibration=calibrate(held_out, score, known_by),
        typicality=typicality,
        likeness=likeness,
        background=background,
    )
    return Fit(head, held_out, optimum)


def _weighted_sum(factors: Sequence[float], arrays: Sequence[Array]) -> Array:
    """Return the weighted sum of arrays of one shape."""
    total: Array = np.tensordot(factors, np.stack(arrays).astype(np.float64), axes=1)
    return total
