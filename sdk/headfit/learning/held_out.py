"""Examples that heads are made without: which ones, and what those heads say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import Array, DoubleArray, Floats, TargetArray
from headfit.maths.once import once

MAX_JUDGED = 2000
"""Examples that are left out at most, or a few more: enough for a percent of accuracy or of
temperature.
"""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Examples to leave out, a group at a time: see `headfit.learning.groups`.

    Attributes
    ----------
    rows, targets : ndarray of shape (n_left_out,), dtype intp
        Which of the examples, and their classes' columns. Groups are whole, and none is the only
        one of its class.
    groups : ndarray of shape (n_left_out,), dtype intp
        Of each, counted from 0.
    weights : ndarray of shape (n_left_out,), dtype float64
        How many examples each counts for.
    """

    rows: TargetArray
    targets: TargetArray
    groups: TargetArray
    weights: DoubleArray

    @classmethod
    def singly(cls, targets: TargetArray, rows: TargetArray | None = None) -> LeftOut:
        """Return what leaves each of some examples out by itself, by default of all."""
        if rows is None:
            rows = np.arange(len(targets))
        return cls(rows, targets[rows], np.arange(len(rows)), np.ones(len(rows)))

    @once
    def are_single(self) -> bool:
        """Whether each is a group by itself."""
        return len(np.unique(self.groups)) == len(self.groups)

    def parts(self, size: int = 256) -> Iterator[tuple[TargetArray, LeftOut]]:
        """Yield places of some of these with what they are, no group in two of the parts."""
        order = np.argsort(self.groups, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(self.groups[order])) + 1, len(order))
        start = 0
        while start < len(order):
            last = min(int(np.searchsorted(ends, start + size)), len(ends) - 1)
            end = int(ends[last])
            here = order[start:end]
            _, compact = np.unique(self.groups[here], return_inverse=True)
            yield here, LeftOut(self.rows[here], self.targets[here], compact, self.weights[here])
            start = end

    @property
    def several(self) -> list[TargetArray]:
        """For each group of more than one, where its examples are among these."""
        if self.are_single:
            return []
        order = np.argsort(self.groups, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(self.groups[order])) + 1)
        return [part for part in parts if len(part) > 1]

    @once
    def masses(self) -> DoubleArray:
        """How many examples the group of each counts for: shape (n_left_out,)."""
        if self.are_single:
            return self.weights
        masses: DoubleArray = np.bincount(self.groups, self.weights)[self.groups].astype(np.float64)
        return masses

    @property
    def shares(self) -> DoubleArray:
        """How much each counts as evidence, so that every group counts one."""
        shares: DoubleArray = self.weights / self.masses
        return shares

    def means(self, values: DoubleArray) -> DoubleArray:
        """Return for each example the mean over its group.

        Parameters
        ----------
        values : ndarray of shape (n_left_out,) or (n_left_out, anything), dtype float64
        """
        if self.are_single:
            return values
        shares = self.shares.reshape(-1, *[1] * (values.ndim - 1))
        return sums_over_groups(shares * values, self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Examples, each with what a head that was made without its group says of it.

    Attributes
    ----------
    rows, targets : ndarray of shape (n_held_out,), dtype intp
        Which of the examples, and their classes' columns. One whose group is alone in its class is
        never among them.
    probabilities : ndarray of shape (n_held_out, n_classes), dtype float64
    shares : ndarray of shape (n_held_out,), dtype float64
        How much each counts as evidence: every group counts one.
    group_counts : ndarray of shape (n_classes,), dtype int64
        Groups of each class: how many photos there effectively are.
    """

    rows: TargetArray
    targets: TargetArray
    probabilities: Array
    shares: DoubleArray
    group_counts: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float | None:
        """The share that is taken for its class; None if there are none."""
        if not len(self.rows):
            return None
        is_right = self.probabilities.argmax(axis=1) == self.targets
        return float(np.average(is_right, weights=self.shares))

    def at_columns(self, order: list[int]) -> HeldOut:
        """Return the same with the classes in another order: column ``order[i]`` becomes ``i``."""
        targets = np.argsort(order)[self.targets]
        return HeldOut(
            self.rows, targets, self.probabilities[:, order], self.shares, self.group_counts[order]
        )


def sums_over_groups(values: Floats, groups: TargetArray) -> Floats:
    """Return for each row the sum over its group, added in the order of the rows.

    `numpy.add.at` is slow, and most are groups by themselves: only the others are added.

    Parameters
    ----------
    values : ndarray of shape (n_samples,) or (n_samples, anything)
    groups : ndarray of shape (n_samples,), dtype intp
        Counted from 0.
    """
    sums = values.copy()
    shared = np.flatnonzero(np.bincount(groups)[groups] > 1)
    if len(shared):
        of_shared = groups[shared]
        added = np.zeros((int(of_shared.max()) + 1, *values.shape[1:]), values.dtype)
        np.add.at(added, of_shared, values[shared])
        sums[shared] = added[of_shared]
    return sums


def left_out_of(
    targets: TargetArray,
    groups: TargetArray,
    group_counts: npt.NDArray[np.int64],
    weights: DoubleArray,
) -> LeftOut:
    """Return which examples to leave out, evenly spread if there are many.

    The only group of its class leaves nothing to judge it by.

    Parameters
    ----------
    targets, groups, weights : ndarray of shape (n_samples,)
    group_counts : ndarray of shape (n_classes,), dtype int64
    """
    rows = np.flatnonzero(group_counts[targets] > 1)
    step = -(-len(rows) // MAX_JUDGED)
    if step > 1:
        chosen = np.unique(groups[rows])[::step]
        rows = rows[np.isin(groups[rows], chosen)]
    _, compact = np.unique(groups[rows], return_inverse=True)
    return LeftOut(rows, targets[rows], compact, weights[rows])


def logits_by_folds(
    left_out: LeftOut,
    targets: TargetArray,
    groups: TargetArray,
    n_folds: int,
    logits_without: Callable[[TargetArray, TargetArray], Array],
) -> Array:
    """Return the logits of examples that are left out a fold at a time.

    Each fold has as many groups of a class as the others, or one less, so that leaving it out
    hardly makes a class rarer; a class never goes as a whole.

    Parameters
    ----------
    left_out : LeftOut
    targets, groups : ndarray of shape (n_samples,), dtype intp
        Of all examples.
    n_folds : int
    logits_without : callable
        Takes the rows to fit to and the rows left out, and returns the logits of the latter.
    """
    folds = np.empty(len(targets), np.intp)
    is_alone = np.zeros(len(targets), np.bool_)
    for column in np.unique(targets):
        here = targets == column
        numbers, inverse = np.unique(groups[here], return_inverse=True)
        folds[here] = inverse % n_folds  # whatever the column: names change no head
        is_alone[here] = len(numbers) == 1
    rows = left_out.rows
    logits: Array = np.empty((len(rows), int(targets.max()) + 1))
    for fold in range(n_folds):
        is_left_out = folds[rows] == fold
        if is_left_out.any():
            taught = np.flatnonzero((folds != fold) | is_alone)
            logits[is_left_out] = logits_without(taught, rows[is_left_out])
    return logits
