"""A network whose last binary blocks were retrained: any engine in front, popcount behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headfit.engines.catalogue import with_delegate
from headfit.engines.choice import SelfCheck, open_engine
from headfit.engines.interface import Engine
from headfit.engines.native import NativeEngine
from headfit.engines.popcount import PopcountEngine, Program
from headfit.errors import ExtractorError
from headfit.files.blockfile import PackedBlock
from headfit.maths.arrays import FloatArray
from headfit.networks.splitting import split
from headfit.networks.tflite import Graph
from headfit.networks.tflite.writing import write_graph


def replace_blocks(tail: Graph, blocks: Sequence[PackedBlock]) -> Graph:
    """Return the tail with other blocks, in the order in which they run.

    Raises
    ------
    ExtractorError
        If number or shapes are not those of the tail.
    """
    tensors = list(tail.tensors)
    convolutions = [operator for operator in tail.operators if operator.name == "LceBconv2d"]
    if len(blocks) != len(convolutions):
        raise ExtractorError(
            f"expected {len(convolutions)} binary blocks, found {len(blocks)}; they were trained "
            "for another network"
        )
    for convolution, block in zip(convolutions, blocks, strict=True):
        contents = (block.filters.view("<i4"), block.multiplier, block.bias)
        for i, content in zip(convolution.inputs[1:4], contents, strict=True):
            if tensors[i].shape != content.shape or tensors[i].dtype != content.dtype:
                raise ExtractorError(
                    f"expected a binary block with {tensors[i].shape} {tensors[i].dtype} in "
                    f"{tensors[i].name!r}, found {content.shape} {content.dtype}; it was trained "
                    "for another network"
                )
            tensors[i] = replace(tensors[i], data=content)
        unused = -int(convolution.options["channels_in"]) % 32
        if unused and (block.filters[..., -1] >> np.uint32(32 - unused)).any():
            raise ExtractorError(
                f"expected {unused} zero bits after the last channel of a binary block, found "
                "others; fetch the file again"
            )
    return replace(tail, tensors=tuple(tensors))


class TunedEngine:
    """Runs the front of a network in one engine and its tail by counting bits.

    Parameters
    ----------
    front : Engine
        Returns the activations that `split` describes.
    tail : Graph
        From there to the embedding.
    """

    def __init__(self, front: Engine, tail: Graph) -> None:
        self._front = front
        self._tail = Program(tail)
        self._shapes = [tail.tensors[i].shape for i in tail.inputs]
        self._ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        self.name = front.name if front.name == "popcount" else f"{front.name}+popcount"
        self.version = front.version
        self.side_by_side = front.side_by_side
        self.input_shape = front.input_shape
        self.embedding_dim = int(tail.tensors[tail.outputs[0]].shape[-1])

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run front and tail once; see `Engine.run`."""
        parts = np.split(self._front.run(image), self._ends)
        inputs = [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]
        return self._tail.run(*inputs).reshape(self.embedding_dim)


def open_front(
    model: bytes,
    n_blocks: int,
    engine: str = "auto",
    *,
    check: SelfCheck | None = None,
    isolate: bool = False,
) -> tuple[Engine, Graph]:
    """Split a network, open its front in an engine that runs the whole network right.

    Parameters
    ----------
    model : bytes
        The `.tflite`, its fingerprint already checked.
    n_blocks : int
        How many binary blocks are in the tail.
    engine, check, isolate
        As in `open_engine`; the check is of the whole, unchanged network.

    Returns
    -------
    front : Engine
        From a prepared picture to activations.
    tail : Graph
        The rest of the network, as it was.
    """
    halves = split(model, n_blocks)
    chosen = open_engine(model, engine, check=check, isolate=isolate).name
    if ":" in engine:
        chosen = with_delegate(chosen, engine.partition(":")[2])
    # These take the graph as it is; to write it for the others takes a package that they need.
    for ours in (NativeEngine, PopcountEngine):
        if chosen == ours.name and not isolate:
            return ours(halves.front), halves.tail
    return open_engine(write_graph(halves.front), chosen, isolate=isolate), halves.tail
