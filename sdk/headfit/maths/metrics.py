"""How good predictions are: pure functions over targets, probabilities and scores.

Everywhere ``targets`` is an ndarray of shape (n_samples,), dtype intp: the column of each sample's
true class; and ``probabilities`` is an ndarray of shape (n_samples, n_classes). There must be at
least one sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import Array, BoolArray, TargetArray


def accuracy(targets: TargetArray, probabilities: Array) -> float:
    """Return the fraction of samples whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == targets).mean())


def top_k_accuracy(targets: TargetArray, probabilities: Array, k: int) -> float:
    """Return the fraction of samples whose true class is among the ``k`` most probable.

    Of equally probable classes the one with the lower column comes first, as in `accuracy`.
    With ``k`` of at least n_classes it is 1.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == targets[:, np.newaxis]).any(axis=1).mean())


def confusion(targets: TargetArray, probabilities: Array) -> npt.NDArray[np.int64]:
    """Return how often each class was taken for each.

    Returns
    -------
    ndarray of shape (n_classes, n_classes), dtype int64
        Entry ``[i, j]`` counts the samples of class ``i`` whose most probable class is ``j``.
    """
    n_classes = probabilities.shape[1]
    pairs = targets * n_classes + probabilities.argmax(axis=1)
    counts = np.bincount(pairs, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def recall(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the fraction of each class's samples that were recognised.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes), dtype int64
        As `confusion` returns it.

    Returns
    -------
    ndarray of shape (n_classes,), dtype float64
        NaN where a class has no sample.
    """
    n_samples = confusion.sum(axis=1)
    recognised = np.diagonal(confusion)
    fractions = np.full(len(confusion), np.nan)
    np.divide(recognised, n_samples, out=fractions, where=n_samples > 0)
    return fractions


def auroc(
    positive: Array,
    negative: Array,
    positive_weights: Array | None = None,
    negative_weights: Array | None = None,
) -> float:
    """Return how often a positive score is above a negative one; ties count half.

    The area under the receiver operating characteristic curve, as the statistic of Mann and
    Whitney: Hanley and McNeil, Radiology 143, 1982.

    Parameters
    ----------
    positive, negative : ndarray of shape (n,) and (m,)
        At least one score each.
    positive_weights, negative_weights : ndarray of shape (n,) and (m,), optional
        How much each counts; by default the same.
    """
    order = np.argsort(negative, kind="stable")
    weights = np.ones(len(negative)) if negative_weights is None else negative_weights[order]
    passed = np.append(0.0, np.cumsum(weights, dtype=np.float64))
    places = [np.searchsorted(negative[order], positive, side) for side in ("left", "right")]
    below = (passed[places[0]] + passed[places[1]]) / 2
    return float(np.average(below, weights=positive_weights) / passed[-1])


def calibration_error(
    targets: TargetArray,
    probabilities: Array,
    n_bins: int = 15,
    weights: Array | None = None,
) -> float:
    """Return the expected calibration error: how far confidence is from accuracy.

    Samples are binned by the probability of their most probable class, in ``n_bins`` bins of equal
    width, each with its upper edge. The error is the mean over samples of
    ``|accuracy - mean confidence|`` of their bin. Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, equation 3.

    Parameters
    ----------
    targets, probabilities
    n_bins : int
    weights : ndarray of shape (n_samples,), optional
        How much each sample counts; by default the same.

    Returns
    -------
    float
        From 0 (says 70 % where 70 % are right) to 1.
    """
    is_right = probabilities.argmax(axis=1) == targets
    return reliability_error(probabilities.max(axis=1), is_right, n_bins, weights)


def reliability_error(
    stated: Array, is_so: BoolArray, n_bins: int = 15, weights: Array | None = None
) -> float:
    """Return how far stated probabilities are from how often it is so: see `calibration_error`.

    Parameters
    ----------
    stated : ndarray of shape (n,)
        Probabilities, of whatever may be so or not.
    is_so : ndarray of shape (n,), dtype bool
    n_bins : int
    weights : ndarray of shape (n,), optional
        How much each counts; by default the same.
    """
    stated = stated.astype(np.float64)
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], stated)
    weights = np.ones(len(stated)) if weights is None else weights
    # how often it is so - mean of what was stated, times the samples in the bin
    gaps = np.bincount(bins, weights=weights * (is_so - stated), minlength=n_bins)
    return float(np.abs(gaps).sum() / weights.sum())


def average_precision(is_positive: BoolArray, scores: Array) -> float:
    """Return the mean precision over the positives, each at its own score.

    ``sum((R[k] - R[k - 1]) * P[k])`` over the different scores, highest first, where ``P[k]`` and
    ``R[k]`` are precision and recall of what scores at least the ``k``-th: Manning, Raghavan and
    Schuetze, "Introduction to Information Retrieval", 2008, section 8.4, with ties taken together.

    Parameters
    ----------
    is_positive : ndarray of shape (n_samples,), dtype bool
        At least one is.
    scores : ndarray of shape (n_samples,)
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    right = np.cumsum(is_positive[order], dtype=np.float64)[ends]
    precision = right / (ends + 1)
    return float(np.diff(right, prepend=0) @ precision / right[-1])
