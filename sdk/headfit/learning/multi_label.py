"""Multi-label heads: per class a logistic regression, its calibration and its threshold.

Class by class, one against the rest ("binary relevance": Tsoumakas and Katakis, "Multi-Label
Classification: An Overview", IJDWM 2007), it minimises

    sum(log(1 + exp(-s * logit))) + l2 / 2 * sum(weights ** 2),  s = 1 where shown, else -1

on standardised features. A softmax over "not shown" and "shown" is the sigmoid of the difference
of their logits; at the optimum the weights of one are those of the other with the sign turned, so
that half of the penalty on the difference is the penalty on both. So `headfit.learning.logistic`
fits it, and holds out what it holds out for any other head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.learning.calibration import DOUBT
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.fitting import in_canonical_order, merged, starts_of
from headfit.learning.groups import photo_groups
from headfit.learning.logistic import regressed
from headfit.learning.problem import Problem
from headfit.learning.settings import Settings
from headfit.maths.arrays import (
    Array,
    BoolArray,
    DoubleArray,
    FloatArray,
    Scalar,
    TargetArray,
)
from headfit.maths.newton import minimise_newton
from headfit.maths.sigmoid import sigmoid

ClassProgress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` after every class. What it raises ends the training."""

DEFAULT_L2: Final = 25.0
"""Of 5, 25 and 100 the one with the best means of average precision and the most believable
probabilities, or near them, on mosaics of flowers and of scenes (docs/results.md). It is the
default of `headfit.SoftmaxHead`, whose penalty is on the weights of both sides.
"""

FEWEST_HELD_OUT: Final = 5
"""Held-out photos of a class from which its threshold is chosen; with fewer it is 0.5."""

_LEAST_THRESHOLD: Final = float(np.finfo(np.float32).tiny)
_SIDES: Final = ("not shown", "shown")


