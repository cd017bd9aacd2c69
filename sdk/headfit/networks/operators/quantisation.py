"""How LceDequantize writes +1 and -1."""

from __future__ import annotations

import math

import numpy as np

from headfit.maths.bits import n_words
from headfit.networks.operators.node import Node
from headfit.networks.tflite.graph import Quantization


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
