"""TFLite's Java interpreter on Android, through pyjnius.

The app packs one of two archives: LCE's own `lce-lite`, which runs an extractor as it is, or
Google's `litert`, which runs it lowered. Classes must first be looked up on the main thread, so
open the engine there; Java lets other Python threads work while it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import numpy as np

from headfit.engines.interface import FloatArray, check_input, check_signature
from headfit.engines.lowering import lower
from headfit.engines.tflite import read_graph
from headfit.errors import EngineMissingError, ExtractorError

_PACKAGE: Final = "org.tensorflow.lite"
_DTYPES: Final = {"FLOAT32": np.float32, "INT32": np.int32, "INT8": np.int8, "UINT8": np.uint8}


class AndroidEngine:
    """Runs an extractor in `org.tensorflow.lite.Interpreter`.

    Parameters
    ----------
    model : bytes
        A `.tflite` whose fingerprint was checked.

    Raises
    ------
    EngineMissingError
        If pyjnius is not here, or the app has no TFLite classes.
    ExtractorError
        If the file is damaged, or the interpreter refuses the network.
    """

    name = "android"

    def __init__(self, model: bytes) -> None:
        try:
            jnius = import_module("jnius")
        except ImportError as error:
            raise EngineMissingError(
                f"the android engine does not load ({error}): add pyjnius to the requirements in "
                "buildozer.spec"
            ) from error
        self._java_error: Any = jnius.JavaException
        self._autoclass: Any = jnius.autoclass
        try:
            interpreter = self._autoclass(f"{_PACKAGE}.Interpreter")
            options = self._autoclass(f"{_PACKAGE}.Interpreter$Options")
            self._buffers: Any = self._autoclass("java.nio.ByteBuffer")
            self._order = self._autoclass("java.nio.ByteOrder").nativeOrder()
        except self._java_error as error:
            raise EngineMissingError(
                f"this app has no TFLite ({_message(error)}): pack lce-lite or litert, see "
                "docs/android.md"
            ) from error
        read_graph(model)  # nothing that we cannot read reaches native code
        settings = options()
        settings.setNumThreads(1)
        try:
            self._interpreter = self._open(interpreter, model, settings)
        except self._java_error as error:
            raise ExtractorError(
                f"TFLite refuses this network: {_message(error)}; use the popcount engine"
            ) from error
        inputs = [
            self._interpreter.getInputTensor(i)
            for i in range(self._interpreter.getInputTensorCount())
        ]
        outputs = [
            self._interpreter.getOutputTensor(i)
            for i in range(self._interpreter.getOutputTensorCount())
        ]
        self.input_shape, self.embedding_dim = check_signature(
            [_describe(tensor) for tensor in inputs], [_describe(tensor) for tensor in outputs]
        )
        # Java reads and writes direct buffers in place; they live as long as the engine.
        self._input = self._direct(4 * int(np.prod(self.input_shape)))
        self._output = self._direct(4 * self.embedding_dim)
        self._copy = self._buffers.allocate(4 * self.embedding_dim)

    @property
    def version(self) -> str:
        """Version of the TFLite inside the app."""
        return str(self._autoclass(f"{_PACKAGE}.TensorFlowLite").runtimeVersion())

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`."""
        check_input(image, self.input_shape)
        self._input.clear()
        self._input.put(np.ascontiguousarray(image, "<f4").tobytes())
        self._input.rewind()
        self._output.clear()
        try:
            self._interpreter.run(self._input, self._output)
        except self._java_error as error:
            raise ExtractorError(f"TFLite could not run this network: {_message(error)}") from error
        # pyjnius reads no direct buffer; it does read the array behind a plain one.
        self._output.rewind()
        self._copy.clear()
        self._copy.put(self._output)
        return np.frombuffer(self._copy.array().tostring(), "<f4").astype(np.float32)

    def close(self) -> None:
        """Free what Java holds; the engine cannot run afterwards."""
        self._interpreter.close()

    def _open(self, interpreter: Any, model: bytes, settings: Any) -> Any:
        """Open the network as it is, or lowered where LCE's operators are not known."""
        try:
            return interpreter(self._filled(model), settings)
        except self._java_error as error:
            if "custom op" not in _message(error):
                raise
        return interpreter(self._filled(lower(model)), settings)

    def _filled(self, content: bytes) -> Any:
        buffer = self._direct(len(content))
        buffer.put(content)
        buffer.rewind()
        return buffer

    def _direct(self, size: int) -> Any:
        buffer = self._buffers.allocateDirect(size)
        buffer.order(self._order)
        return buffer


def _describe(tensor: Any) -> tuple[list[int], object]:
    return list(tensor.shape()), _DTYPES.get(str(tensor.dataType().toString()), np.object_)


def _message(error: Any) -> str:
    return f"{getattr(error, 'classname', '')}: {getattr(error, 'innermessage', error)}"
