"""The ONNX file format: bytes to a small checked graph, and a cut one back."""

from headfit.networks.onnx.model import OnnxModel, is_onnx, read_onnx

__all__ = ["OnnxModel", "is_onnx", "read_onnx"]
