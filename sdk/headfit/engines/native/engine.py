"""Runs an LCE or float TFLite network in headfit's own library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headfit.engines.interface import check_input, check_signature
from headfit.engines.native import steps
from headfit.engines.native.compiler import compile_plan
from headfit.engines.native.library import Kernels, load_library
from headfit.engines.native.memory import aligned_bytes
from headfit.errors import ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.tflite import Graph, read_graph


class NativeEngine:
    """Runs an extractor in headfit's own library of C, the whole network in one call.

    Parameters
    ----------
    model : bytes or Graph
        A `.tflite`, LCE or float, or what was read from one; it need not be verified: everything
        is checked here, and by the library once more.
    kernels : Kernels, optional
        Of a library that is loaded; by default the fastest of headfit's own that this processor can
        run.

    Raises
    ------
    EngineMissingError
        If the library is not here.
    ExtractorError
        If the file is damaged, is no extractor or has an operator that is not run here.
    """

    name = "native"
    side_by_side = True

    def __init__(self, model: bytes | Graph, kernels: Kernels | None = None) -> None:
        self._kernels = kernels or load_library().kernels[0]
        graph = read_graph(model) if isinstance(model, bytes) else model
        self.input_shape, self.embedding_dim = check_signature(
            [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs],
            [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.outputs],
        )
        self._plan = compile_plan(graph, self._kernels)
        self._arenas: list[NDArray[np.uint8]] = []
        """Those that no call uses: as many as there were calls at a time."""
        self._call(None, None)

    @property
    def version(self) -> str:
        """Version of the plans that the library runs, and which of its kernels do."""
        return f"{steps.VERSION}, {self._kernels.name} kernels"

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`.

        May be called from several threads, which then run side by side.
        """
        check_input(image, self.input_shape)
        image = np.require(image, np.float32, ["C", "A"])
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = aligned_bytes(self._plan.arena_bytes)
        self._call(image, arena)
        start = self._plan.output
        embedding: FloatArray = arena[start : start + 4 * self.embedding_dim].view("<f4").copy()
        self._arenas.append(arena)
        return embedding

    def _call(self, image: FloatArray | None, arena: NDArray[np.uint8] | None) -> None:
        """Let the library check the plan, and run it on a picture."""
        plan, library = self._plan, self._kernels.library
        assert library is not None
        fault = library.run(
            self._kernels,
            (plan.steps.ctypes.data, plan.steps.size),
            (plan.constants.ctypes.data, plan.constants.size),
            (0 if image is None else image.ctypes.data, 4 * int(np.prod(self.input_shape))),
            (0 if arena is None else arena.ctypes.data, plan.arena_bytes),
        )
        if fault:
            raise ExtractorError(
                f"the native library refuses step {fault} of this network; use another engine"
            )
