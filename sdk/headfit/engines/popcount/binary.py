"""LCE's four operators, to the bit: docs/engines.md has the arithmetic and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.popcount.activations import fused_range
from headfit.engines.popcount.bits import Words, count_differences, n_words, pack, unpack
from headfit.engines.popcount.node import Kernel, Node
from headfit.engines.popcount.windows import Window
from headfit.engines.tflite.graph import Quantization
from headfit.engines.tflite.schema import SAME

_INT32: Final = np.dtype(np.int32)
_MAX_CHANNELS: Final = 1 << 20
_MAX_DEPTH: Final = 1 << 22
"""Most values in one dot product: twice the count must be exact in float32."""


def compile_quantize(node: Node) -> Kernel:
    """LceQuantize: the bit is 1 where x < 0 (float), x < zero point (int8), not x (bool)."""
    source = node.operand(0, node.dtype(0))
    node.returns((*source.shape[:-1], n_words(source.shape[-1])), np.int32)
    if source.dtype == np.float32:
        return lambda x: pack(x < 0)
    if source.dtype == np.int8:
        zero_point = _per_tensor(node, source.quantization).zero_point[0]
        return lambda x: pack(x < zero_point)
    if source.dtype == np.bool_:
        return lambda x: pack(~x)
    raise node.refusal(f"it reads {source.dtype}, expected float32, int8 or bool")


def compile_dequantize(node: Node) -> Kernel:
    """LceDequantize: +1 and -1 as the output's type; the output's shape counts the channels."""
    words = node.operand(0, _INT32)
    output = node.output
    if len(output.shape) == 0 or words.shape != (*output.shape[:-1], n_words(output.shape[-1])):
        raise node.refusal(f"words {words.shape} do not unpack to {output.shape}")
    channels = output.shape[-1]
    if output.dtype == np.bool_:
        return lambda x: ~unpack(x, channels)
    plus: np.generic
    minus: np.generic
    if output.dtype == np.float32:
        plus, minus = np.float32(1), np.float32(-1)
    elif output.dtype == np.int8:
        plus, minus = _int8_pair(_per_tensor(node, output.quantization))
    else:
        raise node.refusal(f"it returns {output.dtype}, expected float32, int8 or bool")
    return lambda x: np.where(unpack(x, channels), minus, plus)


def compile_max_pool(node: Node) -> Kernel:
    """LceBMaxPool2d: the bitwise AND, for the maximum is -1 only where all are."""
    shape = node.operand(0, _INT32, rank=4).shape
    size = (node.option("filter_height", 1, 1 << 15), node.option("filter_width", 1, 1 << 15))
    window = Window.of(node, shape, size)
    node.returns((1, *window.output, shape[3]), _INT32)

    def run(x: Words) -> Words:
        first, *rest = window.taps(window.pad(x, 0xFFFFFFFF))
        smallest = first.copy()
        for tap in rest:
            smallest &= tap
        return smallest

    return run


@dataclass(frozen=True, slots=True)
class _Convolution:
    """What the output transforms share: sizes, and how to count differing bits."""

    window: Window
    filters: int
    depth: int
    """Values in one dot product, K."""
    groups: tuple[tuple[slice, NDArray[np.uint64]], ...]
    """For each group: which input words it reads, and its filters as (words, filters)."""

    def count(self, x: Words) -> NDArray[np.integer[Any]]:
        """Return popcount(x xor w) for every place and filter; outside the image x is +1."""
        padded = self.window.pad(x, 0)
        counts = [
            count_differences(_as_pairs(self.window.patches(padded[..., words])), filters)
            for words, filters in self.groups
        ]
        return counts[0] if len(counts) == 1 else np.concatenate(counts, axis=1)


def compile_convolution(node: Node) -> Kernel:
    """LceBconv2d with float32, int8 or bitpacked output."""
    convolution = _read_convolution(node)
    if node.output.dtype == np.int32:
        return _compile_bitpacked(node, convolution)
    if node.output.dtype in (np.float32, np.int8):
        return _compile_affine(node, convolution)
    raise node.refusal(f"it returns {node.output.dtype}, expected float32, int8 or int32")


def _read_convolution(node: Node) -> _Convolution:
    shape = node.operand(0, _INT32, rank=4).shape
    weights: Words = node.constant(1, (None, None, None, None), _INT32).view("<u4")
    channels = node.option("channels_in", 1, _MAX_CHANNELS)
    n_filters, height, width, words = weights.shape
    if shape[0] != 1 or shape[3] != n_words(channels) or shape[3] % words:
        raise node.refusal(f"input {shape} of {channels} channels, filters {weights.shape}")
    n_groups = shape[3] // words
    if n_filters % n_groups or (n_groups > 1 and channels % (32 * n_groups)):
        raise node.refusal(f"{n_filters} filters, {channels} channels in {n_groups} groups")
    depth = height * width * (channels // n_groups)
    if depth > _MAX_DEPTH:
        raise node.refusal(f"dot products of {depth} values, at most {_MAX_DEPTH} are exact")
    window = Window.of(node, shape, (height, width))
    per_group = n_filters // n_groups
    flat = weights.reshape(n_filters, -1)
    groups = tuple(
        (
            slice(g * words, (g + 1) * words),
            np.ascontiguousarray(_as_pairs(flat[g * per_group : (g + 1) * per_group]).T),
        )
        for g in range(n_groups)
    )
    return _Convolution(window, n_filters, depth, groups)


def _compile_bitpacked(node: Node, convolution: _Convolution) -> Kernel:
    """The bit is 1 where the count exceeds the channel's threshold."""
    window, n_filters = convolution.window, convolution.filters
    thresholds = node.constant(4, (n_filters,), _INT32)
    if window.pads and not node.option("pad_values", 0, 1):
        raise node.refusal("bitpacked output with zero padding, which LCE cannot run either")
    shape = (1, *window.output, n_words(n_filters))
    node.returns(shape, _INT32)
    return lambda x, *_: pack(convolution.count(x) > thresholds).reshape(shape)


