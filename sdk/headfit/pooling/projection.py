"""Projection: how photos' embeddings become integers, the same ones on every machine.

Products of integers below 2^53 are exact in float64, in whatever order they are added; square root,
quotient and product are rounded alike by IEEE 754. ``docs/contribution-format.md`` is the
specification.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.maths.arrays import DoubleArray, FloatArray
from headfit.maths.once import once
from headfit.privacy.public_view import PublicView

Integers = npt.NDArray[np.int64]

GRID: Final = 4096
"""What is at most 1 long is counted in units of one over this."""

UNITS: Final = GRID**2
"""What sums count in one: products of two numbers on the grid are whole."""

MAX_EMBEDDING_DIM: Final = 4096
MAX_INPUT: Final = 1 << 20
MAX_DIRECTION: Final = 1 << 19
MAX_EXPONENT: Final = 64

_HEADROOM = 8.0  # how much larger than what was seen a feature may be


@dataclass(frozen=True, eq=False)
class Projection:
    """A public view of embeddings, in integers.

    Attributes
    ----------
    centre : ndarray of shape (embedding_dim,), dtype int32
    directions : ndarray of shape (embedding_dim, width) or (embedding_dim,), dtype int32
        The latter is the diagonal of a square matrix.
    unit_exponent, scale_exponent : int
        Embeddings are counted in units of ``2 ** unit_exponent``; projected by `directions` they
        are in units of ``2 ** -scale_exponent`` on the grid.
    """

    centre: npt.NDArray[np.int32]
    directions: npt.NDArray[np.int32]
    unit_exponent: int
    scale_exponent: int

    @classmethod
    def of(cls, view: PublicView, largest: float) -> Projection:
        """Return a public view rounded to integers.

        Parameters
        ----------
        view : PublicView
            One without rotation, as `PublicView.plain` is, takes less room in a round.
        largest : float
            The largest absolute value of a feature that was seen in public; photos' may be eight
            times as large.

        Raises
        ------
        InputError
            If embeddings or the view are too large or small for that.
        """
        if not 0 < largest < math.inf or len(view.centre) > MAX_EMBEDDING_DIM:
            raise InputError(
                f"expected embeddings of width up to {MAX_EMBEDDING_DIM} with a largest feature "
                f"above 0, found width {len(view.centre)} and {largest}; take another extractor"
            )
        unit = math.ceil(math.log2(_HEADROOM * largest / MAX_INPUT))
        directions = view.directions * (math.ldexp(1.0, unit) * GRID / view.norm)
        if directions.shape[0] == directions.shape[1]:
            diagonal = np.diagonal(directions)
            if np.count_nonzero(directions) == np.count_nonzero(diagonal):
                directions = diagonal
        scale = math.floor(math.log2(MAX_DIRECTION / np.abs(directions).max()))
        if not (abs(unit) <= MAX_EXPONENT and abs(scale) <= MAX_EXPONENT):
            raise InputError(
                f"expected a view whose numbers are of usual size, found exponents {unit} and "
                f"{scale}; scale the embeddings"
            )
        centre = np.rint(np.ldexp(view.centre, -unit))
        if np.abs(centre).max() > MAX_INPUT:
            raise InputError("expected a view centred among embeddings, found one far from them")
        return cls(
            centre.astype(np.int32),
            np.rint(np.ldexp(directions, scale)).astype(np.int32),
            unit,
            scale,
        )

    @property
    def embedding_dim(self) -> int:
        """Width of embeddings."""
        return len(self.centre)

    @property
    def width(self) -> int:
        """Width of what is projected."""
        return self.directions.shape[-1]

    @once
    def _exact(self) -> tuple[DoubleArray, DoubleArray]:
        """Directions in units of the grid, and the centre seen in them, as floats: both exactly."""
        # Powers of two lose nothing.
        directions = np.ldexp(self.directions.astype(np.float64), -self.scale_exponent)
        return directions, _product(self.centre.astype(np.float64), directions)

    def projected(self, embeddings: FloatArray) -> Integers:
        """Return embeddings on the grid, each row at most `GRID` long.

        Parameters
        ----------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32

        Returns
        -------
        ndarray of shape (n_samples, width), dtype int64
        """
        return self.projected_floats(embeddings).astype(np.int64)

    def projected_floats(self, embeddings: FloatArray) -> DoubleArray:
        """Return the same integers in floats, which hold them exactly."""
        directions, centre = self._exact
        inputs = embeddings.astype(np.float64)
        inputs *= 2.0**-self.unit_exponent
        _round(inputs, MAX_INPUT)
        # Both products are below 2^20 2^19 2^12 = 2^51 smallest steps: exact, as their difference.
        points = _product(inputs, directions)
        points -= centre
        _round(points, MAX_INPUT)
        squares = np.einsum("nd,nd->n", points, points)  # below 2^40 2^12: exact
        is_long = squares > GRID**2
        if is_long.any():
            factors = GRID / np.sqrt(squares[is_long])
            points[is_long] = np.trunc(points[is_long] * factors[:, np.newaxis])
        return points

    def unfold(self, weights: DoubleArray, bias: DoubleArray) -> tuple[FloatArray, FloatArray]:
        """Return the head on embeddings as they are of a head on what is projected, in units of 1.

        Returns
        -------
        weights : ndarray of shape (embedding_dim, n_classes), dtype float32
        bias : ndarray of shape (n_classes,), dtype float32
        """
        directions = np.diag(self.directions) if self.directions.ndim == 1 else self.directions
        exponent = -self.scale_exponent - self.unit_exponent
        matrix = np.ldexp(directions.astype(np.float64), exponent) / GRID
        centre = np.ldexp(self.centre.astype(np.float64), self.unit_exponent)
        return PublicView(centre, matrix, 1.0).unfold(weights, bias)


def _round(numbers: DoubleArray, largest: int) -> None:
    """Round in place to the nearest integers, and limit them."""
    np.rint(numbers, out=numbers)
    numbers.clip(-largest, largest, out=numbers)


def _product(rows: DoubleArray, directions: DoubleArray) -> DoubleArray:
    """Return rows along directions, or times the diagonal where these are one."""
    return rows * directions if directions.ndim == 1 else rows @ directions
