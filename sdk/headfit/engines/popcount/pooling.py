"""Float pooling and means."""

from __future__ import annotations

import numpy as np

from headfit.engines.popcount.activations import clamp, fused_range
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window


def compile_max_pool_2d(node: Node) -> Kernel:
    """MAX_POOL_2D; places outside the image do not count."""
    window, bounds = _window(node), fused_range(node)

    def run(x: FloatArray) -> FloatArray:
        first, *rest = window.taps(window.pad(x, -np.inf))
        largest: FloatArray = first.copy()
        for tap in rest:
            np.maximum(largest, tap, out=largest)
        return clamp(largest, bounds)

    return run


def compile_average_pool_2d(node: Node) -> Kernel:
    """AVERAGE_POOL_2D; places outside the image do not count."""
    window, bounds = _window(node), fused_range(node)
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
    shape = node.operand(0).shape
    listed = node.constant(1, (None,), np.int32)
    if not all(-len(shape) <= axis < len(shape) for axis in listed):
        raise node.refusal(f"axes {listed.tolist()} of shape {shape}")
    axes = tuple(sorted({int(axis) % len(shape) for axis in listed}))
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    rest = tuple(n for i, n in enumerate(shape) if i not in axes)
    output = kept if node.flag("keep_dims") else rest
    node.returns(output)
    return lambda x, _: x.mean(axis=axes, dtype=np.float32).reshape(output)


def _window(node: Node) -> Window:
    shape = node.operand(0, rank=4).shape
    window = Window.of(node, shape, node.filter_size())
    node.returns((shape[0], *window.output, shape[3]))
    return window
