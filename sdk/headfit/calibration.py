"""How sure a head may be: temperature, rejection and conformal sets from held-out logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.headblocks import Calibration

Array: TypeAlias = npt.NDArray[np.floating[Any]]
TargetArray: TypeAlias = npt.NDArray[np.intp]

KNOWN_SHARE = 0.95
"""The share of photos of known classes that a head is to recognise as known."""

QUANTILES = 99
"""Conformal scores that a head keeps at most: one for each percent of coverage."""

# One standard deviation of what is believed of a temperature's logarithm before any photo.
_DOUBT = math.log(2)
_SEARCHED = math.log(256)
_HALVINGS = 12


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Examples, each with what a head that was made without it says of it.

    Attributes
    ----------
    rows, targets : ndarray of shape (n_held_out,), dtype intp
        Which of the examples, and their classes' columns. One that is alone in its class is never
        among them.
    probabilities : ndarray of shape (n_held_out, n_classes), dtype float64
    """

    rows: TargetArray
    targets: TargetArray
    probabilities: Array

    @classmethod
    def nothing(cls) -> HeldOut:
        """Return what there is where no example was left out."""
        nobody = np.zeros(0, np.intp)
        return cls(nobody, nobody, np.zeros((0, 0)))

    def at_columns(self, order: list[int]) -> HeldOut:
        """Return the same with the classes in another order: column ``order[i]`` becomes ``i``."""
        targets = np.argsort(order)[self.targets]
        return HeldOut(self.rows, targets, self.probabilities[:, order])


def calibrate(held_out: HeldOut) -> Calibration:
    """Return from which score on a photo counts as known, and how large conformal sets must be.

    Split conformal prediction (Vovk et al., "Algorithmic Learning in a Random World", 2005), with
    the head that lacks the example in the place of one that lacks them all: of ``n`` scores the
    ``floor((n + 1) * share)``-th smallest is undershot by at most that share of new photos, if
    these are like the old ones. Fewer than 19 examples cannot tell what 5 % are: all counts as
    known then. The scores of the sets are those of Sadinle, Lei and Wasserman, "Least Ambiguous
    Set-Valued Classifiers with Bounded Error Levels", JASA 2019; coverage is over photos of all
    classes together, not for each class.
    """
    targets, probabilities = held_out.targets, held_out.probabilities
    n_samples = len(targets)
    threshold = None
    rank = math.floor((n_samples + 1) * (1 - KNOWN_SHARE) + 1e-9)
    if rank >= 1:
        threshold = float(np.sort(probabilities.max(axis=1))[rank - 1])
    scores = np.sort(1 - probabilities[np.arange(n_samples), targets])
    if n_samples > QUANTILES:
        ranks = np.arange(1, QUANTILES + 1) * (n_samples + 1) / (QUANTILES + 1)
        scores = scores[np.ceil(ranks - 1e-9).astype(np.intp) - 1]
    # Four digits, rounded up, keep the coverage and the file small.
    rounded = np.minimum(np.ceil(scores.astype(np.float64) * 1e4) / 1e4, 1)
    return Calibration(
        "max_probability", threshold, KNOWN_SHARE, n_samples, tuple(rounded.tolist())
    )


def least_probability(calibration: Calibration, coverage: float) -> float:
    """Return how probable a class must be to belong to the conformal set.

    With too few examples for the coverage it is 0, and every class belongs.
    """
    scores = calibration.set_scores
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return 1 - scores[rank - 1] if 1 <= rank <= len(scores) else 0.0


def sharpness(logits: Array, targets: TargetArray, expected: float) -> float:
    """Return the factor for logits that makes their probabilities the most believable.

    One over the temperature of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
    section 4.2. With few examples the one that is expected counts: the logarithm of the factor is
    taken for normal about it, give or take a factor of two.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Of examples that the head was not fitted on; there may be none.
    targets : ndarray of shape (n_samples,), dtype intp
    expected : float
        The factor that logits of this kind usually need.

    Returns
    -------
    float
        Positive, within 256 times of the expected, exact to a fraction of a percent.
    """
    rows = np.arange(len(targets))
    relative = logits - logits[rows, targets][:, np.newaxis]
    low, high = -_SEARCHED, _SEARCHED
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        factor = expected * math.exp(middle)
        scaled = factor * relative
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=0))
        # d / d log(factor) of the losses' sum: the mean scaled logit less the target's
        slope = float(((weights * scaled).sum(axis=1) / weights.sum(axis=1)).sum())
        if slope + middle / _DOUBT**2 > 0:
            high = middle
        else:
            low = middle
    return expected * math.exp((low + high) / 2)
