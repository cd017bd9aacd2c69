"""TFLite networks as data: read, written, lowered, cut, split and extended."""

from headfit.networks.operators.binary_convolution import Affine, read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.tflite import Graph, Operator, Quantization, Tensor, read_graph, write_graph

__all__ = [
    "Affine",
    "Graph",
    "Node",
    "Operator",
    "Quantization",
    "Tensor",
    "read_binary_convolution",
    "read_graph",
    "write_graph",
]
