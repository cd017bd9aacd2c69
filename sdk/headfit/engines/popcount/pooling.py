"""Float pooling and means."""

from __future__ import annotations

import numpy as np

from headfit.engines.popcount.activations import clamp
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.node import Node
from headfit.networks.operators.pooling import read_mean, read_pool


def compile_max_pool_2d(node: Node) -> Kernel:
    """MAX_POOL_2D."""
    window, bounds = read_pool(node)

    def run(x: FloatArray) -> FloatArray:
        first, *rest = window.taps(window.pad(x, -np.inf))
        largest: FloatArray = first.copy()
        for tap in rest:
            np.maximum(largest, tap, out=largest)
        return clamp(largest, bounds)

    return run


def compile_average_pool_2d(node: Node) -> Kernel:
    """AVERAGE_POOL_2D."""
    window, bounds = read_pool(node)
    outside = window.outside(node.operand(0).shape).sum(axis=1)
    counts = (window.area - outside).astype(np.float32)
    counts = counts.reshape(*window.output, 1)

    def run(x: FloatArray) -> FloatArray:
        first, *rest = window.taps(window.pad(x, 0))
        mean: FloatArray = first.copy()
        for tap in rest:
            mean += tap
        mean /= counts
        return clamp(mean, bounds)

    return run


def compile_mean(node: Node) -> Kernel:
    """MEAN over constant axes."""
    axes, output = read_mean(node), node.output.shape
    return lambda x, _: x.mean(axis=axes, dtype=np.float32).reshape(output)
