"""TFLite networks as data: read, written, lowered, cut, split and extended."""

from headfit.networks.cutting import cut, places
from headfit.networks.lowering import lower
from headfit.networks.operators.binary_convolution import Affine, read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.place import Place
from headfit.networks.tflite import Graph, Operator, Quantization, Tensor, read_graph, write_graph

__all__ = [
    "Affine",
    "Graph",
    "Node",
    "Operator",
    "Place",
    "Quantization",
    "Tensor",
    "cut",
    "lower",
    "places",
    "read_binary_convolution",
    "read_graph",
    "write_graph",
]
