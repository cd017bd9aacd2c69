"""The interpreter inside the larq-compute-engine wheel, loaded without TensorFlow."""

from __future__ import annotations

import platform
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from headfit.engines.interface import check_input, check_signature
from headfit.errors import EngineMissingError, ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.tflite import read_graph

_WRAPPER = "larq_compute_engine.tflite.python.interpreter_wrapper_lite"
_X86 = {"x86_64", "amd64", "i386", "i686"}


class LceEngine:
    """Runs an LCE flatbuffer as it is.

    Parameters
    ----------
    model : bytes
        A `.tflite` whose fingerprint was checked: native code crashes on some damaged ones.

    Raises
    ------
    EngineMissingError
        If the wheel is not installed or NumPy is 2 or newer.
    ExtractorError
        If the interpreter refuses the file or it is no extractor.
    """

    name = "lce"
    side_by_side = False

    def __init__(self, model: bytes) -> None:
        wrapper = _load_wrapper()
        read_graph(model)  # nothing that we cannot read reaches native code
        # The default kernel is written for ARM: on x86 the indirect one is bit-equal and three to
        # seven times faster. One thread was fastest everywhere it was measured.
        indirect = platform.machine().lower() in _X86
        try:
            self._interpreter = wrapper.LiteInterpreter(model, 1, False, indirect, False)
        except RuntimeError as error:
            raise ExtractorError(
                f"LCE refuses this network: {error}; check that the file is complete"
            ) from error
        native = self._interpreter
        self.input_shape, self.embedding_dim = check_signature(
            list(zip(native.input_shapes, native.input_types, strict=True)),
            list(zip(native.output_shapes, native.output_types, strict=True)),
        )

    @property
    def version(self) -> str:
        """Version of the larq-compute-engine wheel."""
        from importlib.metadata import version  # loads email and socket: only where it is asked

        return version("larq-compute-engine")

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`. Holds the GIL while it works."""
        check_input(image, self.input_shape)
        try:
            # The extension compares dtypes by identity and refuses the float32 of an unpickled
            # array; astype makes an array with NumPy's own.
            (output,) = self._interpreter.predict([image.astype(np.float32)])
        except RuntimeError as error:
            raise ExtractorError(f"LCE could not run this network: {error}") from error
        embedding: FloatArray = output.reshape(self.embedding_dim)
        return embedding


def _load_wrapper() -> ModuleType:
    """Load the wheel's extension alone: importing its packages would import TensorFlow."""
    if int(np.__version__.split(".")[0]) >= 2:
        raise EngineMissingError(
            f"the lce engine needs NumPy 1 and this is NumPy {np.__version__}. Use another engine "
            "(popcount needs nothing; pip install 'headfit[litert]'), or pip install 'numpy<2'."
        )
    if _WRAPPER in sys.modules:
        return sys.modules[_WRAPPER]
    package = find_spec("larq_compute_engine")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise EngineMissingError(
            "the lce engine needs the package larq-compute-engine: pip install 'headfit[lce]' "
            "(wheels exist for x86 Linux, macOS and Windows, Python 3.10 to 3.12)"
        )
    folder = Path(folders[0], "tflite", "python")
    finder = FileFinder(str(folder), (ExtensionFileLoader, EXTENSION_SUFFIXES))
    spec = finder.find_spec(_WRAPPER)
    if spec is None or spec.loader is None:
        raise EngineMissingError(
            f"larq-compute-engine {_installed()} has no interpreter in {folder}; "
            "pip install --force-reinstall 'larq-compute-engine==0.16.0'"
        )
    module = module_from_spec(spec)
    sys.modules[_WRAPPER] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        del sys.modules[_WRAPPER]
        raise EngineMissingError(
            f"the interpreter of larq-compute-engine {_installed()} does not load: {error}; "
            "pip install --force-reinstall 'larq-compute-engine==0.16.0'"
        ) from error
    return module


def _installed() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("larq-compute-engine")
    except PackageNotFoundError:
        return "of unknown version"
