"""How a loss is minimised: pure functions over flat float32 arrays that know nothing of heads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import TrainingDivergedError

FloatArray: TypeAlias = npt.NDArray[np.float32]
LossAndGradient: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]
Progress: TypeAlias = Callable[[int, float], None]
Product: TypeAlias = Callable[[FloatArray], FloatArray]

# Nocedal and Wright, Numerical Optimization, 2nd edition, section 3.1: usual for quasi-Newton.
_SUFFICIENT_DECREASE = 1e-4
_CURVATURE = 0.9
_MAX_TRIALS = 25
# A loss summed from float32 terms is known to about this fraction of itself.
_LOSS_NOISE = 2e-7
# Steps without a lower loss, after which float32 is taken to tell no lower one.
_PATIENCE = 20


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


@dataclass(frozen=True, slots=True)
class _Point:
    """The loss along one line: at ``step`` from its start."""

    step: float
    parameters: FloatArray
    loss: float
    gradient: FloatArray
    slope: float


def minimise_lbfgs(
    loss_and_gradient: LossAndGradient,
    start: FloatArray,
    *,
    tolerance: float,
    max_iterations: int,
    memory: int = 10,
    reference_norm: float | None = None,
    inverse_hessian: Product | None = None,
    progress: Progress | None = None,
) -> Minimum:
    """Minimise a smooth loss with L-BFGS and a strong-Wolfe line search.

    Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4, 7.5, 3.5 and 3.6.
    The same inputs give the same bits.

    Parameters
    ----------
    loss_and_gradient : callable
        Maps parameters of shape (n,) to the loss and its gradient of shape (n,), dtype float32.
    start : ndarray of shape (n,), dtype float32
        Where to begin. Not written to.
    tolerance : float
        Stop when the gradient's norm is at most this fraction of ``reference_norm``.
    max_iterations : int
        Stop after so many steps.
    memory : int
        How many past steps shape the next one; each keeps two arrays of shape (n,).
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
    evaluations = 0

    def evaluate(origin: FloatArray, direction: FloatArray, step: float) -> _Point:
        nonlocal evaluations
        evaluations += 1
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
            parameters = origin + np.float32(step) * direction
            loss, gradient = loss_and_gradient(parameters)
            slope = _dot(gradient, direction)
            is_finite = math.isfinite(loss + slope + _norm(gradient))
        if not is_finite:
            raise TrainingDivergedError(
                f"expected a finite loss and gradient, found loss {loss} at evaluation "
                f"{evaluations}; look for extreme values in the embeddings or raise l2"
            )
        return _Point(step, parameters, loss, gradient, slope)

    here = evaluate(start, np.zeros_like(start), 0.0)
    enough = tolerance * (_norm(here.gradient) if reference_norm is None else reference_norm)
    history: deque[tuple[FloatArray, FloatArray]] = deque(maxlen=memory)
    iterations = stalled = 0
    lowest = here.loss
    while _norm(here.gradient) > enough and iterations < max_iterations and stalled < _PATIENCE:
        direction = -_inverse_hessian_times(history, here.gradient, inverse_hessian)
        # Without history the gradient's length means nothing: begin with a step of length 1.
        is_scaled = history or inverse_hessian is not None
        first_step = 1.0 if is_scaled else 1.0 / _norm(direction)
        found = _search_line(evaluate, here, direction, first_step)
        if found is None:
            if not history:
                break  # not even downhill: float32 can tell no lower loss
            history.clear()
            continue
        change = found.parameters - here.parameters
        gradient_change = found.gradient - here.gradient
        if _dot(change, gradient_change) > 0:  # rounding can spoil it; Wolfe otherwise ensures it
            history.append((change, gradient_change))
        here = found
        iterations += 1
        stalled = 0 if here.loss < lowest else stalled + 1
        lowest = min(lowest, here.loss)
        if progress is not None:
            progress(iterations, here.loss)
    gradient_norm = _norm(here.gradient)
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


def _search_line(
    evaluate: Callable[[FloatArray, FloatArray, float], _Point],
    start: _Point,
    direction: FloatArray,
    step: float,
) -> _Point | None:
    """Return a point that meets the strong Wolfe conditions (algorithms 3.5 and 3.6), or None.

    Near the optimum the true decrease drowns in the loss's rounding. There a step also counts
    that raises the loss by no more than that rounding, if the slope says it is good: the idea of
    the approximate Wolfe conditions of Hager and Zhang (SIAM J. Optim. 16, 2005, section 3).
    """
    origin = replace(start, step=0.0, slope=_dot(start.gradient, direction))
    if origin.slope >= 0:
        return None
    noise = _LOSS_NOISE * abs(origin.loss)

    def is_low(point: _Point) -> bool:
        bound = origin.loss + _SUFFICIENT_DECREASE * point.step * origin.slope
        return point.loss <= bound + noise

    low, high = origin, None  # the minimum lies between them once there is a high
    for _ in range(_MAX_TRIALS):
        point = evaluate(origin.parameters, direction, step)
        if is_low(point) and abs(point.slope) <= -_CURVATURE * origin.slope:
            return point
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
    return low if low.step > 0 and low.loss < origin.loss else None


def _between(low: _Point, high: _Point) -> float:
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


def _dot(left: FloatArray, right: FloatArray) -> float:
    return float(np.dot(left, right))


def _norm(array: FloatArray) -> float:
    return math.sqrt(_dot(array, array))
