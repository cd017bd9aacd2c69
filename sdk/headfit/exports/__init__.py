"""Exports: what a head becomes where headfit is not installed."""

from headfit.exports.coreml import export_coreml
from headfit.exports.document import export_json
from headfit.exports.onnx import export_onnx
from headfit.exports.tflite import export_tflite
from headfit.exports.web import export_web

__all__ = ["export_coreml", "export_json", "export_onnx", "export_tflite", "export_web"]
