"""How LceQuantize reads signs, and LceDequantize writes +1 and -1."""

from __future__ import annotations

import math

import numpy as np

from headfit.maths.bits import n_words
from headfit.networks.operators.node import Node
from headfit.networks.tflite.graph import Quantization, Tensor


def read_packed(node: Node) -> Tensor:
    """Read LceQuantize: what it packs, along the last axis."""
    source = node.operand(0, node.dtype(0))
    if not source.shape:
        raise node.refusal("it reads a single number, expected an array of channels")
    node.returns((*source.shape[:-1], n_words(source.shape[-1])), np.int32)
    return source


def negative_below(node: Node) -> int:
    """Return the number below which a value is -1 (of bool: 1, for false is -1)."""
    source = read_packed(node)
    if source.dtype == np.float32:
        return 0
    if source.dtype == np.int8:
        return node.per_tensor(source).zero_point[0]
    if source.dtype == np.bool_:
        return 1
    raise node.refusal(f"it reads {source.dtype}, expected float32, int8 or bool")


def stored_pair(node: Node) -> tuple[int, int]:
    """Return what a LceDequantize writes for +1 and -1."""
    output = node.output
    if output.dtype == np.float32:
        return 1, -1
    if output.dtype == np.bool_:
        return 1, 0
    if output.dtype == np.int8:
        return int8_pair(node.per_tensor(output))
    raise node.refusal(f"it returns {output.dtype}, expected float32, int8 or bool")


def int8_pair(quantization: Quantization) -> tuple[int, int]:
    """Return the int8 for +1 and -1: the zero point plus and minus round(1 / scale)."""
    inverse = np.float32(1) / np.float32(quantization.scale[0])
    offset = math.floor(float(inverse) + 0.5)  # half away from zero
    zero_point = quantization.zero_point[0]
    return min(127, zero_point + offset), max(-128, zero_point - offset)


def unpacked_channels(node: Node) -> int:
    """Return how many channels a LceDequantize unpacks: only its output's shape says so."""
    words, output = node.operand(0, np.int32).shape, node.output.shape
    if not output or words != (*output[:-1], n_words(output[-1])):
        raise node.refusal(f"words {words} do not unpack to {output}")
    return output[-1]
