"""How far to go along a line on which a loss falls: strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]

# Nocedal and Wright, Numerical Optimization, 2nd edition, section 3.1: usual for quasi-Newton.
_SUFFICIENT_DECREASE = 1e-4
USUAL_CURVATURE = 0.9
_MAX_TRIALS = 25
# A loss summed from float32 terms is known to about this fraction of itself.
_LOSS_NOISE = 2e-7


class Place(Protocol):
    """Parameters, the loss there, and how it goes on from there."""

    @property
    def parameters(self) -> FloatArray:
        """Where it is: shape (n,)."""

    @property
    def loss(self) -> float:
        """The loss there."""

    def gradient(self) -> FloatArray:
        """Return the loss's gradient: shape (n,)."""

    def towards(self, direction: FloatArray) -> Callable[[float], tuple[Place, float]]:
        """Return what maps a step to the place ``parameters + step * direction``.

        And to the loss's derivative by the step there.
        """


@dataclass(frozen=True, slots=True)
class Point:
    """The loss along one line: at ``step`` from its start."""

    step: float
    place: Place
    slope: float

    @property
    def loss(self) -> float:
        """The loss there."""
        return self.place.loss


def search_line(
    line: Callable[[float], Point], origin: Point, step: float, curvature: float
) -> Place | None:
    """Return a place that meets the strong Wolfe conditions (algorithms 3.5 and 3.6), or None.

    Near the optimum the true decrease drowns in the loss's rounding. There a step also counts
    that raises the loss by no more than that rounding, if the slope says it is good: the idea of
    the approximate Wolfe conditions of Hager and Zhang (SIAM J. Optim. 16, 2005, section 3).
    """
    noise = _LOSS_NOISE * abs(origin.loss)

    def is_low(point: Point) -> bool:
        bound = origin.loss + _SUFFICIENT_DECREASE * point.step * origin.slope
        return point.loss <= bound + noise

    low, high = origin, None  # the minimum lies between them once there is a high
    for _ in range(_MAX_TRIALS):
        point = line(step)
        if is_low(point) and abs(point.slope) <= -curvature * origin.slope:
            return point.place
        if not is_low(point) or point.loss > low.loss + noise:
            high = point
        else:
            if high is None:
                if point.slope >= 0:
                    high = low
            elif point.slope * (high.step - low.step) >= 0:
                high = low
            low = point
        step = 4 * step if high is None else _between(low, high)
    return low.place if low.step > 0 and low.loss < origin.loss else None


def _between(low: Point, high: Point) -> float:
    """Return the minimum of the cubic through both points, kept off the ends (equation 3.59)."""
    width = high.step - low.step
    d1 = low.slope + high.slope - 3 * (low.loss - high.loss) / (low.step - high.step)
    square = d1 * d1 - low.slope * high.slope
    share = 0.5
    if square >= 0:
        d2 = math.copysign(math.sqrt(square), width)
        denominator = high.slope - low.slope + 2 * d2
        if denominator != 0:
            share = 1 - (high.slope + d2 - d1) / denominator
    return low.step + min(max(share, 0.1), 0.9) * width
