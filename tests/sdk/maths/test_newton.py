"""Newton's method finds minima that are known, and refuses what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

from headfit.errors import TrainingDivergedError
from headfit.maths.arrays import DoubleArray
from headfit.maths.newton import minimise_newton


def valley(x: DoubleArray) -> tuple[float, DoubleArray, DoubleArray]:
    """Rosenbrock's, which is not convex."""
    return float(rosen(x)), rosen_der(x), rosen_hess(x)


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 3.0), (2.0, -2.0)])
def test_it_reaches_the_end_of_a_curved_valley(start: tuple[float, float]) -> None:
    found = minimise_newton(valley, np.array(start), precision=1e-4)
    assert found == pytest.approx([1, 1], abs=1e-6)


def test_it_leaves_a_ridge_downhill() -> None:
    """``x^4 - 2 x^2`` curves upwards at 0.1: the plain step would climb to its maximum at 0."""

    def double_well(x: DoubleArray) -> tuple[float, DoubleArray, DoubleArray]:
        return float((x**4 - 2 * x**2)[0]), 4 * x**3 - 4 * x, np.diag(12 * x**2 - 4)

    assert minimise_newton(double_well, np.array([0.1]), precision=1e-4) == pytest.approx([1])


def test_at_the_minimum_it_stays() -> None:
    assert minimise_newton(valley, np.ones(2), precision=1e-3).tolist() == [1, 1]


def test_what_is_not_finite_is_refused() -> None:
    def broken(x: DoubleArray) -> tuple[float, DoubleArray, DoubleArray]:
        return float("nan"), x, np.eye(1)

    with pytest.raises(TrainingDivergedError, match="expected a finite loss"):
        minimise_newton(broken, np.ones(1), precision=1e-3)
