"""A compiled network as bytes, for the library where there is no Python: a web page for one."""

from __future__ import annotations

import math
import struct
from typing import Final

from headfit.engines.interface import check_signature
from headfit.engines.native import steps
from headfit.engines.native.compiler import compile_plan
from headfit.engines.native.library import Kernels
from headfit.networks.tflite import Graph, read_graph

MAGIC: Final = b"hf-plan\0"
SIMD128: Final = Kernels(0, "simd128", 8, 1)
"""WebAssembly's, which no library here can name."""
_HEADER: Final = struct.Struct("<8s16s7Q")


def export_plan(model: bytes | Graph, kernels: Kernels = SIMD128) -> bytes:
    """Compile a network for a library elsewhere.

    Only the library of the same headfit reads it; keep the `.tflite`, not this.

    Parameters
    ----------
    model : bytes or Graph
        A `.tflite`, LCE or float, or what was read from one.
    kernels : Kernels, optional
        Which will run it; by default WebAssembly's.

    Returns
    -------
    bytes
        A header, the steps and the constants. The header, little-endian: "hf-plan" and a zero
        byte; the kernels' name in 16 bytes; as unsigned 64-bit numbers the version of plans, the
        bytes of steps, constants, picture and arena, where in the arena the embedding begins in
        bytes, and how many numbers it has.

    Raises
    ------
    ExtractorError
        If the file is damaged, is no extractor or has an operator that is not run here.
    """
    graph = read_graph(model) if isinstance(model, bytes) else model
    shape, embedding_dim = check_signature(
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs],
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.outputs],
    )
    plan = compile_plan(graph, kernels)
    header = _HEADER.pack(
        MAGIC,
        kernels.name.encode(),
        steps.VERSION,
        plan.steps.size,
        plan.constants.size,
        4 * math.prod(shape),
        plan.arena_bytes,
        plan.output,
        embedding_dim,
    )
    return header + plan.steps.tobytes() + plan.constants.tobytes()
