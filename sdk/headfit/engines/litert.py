"""Google's TFLite runtimes, over the lowered network: whichever of the three is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from headfit.engines.interface import check_input, check_signature
from headfit.errors import EngineMissingError, ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.lowering import lower
from headfit.networks.tflite.schema import DELEGATED


class _TfliteEngine:
    """Runs any extractor, LCE or float, in a `tf.lite.Interpreter`.

    Parameters
    ----------
    model : bytes
        A `.tflite` whose fingerprint was checked.
    delegate : str, optional
        Library of a TFLite delegate, which takes over what it can: the network runs elsewhere.

    Raises
    ------
    EngineMissingError
        If the package is not installed.
    ExtractorError
        If the file is damaged, the library is no delegate, or the runtime refuses the network.
    """

    name: str
    side_by_side = False
    _module: str
    _distribution: str
    _hint: str

    def __init__(self, model: bytes, delegate: str | None = None) -> None:
        try:
            with _arithmetic_kept():
                module = import_module(self._module)
        except ImportError as error:
            raise EngineMissingError(
                f"the {self.name} engine does not load ({error}): {self._hint}"
            ) from error
        delegates = None if delegate is None else [_load_delegate(module, delegate)]
        try:
            self._interpreter: Any = module.Interpreter(
                model_content=lower(model), num_threads=1, experimental_delegates=delegates
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            needs = DELEGATED.encode() in model and delegate is None
            advice = (
                'open it with the delegate that runs it, delegate="libedgetpu.so.1"'
                if needs
                else "use another engine"
            )
            raise ExtractorError(
                f"{self.name} {self.version} refuses this network: {error}; {advice}"
            ) from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self.input_shape, self.embedding_dim = check_signature(
            [(detail["shape"], detail["dtype"]) for detail in inputs],
            [(detail["shape"], detail["dtype"]) for detail in outputs],
        )
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]

    @property
    def version(self) -> str:
        """Version of the installed package."""
        from importlib.metadata import version  # loads email and socket: only where it is asked

        return version(self._distribution)

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`. Lets other threads work meanwhile."""
        check_input(image, self.input_shape)
        try:
            self._interpreter.set_tensor(self._input, image)
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ExtractorError(f"{self.name} could not run this network: {error}") from error
        embedding: FloatArray = self._interpreter.get_tensor(self._output)
        return embedding.astype(np.float32, copy=False).reshape(self.embedding_dim)


def _load_delegate(module: Any, library: str) -> Any:
    import ctypes

    try:
        # Looked at first: the runtimes complain beside the error, where it is no delegate.
        opened = ctypes.CDLL(library)
        for name in ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate"):
            if not hasattr(opened, name):
                raise ValueError(f"it lacks {name}")
        return module.load_delegate(library)
    except (OSError, ValueError) as error:
        raise ExtractorError(
            f"expected a library with a TFLite delegate, {library} gave none: {error}; install "
            "what its hardware needs, and check that it is plugged in, or leave delegate out"
        ) from error


def shapes_at(model: bytes, picture: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shape of every tensor of a network for a picture of this shape.

    For files that leave lengths open: an interpreter runs it once, on zeros.

    Raises
    ------
    EngineMissingError
        If no TFLite runtime is installed.
    ExtractorError
        If none takes the picture.
    """
    reasons = []
    is_here = False
    for engine in (LiteRtEngine, TfliteRuntimeEngine, TensorFlowEngine):
        try:
            with _arithmetic_kept():
                module = import_module(engine._module)
        except ImportError as error:
            reasons.append(f"the {engine.name} engine does not load ({error}): {engine._hint}")
            continue
        is_here = True
        try:
            # Delegates hide the shapes of what they took over.
            interpreter = module.Interpreter(
                model_content=model,
                num_threads=1,
                experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
            )
            (taken,) = interpreter.get_input_details()
            interpreter.resize_tensor_input(taken["index"], picture)
            interpreter.allocate_tensors()
            interpreter.set_tensor(taken["index"], np.zeros(picture, taken["dtype"]))
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            reasons.append(f"{engine.name} refuses this network: {error}")
            continue
        shapes = {t["index"]: tuple(map(int, t["shape"])) for t in interpreter.get_tensor_details()}
        return [shapes.get(i, ()) for i in range(max(shapes) + 1)]
    kind = ExtractorError if is_here else EngineMissingError
    raise kind(
        "expected a TFLite runtime that settles the lengths that this file leaves open, found "
        f"none: {'; '.join(reasons)}; or convert it with a fixed picture size"
    )


@contextmanager
def _arithmetic_kept() -> Iterator[None]:
    """Leave the processor's rounding and its denormal numbers as they were.

    tflite-runtime 2.14 for ARM, once loaded, makes the processor take denormals for zero in all
    of the process: heads would be fitted otherwise than elsewhere.
    """
    if sys.platform != "linux":
        yield
        return
    import ctypes

    c_library = ctypes.CDLL(None)
    environment = ctypes.create_string_buffer(256)  # fenv_t, of 8 bytes on ARM and 32 on x86
    c_library.fegetenv(environment)
    try:
        yield
    finally:
        c_library.fesetenv(environment)


class LiteRtEngine(_TfliteEngine):
    """The package ai-edge-litert."""

    name = "litert"
    _module = "ai_edge_litert.interpreter"
    _distribution = "ai-edge-litert"
    _hint = "pip install 'headfit[litert]'"


class TfliteRuntimeEngine(_TfliteEngine):
    """The package tflite-runtime: NumPy 1, Python up to 3.11; small ARM boards too."""

    name = "tflite-runtime"
    _module = "tflite_runtime.interpreter"
    _distribution = "tflite-runtime"
    _hint = "pip install tflite-runtime 'numpy<2' flatbuffers (Python 3.11 or older)"


class TensorFlowEngine(_TfliteEngine):
    """The interpreter inside TensorFlow, for those who have it already."""

    name = "tensorflow"
    _module = "tensorflow.lite.python.interpreter"
    _hint = "pip install tensorflow, or better: pip install 'headfit[litert]'"

    @property
    def version(self) -> str:
        """Version of TensorFlow, whichever of its distributions brought it."""
        return str(import_module("tensorflow").__version__)