def _compile_affine(node: Node, convolution: _Convolution) -> Kernel:
    """clamp(2 * count) * m + b, with one float32 rounding after each step.

    Not the shorter (K - 2 * count) * multiplier + bias: it rounds otherwise, and the signs that
    flip by it change everything downstream.
    """
    window, depth = convolution.window, convolution.depth
    multiplier = node.constant(2, (convolution.filters,)).astype(np.float64)
    bias = node.constant(3, (convolution.filters,)).astype(np.float64)
    scale, zero_point = 1.0, 0
    if node.output.dtype == np.int8:
        quantization = _per_tensor(node, node.output.quantization)
        scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    low, high = fused_range(node)
    bounds = (depth - min(high, depth), depth - max(low, -depth))
    m = (-multiplier / scale).astype(np.float32)
    b = ((bias + depth * multiplier) / scale + zero_point).astype(np.float32)
    correction = _zero_padding(node, convolution)
    shape = (1, *window.output, convolution.filters)
    node.returns(shape, node.output.dtype)
    to_int8 = node.output.dtype == np.int8

    def run(x: Words, *_: object) -> NDArray[Any]:
        values = convolution.count(x).astype(np.float32)
        values += values
        np.clip(values, bounds[0], bounds[1], out=values)
        values *= m
        values += b
        if correction is not None:
            values += correction
        return (_round_to_int8(values) if to_int8 else values).reshape(shape)

    return run


def _zero_padding(node: Node, convolution: _Convolution) -> NDArray[np.float32] | None:
    """Return what turns padding by +1 into padding by 0: m times the filter values outside."""
    window = convolution.window
    if not window.pads or node.option("pad_values", 0, 1) or node.option("padding", 0, 1) != SAME:
        return None
    if node.output.dtype != np.float32 or node.option("fused_activation_function", 0, 3):
        raise node.refusal(
            "zero padding with int8 output or an activation, which LCE cannot run either"
        )
    weights: Words = node.constant(1, (None, None, None, None), _INT32).view("<u4")
    channels = convolution.depth // (window.size[0] * window.size[1])
    signs = 1.0 - 2.0 * unpack(weights, channels)
    tap_sums = signs.sum(axis=3).reshape(convolution.filters, -1)
    outside = window.outside(node.operand(0, _INT32).shape) @ tap_sums.T
    multiplier = node.constant(2, (convolution.filters,))
    correction: NDArray[np.float32] = -multiplier * outside.astype(np.float32)
    return correction


def _as_pairs(words: Words) -> NDArray[np.uint64]:
    """View rows of 32-bit words as 64-bit ones, with a zero word added if their number is odd."""
    if words.shape[1] % 2:
        words = np.pad(words, [(0, 0), (0, 1)])
    return np.ascontiguousarray(words).view(np.uint64)


def _per_tensor(node: Node, quantization: Quantization | None) -> Quantization:
    if quantization is None or len(quantization.scale) != 1:
        raise node.refusal("an int8 tensor without one scale and zero point")
    return quantization


def _int8_pair(quantization: Quantization) -> tuple[np.int8, np.int8]:
    """Return what LCE writes for +1 and -1: the zero point plus and minus round(1 / scale)."""
    offset = int(np.floor(1.0 / quantization.scale[0] + 0.5))  # half away from zero
    zero_point = quantization.zero_point[0]
    return np.int8(min(127, zero_point + offset)), np.int8(max(-128, zero_point - offset))


def _round_to_int8(values: NDArray[np.float32]) -> NDArray[np.int8]:
    """Round half away from zero, as LCE does on x86, and saturate."""
    rounded = np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values)
    return np.clip(rounded, -128, 127).astype(np.int8)
