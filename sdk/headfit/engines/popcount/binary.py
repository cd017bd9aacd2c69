"""LCE's four operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit.engines.popcount.arrays import round_to_int8
from headfit.engines.popcount.counting import compile_count
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.bits import Words, n_words, pack, unpack
from headfit.networks.operators.binary_convolution import Thresholds, read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.operators.quantisation import int8_pair, unpacked_channels
from headfit.networks.operators.windows import Window


def compile_quantize(node: Node) -> Kernel:
    """LceQuantize: -1 where x < 0 (float), x < zero point (int8), not x (bool)."""
    source = node.operand(0, node.dtype(0))
    node.returns((*source.shape[:-1], n_words(source.shape[-1])), np.int32)
    if source.dtype == np.float32:
        return lambda x: pack(x < 0)
    if source.dtype == np.int8:
        zero_point = np.int32(node.per_tensor(source).zero_point[0])
        return lambda x: pack(x < zero_point)
    if source.dtype == np.bool_:
        return lambda x: pack(~x)
    raise node.refusal(f"it reads {source.dtype}, expected float32, int8 or bool")


def compile_dequantize(node: Node) -> Kernel:
    """LceDequantize: +1 and -1 as the output's type."""
    channels = unpacked_channels(node)
    output = node.output
    if output.dtype == np.bool_:
        return lambda x: ~unpack(x, channels)
    plus: np.generic
    minus: np.generic
    if output.dtype == np.float32:
        plus, minus = np.float32(1), np.float32(-1)
    elif output.dtype == np.int8:
        plus, minus = map(np.int8, int8_pair(node.per_tensor(output)))
    else:
        raise node.refusal(f"it returns {output.dtype}, expected float32, int8 or bool")
    return lambda x: np.where(unpack(x, channels), minus, plus)


def compile_max_pool(node: Node) -> Kernel:
    """LceBMaxPool2d: the bitwise AND, for the maximum is -1 only where all are."""
    shape = node.operand(0, np.int32, rank=4).shape
    window = Window.of(node, shape, node.filter_size())
    node.returns((shape[0], *window.output, shape[3]), np.int32)

    def run(x: Words) -> Words:
        first, *rest = window.taps(window.pad(x, 0xFFFFFFFF))
        smallest = first.copy()
        for tap in rest:
            smallest &= tap
        return smallest

    return run


def compile_convolution(node: Node) -> Kernel:
    """LceBconv2d with float32, int8 or bitpacked output."""
    convolution = read_binary_convolution(node)
    window, transform = convolution.window, convolution.transform
    shape = node.output.shape
    differing = compile_count(convolution)

    def count(x: Words) -> NDArray[Any]:
        """Return popcount(x xor filter) for every place and filter; outside the image x is +1."""
        return differing(window.pad(x, 0))

    if isinstance(transform, Thresholds):
        thresholds = transform.values
        return lambda x, *_: pack(count(x) > thresholds).reshape(shape)

    def run(x: Words, *_: object) -> NDArray[Any]:
        values = count(x).astype(np.float32, copy=False)
        values += values
        np.clip(values, *transform.bounds, out=values)
        values *= transform.multiplier
        values += transform.bias
        if transform.correction is not None:
            values += transform.correction
        return (values if transform.quantization is None else round_to_int8(values)).reshape(shape)

    return run
