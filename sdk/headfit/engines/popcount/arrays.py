"""Operators that combine or rearrange arrays element by element."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.popcount.activations import clamp
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators import arrays
from headfit.networks.operators.node import Node

_ARITHMETIC: Final[dict[str, np.ufunc]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
}


def compile_arithmetic(node: Node) -> Kernel:
    """ADD, SUB, MUL, DIV with broadcasting and a fused activation."""
    function, bounds = _ARITHMETIC[node.name], arrays.read_arithmetic(node)
    return lambda a, b: clamp(function(a, b), bounds)


def compile_less(node: Node) -> Kernel:
    """LESS: a < b, as bool."""
    arrays.read_less(node)
    return np.less


def compile_select(node: Node) -> Kernel:
    """SELECT_V2: a where the condition holds, b elsewhere."""
    arrays.read_select(node)
    return np.where


def compile_pad(node: Node) -> Kernel:
    """PAD with zeros, PADV2 with a constant."""
    widths, value = arrays.read_pad(node)
    return lambda x, *_: np.pad(x, widths, constant_values=value)


def compile_reshape(node: Node) -> Kernel:
    """RESHAPE to the shape that the file states for the output."""
    arrays.read_reshape(node)
    shape = node.output.shape
    return lambda x, *_: x.reshape(shape)


def compile_transpose(node: Node) -> Kernel:
    """TRANSPOSE by a constant permutation."""
    order = arrays.read_transpose(node)
    return lambda x, _: np.ascontiguousarray(x.transpose(order))


def compile_concatenation(node: Node) -> Kernel:
    """CONCATENATION along one axis."""
    axis = arrays.read_concatenation(node)
    return lambda *parts: np.concatenate(parts, axis=axis)


def compile_quantize(node: Node) -> Kernel:
    """QUANTIZE float32 to int8, per tensor."""
    quantization = arrays.read_quantize(node)
    scale, zero_point = np.float32(quantization.scale[0]), quantization.zero_point[0]
    return lambda x: round_to_int8(x / scale, zero_point)


def compile_dequantize(node: Node) -> Kernel:
    """DEQUANTIZE int8 to float32, per tensor."""
    quantization = arrays.read_dequantize(node)
    scale, zero_point = np.float32(quantization.scale[0]), np.float32(quantization.zero_point[0])
    return lambda x: (x.astype(np.float32) - zero_point) * scale


def round_to_int8(values: FloatArray, zero_point: int = 0) -> NDArray[np.int8]:
    """Round half away from zero, as LCE and TFLite's reference do; add, and saturate."""
    exact = values.astype(np.float64)  # 0.49999997 + 0.5 is 1 in float32
    rounded = np.copysign(np.floor(np.abs(exact) + 0.5), exact) + zero_point
    stored: NDArray[np.int8] = np.clip(rounded, -128, 127).astype(np.int8)
    return stored
