"""How a loss is minimised: pure functions over flat float32 arrays that know nothing of heads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import TrainingDivergedError
from headfit.maths.line_search import USUAL_CURVATURE, Place, Point, search_line

FloatArray: TypeAlias = npt.NDArray[np.float32]
LossAndGradient: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]
Progress: TypeAlias = Callable[[int, float], None]
Product: TypeAlias = Callable[[FloatArray], FloatArray]

# Steps without a lower loss, after which float32 is taken to tell no lower one.
_PATIENCE = 20


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
        """Return what maps a step to the place there and the slope."""

        def at(step: float) -> tuple[PlainPlace, float]:
            place = PlainPlace(self.function, self.parameters + np.float32(step) * direction)
            return place, _dot(place.gradient(), direction)

        return at


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a solver stopped, and why.

    Attributes
    ----------
    parameters : ndarray, dtype float32
        The last and, up to float32's rounding, best parameters.
    loss : float
        The loss there.
    gradient_norm : float
        Euclidean norm of the gradient there.
    iterations, evaluations : int
        Steps taken; times the loss was computed.
    converged : bool
        Whether the tolerance was met. If not, the iterations ran out, or float32 could not tell
        a lower loss any more.
    """

    parameters: FloatArray
    loss: float
    gradient_norm: float
    iterations: int
    evaluations: int
    converged: bool


def minimise_lbfgs(
    start: Place,
    *,
    tolerance: float,
    max_iterations: int,
    memory: int = 10,
    first_curvature: float = USUAL_CURVATURE,
    reference_norm: float | None = None,
    inverse_hessian: Product | None = None,
    progress: Progress | None = None,
) -> Minimum:
    """Minimise a smooth loss with L-BFGS and a strong-Wolfe line search.

    Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4, 7.5, 3.5 and 3.6.
    The same inputs give the same bits.

    Parameters
    ----------
    start : Place
        Where to begin.
    tolerance : float
        Stop when the gradient's norm is at most this fraction of ``reference_norm``.
    max_iterations : int
        Stop after so many steps.
    memory : int
        How many past steps shape the next one; each keeps two arrays of shape (n,).
    first_curvature : float
        How much of its slope the first line may be left with, from above 0 to below 1. Its length
        is a guess: less than usual is better where a place along a line costs little.
    reference_norm : float, optional
        By default the gradient's norm at ``start``. A warm start, whose gradient is small already,
        says what a cold one would have met.
    inverse_hessian : callable, optional
        Maps a vector of shape (n,) to its product with what the inverse of the Hessian is like, a
        symmetric positive definite matrix. The nearer, the fewer steps; by default the identity.
    progress : callable, optional
        Called as ``progress(iterations, loss)`` after every step. What it raises passes through.

    Raises
    ------
    TrainingDivergedError
        If the loss or its gradient is not finite.
    """
    evaluations = 1

    def check(loss: float, others: float) -> None:
        if not math.isfinite(loss + others):
            raise TrainingDivergedError(
                f"expected a finite loss and gradient, found loss {loss} at evaluation "
                f"{evaluations}; look for extreme values in the embeddings or raise l2"
            )

    def gradient_at(place: Place) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
            gradient = place.gradient()
            check(place.loss, _norm(gradient))
        return gradient

    def line_from(place: Place, direction: FloatArray) -> Callable[[float], Point]:
        with np.errstate(over="ignore", invalid="ignore"):
            along = place.towards(direction)

        def at(step: float) -> Point:
            nonlocal evaluations
            evaluations += 1
            with np.errstate(over="ignore", invalid="ignore"):
                found, slope = along(step)
                check(found.loss, slope)
            return Point(step, found, slope)

        return at

    here, gradient = start, gradient_at(start)
    enough = tolerance * (_norm(gradient) if reference_norm is None else reference_norm)
    history: deque[tuple[FloatArray, FloatArray]] = deque(maxlen=memory)
    iterations = stalled = 0
    lowest = here.loss
    while _norm(gradient) > enough and iterations < max_iterations and stalled < _PATIENCE:
        direction = -_inverse_hessian_times(history, gradient, inverse_hessian)
        # Without history the gradient's length means nothing: begin with a step of length 1.
        is_scaled = history or inverse_hessian is not None
        first_step = 1.0 if is_scaled else 1.0 / _norm(direction)
        slope = _dot(gradient, direction)
        found = None
        if slope < 0:
            origin = Point(0.0, here, slope)
            curvature = USUAL_CURVATURE if history else first_curvature
            found = search_line(line_from(here, direction), origin, first_step, curvature)
        if found is None:
            if not history:
                break  # not even downhill: float32 can tell no lower loss
            history.clear()
            continue
        next_gradient = gradient_at(found)
        change = found.parameters - here.parameters
        gradient_change = next_gradient - gradient
        if _dot(change, gradient_change) > 0:  # rounding can spoil it; Wolfe otherwise ensures it
            history.append((change, gradient_change))
        here, gradient = found, next_gradient
        iterations += 1
        stalled = 0 if here.loss < lowest else stalled + 1
        lowest = min(lowest, here.loss)
        if progress is not None:
            progress(iterations, here.loss)
    gradient_norm = _norm(gradient)
    return Minimum(
        here.parameters, here.loss, gradient_norm, iterations, evaluations, gradient_norm <= enough
    )


def _inverse_hessian_times(
    history: deque[tuple[FloatArray, FloatArray]],
    gradient: FloatArray,
    inverse_hessian: Product | None,
) -> FloatArray:
    """Return the two-loop recursion's product (algorithm 7.4).

    What it begins with is scaled to the last step's curvature (equation 7.20, in the metric of
    ``inverse_hessian``).
    """
    result = gradient.copy()
    alphas = []
    for change, gradient_change in reversed(history):
        alpha = _dot(change, result) / _dot(change, gradient_change)
        result -= np.float32(alpha) * gradient_change
        alphas.append(alpha)
    if inverse_hessian is not None:
        result = inverse_hessian(result)
    if history:
        change, gradient_change = history[-1]
        image = gradient_change if inverse_hessian is None else inverse_hessian(gradient_change)
        result *= np.float32(_dot(change, gradient_change) / _dot(gradient_change, image))
    for (change, gradient_change), alpha in zip(history, reversed(alphas), strict=True):
        beta = _dot(gradient_change, result) / _dot(change, gradient_change)
        result += np.float32(alpha - beta) * change
    return result


def _dot(left: FloatArray, right: FloatArray) -> float:
    return float(np.dot(left, right))


def _norm(array: FloatArray) -> float:
    return math.sqrt(_dot(array, array))
