"""What an engine of ours runs of a network: constants of half floats widened, operators checked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np

from headfit.errors import ExtractorError
from headfit.networks.tflite.graph import Graph, Operator
from headfit.networks.tflite.pruning import prune

_OF_INT8: Final = ("LceQuantize", "LceDequantize", "LceBconv2d", "QUANTIZE", "DEQUANTIZE")
_EIGHT_BITS: Final = (np.dtype("i1"), np.dtype("u1"), np.dtype("<i2"))


def runnable(graph: Graph, known: Collection[str], engine: str) -> Graph:
    """Return the network with its weights as float32, after a look at its operators.

    Raises
    ------
    ExtractorError
        If the engine lacks some; the message names all of them.
    """
    graph = _widened(graph)
    lacking = dict.fromkeys(filter(None, (_lacking(graph, o, known) for o in graph.operators)))
    if lacking:
        raise ExtractorError(
            f"the {engine} engine does not know the operators {', '.join(lacking)}; use another "
            "engine (pip install 'headfit[litert]')"
        )
    return graph


def _lacking(graph: Graph, operator: Operator, known: Collection[str]) -> str | None:
    if operator.name not in known:
        return operator.name
    indices = [i for i in (*operator.inputs, *operator.outputs) if i >= 0]
    small = [graph.tensors[i].dtype for i in indices if graph.tensors[i].dtype in _EIGHT_BITS]
    if small and not (operator.name in _OF_INT8 and set(small) == {np.dtype("i1")}):
        return f"{operator.name} of {small[0]}"
    return None


def _widened(graph: Graph) -> Graph:
    """Return the network with float32 constants in place of half floats that are widened first."""
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        first = graph.tensors[operator.inputs[0]] if operator.inputs else None
        if (
            operator.name == "DEQUANTIZE"
            and first is not None
            and first.data is not None
            and first.dtype == np.float16
            and len(operator.outputs) == 1
        ):
            (made,) = operator.outputs
            tensors[made] = replace(tensors[made], data=first.data.astype("<f4"))
            if tensors[made].shape != first.shape or tensors[made].dtype != np.float32:
                raise ExtractorError(
                    f"expected {first.name!r} widened to {first.shape} float32, found "
                    f"{tensors[made].shape} {tensors[made].dtype}; convert the network again"
                )
        else:
            operators.append(operator)
    if len(operators) == len(graph.operators):
        return graph
    return prune(replace(graph, tensors=tuple(tensors), operators=tuple(operators)))
