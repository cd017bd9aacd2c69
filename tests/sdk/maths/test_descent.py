"""Adam and momentum take the steps of their papers, and reach the minimum of the whole loss."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.plain_place import PlainPlace

from headfit.maths.arrays import FloatArray
from headfit.maths.descent import adam_start, adam_step, momentum_step
from headfit.maths.lbfgs import minimise_lbfgs
from headfit.maths.softmax import loss_and_gradient


def whole_loss(x: FloatArray) -> tuple[float, FloatArray]:
    """Return the head's loss with every term on, and its gradient: 60 samples, 8 wide, 3 classes.

    Against numeric derivatives that gradient is checked in test_softmax.py.
    """
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 60)
    embeddings = (rng.normal(size=(60, 8)) + rng.normal(size=(3, 8))[targets]).astype(np.float32)
    loss, d_weights, d_bias = loss_and_gradient(
        x[:24].reshape(8, 3),
        x[24:],
        embeddings,
        targets,
        1.0,
        label_smoothing=0.1,
        sample_weights=rng.uniform(0.5, 2, 60).astype(np.float32),
    )
    return loss, np.concatenate([d_weights.ravel(), d_bias])


def test_adam_takes_the_steps_of_its_paper() -> None:
    """Algorithm 1, written out in float64."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(20, 5)).astype(np.float32)
    parameters = rng.normal(size=5).astype(np.float32)
    expected, m, v = parameters.astype(float), np.zeros(5), np.zeros(5)
    state = adam_start(parameters)
    for t, gradient in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient.astype(float) ** 2
        expected -= 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        parameters, state = adam_step(parameters, gradient, state, learning_rate=0.05)
    assert parameters.dtype == state.mean.dtype == state.square.dtype == np.float32
    assert state.steps == 20
    np.testing.assert_allclose(expected, parameters, rtol=1e-4, atol=1e-6)


def test_momentum_takes_the_steps_of_its_formula() -> None:
    """A constant gradient: after n steps the velocity is a geometric sum."""
    parameters, velocity = np.zeros(2, np.float32), np.zeros(2, np.float32)
    gradient = np.array([1, -2], np.float32)
    for _ in range(3):
        parameters, velocity = momentum_step(
            parameters, gradient, velocity, learning_rate=0.1, momentum=0.5
        )
    assert parameters.dtype == np.float32
    np.testing.assert_allclose(-0.1 * (1 + 0.5 + 0.25) * gradient, velocity, rtol=1e-6)
    np.testing.assert_allclose(-0.1 * (1 + 1.5 + 1.75) * gradient, parameters, rtol=1e-6)


@pytest.mark.parametrize("method", ["adam", "momentum", "plain"])
def test_every_step_leads_to_the_minimum_of_the_whole_loss(method: str) -> None:
    """Which L-BFGS knows."""
    start = np.zeros(27, np.float32)
    best = minimise_lbfgs(PlainPlace(whole_loss, start), tolerance=1e-6, max_iterations=500)
    parameters, velocity, state = start, np.zeros_like(start), adam_start(start)
    for step in range(800):
        _, gradient = whole_loss(parameters)
        if method == "adam":
            rate = 0.1 * 0.99**step
            parameters, state = adam_step(parameters, gradient, state, learning_rate=rate)
        else:
            momentum = 0.9 if method == "momentum" else 0.0
            parameters, velocity = momentum_step(
                parameters, gradient, velocity, learning_rate=0.3, momentum=momentum
            )
    assert whole_loss(parameters)[0] == pytest.approx(best.loss, rel=1e-4)
    np.testing.assert_array_equal(np.zeros(27), start)


def test_inputs_are_never_written_to() -> None:
    arrays = [np.ones(3, np.float32) for _ in range(3)]
    for array in arrays:
        array.flags.writeable = False
    adam_step(arrays[0], arrays[1], adam_start(arrays[0]), learning_rate=1.0)
    momentum_step(*arrays, learning_rate=1.0)
    np.testing.assert_array_equal(np.ones((3, 3)), arrays)
