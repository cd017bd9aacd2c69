"""Operators that combine or rearrange arrays element by element."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.popcount.activations import clamp, fused_range
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.node import Node

_ARITHMETIC: Final[dict[str, np.ufunc]] = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply}


def compile_arithmetic(node: Node) -> Kernel:
    """ADD, SUB, MUL with broadcasting and a fused activation."""
    node.returns(node.broadcast(node.operand(0).shape, node.operand(1).shape))
    function, bounds = _ARITHMETIC[node.name], fused_range(node)
    return lambda a, b: clamp(function(a, b), bounds)


def compile_less(node: Node) -> Kernel:
    """LESS: a < b, as bool."""
    node.returns(node.broadcast(node.operand(0).shape, node.operand(1).shape), np.bool_)
    return np.less


def compile_select(node: Node) -> Kernel:
    """SELECT_V2: a where the condition holds, b elsewhere."""
    shapes = (node.operand(0, np.bool_).shape, node.operand(1).shape, node.operand(2).shape)
    node.returns(node.broadcast(*shapes))
    return np.where


def compile_pad(node: Node) -> Kernel:
    """PAD with zeros, PADV2 with a constant."""
    shape = node.operand(0).shape
    widths = node.constant(1, (len(shape), 2), np.int32)
    if widths.min(initial=0) < 0:
        raise node.refusal(f"padding by {widths.tolist()}")
    value = node.constant(2, ()).item() if node.name == "PADV2" else 0.0
    sums = (n + int(before) + int(after) for n, (before, after) in zip(shape, widths, strict=True))
    node.returns(tuple(sums))
    return lambda x, *_: np.pad(x, widths, constant_values=value)


def compile_reshape(node: Node) -> Kernel:
    """RESHAPE to the shape that the file states for the output."""
    shape = node.output.shape
    if math.prod(node.operand(0).shape) != math.prod(shape):
        raise node.refusal(f"{node.operand(0).shape} does not reshape to {shape}")
    node.returns(shape)
    return lambda x, *_: x.reshape(shape)


def compile_transpose(node: Node) -> Kernel:
    """TRANSPOSE by a constant permutation."""
    shape = node.operand(0).shape
    order = tuple(node.constant(1, (len(shape),), np.int32).tolist())
    if sorted(order) != list(range(len(shape))):
        raise node.refusal(f"{order} is no permutation of {len(shape)} axes")
    node.returns(tuple(shape[i] for i in order))
    return lambda x, _: np.ascontiguousarray(x.transpose(order))


def compile_concatenation(node: Node) -> Kernel:
    """CONCATENATION along one axis, with a fused activation."""
    shapes = [node.operand(i).shape for i in range(node.n_operands)]
    rank = len(shapes[0]) if shapes else 0
    axis = node.option("axis", -rank, rank - 1) % max(1, rank)
    if any(len(s) != rank or _without(s, axis) != _without(shapes[0], axis) for s in shapes):
        raise node.refusal(f"shapes {shapes} do not join along axis {axis}")
    joined = sum(shape[axis] for shape in shapes)
    node.returns((*shapes[0][:axis], joined, *shapes[0][axis + 1 :]))
    bounds = fused_range(node)
    return lambda *parts: clamp(np.concatenate(parts, axis=axis), bounds)


def compile_quantize(node: Node) -> Kernel:
    """QUANTIZE float32 to int8, per tensor."""
    node.returns(node.operand(0).shape, np.int8)
    quantization = node.per_tensor(node.output)
    scale, zero_point = np.float32(quantization.scale[0]), quantization.zero_point[0]
    return lambda x: round_to_int8(x / scale, zero_point)


def compile_dequantize(node: Node) -> Kernel:
    """DEQUANTIZE int8 to float32, per tensor."""
    source = node.operand(0, np.int8)
    node.returns(source.shape)
    quantization = node.per_tensor(source)
    scale, zero_point = np.float32(quantization.scale[0]), np.float32(quantization.zero_point[0])
    return lambda x: (x.astype(np.float32) - zero_point) * scale


def round_to_int8(values: FloatArray, zero_point: int = 0) -> NDArray[np.int8]:
    """Round half away from zero, as LCE and TFLite's reference do; add, and saturate."""
    exact = values.astype(np.float64)  # 0.49999997 + 0.5 is 1 in float32
    rounded = np.copysign(np.floor(np.abs(exact) + 0.5), exact) + zero_point
    stored: NDArray[np.int8] = np.clip(rounded, -128, 127).astype(np.int8)
    return stored


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]
