"""L-BFGS reaches optima that others know, reports how, and never returns garbage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, rosen, rosen_der
from tests.support.plain_place import LossAndGradient, PlainPlace

from headfit.errors import TrainingDivergedError
from headfit.maths.arrays import FloatArray
from headfit.maths.lbfgs import minimise_lbfgs
from headfit.maths.softmax import loss_and_gradient


def quadratic(matrix: npt.NDArray, linear: npt.NDArray) -> LossAndGradient:
    """Return ``x' A x / 2 - b' x``, whose minimum is at ``A^-1 b``."""

    def loss_and_its_gradient(x: FloatArray) -> tuple[float, FloatArray]:
        exact = x.astype(np.float64)
        gradient = matrix @ exact - linear
        return float(exact @ (gradient - linear) / 2), gradient.astype(np.float32)

    return loss_and_its_gradient


def random_quadratic(seed: int, n: int, condition: float) -> tuple[npt.NDArray, npt.NDArray]:
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return basis * np.geomspace(1, condition, n) @ basis.T, rng.normal(size=n)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), condition=st.floats(1, 1000))
def test_a_quadratic_is_solved_as_linear_algebra_solves_it(
    seed: int, n: int, condition: float
) -> None:
    matrix, linear = random_quadratic(seed, n, condition)
    start = np.zeros(n, np.float32)
    found = minimise_lbfgs(
        PlainPlace(quadratic(matrix, linear), start), tolerance=1e-4, max_iterations=500
    )
    assert found.converged
    expected = np.linalg.solve(matrix, linear)
    # |x - x*| <= |gradient| / smallest eigenvalue, which is 1
    assert np.linalg.norm(found.parameters - expected) <= 2e-4 * np.linalg.norm(linear)


def test_a_curved_valley_is_followed_to_its_end() -> None:
    """Rosenbrock's function needs a line search that meets the curvature condition."""

    def rosenbrock(x: FloatArray) -> tuple[float, FloatArray]:
        exact = x.astype(np.float64)
        return float(rosen(exact)), rosen_der(exact).astype(np.float32)

    start = np.array([-1.2, 1.0, -0.5, 2.0], np.float32)
    found = minimise_lbfgs(PlainPlace(rosenbrock, start), tolerance=1e-6, max_iterations=300)
    assert found.converged
    np.testing.assert_allclose(np.ones(4), found.parameters, atol=1e-3)
    # A few more evaluations than a mature code is fine; many more is a broken line search.
    reference = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B")
    assert found.evaluations <= 2 * reference.nfev


def softmax_problem(l2: float) -> tuple[LossAndGradient, int]:
    """Return the head's own loss: 60 samples, 8 wide, 3 classes, one feature 10 times as wide."""
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 60)
    embeddings = (rng.normal(size=(60, 8)) + rng.normal(size=(3, 8))[targets]).astype(np.float32)
    embeddings[:, 0] *= 10

    def flat(x: FloatArray) -> tuple[float, FloatArray]:
        weights, bias = x[:24].reshape(8, 3), x[24:]
        loss, d_weights, d_bias = loss_and_gradient(weights, bias, embeddings, targets, l2)
        return loss, np.concatenate([d_weights.ravel(), d_bias])

    return flat, 27


