"""Sums that do not depend on the order in which they are added up.

A sum of float64 is exact, in whatever order, while all that is added are whole multiples of one
unit and no partial sum needs more than 53 bits. So each feature is rounded to a power of two: for
``n`` embeddings below ``2 ** exponent`` to ``2 ** (exponent - bits)`` with ``2 * bits + log2(n) <=
53``, as products of two features are summed. Up to 32 embeddings float32's own 24 bits stay; with
2,000 there are 21, with 100,000 still 18, far finer than what photos of a class have in common.

The grid is a function of the set of embeddings alone: of each feature's largest exponent, and of
how many embeddings there are, in steps of four.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import DoubleArray, FloatArray, TargetArray, blocks

_SIGNIFICAND = 24  # float32's
_EXACT = 53  # float64's
_NOTHING = -(1 << 20)  # the exponent of a feature that is 0 throughout


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """What embeddings are rounded to.

    Attributes
    ----------
    exponents : ndarray of shape (embedding_dim,), dtype int64
        The smallest ``e`` with ``abs(feature) < 2 ** e`` for all embeddings.
    bits : int
        How many of the bits below that exponent are kept.
    """

    exponents: npt.NDArray[np.int64]
    bits: int

    @classmethod
    def of(cls, embeddings: FloatArray) -> Grid:
        """Return the grid of these embeddings."""
        return cls(exponents_of(embeddings), bits_for(len(embeddings)))

    @property
    def units(self) -> DoubleArray:
        """What each feature is a multiple of: shape (embedding_dim,)."""
        exponents = np.where(self.exponents == _NOTHING, self.bits, self.exponents)
        units: DoubleArray = np.ldexp(1.0, exponents - self.bits)
        return units

    def rounded(self, embeddings: FloatArray, rows: TargetArray | None = None) -> FloatArray:
        """Return embeddings rounded to the nearest whole multiples; minus zero becomes zero.

        Parameters
        ----------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        rows : ndarray of int, optional
            Which of them, in which order; by default all as they are.
        """
        units = self.units
        per_unit = 1 / units  # powers of two: exact
        n_rows = len(embeddings) if rows is None else len(rows)
        rounded = np.empty((n_rows, embeddings.shape[1]), np.float32)
        for block in blocks(n_rows):
            multiples = embeddings[block if rows is None else rows[block]] * per_unit
            np.rint(multiples, out=multiples)
            multiples += 0.0
            np.multiply(multiples, units, out=rounded[block], casting="same_kind")
        return rounded

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and self.bits == other.bits
            and np.array_equal(self.exponents, other.exponents)
        )


def exponents_of(embeddings: FloatArray) -> npt.NDArray[np.int64]:
    """Return each feature's largest exponent: shape (embedding_dim,)."""
    largest = np.maximum(embeddings.max(axis=0, initial=0), -embeddings.min(axis=0, initial=0))
    _, exponents = np.frexp(largest.astype(np.float64))
    return np.where(largest > 0, exponents, _NOTHING).astype(np.int64)


def bits_for(n_samples: int) -> int:
    """Return how many bits a feature may have for the sum of ``n_samples`` products to be exact."""
    doublings = max(n_samples - 1, 0).bit_length()
    return min(_SIGNIFICAND, (_EXACT - doublings) // 2)


def canonical_order(grid: Grid, embeddings: FloatArray, targets: TargetArray) -> TargetArray:
    """Return the rows sorted by class and then by content, so that the order of coming is gone.

    By a hash of 64 bits of each row, counted in the grid's units, so that these do not matter:
    equal rows stay in the order in which they came.

    Parameters
    ----------
    grid : Grid
        Of the embeddings.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
    """
    n_samples, width = embeddings.shape
    generator = np.random.Generator(np.random.PCG64(0))
    factors = generator.integers(1 << 63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    per_unit = 1 / grid.units
    keys = np.empty(n_samples, np.uint64)
    for block in blocks(n_samples):
        # Minus zero is zero.
        counted = (embeddings[block] * per_unit + 0.0).astype(np.float32, order="C")
        keys[block] = counted.view(np.uint32) @ factors
    # Mixed once more: a sum of products alone keeps low bits low.
    keys ^= keys >> np.uint64(33)
    keys *= np.uint64(0xFF51AFD7ED558CCD)
    keys ^= keys >> np.uint64(33)
    order: TargetArray = np.lexsort((keys, targets))
    return order
