"""The loss along lines is the loss that heads minimise, its slope the derivative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from headfit.maths.lbfgs import PlainPlace, minimise_lbfgs
from headfit.maths.softmax import loss_and_gradient
from headfit.maths.softmax_lines import SoftmaxLoss

FloatArray = npt.NDArray[np.float32]
SAMPLE_WEIGHTS = np.linspace(0, 3, 30).astype(np.float32)


def problem(label_smoothing: float, sample_weights: FloatArray | None) -> SoftmaxLoss:
    """Return 30 samples, 4 wide, of 3 classes that overlap; nothing may be written to."""
    rng = np.random.default_rng(5)
    targets = np.arange(30) % 3
    embeddings = (rng.normal(size=(3, 4))[targets] + rng.normal(size=(30, 4))).astype(np.float32)
    embeddings.flags.writeable = targets.flags.writeable = False
    return SoftmaxLoss(embeddings, targets, 3, 2.0, label_smoothing, sample_weights)


def plainly(loss: SoftmaxLoss, parameters: npt.NDArray) -> tuple[float, npt.NDArray]:
    """Return loss and gradient as `loss_and_gradient` has them, of the parameters' type."""
    rows = parameters.reshape(5, 3)
    value, weights, bias = loss_and_gradient(
        rows[:-1],
        rows[-1],
        loss.embeddings.astype(parameters.dtype),
        loss.targets,
        loss.l2,
        label_smoothing=loss.label_smoothing,
        sample_weights=loss.sample_weights,
    )
    return value, np.concatenate([weights.ravel(), bias])


@pytest.mark.parametrize("sample_weights", [None, SAMPLE_WEIGHTS])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_a_place_on_a_line_is_the_place_itself(
    label_smoothing: float, sample_weights: FloatArray | None
) -> None:
    """Its loss, slope and gradient are those of the whole loss there, every term on and off."""
    loss = problem(label_smoothing, sample_weights)
    origin, direction = np.random.default_rng(6).normal(size=(2, 15)).astype(np.float32)
    origin.flags.writeable = direction.flags.writeable = False
    along = loss.at(origin).towards(direction)
    for step in (0.0, 0.7, -2.0):
        place, slope = along(step)
        exact = origin.astype(np.float64) + step * direction.astype(np.float64)
        expected, gradient = plainly(loss, exact)
        ahead, behind = (plainly(loss, exact + h * direction)[0] for h in (1e-6, -1e-6))
        assert place.loss == pytest.approx(expected, rel=1e-6)
        assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-4)
        np.testing.assert_allclose(gradient, place.gradient(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(exact, place.parameters, rtol=1e-6)


def test_lines_lead_to_the_same_optimum() -> None:
    """By way of many places, none of whose logits was computed from its weights."""
    loss = problem(0.1, SAMPLE_WEIGHTS)
    start = np.zeros(15, np.float32)
    by_lines = minimise_lbfgs(
        loss.at(start), tolerance=1e-5, max_iterations=99, first_curvature=0.25
    )
    plain = PlainPlace(lambda x: plainly(loss, x), start)
    by_points = minimise_lbfgs(plain, tolerance=1e-5, max_iterations=99)
    assert by_lines.converged
    assert by_lines.loss == pytest.approx(by_points.loss, rel=1e-6)
    np.testing.assert_allclose(by_points.parameters, by_lines.parameters, atol=1e-3)
    # What was walked along is still true of where it ended.
    assert by_lines.loss == pytest.approx(plainly(loss, by_lines.parameters)[0], rel=1e-6)
