"""Any loss with its gradient, as L-BFGS takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from headfit.maths.arrays import FloatArray

LossAndGradient: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True, slots=True, eq=False)
class PlainPlace:
    """A place of any function that maps parameters to a loss and its gradient.

    Attributes
    ----------
    function : callable
    parameters : ndarray of shape (n,), dtype float32
    """

    function: LossAndGradient
    parameters: FloatArray
    _known: tuple[float, FloatArray] = field(init=False)

    def __post_init__(self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # the solver refuses what overflows
            object.__setattr__(self, "_known", self.function(self.parameters))

    @property
    def loss(self) -> float:
        """The loss there."""
        return self._known[0]

    def gradient(self) -> FloatArray:
        """Return the loss's gradient: shape (n,)."""
        return self._known[1]

    def towards(self, direction: FloatArray) -> Callable[[float], tuple[PlainPlace, float]]:
        """Return a function from a step to the place there and the slope."""

        def at(step: float) -> tuple[PlainPlace, float]:
            place = PlainPlace(self.function, self.parameters + np.float32(step) * direction)
            return place, float(np.dot(place.gradient(), direction))

        return at
