"""TFLite's Java interpreter on Android, through pyjnius.

The app packs one of two archives: LCE's own `lce-lite`, which runs an extractor as it is, or
Google's `litert`, which runs it lowered; and the Java class of ``java/org/headfit``, the only one
that is looked up. Java finds it on the main thread only, see `load_classes`; then any thread may
open an engine, and other Python threads work while it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import numpy as np

from headfit.engines.interface import check_input, check_signature
from headfit.errors import EngineMissingError, ExtractorError
from headfit.maths.arrays import FloatArray

_RUNNER: Final = "org.headfit.ExtractorRunner"
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
    side_by_side = False

    def __init__(self, model: bytes) -> None:
        from headfit.networks.tflite import read_graph  # other starts need none of it

        self._java_error, runner = _load_runner()
        read_graph(model)  # nothing that we cannot read reaches native code
        try:
            self._runner = self._open(runner, model)
        except self._java_error as error:
            raise ExtractorError(
                f"TFLite refuses this network: {_message(error)}; use the popcount engine"
            ) from error
        opened = self._runner
        self.version = str(runner.version())
        self.input_shape, self.embedding_dim = check_signature(
            [
                (list(opened.inputShape(i)), _dtype(opened.inputType(i)))
                for i in range(opened.inputCount())
            ],
            [
                (list(opened.outputShape(i)), _dtype(opened.outputType(i)))
                for i in range(opened.outputCount())
            ],
        )

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`."""
        check_input(image, self.input_shape)
        try:
            embedding = self._runner.run(np.ascontiguousarray(image, "<f4").tobytes())
        except self._java_error as error:
            raise ExtractorError(f"TFLite could not run this network: {_message(error)}") from error
        return np.frombuffer(embedding.tostring(), "<f4").astype(np.float32)

    def close(self) -> None:
        """Free what Java holds; the engine cannot run afterwards."""
        self._runner.close()

    def _open(self, runner: Any, model: bytes) -> Any:
        """Open the network as it is, or lowered where LCE's operators are not known."""
        try:
            return runner(model)
        except self._java_error as error:
            if "custom op" not in _message(error):
                raise
        from headfit.networks.lowering import lower

        return runner(lower(model))


def load_classes() -> None:
    """Let Java look its class up; do it on the main thread.

    An app's own classes are found there only. Once found, any thread may open an engine.

    Raises
    ------
    EngineMissingError
        If pyjnius is not here, or the app has no TFLite classes.
    """
    _load_runner()


def _load_runner() -> tuple[Any, Any]:
    """Return Java's exception as pyjnius raises it, and the class that runs extractors."""
    try:
        jnius = import_module("jnius")
    except ImportError as error:
        raise EngineMissingError(
            f"the android engine does not load ({error}): add pyjnius to the requirements in "
            "buildozer.spec"
        ) from error
    try:
        return jnius.JavaException, jnius.autoclass(_RUNNER)
    except jnius.JavaException as error:
        raise EngineMissingError(
            f"this app has no TFLite ({_message(error)}): pack lce-lite or litert and headfit's "
            "Java class, see docs/android.md"
        ) from error


def _dtype(name: Any) -> object:
    return _DTYPES.get(str(name), np.object_)


def _message(error: Any) -> str:
    return f"{getattr(error, 'classname', '')}: {getattr(error, 'innermessage', error)}"
