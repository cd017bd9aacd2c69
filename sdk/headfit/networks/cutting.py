"""An extractor out of a classifier: the network up to one of its tensors."""

from __future__ import annotations

from dataclasses import replace

from headfit.errors import ExtractorError, InputError
from headfit.networks.tflite import Graph, read_graph, write_graph
from headfit.networks.tflite.pruning import prune


def cut(model: bytes, tensor: str) -> bytes:
    """Return the network whose output is `tensor`, without what comes after it.

    Parameters
    ----------
    model : bytes
        A `.tflite`, LCE or plain.
    tensor : str
        Name of the new output; `cuttable_tensors` lists those that can be one.

    Raises
    ------
    InputError
        If no operator computes a tensor of that name, or several do.
    ExtractorError
        If the file is damaged, or the tensor is packed bits.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    graph = read_graph(model)
    found = [i for i, name, _ in _computed(graph) if name == tensor]
    if len(found) != 1:
        raise InputError(
            f"expected the name of one tensor that an operator computes, found {len(found)} named "
            f"{tensor!r}; the last ones are "
            + ", ".join(repr(name) for _, name, _ in _computed(graph)[-5:])
        )
    output = graph.tensors[found[0]]
    if output.dtype != "float32":
        raise ExtractorError(
            f"expected a float32 tensor to cut at, {tensor!r} is {output.dtype}; choose one after "
            "the next float operator"
        )
    return write_graph(prune(replace(graph, outputs=(found[0],))))


def cuttable_tensors(model: bytes) -> list[tuple[str, tuple[int, ...]]]:
    """Return the names and shapes of the float32 tensors that operators compute, in order."""
    graph = read_graph(model)
    computed = _computed(graph)
    return [(name, shape) for i, name, shape in computed if graph.tensors[i].dtype == "float32"]


def _computed(graph: Graph) -> list[tuple[int, str, tuple[int, ...]]]:
    indices = [i for operator in graph.operators for i in operator.outputs]
    return [(i, graph.tensors[i].name, graph.tensors[i].shape) for i in indices]
