"""Float convolutions and dense layers, as matrix products."""

from __future__ import annotations

import math

import numpy as np

from headfit.engines.popcount.activations import clamp, fused_range
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window


def compile_conv_2d(node: Node) -> Kernel:
    """CONV_2D, grouped where the filters read fewer channels than there are."""
    shape = _picture_shape(node)
    weights = node.constant(1, (None, None, None, None))
    n_filters, height, width, depth = weights.shape
    if shape[3] % depth or n_filters % (shape[3] // depth):
        raise node.refusal(f"filters {weights.shape} do not fit input {shape}")
    groups = shape[3] // depth
    window = Window.of(node, shape, (height, width))
    output = (1, *window.output, n_filters)
    node.returns(output)
    bias, bounds = _bias(node, n_filters), fused_range(node)
    per_group = n_filters // groups
    matrices = [
        np.ascontiguousarray(weights[g * per_group : (g + 1) * per_group].reshape(per_group, -1).T)
        for g in range(groups)
    ]

    def run(x: FloatArray, *_: object) -> FloatArray:
        padded = window.pad(x, 0)
        parts = [
            window.patches(padded[..., g * depth : (g + 1) * depth]) @ matrix
            for g, matrix in enumerate(matrices)
        ]
        y: FloatArray = parts[0] if groups == 1 else np.concatenate(parts, axis=1)
        y += bias
        return clamp(y, bounds).reshape(output)

    return run


def compile_depthwise_conv_2d(node: Node) -> Kernel:
    """DEPTHWISE_CONV_2D: every channel with its own filters."""
    shape = _picture_shape(node)
    weights = node.constant(1, (1, None, None, None))
    _, height, width, n_filters = weights.shape
    if n_filters % shape[3]:
        raise node.refusal(f"filters {weights.shape} do not fit input {shape}")
    multiplier = n_filters // shape[3]
    window = Window.of(node, shape, (height, width))
    output = (1, *window.output, n_filters)
    node.returns(output)
    bias, bounds = _bias(node, n_filters), fused_range(node)
    tap_weights = weights.reshape(height * width, n_filters)

    def run(x: FloatArray, *_: object) -> FloatArray:
        padded = window.pad(x, 0)
        if multiplier > 1:
            padded = np.repeat(padded, multiplier, axis=3)
        y: FloatArray = np.zeros(output, np.float32)
        for tap, weight in zip(window.taps(padded), tap_weights, strict=True):
            y += tap * weight
        y += bias
        return clamp(y, bounds)

    return run


def compile_fully_connected(node: Node) -> Kernel:
    """FULLY_CONNECTED: x @ weights.T + bias over the last axis."""
    shape = node.operand(0).shape
    weights = node.constant(1, (None, None))
    n_filters, depth = weights.shape
    size = math.prod(shape)
    if size % depth or node.option("weights_format", 0, 0):
        raise node.refusal(f"weights {weights.shape} do not fit input {shape}")
    output = (*shape[:-1], n_filters) if node.flag("keep_num_dims") else (size // depth, n_filters)
    node.returns(output)
    bias, bounds = _bias(node, n_filters), fused_range(node)
    matrix = np.ascontiguousarray(weights.T)

    def run(x: FloatArray, *_: object) -> FloatArray:
        y: FloatArray = x.reshape(-1, depth) @ matrix
        y += bias
        return clamp(y, bounds).reshape(output)

    return run


def _picture_shape(node: Node) -> tuple[int, ...]:
    shape = node.operand(0, rank=4).shape
    if shape[0] != 1:
        raise node.refusal(f"its batch is {shape[0]}, expected 1")
    return shape


def _bias(node: Node, n_filters: int) -> FloatArray:
    if not node.has(2):
        return np.zeros(n_filters, np.float32)
    return node.constant(2, (n_filters,))
