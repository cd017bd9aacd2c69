"""The TFLite file format: bytes to a small checked graph, and back."""

from headfit.networks.tflite.graph import Graph, Operator, Quantization, Tensor
from headfit.networks.tflite.reading import read_graph
from headfit.networks.tflite.writing import write_graph

__all__ = ["Graph", "Operator", "Quantization", "Tensor", "read_graph", "write_graph"]