@pytest.mark.parametrize("l2", [0.01, 1.0, 1e4])
def test_the_heads_loss_reaches_scipys_minimum(l2: float) -> None:
    """float32 comes within a hundred-thousandth of what float64 finds."""
    loss, n = softmax_problem(l2)
    start = np.zeros(n, np.float32)
    found = minimise_lbfgs(PlainPlace(loss, start), tolerance=1e-6, max_iterations=500)
    reference = minimize(
        lambda x: loss(x), start.astype(np.float64), jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    assert found.loss == pytest.approx(reference.fun, rel=1e-5)


def test_an_unreachable_tolerance_ends_soon() -> None:
    """Where float32 can tell no lower loss, the solver stops and says it did not converge."""
    loss, n = softmax_problem(1.0)
    found = minimise_lbfgs(
        PlainPlace(loss, np.zeros(n, np.float32)), tolerance=0.0, max_iterations=10_000
    )
    assert not found.converged
    assert found.iterations < 500
    assert found.gradient_norm < 1e-4


def test_running_out_of_iterations_is_reported() -> None:
    matrix, linear = random_quadratic(0, 20, 1000.0)
    start = np.zeros(20, np.float32)
    found = minimise_lbfgs(
        PlainPlace(quadratic(matrix, linear), start), tolerance=1e-6, max_iterations=3
    )
    assert not found.converged
    assert found.iterations == 3
    assert found.loss < 0


def test_the_report_is_about_the_point_returned() -> None:
    matrix, linear = random_quadratic(0, 5, 10.0)
    function = quadratic(matrix, linear)
    found = minimise_lbfgs(
        PlainPlace(function, np.zeros(5, np.float32)), tolerance=1e-3, max_iterations=99
    )
    loss, gradient = function(found.parameters)
    assert found.loss == loss
    assert found.gradient_norm == pytest.approx(np.linalg.norm(gradient))
    assert found.evaluations > found.iterations > 0
    assert found.parameters.dtype == np.float32


def test_the_optimum_is_left_where_it_is() -> None:
    """A gradient of zero needs no step and no division by it."""
    start = np.zeros(3, np.float32)
    found = minimise_lbfgs(
        PlainPlace(quadratic(np.eye(3), np.zeros(3)), start), tolerance=1e-4, max_iterations=9
    )
    assert (found.converged, found.iterations, found.evaluations) == (True, 0, 1)


def test_two_runs_give_the_same_bits_and_leave_the_start_alone() -> None:
    loss, n = softmax_problem(0.1)
    start = np.full(n, 0.5, np.float32)
    start.flags.writeable = False
    first = minimise_lbfgs(PlainPlace(loss, start), tolerance=1e-4, max_iterations=100)
    second = minimise_lbfgs(PlainPlace(loss, start), tolerance=1e-4, max_iterations=100)
    assert first.parameters.tobytes() == second.parameters.tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_raises(bad: float) -> None:
    """At the start or later; never a result with NaN in it."""

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        return (bad if x[0] < -2 else float(x[0])), np.ones_like(x)

    for start in (-3.0, 1.0):
        with pytest.raises(TrainingDivergedError, match=f"found loss {bad}"):
            minimise_lbfgs(
                PlainPlace(loss, np.array([start], np.float32)), tolerance=1e-4, max_iterations=50
            )


def test_a_gradient_that_overflows_raises() -> None:
    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        return 1.0, np.full_like(x, np.finfo(np.float32).max) * np.float32(2)

    with pytest.raises(TrainingDivergedError):
        minimise_lbfgs(PlainPlace(loss, np.zeros(2, np.float32)), tolerance=1e-4, max_iterations=50)


def test_what_the_inverse_hessian_is_like_saves_steps() -> None:
    """A rough one halves them at least; the minimum is the same."""
    matrix, linear = random_quadratic(0, 30, 1000)
    rough = np.linalg.inv(matrix + 0.3 * np.diag(np.diagonal(matrix))).astype(np.float32)
    start = np.zeros(30, np.float32)
    loss = quadratic(matrix, linear)
    plain = minimise_lbfgs(PlainPlace(loss, start), tolerance=1e-4, max_iterations=500)
    helped = minimise_lbfgs(
        PlainPlace(loss, start),
        tolerance=1e-4,
        max_iterations=500,
        inverse_hessian=lambda x: rough @ x,
    )
    assert helped.converged
    assert 2 * helped.iterations < plain.iterations
    assert helped.loss == pytest.approx(plain.loss, rel=1e-4)
