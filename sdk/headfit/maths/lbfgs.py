"""L-BFGS: how a smooth loss is minimised; pure functions over flat float32 arrays.

With the gradient ``g`` at the parameters ``x``, each step is ``x + a * p`` along ``p = -H @ g``.
``H`` approximates the inverse Hessian. It is never formed, but applied by means of the last
``memory`` changes ``s`` of ``x`` and ``y`` of ``g``, each of which updates ``H`` to

    (I - r s y') H (I - r y s') + r s s',  r = 1 / (y' s)

``a`` meets the strong Wolfe conditions, with ``c1 = 1e-4`` and usually ``c2 = 0.9``:

    loss(x + a p) <= loss(x) + c1 a g' p  and  |g(x + a p)' p| <= c2 |g' p|

Nocedal and Wright, Numerical Optimization, 2nd edition, 2006, chapters 3 and 7.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.maths.arrays import FloatArray

Progress: TypeAlias = Callable[[int, float], None]
"""Called as ``progress(iterations, loss)`` after every step of a training, the loss in nats. What
it raises ends the training and passes through."""
Product: TypeAlias = Callable[[FloatArray], FloatArray]

# Nocedal and Wright, Numerical Optimization, 2nd edition, section 3.1: usual for quasi-Newton.
_SUFFICIENT_DECREASE = 1e-4
_USUAL_CURVATURE = 0.9
_MAX_TRIALS = 25
# A loss summed from float32 terms is known to about this fraction of itself.
_LOSS_NOISE = 2e-7
# Steps without a lower loss, after which float32 is taken to tell no lower one.
_PATIENCE = 20


class Place(Protocol):
    """A point in parameter space, with its loss, its gradient and the lines through it."""

    @property
    def parameters(self) -> FloatArray:
        """Where it is: shape (n,)."""

    @property
    def loss(self) -> float:
        """The loss there."""

    def gradient(self) -> FloatArray:
        """Return the loss's gradient: shape (n,)."""

    def towards(self, direction: FloatArray) -> Callable[[float], tuple[Place, float]]:
        """Return a function of the step along a line.

        It gives the place ``parameters + step * direction`` and the slope of the loss there, its
        derivative by the step.
        """


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
    first_curvature: float = _USUAL_CURVATURE,
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
        Maximum number of steps.
    memory : int
        Number of past changes kept; each takes two arrays of shape (n,).
    first_curvature : float
        ``c2`` of the first line search, from above 0 to below 1. Its step length is a guess: a
        value below the usual one pays where a place along a line costs little.
    reference_norm : float, optional
        None (default): the gradient's norm at ``start``. For a warm start, whose gradient is small
        already, pass the norm at a cold start.
    inverse_hessian : callable, optional
        Preconditioner: maps a vector of shape (n,) to its product with an approximation of the
        inverse Hessian, symmetric and positive definite. None (default): the identity.
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
        gradient = place.gradient()
        check(place.loss, _norm(gradient))
        return gradient

    def line_from(place: Place, direction: FloatArray) -> Callable[[float], _Point]:
        along = place.towards(direction)

        def at(step: float) -> _Point:
            nonlocal evaluations
            evaluations += 1
            found, slope = along(step)
            check(found.loss, slope)
            return _Point(step, found, slope)

        return at

    outside = np.geterr()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        here, gradient = start, gradient_at(start)
        enough = tolerance * (_norm(gradient) if reference_norm is None else reference_norm)
        history: deque[tuple[FloatArray, FloatArray, float]] = deque(maxlen=memory)
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
                origin = _Point(0.0, here, slope)
                curvature = _USUAL_CURVATURE if history else first_curvature
                found = _search_line(line_from(here, direction), origin, first_step, curvature)
            if found is None:
                if not history:
                    break  # not even downhill: float32 can tell no lower loss
                history.clear()
                continue
            next_gradient = gradient_at(found)
            change = found.parameters - here.parameters
            gradient_change = next_gradient - gradient
            product = _dot(change, gradient_change)
            if product > 0:  # Wolfe's conditions ensure it, but for rounding
                history.append((change, gradient_change, product))
            here, gradient = found, next_gradient
            iterations += 1
            stalled = 0 if here.loss < lowest else stalled + 1
            lowest = min(lowest, here.loss)
            if progress is not None:
                with np.errstate(**outside):
                    progress(iterations, here.loss)
    gradient_norm = _norm(gradient)
    return Minimum(
        here.parameters, here.loss, gradient_norm, iterations, evaluations, gradient_norm <= enough
    )


def _inverse_hessian_times(
    history: deque[tuple[FloatArray, FloatArray, float]],
    gradient: FloatArray,
    inverse_hessian: Product | None,
) -> FloatArray:
    """Return the two-loop recursion's product (algorithm 7.4).

    The initial matrix is scaled to the last step's curvature (equation 7.20, in the metric of
    ``inverse_hessian``).
    """
    result = gradient.copy()
    alphas = []
    for change, gradient_change, product in reversed(history):
        alpha = _dot(change, result) / product
        result -= np.float32(alpha) * gradient_change
        alphas.append(alpha)
    if inverse_hessian is not None:
        result = inverse_hessian(result)
    if history:
        _, gradient_change, product = history[-1]
        image = gradient_change if inverse_hessian is None else inverse_hessian(gradient_change)
        result *= np.float32(product / _dot(gradient_change, image))
    for (change, gradient_change, product), alpha in zip(history, reversed(alphas), strict=True):
        beta = _dot(gradient_change, result) / product
        result += np.float32(alpha - beta) * change
    return result


@dataclass(frozen=True, slots=True)
class _Point:
    """The loss along one line: at ``step`` from its start."""

    step: float
    place: Place
    slope: float

    @property
    def loss(self) -> float:
        """The loss there."""
        return self.place.loss


def _search_line(
    line: Callable[[float], _Point], origin: _Point, step: float, curvature: float
) -> Place | None:
    """Return a place that meets the strong Wolfe conditions (algorithms 3.5 and 3.6), or None.

    Near the optimum the true decrease drowns in the loss's rounding. There a step also counts
    that raises the loss by no more than that rounding, if the slope says it is good: the idea of
    the approximate Wolfe conditions of Hager and Zhang (SIAM J. Optim. 16, 2005, section 3).
    """
    noise = _LOSS_NOISE * abs(origin.loss)

    def is_low(point: _Point) -> bool:
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
