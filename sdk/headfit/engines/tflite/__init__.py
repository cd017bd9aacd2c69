"""The TFLite file format: bytes to a small checked graph, and back."""

from headfit.engines.tflite.graph import Graph, Operator, Quantization, Tensor
from headfit.engines.tflite.reading import read_graph
from headfit.engines.tflite.writing import write_graph

__all__ = ["Graph", "Operator", "Quantization", "Tensor", "read_graph", "write_graph"]
