"""Activations."""

from __future__ import annotations

import numpy as np

from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.arrays import read_elementwise, read_prelu
from headfit.networks.operators.node import Node
from headfit.networks.tflite.schema import ACTIVATION_RANGES, RELU, RELU6, RELU_N1_TO_1


def clamp(x: FloatArray, bounds: tuple[float, float]) -> FloatArray:
    """Clamp `x` in place."""
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    if low > -np.inf:
        np.maximum(x, low, out=x)
    if high < np.inf:
        np.minimum(x, high, out=x)
    return x


def compile_clamp(node: Node) -> Kernel:
    """RELU, RELU_N1_TO_1, RELU6."""
    read_elementwise(node)
    activation = {"RELU": RELU, "RELU_N1_TO_1": RELU_N1_TO_1, "RELU6": RELU6}[node.name]
    bounds = ACTIVATION_RANGES[activation]
    return lambda x: clamp(x.copy(), bounds)


def compile_prelu(node: Node) -> Kernel:
    """PRELU: x where positive, alpha * x elsewhere."""
    read_prelu(node)
    return lambda x, slope: np.where(x >= 0, x, x * slope)


def compile_logistic(node: Node) -> Kernel:
    """LOGISTIC: 1 / (1 + exp(-x))."""
    read_elementwise(node)
    one = np.float32(1)
    return lambda x: one / (one + np.exp(-x))


def compile_softmax(node: Node) -> Kernel:
    """SOFTMAX over the last axis, of beta * x."""
    read_elementwise(node)
    beta = np.float32(node.number("beta"))

    def run(x: FloatArray) -> FloatArray:
        powers: FloatArray = np.exp((x - x.max(axis=-1, keepdims=True)) * beta)
        powers /= powers.sum(axis=-1, keepdims=True)
        return powers

    return run


def compile_abs(node: Node) -> Kernel:
    """ABS."""
    read_elementwise(node)
    return np.abs


def compile_sqrt(node: Node) -> Kernel:
    """SQRT; NaN below zero."""
    read_elementwise(node)

    def run(x: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    return run
