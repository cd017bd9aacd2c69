"""Microsoft's ONNX Runtime, for extractors that are ONNX files."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, Final

import numpy as np

from headfit.engines.interface import check_input, check_signature
from headfit.errors import EngineMissingError, ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.onnx import is_onnx, read_onnx

_SILENT: Final = 4
"""Errors are raised: they need not be printed, too."""
_PRECISE: Final = ("session.x64quantprecision", "1")
"""Sums of 8-bit products do not overflow then on processors without VNNI, and are the same on all:
without it the cosine of EfficientNet-Lite0's embeddings to the float ones was 0.67 to 0.99 with
AVX2, as int8 in pairs of QuantizeLinear and DequantizeLinear, and with it 0.97 to 0.99."""
_DTYPES: Final = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class OnnxEngine:
    """Runs an ONNX extractor on the processor, on one thread.

    Parameters
    ----------
    model : bytes
        An ONNX file whose fingerprint was checked.

    Raises
    ------
    EngineMissingError
        If the package onnxruntime is not installed.
    ExtractorError
        If it is no ONNX file, or damaged, or the runtime refuses it.
    """

    name = "onnx"
    side_by_side = True

    def __init__(self, model: bytes) -> None:
        if not is_onnx(model):
            raise ExtractorError(
                "expected an ONNX file, which the onnx engine runs, found another; a .tflite is "
                "run by litert, lce, native or popcount"
            )
        self._session = open_session(model)
        self.input_shape, self.embedding_dim = check_signature(
            [(_lengths(one.shape), _DTYPES.get(one.type, np.object_)) for one in self._inputs()],
            [
                (_lengths(one.shape), _DTYPES.get(one.type, np.object_))
                for one in self._session.get_outputs()
            ],
        )
        self._input = self._inputs()[0].name

    @property
    def version(self) -> str:
        """Version of ONNX Runtime."""
        return str(import_module("onnxruntime").__version__)

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`. May be called from several threads."""
        check_input(image, self.input_shape)
        (output,) = run_session(self._session, {self._input: image})
        embedding: FloatArray = np.asarray(output, np.float32).reshape(self.embedding_dim)
        return embedding

    def _inputs(self) -> Any:
        return self._session.get_inputs()


def open_session(model: bytes) -> Any:
    """Open a network in ONNX Runtime, once headfit has read it to the end.

    Raises
    ------
    EngineMissingError
        If the package onnxruntime is not installed.
    ExtractorError
        If the file is damaged, or the runtime refuses it.
    """
    runtime = _load()
    read_onnx(model)  # nothing that we cannot read reaches native code
    try:
        try:
            return _session(runtime, model, _PRECISE)
        except _errors(runtime):  # a few operators on int8 are missing then
            return _session(runtime, model)
    except _errors(runtime) as error:
        raise ExtractorError(
            f"onnx {runtime.__version__} refuses this network: {_first_line(error)}; export it "
            "again, or convert it to a .tflite"
        ) from error


def _session(runtime: ModuleType, model: bytes, *settings: tuple[str, str]) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    for name, value in settings:
        options.add_session_config_entry(name, value)
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, inputs: dict[str, Any]) -> list[Any]:
    """Run a network once.

    Raises
    ------
    ExtractorError
        If the runtime fails.
    """
    try:
        found: list[Any] = session.run(None, inputs)
    except _errors(_load()) as error:
        raise ExtractorError(f"onnx could not run this network: {_first_line(error)}") from error
    return found


def seen_tensors(model: bytes, size: tuple[int, int]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of every output of a network that takes a picture of this size.

    Errors are those of `open_session`.
    """
    session = open_session(model)
    (taken,) = session.get_inputs()
    names = [one.name for one in session.get_outputs()]
    found = run_session(session, {taken.name: np.zeros((1, *size, 3), np.float32)})
    return {
        name: (str(array.dtype), tuple(map(int, array.shape)))
        for name, array in zip(names, found, strict=True)
        if isinstance(array, np.ndarray)
    }


def _load() -> ModuleType:
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise EngineMissingError(
            f"the onnx engine does not load ({error}): pip install 'headfit[onnx]'"
        ) from error


def _errors(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """Return what the runtime raises: classes of its own, one for each of its codes."""
    states = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    own = [one for one in vars(states).values() if isinstance(one, type)]
    raised = tuple(one for one in own if issubclass(one, Exception))
    return (*raised, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def _lengths(shape: Any) -> list[int]:
    """Return a shape; a length that is left open becomes 0."""
    return [n if isinstance(n, int) else 0 for n in shape]
