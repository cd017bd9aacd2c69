"""Steps of gradient descent, for examples that come in batches: pure functions over flat arrays.

With the gradient g of the t-th batch, Adam moves the parameters x by

    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g ** 2
    x = x - rate * (m / (1 - b1 ** t)) / (sqrt(v / (1 - b2 ** t)) + epsilon)

and momentum by ``v = momentum * v - rate * g``, ``x = x + v``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.maths.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class AdamState:
    """State of Adam: steps taken, running means of the gradient and of its square."""

    steps: int
    mean: FloatArray
    square: FloatArray


def adam_start(parameters: FloatArray) -> AdamState:
    """Return the state before the first step."""
    return AdamState(0, np.zeros_like(parameters), np.zeros_like(parameters))


def adam_step(
    parameters: FloatArray,
    gradient: FloatArray,
    state: AdamState,
    *,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[FloatArray, AdamState]:
    """Return the parameters after one step of Adam, and its new state.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1; the
    defaults are theirs.

    Parameters
    ----------
    parameters, gradient : ndarray of shape (n,), dtype float32
        Not written to.
    state : AdamState
        Of the step before; `adam_start` before the first.
    learning_rate : float
        Step size: about how far each parameter moves.
    """
    steps = state.steps + 1
    mean = np.float32(beta_1) * state.mean + np.float32(1 - beta_1) * gradient
    square = np.float32(beta_2) * state.square + np.float32(1 - beta_2) * np.square(gradient)
    spread = np.sqrt(square / np.float32(1 - beta_2**steps)) + np.float32(epsilon)
    change = np.float32(learning_rate / (1 - beta_1**steps)) * mean / spread
    return parameters - change, AdamState(steps, mean, square)


def momentum_step(
    parameters: FloatArray,
    gradient: FloatArray,
    velocity: FloatArray,
    *,
    learning_rate: float,
    momentum: float = 0.9,
) -> tuple[FloatArray, FloatArray]:
    """Return the parameters after one step of gradient descent with momentum, and the velocity.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; with
    ``momentum=0`` plain gradient descent.

    Parameters
    ----------
    parameters, gradient, velocity : ndarray of shape (n,), dtype float32
        Not written to; the velocity is zero before the first step.
    learning_rate : float
        Step size.
    momentum : float
        Share of the last step that is kept, from 0 to below 1.
    """
    velocity = np.float32(momentum) * velocity - np.float32(learning_rate) * gradient
    return parameters + velocity, velocity
