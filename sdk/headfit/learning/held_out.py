"""Examples that heads are made without: which ones, and what those heads say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import Array, TargetArray

MAX_JUDGED = 2000
"""Examples that are left out at most: enough for a percent of accuracy or of temperature."""


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


def judged(counts: npt.NDArray[np.int64], targets: TargetArray) -> TargetArray:
    """Return the rows of examples to leave out, evenly spread if there are many.

    The only one of its class leaves nothing to judge it by.
    """
    rows = np.flatnonzero(counts[targets] > 1)
    step = -(-len(rows) // MAX_JUDGED)
    return rows[:: max(step, 1)]


def logits_by_folds(
    rows: TargetArray,
    targets: TargetArray,
    n_classes: int,
    n_folds: int,
    logits_without: Callable[[TargetArray, TargetArray], Array],
) -> Array:
    """Return the logits of examples that are left out a fold at a time.

    Each fold has as many examples of a class as the others, or one less, so that leaving it out
    hardly makes a class rarer; a class never goes as a whole.

    Parameters
    ----------
    rows : ndarray of int
        Examples to leave out; none the only one of its class.
    targets : ndarray of shape (n_samples,), dtype intp
    n_classes, n_folds : int
    logits_without : callable
        Takes the rows to fit to and the rows left out, and returns the logits of the latter.
    """
    counts = np.bincount(targets, minlength=n_classes)
    folds = np.empty(len(targets), np.intp)
    for column in np.flatnonzero(counts):
        folds[targets == column] = (np.arange(counts[column]) + column) % n_folds
    logits = np.empty((len(rows), n_classes))
    for fold in range(n_folds):
        is_left_out = folds[rows] == fold
        if is_left_out.any():
            taught = np.flatnonzero((folds != fold) | (counts[targets] == 1))
            logits[is_left_out] = logits_without(taught, rows[is_left_out])
    return logits
