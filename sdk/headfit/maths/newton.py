"""Newton's method for a handful of parameters, whose second derivatives cost little.

Each step is ``-|H|^-1 g``, where ``|H|`` is the Hessian with the absolute values of its
eigenvalues, so that it leads downhill where the loss is not convex, too. It is shortened to
`_LONGEST` and halved until the loss falls by a share of what the slope promises.

Nocedal and Wright, Numerical Optimization, 2nd edition, 2006, sections 3.1 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.maths.arrays import DoubleArray

LossAndDerivatives: TypeAlias = Callable[[DoubleArray], tuple[float, DoubleArray, DoubleArray]]
"""From parameters of shape (n,) to the loss, the gradient and the Hessian."""

_LONGEST = 2.0
_SUFFICIENT_DECREASE = 1e-4
_MOST_STEPS = 50
_MOST_HALVINGS = 30


def minimise_newton(
    function: LossAndDerivatives, start: DoubleArray, *, precision: float
) -> DoubleArray:
    """Return where a smooth loss is least, near ``start``.

    Parameters
    ----------
    function : callable
        Finite wherever `_LONGEST` leads in `_MOST_STEPS` steps.
    start : ndarray of shape (n,), dtype float64
    precision : float
        Stop when a step is no longer than this. The error left is of the order of its square.

    Raises
    ------
    TrainingDivergedError
        If the loss or a derivative is not finite.
    """
    here = start
    loss, gradient, hessian = function(here)
    for _ in range(_MOST_STEPS):
        if not np.isfinite(loss + gradient.sum() + hessian.sum()):
            raise TrainingDivergedError(
                f"expected a finite loss and derivatives, found loss {loss}; look for extreme "
                "values in the embeddings or raise l2"
            )
        curvatures, axes = np.linalg.eigh(hessian)
        curvatures = np.maximum(np.abs(curvatures), np.finfo(float).tiny)
        step = -axes @ (axes.T @ gradient / curvatures)
        length = float(np.linalg.norm(step))
        step *= min(1.0, _LONGEST / length) if length else 0.0
        slope = float(gradient @ step)
        for _ in range(_MOST_HALVINGS):
            found = function(here + step)
            if found[0] <= loss + _SUFFICIENT_DECREASE * slope:
                break
            step /= 2
        else:
            return here  # float64 can tell no lower loss
        here = here + step
        loss, gradient, hessian = found
        if length <= precision:
            break
    return here
