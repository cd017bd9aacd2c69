"""TFLite networks as data: read, written, lowered, cut, split and extended."""

from headfit.networks.cutting import cut, cuttable_tensors
from headfit.networks.lowering import lower
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
    "cut",
    "cuttable_tensors",
    "lower",
    "read_binary_convolution",
    "read_graph",
    "write_graph",
]
