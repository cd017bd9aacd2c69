"""What heads of sums need to know of examples: counts, sums and second moments, and no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import DoubleArray, FloatArray, TargetArray
from headfit.maths.scaling import scale_of


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """Sums over examples, from which means and covariances follow.

    What is added can be taken away: to the rounding of float64, in which products of float32 are
    exact, the sums are then those of the examples that are left.

    Attributes
    ----------
    counts : ndarray of shape (n_classes,), dtype int64
        Examples of each class.
    sums : ndarray of shape (n_classes, embedding_dim), dtype float64
        The sum of each class's embeddings.
    moments : ndarray of shape (embedding_dim, embedding_dim), dtype float64
        ``sum(e e^T)`` over all embeddings.
    """

    counts: npt.NDArray[np.int64]
    sums: DoubleArray
    moments: DoubleArray

    @classmethod
    def empty(cls, embedding_dim: int) -> ClassSums:
        """Return the sums of no examples of no class."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros((0, embedding_dim)),
            np.zeros((embedding_dim, embedding_dim)),
        )

    @classmethod
    def of(cls, embeddings: FloatArray, targets: TargetArray, n_classes: int) -> ClassSums:
        """Return the sums of these examples; a class may be empty."""
        exact = embeddings.astype(np.float64)
        sums = np.zeros((n_classes, embeddings.shape[1]))
        for column in np.unique(targets):
            sums[column] = exact[targets == column].sum(axis=0)
        counts = np.bincount(targets, minlength=n_classes).astype(np.int64)
        return cls(counts, sums, exact.T @ exact)

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