def fit_multi_label(
    embeddings: FloatArray,
    is_shown: BoolArray,
    classes: Sequence[str],
    settings: Settings,
    weights: DoubleArray | None = None,
    given_groups: TargetArray | None = None,
    progress: ClassProgress | None = None,
) -> FittedMultiLabelHead:
    """Fit a head class by class; the order of the examples does not matter, to the bit.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    is_shown : ndarray of shape (n_samples, n_classes), dtype bool
        Each class is shown by an example at least, and not by all.
    classes : sequence of str
    settings : Settings
        Of logistic regression; its ``l2`` is that of the formula above.
    weights : ndarray of shape (n_samples,), dtype float64, optional
        How many examples each counts for, above 0; by default one.
    given_groups : ndarray of shape (n_samples,), dtype intp, optional
        Examples with the same number belong together, whatever they show; one below 0 says
        nothing.
    progress : callable, optional

    Raises
    ------
    TrainingDivergedError
        If numbers leave float32.
    """
    counts = tuple(is_shown.sum(axis=0).tolist())
    # By name: the order of the columns changes nothing but itself.
    by_name = is_shown[:, sorted(range(len(classes)), key=classes.__getitem__)]
    rows = [row.tobytes() for row in np.packbits(by_name, axis=1)]
    numbers = {row: number for number, row in enumerate(sorted(set(rows)))}
    sets = np.array([numbers[row] for row in rows], np.intp)
    doubled = replace(settings, l2=2 * settings.penalty)
    problem = Problem(
        embeddings, sets, tuple(map(str, numbers.values())), doubled, weights, given_groups
    )
    problem, order = in_canonical_order(problem)
    starts = starts_of(problem)
    # Near copies are looked for once, whatever they show.
    everything = np.full(len(order), "")
    groups = photo_groups(
        problem.embeddings, everything, problem.given_groups, kinds=problem.targets
    )[starts]
    problem = merged(replace(problem, given_groups=None), starts)
    is_shown = is_shown[order][starts]
    columns = []
    for column, name in enumerate(classes):
        targets = is_shown[:, column].astype(np.intp)
        # As everywhere, a group is of one side: a near copy that shows the class says nothing of
        # one that does not.
        _, sided = np.unique(2 * groups + targets, return_inverse=True)
        columns.append(
            _fit_class(replace(problem, targets=targets, classes=_SIDES, known_groups=sided), name)
        )
        if progress is not None:
            progress(column + 1, len(classes))
    training: dict[str, Scalar] = {
        "method": "logistic-regression, one against the rest",
        "l2": float(settings.penalty),
        "tolerance": float(settings.tolerance),
        "max_iterations": int(settings.max_iterations),
        "converged": all(column.converged for column in columns),
    }
    return FittedMultiLabelHead(
        weights=np.ascontiguousarray(np.stack([column.weights for column in columns], axis=1)),
        bias=np.array([column.bias for column in columns], np.float32),
        thresholds=np.array([column.threshold for column in columns], np.float32),
        classes=tuple(classes),
        n_samples=len(order),
        class_counts=counts,
        held_out_counts=tuple(column.n_held_out for column in columns),
        training=training,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One class: ``logit = embedding @ weights + bias``, calibrated, and its threshold."""

    weights: FloatArray
    bias: float
    threshold: float
    n_held_out: int
    converged: bool


def _fit_class(problem: Problem, name: str) -> _Column:
    """Fit the class that the second column of a problem shows; ``name`` is for messages."""
    candidate = regressed(problem)
    left_out = problem.left_out
    logits = candidate.logits[:, 1] - candidate.logits[:, 0]
    n_held_out = [round(float(left_out.shares[left_out.targets == side].sum())) for side in (0, 1)]
    factor, shift, threshold = 1.0, 0.0, 0.5
    if min(n_held_out):  # of one side alone, the surest of all would be the most believable
        factor, shift = believable(logits, left_out.targets, left_out.shares)
    if min(n_held_out) >= FEWEST_HELD_OUT:
        probabilities = sigmoid(factor * logits + shift)
        threshold = best_threshold(probabilities, left_out.shares)
    else:
        n_held_out[1] = 0
    with np.errstate(over="ignore"):  # refused below
        exact = factor * (candidate.weights[:, 1].astype(np.float64) - candidate.weights[:, 0])
        weights = exact.astype(np.float32)
        bias = np.float32(factor * (float(candidate.bias[1]) - float(candidate.bias[0])) + shift)
    if not (np.isfinite(weights).all() and np.isfinite(bias)):
        raise TrainingDivergedError(
            f"expected weights within float32, found larger ones for {name!r}; the embeddings "
            "hardly vary: scale them up"
        )
    return _Column(
        weights, float(bias), threshold, n_held_out[1], bool(candidate.training["converged"])
    )


def believable(logits: Array, targets: TargetArray, shares: DoubleArray) -> tuple[float, float]:
    """Return factor and shift with which held-out logits are the most believable.

    Platt, "Probabilistic Outputs for Support Vector Machines", 1999. A factor alone, as a softmax
    has it, would move how common a class is taken to be, and of rare ones much. With few examples
    what is expected counts: the logarithm of the factor, and how far the mean logit moves, are
    taken for normal about 0, give or take a factor of four.

    Parameters
    ----------
    logits : ndarray of shape (n_held_out,)
    targets : ndarray of shape (n_held_out,), dtype intp
        1 where the class is shown, else 0.
    shares : ndarray of shape (n_held_out,), dtype float64
        How much each example counts.
    """
    middle = float(np.average(logits, weights=shares))
    about = logits.astype(np.float64) - middle

    def derivatives(place: DoubleArray) -> tuple[float, DoubleArray, DoubleArray]:
        by_log_factor = np.exp(place[0]) * about  # which is its own second derivative
        found = by_log_factor + middle + place[1]
        probabilities = sigmoid(found)
        pull = shares * (probabilities - targets)
        curvature = shares * probabilities * (1 - probabilities)
        losses = shares * (np.logaddexp(0, found) - targets * found)
        slopes = np.stack([by_log_factor, np.ones(len(found))])
        hessian = slopes * curvature @ slopes.T + np.eye(2) / DOUBT**2
        hessian[0, 0] += pull @ by_log_factor
        loss = float(losses.sum() + np.square(place / DOUBT).sum() / 2)
        return loss, slopes @ pull + place / DOUBT**2, hessian

    logarithm, moved = minimise_newton(derivatives, np.zeros(2), precision=1e-2)
    factor = float(np.exp(logarithm))
    return factor, (1 - factor) * middle + float(moved)


def best_threshold(probabilities: Array, shares: DoubleArray) -> float:
    """Return the probability from which on a class counts as shown, for the highest expected F1.

    If probabilities are as they say, F1 of taking the ``k`` most probable is expected to be about
    ``2 * sum(p[:k]) / (k + sum(p))``, and the best threshold is half of the highest of these:
    Lipton, Elkan and Narayanaswamy, "Optimal Thresholding of Classifiers to Maximize F1 Measure",
    ECML PKDD 2014. So it is 0.5 at most. The highest F1 of the labels themselves, where a photo or
    two decide, was no better (docs/results.md).

    Parameters
    ----------
    probabilities : ndarray of shape (n_held_out,)
        Calibrated, of examples that the class was fitted without.
    shares : ndarray of shape (n_held_out,), dtype float64
        How much each counts.
    """
    order = np.argsort(-probabilities, kind="stable")
    share = shares[order]
    right = np.cumsum(share * probabilities[order])
    expected = 2 * right / (np.cumsum(share) + right[-1])
    return float(max(expected.max() / 2, _LEAST_THRESHOLD))
