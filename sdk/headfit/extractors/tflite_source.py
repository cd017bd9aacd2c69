"""What `making` needs to know of a .tflite: its places, its cut, and what it says of itself."""

from __future__ import annotations

import numpy as np

from headfit.engines.litert import shapes_at
from headfit.errors import ExtractorError
from headfit.extractors.cut_network import (
    CutNetwork,
    Described,
    WholeInput,
    checked_size,
    needed_size,
)
from headfit.networks.cutting import (
    choose,
    computed,
    cut_graph,
    fixed,
    is_open,
    picture_size,
    places,
)
from headfit.networks.place import Place
from headfit.networks.tflite import Graph, Tensor, read_graph, write_graph
from headfit.networks.tflite.metadata import Metadata, read_metadata


def cut_tflite(model: bytes, at: str | None, pool: str, size: tuple[int, int] | None) -> CutNetwork:
    """Cut a .tflite; parameters and errors are those of `headfit.extractors.making.cut_network`."""
    graph = _settled(model, size)
    index = choose(graph, at, pool)
    height, width = picture_size(graph)
    cut = cut_graph(graph, index, pool)
    takes = _whole_input(graph.tensors[graph.inputs[0]])
    return CutNetwork(
        model=write_graph(cut),
        place=places(graph, pool)[index],
        is_automatic=at is None,
        is_whole=computed(graph)[index] in graph.outputs,
        height=height,
        width=width,
        is_rounded=any(_is_rounded(tensor) for tensor in cut.tensors),
        described=_described(model, takes),
        takes=takes,
    )


def tflite_places(
    model: bytes, pool: str, size: tuple[int, int] | None
) -> tuple[list[Place], int | None]:
    """List a .tflite's places; see `headfit.extractors.making.list_places`."""
    graph = _settled(model, size)
    found = places(graph, pool)
    try:
        return found, choose(graph, None, pool)
    except ExtractorError:
        return found, None


def tflite_noted(model: bytes, preprocessing: str) -> bytes:
    """Return a cut network that says how photos are prepared for it, in its description."""
    return write_graph(read_graph(model, keep_unknown=True), description=preprocessing)


def _settled(model: bytes, size: tuple[int, int] | None) -> Graph:
    """Return the network with every length settled."""
    graph = read_graph(model, keep_unknown=True)
    taken = graph.tensors[graph.inputs[0]] if graph.inputs else None
    if taken is not None and len(graph.inputs) == 1 and set(taken.open_axes) - {0, 3}:
        height, width = needed_size(size)
    else:
        height, width = checked_size(size, picture_size(graph))
    if not is_open(graph):
        return graph
    is_first = taken is not None and taken.shape[1] == 3 and taken.shape[3] != 3
    picture = (1, 3, height, width) if is_first else (1, height, width, 3)
    return fixed(graph, shapes_at(model, picture)[: len(graph.tensors)])


def _is_rounded(tensor: Tensor) -> bool:
    """Whether a tensor holds quantised numbers of 8 bits; packed signs are exact."""
    return tensor.dtype in (np.uint8, np.int8) and tensor.quantization is not None


def _whole_input(taken: Tensor) -> WholeInput | None:
    if taken.dtype.kind not in "iu":
        return None
    limits = np.iinfo(taken.dtype)
    least, most = int(limits.min), int(limits.max)
    steps = taken.quantization
    if steps is None or len(steps.scale) != 1:
        return WholeInput(least, most)
    return WholeInput(least, most, steps.scale[0], steps.zero_point[0], wraps=False)


def _described(model: bytes, takes: WholeInput | None) -> Described:
    said, fault = Metadata(), ""
    try:
        said = read_metadata(model)
    except ExtractorError as error:
        fault = str(error)
    who = (said.author, said.licence, said.labels)
    if takes is not None and takes.is_of_8_bits:
        mean, std = takes.as_it_is
        return Described(*who, (mean,), (std,), "the network's own scale")
    return Described(*who, said.mean, said.std, "the file's metadata", fault)
