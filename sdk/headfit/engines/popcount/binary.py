"""LCE's four operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit.engines.popcount.arrays import round_to_int8
from headfit.engines.popcount.counting import compile_count
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.bits import Words, pack, unpack
from headfit.networks.operators.binary_convolution import Thresholds, read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.operators.pooling import read_binary_max_pool
from headfit.networks.operators.quantisation import negative_below, stored_pair, unpacked_channels


def compile_quantize(node: Node) -> Kernel:
    """LceQuantize: -1 where x < 0 (float), x < zero point (int8), not x (bool)."""
    limit = negative_below(node)
    if node.dtype(0) == np.bool_:
        return lambda x: pack(~x)
    return lambda x: pack(x < limit)


def compile_dequantize(node: Node) -> Kernel:
    """LceDequantize: +1 and -1 as the output's type."""
    channels = unpacked_channels(node)
    output = node.output
    if output.dtype == np.bool_:
        return lambda x: ~unpack(x, channels)
    plus, minus = map(output.dtype.type, stored_pair(node))
    return lambda x: np.where(unpack(x, channels), minus, plus)


def compile_max_pool(node: Node) -> Kernel:
    """LceBMaxPool2d."""
    window = read_binary_max_pool(node)

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
