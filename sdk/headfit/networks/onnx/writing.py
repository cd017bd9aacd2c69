"""Messages of an ONNX file, as bytes: onnx.proto names the fields that the numbers are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from headfit.maths.arrays import FloatArray
from headfit.networks.onnx.model import FLOAT
from headfit.networks.onnx.wire import join, write_bytes, write_number

PRODUCER: Final = "headfit"
_WHOLE: Final = 2
_WHOLES: Final = 7


def node(kind: str, sources: Sequence[str], target: str, *attributes: bytes) -> bytes:
    """Return an operator: its kind, the tensors it reads and the one that it makes."""
    return join(
        (
            *(write_bytes(1, source) for source in sources),
            write_bytes(2, target),
            write_bytes(4, kind),
            *(write_bytes(5, attribute) for attribute in attributes),
        )
    )


def whole(name: str, value: int) -> bytes:
    """Return an attribute that is a whole number."""
    return join((write_bytes(1, name), write_number(3, value), write_number(20, _WHOLE)))


def wholes(name: str, values: Sequence[int]) -> bytes:
    """Return an attribute that is several whole numbers."""
    numbers = (write_number(8, value) for value in values)
    return join((write_bytes(1, name), *numbers, write_number(20, _WHOLES)))


def constant(name: str, values: FloatArray) -> bytes:
    """Return a constant of float32."""
    return join(
        (
            *(write_number(1, n) for n in values.shape),
            write_number(2, FLOAT),
            write_bytes(8, name),
            write_bytes(9, np.ascontiguousarray(values, "<f4").tobytes()),
        )
    )


def value(name: str, shape: Sequence[int | str] | None = None) -> bytes:
    """Return an input or output of float32; a length that is a text is open and has that name.

    Without a shape it is a name alone: type and shape are left to the runtime.
    """
    if shape is None:
        return write_bytes(1, name)
    lengths = (write_bytes(2, n) if isinstance(n, str) else write_number(1, n) for n in shape)
    dims = join(write_bytes(1, length) for length in lengths)
    kind = join((write_number(1, FLOAT), write_bytes(2, dims)))
    return join((write_bytes(1, name), write_bytes(2, write_bytes(1, kind))))


def opset(version: int) -> bytes:
    """Return which version of ONNX's own operators a file uses."""
    return write_number(2, version)


def model_file(
    version: int,
    opsets: Iterable[bytes],
    nodes: Iterable[bytes],
    constants: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    properties: Mapping[str, str] | None = None,
) -> bytes:
    """Return a file of messages: the operators in the order in which they run."""
    graph = join(
        (
            *(write_bytes(1, one) for one in nodes),
            write_bytes(2, PRODUCER),
            *(write_bytes(5, one) for one in constants),
            *(write_bytes(11, one) for one in inputs),
            *(write_bytes(12, one) for one in outputs),
        )
    )
    return join(
        (
            write_number(1, version),
            write_bytes(2, PRODUCER),
            write_bytes(7, graph),
            *(write_bytes(8, one) for one in opsets),
            *(stated(key, text) for key, text in (properties or {}).items()),
        )
    )


def stated(key: str, text: str) -> bytes:
    """Return a property of a file; behind a file it is one of its own."""
    return write_bytes(14, join((write_bytes(1, key), write_bytes(2, text))))
