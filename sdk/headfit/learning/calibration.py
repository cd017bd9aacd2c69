"""How sure a head may be: temperature, rejection and conformal sets from held-out logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.learning.held_out import HeldOut
from headfit.maths.arrays import Array, DoubleArray, FloatArray, TargetArray
from headfit.maths.newton import minimise_newton
from headfit.maths.softmax import softmax

SCORES: Final = ("max_probability", "typicality", "likeness")
MAX_SET_SCORES: Final = 1024

KNOWN_SHARE = 0.95
"""The share of photos of known classes that a head is to recognise as known."""

QUANTILES = 99
"""Conformal scores that a head keeps at most: one for each percent of coverage."""

DOUBT: Final = math.log(4)
"""One standard deviation of what is believed of a factor's logarithm before any photo."""

TIED_DOUBT: Final = math.log(1.2)
"""The same of each of several factors beside what they have in common, where they are tied."""

# The last step towards it is no longer than this, so that it is known to a few parts in 10,000;
# where each head alone would be says no more than in which valley to look.
_PRECISION = 1e-2
_VALLEY = 0.3


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of examples that the head was made without.

    Attributes
    ----------
    score : str
        How sure the head is of an embedding, one of `SCORES`: the largest probability; the largest
        logit less the mean logit and the distance of `headfit.learning.typicality.Typicality`; or
        that of `headfit.learning.likeness.Likeness`.
    threshold : float or None
        An embedding whose score is smaller shows none of the classes. None if it is not known.
    known_share : float
        The share of held-out examples that were to reach the threshold, from 0 to 1.
    n_held_out : int
        Held-out examples that this stands on.
    set_scores : tuple of float
        For each held-out example, one minus the probability of its class, ascending; evenly spaced
        quantiles of them if there are more than `MAX_SET_SCORES`.
    """

    score: str
    threshold: float | None
    known_share: float
    n_held_out: int
    set_scores: tuple[float, ...]


def sureness(score: str, logits: FloatArray, distances: FloatArray | float) -> FloatArray:
    """Return how sure a head is of each embedding, by one of `SCORES`.

    Parameters
    ----------
    score : str
    logits : ndarray of shape (n_samples, n_classes)
    distances : ndarray of shape (n_samples,), or 0
        Of `headfit.learning.typicality.Typicality`; for "typicality" alone.
    """
    if score == "typicality":
        return leads_of(logits) - distances
    highest: FloatArray = softmax(logits).max(axis=1)
    return highest


def leads_of(logits: FloatArray) -> FloatArray:
    """Return how far the largest logit of each row is above the mean one."""
    leads: FloatArray = logits.max(axis=1) - logits.mean(axis=1)
    return leads


def weigh(leads: Array, distances: Array, shares: DoubleArray) -> float | None:
    """Return what to multiply distances by, so that they vary as the leads of logits do.

    Both are of held-out examples, which count as their shares say. None if there are too few to
    set a threshold by, or distances do not vary. What is far out (Tukey, "Exploratory Data
    Analysis", 1977: beyond the upper quartile by three times the distance between the quartiles)
    counts as that far: one photo with a feature that no other has would lie so far off that by its
    measure nothing else did.
    """
    n_groups = _n_groups(shares)
    if not can_tell(n_groups):
        return None
    lower, upper = _ranked(distances, shares, np.array([(n_groups + 3) // 4, 3 * n_groups // 4]))
    near = np.minimum(distances, upper + 3 * (upper - lower))
    if near.std() == 0:
        near = distances
    if near.std() == 0:
        return None
    return _spread(leads, shares) / _spread(near, shares)


def _spread(values: Array, shares: DoubleArray) -> float:
    """Return the standard deviation."""
    mean = np.average(values, weights=shares)
    return float(np.sqrt(np.average(np.square(values - mean), weights=shares)))


def _n_groups(shares: DoubleArray) -> int:
    return round(float(shares.sum()))


def _ranked(values: Array, shares: DoubleArray, ranks: npt.NDArray[np.int64]) -> DoubleArray:
    """Return the smallest values, by rank from 1, where each fills as many ranks as its share."""
    order = np.argsort(values, kind="stable")
    filled = np.cumsum(shares[order])
    places = np.minimum(np.searchsorted(filled, ranks - 1e-6), len(order) - 1)
    ranked: DoubleArray = values[order][places].astype(np.float64)
    return ranked


def can_tell(n_held_out: int) -> bool:
    """Return whether so many held-out examples are enough to set a threshold by."""
    return _threshold_rank(n_held_out) >= 1


def _threshold_rank(n_samples: int) -> int:
    return math.floor((n_samples + 1) * (1 - KNOWN_SHARE) + 1e-9)


def calibrate(
    held_out: HeldOut, score: str = "max_probability", known_by: Array | None = None
) -> Calibration:
    """Return from which score on a photo counts as known, and how large conformal sets must be.

    Split conformal prediction (Vovk et al., "Algorithmic Learning in a Random World", 2005), with
    the head that lacks the example in the place of one that lacks them all: of ``n`` scores the
    ``floor((n + 1) * share)``-th smallest is undershot by at most that share of new photos, if
    these are like the old ones. Fewer than 19 examples cannot tell what 5 % are: all counts as
    known then. The scores of the sets are those of Sadinle, Lei and Wasserman, "Least Ambiguous
    Set-Valued Classifiers with Bounded Error Levels", JASA 2019; coverage is over photos of all
    classes together, not for each class. A group of nearly one photo counts as one example.

    Parameters
    ----------
    held_out : HeldOut
    score : str
        One of `SCORES`.
    known_by : ndarray of shape (n_held_out,), optional
        The score of each; by default the largest probability.
    """
    targets, probabilities, shares = held_out.targets, held_out.probabilities, held_out.shares
    n_samples = _n_groups(shares)
    if known_by is None:
        known_by = probabilities.max(axis=1, initial=0)
    rank = _threshold_rank(n_samples)
    threshold = float(_ranked(known_by, shares, np.array([rank]))[0]) if rank >= 1 else None
    scores = 1 - probabilities[np.arange(len(targets)), targets]
    return Calibration(
        score, threshold, KNOWN_SHARE, n_samples, _set_scores(scores, shares, n_samples)
    )


def joined(calibration: Calibration, scores: Array, shares: DoubleArray) -> Calibration:
    """Return the calibration with the conformal scores of further held-out examples."""
    before = np.array(calibration.set_scores)
    counted = np.full(len(before), calibration.n_held_out / max(len(before), 1))
    n_samples = calibration.n_held_out + _n_groups(shares)
    set_scores = _set_scores(np.append(before, scores), np.append(counted, shares), n_samples)
    return replace(calibration, n_held_out=n_samples, set_scores=set_scores)


def _set_scores(scores: Array, shares: DoubleArray, n_samples: int) -> tuple[float, ...]:
    """Return the scores in order, or their quantiles; four digits, rounded up, keep the coverage.

    Parameters
    ----------
    scores, shares : ndarray of shape (n_held_out,)
    n_samples : int
        The sum of the shares.
    """
    ranks = np.arange(1, n_samples + 1)
    if n_samples > QUANTILES:
        spaced = np.arange(1, QUANTILES + 1) * (n_samples + 1) / (QUANTILES + 1)
        ranks = np.ceil(spaced - 1e-9).astype(np.int64)
    ranked = _ranked(scores, shares, ranks)
    rounded: list[float] = np.minimum(np.ceil(ranked * 1e4 - 1e-6) / 1e4, 1).tolist()
    return tuple(rounded)


def least_probability(calibration: Calibration, coverage: float) -> float:
    """Return how probable a class must be to belong to the conformal set.

    With too few examples for the coverage it is 0, and every class belongs.
    """
    scores = calibration.set_scores
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return 1 - scores[rank - 1] if 1 <= rank <= len(scores) else 0.0


def sharpness(
    logits: Sequence[Array],
    targets: TargetArray,
    expected: Sequence[float],
    shares: DoubleArray,
    *,
    tied: bool = False,
) -> list[float]:
    """Return the factors for logits of several heads whose sum has the most believable softmax.

    For one head it is one over the temperature of Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, section 4.2; for several it also says how far to trust each. With few
    examples the factors that are expected count: the logarithm of each is taken for normal about
    it, give or take a factor of four; about its share of it where there are several.

    Parameters
    ----------
    logits : sequence of ndarrays of shape (n_samples, n_classes)
        Of examples that the heads were not fitted on; there may be none.
    targets : ndarray of shape (n_samples,), dtype intp
    expected : sequence of float
        The factors that logits of these kinds usually need alone.
    shares : ndarray of shape (n_samples,), dtype float64
        How much each example counts.
    tied : bool
        Whether the factors are believed to have nearly the expected ratio, however large they are.
    """
    rows = np.arange(len(targets))
    relative = np.stack([each - each[rows, targets][:, np.newaxis] for each in logits])
    start = np.zeros(len(logits))
    if len(logits) > 1:
        # Where each head alone would be: the logarithms have more than one valley.
        for head, factor in enumerate(expected):
            alone = relative[[head]], np.array([factor]), start[[head]]
            start[head] = _log_factors(*alone, shares, _belief(1), _VALLEY)[0]
    parts = np.array(expected) / len(expected)
    belief = _belief(len(logits), tied)
    logarithms = _log_factors(relative, parts, start, shares, belief, _PRECISION)
    factors: list[float] = (np.exp(logarithms) * parts).tolist()
    return factors


def _belief(n_heads: int, tied: bool = False) -> DoubleArray:
    """Return the inverse covariance of what is believed of the factors' logarithms."""
    if not tied:
        return np.eye(n_heads) / DOUBT**2
    return np.linalg.inv(np.full((n_heads, n_heads), DOUBT**2) + TIED_DOUBT**2 * np.eye(n_heads))


def _log_factors(
    relative: Array,
    expected: Array,
    start: DoubleArray,
    shares: DoubleArray,
    belief: DoubleArray,
    precision: float,
) -> DoubleArray:
    """Return the logarithms of the best factors over the expected ones.

    Parameters
    ----------
    relative : ndarray of shape (n_heads, n_samples, n_classes)
        Logits less the target's.
    expected, start : ndarray of shape (n_heads,)
    shares : ndarray of shape (n_samples,), dtype float64
    belief : ndarray of shape (n_heads, n_heads), dtype float64
        `_belief`.
    precision : float
        As in `headfit.maths.newton.minimise_newton`.
    """
    n_heads, n_samples, n_classes = relative.shape
    flat = relative.reshape(n_heads, n_samples * n_classes)

    def derivatives(logarithms: DoubleArray) -> tuple[float, DoubleArray, DoubleArray]:
        factors = np.exp(logarithms) * expected
        together = (factors @ flat).reshape(n_samples, n_classes)
        highest = together.max(axis=1, initial=0)
        together -= highest[:, np.newaxis]
        probabilities = np.exp(together, out=together)
        sums = probabilities.sum(axis=1)
        probabilities /= sums[:, np.newaxis]
        pull = belief @ logarithms
        loss = (shares * (np.log(sums) + highest)).sum() + logarithms @ pull / 2
        # d / d log(factor): the mean scaled logit, less the target's, which is 0. Of two of them,
        # the covariance, and the first once more on the diagonal.
        pulls = relative * probabilities
        means = factors[:, np.newaxis] * pulls.sum(axis=2)
        pulls *= shares[:, np.newaxis]
        weighed = shares * means
        products = pulls.reshape(n_heads, -1) @ flat.T * np.outer(factors, factors)
        slopes = weighed.sum(axis=1)
        hessian = products - weighed @ means.T + np.diag(slopes) + belief
        return float(loss), slopes + pull, hessian

    return minimise_newton(derivatives, start, precision=precision)
