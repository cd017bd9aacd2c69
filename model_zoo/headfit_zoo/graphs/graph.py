"""A converted network without its weights: read, filled, written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headfit import InputError
from headfit.files import write_atomically
from headfit_zoo.graphs.folds import FOLDS, Folding, Weights

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Fill:
    """What belongs at one place of the file.

    Attributes
    ----------
    at : int
        The first byte.
    fold : str
        A key of `FOLDS`.
    of : tuple of str
        The layers that it is made of.
    """

    at: int
    fold: str
    of: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """A converted network without its weights.

    Attributes
    ----------
    flatbuffer : bytes
        The ``.tflite``, zeros for weights.
    shapes : mapping of str to tuple of int
        Of every weight of the Keras network, in its order, classifier included.
    epsilon, last_bits : mapping
        As `Folding` has them.
    fills : tuple of Fill
    golden : tuple of float
        What the filled network makes of the golden picture, where that is known.
    """

    flatbuffer: bytes
    shapes: Mapping[str, tuple[int, ...]]
    epsilon: Mapping[str, float]
    fills: tuple[Fill, ...]
    last_bits: Mapping[str, tuple[int, ...]]
    golden: tuple[float, ...] = ()

    def filled(self, weights: Weights) -> bytes:
        """Return the ``.tflite`` with weights of these shapes."""
        folding = Folding(weights, self.epsilon, self.last_bits)
        file = bytearray(self.flatbuffer)
        for fill in self.fills:
            content = FOLDS[fill.fold](folding, *fill.of).tobytes()
            file[fill.at : fill.at + len(content)] = content
        return bytes(file)


def load_graph(name: str, folder: Path = FOLDER) -> Graph:
    """Read the graph of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        about: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        flatbuffer = gzip.decompress((folder / f"{name}.tflite.gz").read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"expected the graph of {name} in {folder}, found none; make it with: "
            f"headfit-zoo empty {name}"
        ) from error
    return Graph(
        flatbuffer,
        {key: tuple(shape) for key, shape in about["shapes"].items()},
        about["epsilon"],
        tuple(Fill(one["at"], one["fold"], tuple(one["of"])) for one in about["fills"]),
        {key: tuple(bits) for key, bits in about["last_bits"].items()},
        tuple(about["golden"]),
    )


def save_graph(graph: Graph, name: str, folder: Path = FOLDER) -> None:
    """Write a graph; equal ones give equal bytes."""
    about = asdict(graph)
    del about["flatbuffer"]
    write_atomically(folder / f"{name}.json", (json.dumps(about) + "\n").encode())
    packed = gzip.compress(graph.flatbuffer, mtime=0)
    write_atomically(folder / f"{name}.tflite.gz", packed)
