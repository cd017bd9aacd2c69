"""Float convolutions and dense layers, read out of the file and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headfit.maths.arrays import FloatArray
from headfit.networks.operators.activations import fused_range
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """CONV_2D: y = clamp(sum over window and depth of x * weights + bias)."""

    window: Window
    weights: FloatArray
    """(n_filters, window height, window width, depth)."""
    bias: FloatArray
    """(n_filters,)."""
    bounds: tuple[float, float]
    groups: int

    @property
    def depth(self) -> int:
        """How many channels a filter reads."""
        return self.weights.shape[3]

    @property
    def group_filters(self) -> int:
        """How many filters a group has."""
        return self.weights.shape[0] // self.groups


@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConvolution:
    """DEPTHWISE_CONV_2D: every channel with `multiple` filters of its own."""

    window: Window
    weights: FloatArray
    """(window area, channels * multiple)."""
    bias: FloatArray
    """(channels * multiple,)."""
    bounds: tuple[float, float]
    multiple: int


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """FULLY_CONNECTED: y = clamp(x @ weights.T + bias) over the last axis."""

    weights: FloatArray
    """(n_filters, depth)."""
    bias: FloatArray
    bounds: tuple[float, float]
    rows: int
    output: tuple[int, ...]


def read_convolution(node: Node) -> Convolution:
    """Read CONV_2D, grouped where the filters read fewer channels than there are."""
    shape = _picture_shape(node)
    weights = node.constant(1, (None, None, None, None))
    n_filters, height, width, depth = weights.shape
    if shape[3] % depth or n_filters % (shape[3] // depth):
        raise node.refusal(f"filters {weights.shape} do not fit input {shape}")
    window = Window.of(node, shape, (height, width))
    node.returns((1, *window.output, n_filters))
    bias = _bias(node, n_filters)
    return Convolution(window, weights, bias, fused_range(node), shape[3] // depth)


def read_depthwise_convolution(node: Node) -> DepthwiseConvolution:
    """Read DEPTHWISE_CONV_2D."""
    shape = _picture_shape(node)
    weights = node.constant(1, (1, None, None, None))
    _, height, width, n_filters = weights.shape
    if n_filters % shape[3]:
        raise node.refusal(f"filters {weights.shape} do not fit input {shape}")
    window = Window.of(node, shape, (height, width))
    node.returns((1, *window.output, n_filters))
    of_taps = weights.reshape(height * width, n_filters)
    bias = _bias(node, n_filters)
    return DepthwiseConvolution(window, of_taps, bias, fused_range(node), n_filters // shape[3])


def read_dense(node: Node) -> Dense:
    """Read FULLY_CONNECTED."""
    shape = node.operand(0).shape
    weights = node.constant(1, (None, None))
    n_filters, depth = weights.shape
    size = math.prod(shape)
    keeps = node.flag("keep_num_dims")
    if size % depth or (keeps and shape[-1:] != (depth,)) or node.option("weights_format", 0, 0):
        raise node.refusal(f"weights {weights.shape} do not fit input {shape}")
    output = (*shape[:-1], n_filters) if keeps else (size // depth, n_filters)
    node.returns(output)
    return Dense(weights, _bias(node, n_filters), fused_range(node), size // depth, output)


def _picture_shape(node: Node) -> tuple[int, ...]:
    shape = node.operand(0, rank=4).shape
    if shape[0] != 1:
        raise node.refusal(f"its batch is {shape[0]}, expected 1")
    return shape


def _bias(node: Node, n_filters: int) -> FloatArray:
    if not node.has(2):
        return np.zeros(n_filters, np.float32)
    return node.constant(2, (n_filters,))
