"""What `making` needs to know of an ONNX file: its places, and its cut."""

from __future__ import annotations

import numpy as np

from headfit.engines.onnx import seen_tensors
from headfit.errors import ExtractorError
from headfit.extractors.cut_network import (
    CutNetwork,
    Described,
    WholeInput,
    checked_size,
    needed_size,
)
from headfit.networks.onnx import OnnxModel, read_onnx, writing
from headfit.networks.onnx.cutting import (
    Seen,
    choose,
    cut_onnx,
    is_rounded,
    looked_into,
    open_picture,
    places,
    taken_size,
)
from headfit.networks.place import Place


def cut_onnx_network(
    model: bytes, at: str | None, pool: str, size: tuple[int, int] | None
) -> CutNetwork:
    """Cut an ONNX file; parameters and errors are those of `making.cut_network`."""
    read, seen, settled = _look(model, size)
    place = places(read, seen, pool)[choose(read, seen, at, pool)]
    takes = _whole_input(read.inputs[0].dtype)
    return CutNetwork(
        model=cut_onnx(read, seen, place, pool, settled),
        place=place,
        is_automatic=at is None,
        is_whole=place.name in read.outputs,
        height=settled[0],
        width=settled[1],
        is_rounded=is_rounded(read),
        described=_described(takes),
        takes=takes,
    )


def _whole_input(dtype: str) -> WholeInput | None:
    if not dtype.startswith(("int", "uint")):
        return None
    limits = np.iinfo(dtype)
    return WholeInput(int(limits.min), int(limits.max))


def _described(takes: WholeInput | None) -> Described:
    if takes is None or not takes.is_of_8_bits:
        return Described()
    mean, std = takes.as_it_is
    return Described(mean=(mean,), std=(std,), source="the type of its input")


def onnx_places(
    model: bytes, pool: str, size: tuple[int, int] | None
) -> tuple[list[Place], int | None]:
    """List an ONNX file's places; see `making.list_places`."""
    read, seen, _ = _look(model, size)
    found = places(read, seen, pool)
    try:
        return found, choose(read, seen, None, pool)
    except ExtractorError:
        return found, None


def onnx_noted(model: bytes, preprocessing: str) -> bytes:
    """Return a cut network that says how photos are prepared for it, in a property."""
    return model + writing.stated("preprocessing", preprocessing)


def _look(
    model: bytes, size: tuple[int, int] | None
) -> tuple[OnnxModel, dict[str, Seen], tuple[int, int]]:
    """Run a network once, on zeros, to see what its tensors are."""
    read = read_onnx(model)
    found = taken_size(read, size)
    settled = needed_size(size) if open_picture(read) else checked_size(size, found)
    whole, _ = looked_into(read, settled)
    seen = {name: Seen(*one) for name, one in seen_tensors(whole, settled).items()}
    return read, seen, settled
