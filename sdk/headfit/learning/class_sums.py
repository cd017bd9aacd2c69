"""What heads of sums need to know of examples: counts, sums and second moments, and no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from headfit.maths.arrays import DoubleArray, FloatArray, TargetArray, blocks
from headfit.maths.grid import Grid
from headfit.maths.scaling import scale_of


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """Sums over examples, from which means and covariances follow.

    Of embeddings on a `headfit.maths.grid.Grid` they are exact: the same bits in whatever order
    examples are added, and after some were taken away again.

    Attributes
    ----------
    counts : ndarray of shape (n_classes,), dtype float64
        Examples of each class, or what they count for.
    sums : ndarray of shape (n_classes, embedding_dim), dtype float64
        The sum of each class's embeddings.
    moments : ndarray of shape (embedding_dim, embedding_dim), dtype float64
        ``sum(e e^T)`` over all embeddings.
    """

    counts: DoubleArray
    sums: DoubleArray
    moments: DoubleArray

    @classmethod
    def empty(cls, embedding_dim: int) -> ClassSums:
        """Return the sums of no examples of no class."""
        return cls(
            np.zeros(0),
            np.zeros((0, embedding_dim)),
            np.zeros((embedding_dim, embedding_dim)),
        )

    @classmethod
    def of(
        cls,
        embeddings: FloatArray,
        targets: TargetArray,
        n_classes: int,
        weights: DoubleArray | None = None,
    ) -> ClassSums:
        """Return the sums of these examples, as their weights count; a class may be empty."""
        embedding_dim = embeddings.shape[1]
        sums = np.zeros((n_classes, embedding_dim))
        moments: DoubleArray | None = None
        for rows in blocks(len(targets), 2048):
            exact = embeddings[rows].astype(np.float64)
            weighed = exact if weights is None else exact * weights[rows, np.newaxis]
            columns = targets[rows]
            for column in np.unique(columns):
                sums[column] += weighed[columns == column].sum(axis=0)
            products = exact.T @ weighed
            moments = products if moments is None else np.add(moments, products, out=moments)
        counts = np.bincount(targets, weights, n_classes).astype(np.float64)
        if moments is None:
            moments = np.zeros((embedding_dim, embedding_dim))
        return cls(counts, sums, moments)

    def plus(self, other: ClassSums) -> ClassSums:
        """Return the sums of the examples of both, whose classes must be the same."""
        return ClassSums(
            self.counts + other.counts, self.sums + other.sums, self.moments + other.moments
        )

    def minus(self, other: ClassSums) -> ClassSums:
        """Return the sums without the other's examples, which must be among these."""
        return ClassSums(
            self.counts - other.counts, self.sums - other.sums, self.moments - other.moments
        )

    def renewed(
        self, features: TargetArray, embeddings: FloatArray, targets: TargetArray
    ) -> ClassSums:
        """Return the sums with some features' taken anew of all examples.

        Parameters
        ----------
        features : ndarray of shape (n_features,), dtype intp
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        targets : ndarray of shape (n_samples,), dtype intp
        """
        sums, moments = self.sums.copy(), self.moments.copy()
        sums[:, features], moments[:, features] = 0, 0
        for rows in blocks(len(targets), 2048):
            exact = embeddings[rows].astype(np.float64)
            some, columns = exact[:, features], targets[rows]
            for column in np.unique(columns):
                sums[column, features] += some[columns == column].sum(axis=0)
            moments[:, features] += exact.T @ some
        moments[features] = moments[:, features].T
        return ClassSums(self.counts, sums, moments)

    def at_columns(self, columns: list[int]) -> ClassSums:
        """Return the sums with their classes in another order; -1 stands for a new, empty class."""
        counts = np.append(self.counts, 0)[np.array(columns, np.intp)]
        sums = np.vstack([self.sums, np.zeros(self.sums.shape[1])])[np.array(columns, np.intp)]
        return ClassSums(counts, sums, self.moments)

    def means(self) -> DoubleArray:
        """Return the mean of each class: shape (n_classes, embedding_dim)."""
        means: DoubleArray = self.sums / self.counts[:, np.newaxis]
        return means

    def mean_and_inverse_scale(self) -> tuple[DoubleArray, DoubleArray]:
        """Return each feature's mean, and one over its standard deviation, over all examples.

        A feature that only varies by rounding is constant and gets 0, so that it has no say.
        """
        n_samples = self.counts.sum()
        mean = self.sums.sum(axis=0) / n_samples
        variance = np.diagonal(self.moments) / n_samples - np.square(mean)
        return mean, 1 / scale_of(variance, mean)

    def scatter_within(self) -> DoubleArray:
        """Return ``sum((e - m)(e - m)^T)`` where ``m`` is the mean of the example's class."""
        means = self.means()
        scatter: DoubleArray = self.moments - self.sums.T @ means
        return scatter


Example: TypeAlias = tuple[str, FloatArray]
"""A class name and an embedding of shape (embedding_dim,), dtype float32."""


class RunningSums:
    """Sums that follow examples as they come and go, at a cost that goes by how many do."""

    def __init__(self) -> None:
        # Grid, what was summed, classes, sums: in one, so that no interruption parts them.
        self._known: tuple[Grid | None, dict[int, Example], tuple[str, ...], ClassSums] = (
            None,
            {},
            (),
            ClassSums.empty(0),
        )

    def of(
        self, examples: Mapping[int, Example], classes: tuple[str, ...], grid: Grid
    ) -> ClassSums:
        """Return the sums of examples, by their numbers, that are rounded to a grid.

        Parameters
        ----------
        examples : mapping of int to Example
            An example that stays is the very same object; what is renamed is another.
        classes : tuple of str
            The columns of the sums; every example's class is among them.
        grid : Grid
        """
        known, before, known_classes, known_sums = self._known
        gone = [number for number, example in before.items() if examples.get(number) is not example]
        new = [number for number, example in examples.items() if before.get(number) is not example]
        is_little = len(gone) + len(new) < len(examples)
        if known is None or known.bits != grid.bits or not is_little:
            sums = _summed(examples.values(), classes, grid)
        else:
            # On both grids a feature of one exponent is rounded alike.
            moved = np.flatnonzero(known.exponents != grid.exponents)
            every = tuple(sorted({*classes, *known_classes}))
            old = {name: column for column, name in enumerate(known_classes)}
            sums = known_sums.at_columns([old.get(name, -1) for name in every])
            if gone:  # first: at no time more are summed than the grid is for
                sums = sums.minus(_summed([before[number] for number in gone], every, grid))
            if new:
                sums = sums.plus(_summed([examples[number] for number in new], every, grid))
            column = {name: number for number, name in enumerate(every)}
            sums = sums.at_columns([column[name] for name in classes])
            if len(moved):
                sums = sums.renewed(moved, *_rounded(examples.values(), classes, grid))
        self._known = grid, dict(examples), classes, sums
        return sums


def _summed(examples: Collection[Example], classes: tuple[str, ...], grid: Grid) -> ClassSums:
    return ClassSums.of(*_rounded(examples, classes, grid), len(classes))


def _rounded(
    examples: Collection[Example], classes: tuple[str, ...], grid: Grid
) -> tuple[FloatArray, TargetArray]:
    columns = {name: column for column, name in enumerate(classes)}
    targets = np.array([columns[name] for name, _ in examples], np.intp)
    embeddings = np.array([embedding for _, embedding in examples], np.float32)
    return grid.rounded(embeddings.reshape(len(targets), len(grid.exponents))), targets
