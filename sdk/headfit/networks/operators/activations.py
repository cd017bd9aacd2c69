"""Activations fused into other operators."""

from __future__ import annotations

from headfit.networks.operators.node import Node
from headfit.networks.tflite.schema import ACTIVATION_RANGES, NO_ACTIVATION, RELU6


def fused_range(node: Node) -> tuple[float, float]:
    """Return the bounds of the operator's fused activation."""
    return ACTIVATION_RANGES[node.option("fused_activation_function", NO_ACTIVATION, RELU6)]
