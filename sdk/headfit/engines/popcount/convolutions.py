"""Float convolutions and dense layers, as matrix products."""

from __future__ import annotations

import numpy as np

from headfit.engines.popcount.activations import clamp
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.convolutions import (
    read_convolution,
    read_dense,
    read_depthwise_convolution,
)
from headfit.networks.operators.node import Node


def compile_conv_2d(node: Node) -> Kernel:
    """CONV_2D."""
    conv = read_convolution(node)
    window, depth, output = conv.window, conv.depth, node.output.shape
    matrices = [
        np.ascontiguousarray(group.reshape(conv.group_filters, -1).T)
        for group in conv.weights.reshape(conv.groups, conv.group_filters, -1)
    ]

    def run(x: FloatArray, *_: object) -> FloatArray:
        padded = window.pad(x, 0)
        parts = [
            window.patches(padded[..., g * depth : (g + 1) * depth]) @ matrix
            for g, matrix in enumerate(matrices)
        ]
        y: FloatArray = parts[0] if conv.groups == 1 else np.concatenate(parts, axis=1)
        y += conv.bias
        return clamp(y, conv.bounds).reshape(output)

    return run


def compile_depthwise_conv_2d(node: Node) -> Kernel:
    """DEPTHWISE_CONV_2D."""
    conv, output = read_depthwise_convolution(node), node.output.shape

    def run(x: FloatArray, *_: object) -> FloatArray:
        padded = conv.window.pad(x, 0)
        if conv.multiple > 1:
            padded = np.repeat(padded, conv.multiple, axis=3)
        y: FloatArray = np.zeros(output, np.float32)
        for tap, weight in zip(conv.window.taps(padded), conv.weights, strict=True):
            y += tap * weight
        y += conv.bias
        return clamp(y, conv.bounds)

    return run


def compile_fully_connected(node: Node) -> Kernel:
    """FULLY_CONNECTED."""
    dense = read_dense(node)
    matrix = np.ascontiguousarray(dense.weights.T)

    def run(x: FloatArray, *_: object) -> FloatArray:
        y: FloatArray = x.reshape(dense.rows, -1) @ matrix
        y += dense.bias
        return clamp(y, dense.bounds).reshape(dense.output)

    return run
