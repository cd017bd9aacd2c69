"""Pooling and means, read out of the file and checked."""

from __future__ import annotations

from headfit.networks.operators.activations import fused_range
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window


def read_pool(node: Node) -> tuple[Window, tuple[float, float]]:
    """Read MAX_POOL_2D or AVERAGE_POOL_2D: its window and its activation's bounds.

    Places outside the picture do not count.
    """
    shape = node.operand(0, rank=4).shape
    window = Window.of(node, shape, node.filter_size())
    node.returns((shape[0], *window.output, shape[3]))
    return window, fused_range(node)


def read_binary_max_pool(node: Node) -> Window:
    """Read LceBMaxPool2d: the bitwise AND, for the maximum is -1 only where all are."""
    shape = node.operand(0, "<i4", rank=4).shape
    window = Window.of(node, shape, node.filter_size())
    node.returns((shape[0], *window.output, shape[3]), "<i4")
    return window


def read_mean(node: Node) -> tuple[int, ...]:
    """Read MEAN: the axes it is taken over, in order."""
    shape = node.operand(0).shape
    listed = node.constant(1, (None,), "<i4")
    if not all(-len(shape) <= axis < len(shape) for axis in listed):
        raise node.refusal(f"axes {listed.tolist()} of shape {shape}")
    axes = tuple(sorted({int(axis) % len(shape) for axis in listed}))
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    rest = tuple(n for i, n in enumerate(shape) if i not in axes)
    node.returns(kept if node.flag("keep_dims") else rest)
    return axes
