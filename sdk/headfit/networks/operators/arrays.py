"""Operators that combine or rearrange arrays, read out of the file and checked."""

from __future__ import annotations

import math

import numpy as np

from headfit.networks.operators.activations import fused_range
from headfit.networks.operators.node import Node
from headfit.networks.tflite.graph import Quantization


def read_arithmetic(node: Node) -> tuple[float, float]:
    """Read ADD, SUB, MUL or DIV with broadcasting: its activation's bounds."""
    node.returns(node.broadcast(node.operand(0).shape, node.operand(1).shape))
    return fused_range(node)


def read_less(node: Node) -> None:
    """Check LESS: a < b, as bool."""
    node.returns(node.broadcast(node.operand(0).shape, node.operand(1).shape), np.bool_)


def read_select(node: Node) -> None:
    """Check SELECT_V2: a where the condition holds, b elsewhere."""
    shapes = (node.operand(0, np.bool_).shape, node.operand(1).shape, node.operand(2).shape)
    node.returns(node.broadcast(*shapes))


def read_pad(node: Node) -> tuple[list[tuple[int, int]], float]:
    """Read PAD or PADV2: how much goes before and after each axis, and of what."""
    shape = node.operand(0).shape
    widths = [
        (int(before), int(after)) for before, after in node.constant(1, (len(shape), 2), "<i4")
    ]
    if min(map(min, widths), default=0) < 0:
        raise node.refusal(f"padding by {widths}")
    value = node.constant(2, ()).item() if node.name == "PADV2" else 0.0
    node.returns(tuple(n + sum(width) for n, width in zip(shape, widths, strict=True)))
    return widths, value


def read_reshape(node: Node) -> None:
    """Check RESHAPE to the shape that the file states for the output."""
    shape = node.output.shape
    if math.prod(node.operand(0).shape) != math.prod(shape):
        raise node.refusal(f"{node.operand(0).shape} does not reshape to {shape}")
    node.returns(shape)


def read_transpose(node: Node) -> tuple[int, ...]:
    """Read TRANSPOSE: which axis goes where."""
    shape = node.operand(0).shape
    order = tuple(node.constant(1, (len(shape),), "<i4").tolist())
    if sorted(order) != list(range(len(shape))):
        raise node.refusal(f"{order} is no permutation of {len(shape)} axes")
    node.returns(tuple(shape[i] for i in order))
    return order


def read_concatenation(node: Node) -> int:
    """Read CONCATENATION: its axis. No network is read that fuses an activation into it."""
    shapes = [node.operand(i).shape for i in range(node.n_operands)]
    rank = len(shapes[0]) if shapes else 0
    axis = node.option("axis", -rank, rank - 1) % max(1, rank)
    if any(len(s) != rank or _without(s, axis) != _without(shapes[0], axis) for s in shapes):
        raise node.refusal(f"shapes {shapes} do not join along axis {axis}")
    joined = sum(shape[axis] for shape in shapes)
    node.returns((*shapes[0][:axis], joined, *shapes[0][axis + 1 :]))
    return axis


def read_quantize(node: Node) -> Quantization:
    """Read QUANTIZE, float32 to int8 per tensor."""
    node.returns(node.operand(0).shape, np.int8)
    return node.per_tensor(node.output)


def read_dequantize(node: Node) -> Quantization:
    """Read DEQUANTIZE, int8 to float32 per tensor."""
    source = node.operand(0, np.int8)
    node.returns(source.shape)
    return node.per_tensor(source)


def read_prelu(node: Node) -> None:
    """Check PRELU: x where positive, slope * x elsewhere."""
    shape, slopes = node.operand(0).shape, node.operand(1)
    if slopes.data is None or len(slopes.shape) > len(shape):
        raise node.refusal(f"its slopes are no constant that broadcasts to {shape}")
    node.returns(node.broadcast(shape, slopes.shape))


def read_elementwise(node: Node) -> None:
    """Check an operator of one operand that keeps its shape."""
    node.returns(node.operand(0).shape)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]
