"""Reads MXNet's ``.params`` container; the bytes come from others and are trusted in nothing.

Little-endian throughout: magic and a reserved word (``uint64``), the tensors, their names. A list
begins with its length (``uint64``). A tensor is its number of dimensions (``uint32``), the
dimensions (``uint32``), a device (two ``int32``), a type flag (``int32``, 0 is float32) and data.
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from headfit import FileFormatError

MAGIC = 0x112
MAX_TENSORS = 4096
MAX_DIMENSIONS = 8
MAX_NAME_BYTES = 256
_NAME_PREFIXES = ("arg:", "aux:")


class _Reader:
    """Takes values off the front of some bytes and never reads beyond their end."""

    def __init__(self, data: bytes, source: str) -> None:
        self._data = memoryview(data)
        self._source = source
        self._at = 0

    def fault(self, expected: str, found: object) -> FileFormatError:
        return FileFormatError(
            f"{self._source}: expected {expected}, found {found}; this is no MXNet .params file "
            "or a damaged one: fetch it again"
        )

    def take(self, size: int, what: str) -> memoryview:
        left = len(self._data) - self._at
        if size > left:
            raise self.fault(f"{size} bytes of {what} at byte {self._at}", f"{left} bytes")
        self._at += size
        return self._data[self._at - size : self._at]

    def numbers(self, form: str, what: str) -> tuple[int, ...]:
        form = "<" + form
        return struct.unpack(form, self.take(struct.calcsize(form), what))

    def length(self, most: int, what: str) -> int:
        (value,) = self.numbers("Q", f"the number of {what}")
        if value > most:
            raise self.fault(f"at most {most} {what}", value)
        return value

    def end(self) -> None:
        left = len(self._data) - self._at
        if left:
            raise self.fault(f"the file's end at byte {self._at}", f"{left} bytes more")


def read_params(data: bytes, source: str = "params") -> dict[str, NDArray[np.float32]]:
    """Return the tensors of an MXNet ``.params`` file by name.

    Parameters
    ----------
    data : bytes
        The whole file.
    source : str
        Names it in messages.

    Returns
    -------
    dict of str to ndarray, dtype float32
        Names keep their ``arg:`` or ``aux:``. The arrays are read-only views of `data`, so that
        words that are no floats keep every bit.

    Raises
    ------
    FileFormatError
        If the container is cut, damaged or of another kind, or holds a type other than float32.
    """
    reader = _Reader(data, source)
    magic, _ = reader.numbers("QQ", "the magic number")
    if magic != MAGIC:
        raise reader.fault(f"the magic number {MAGIC:#x}", f"{magic:#x}")
    tensors = [_tensor(reader) for _ in range(reader.length(MAX_TENSORS, "tensors"))]
    count = reader.length(MAX_TENSORS, "names")
    if count != len(tensors):
        raise reader.fault(f"{len(tensors)} names, one for each tensor", count)
    names = [_name(reader) for _ in range(count)]
    reader.end()
    named = dict(zip(names, tensors, strict=True))
    if len(named) != count:
        raise reader.fault("a name of its own for each tensor", "one name twice")
    return named


def _tensor(reader: _Reader) -> NDArray[np.float32]:
    (dimensions,) = reader.numbers("I", "a tensor's number of dimensions")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise reader.fault(f"a tensor of 1 to {MAX_DIMENSIONS} dimensions", dimensions)
    shape = reader.numbers(f"{dimensions}I", "a tensor's dimensions")
    _, _, flag = reader.numbers("iii", "a tensor's device and type")
    if flag != 0:
        raise reader.fault("a tensor of type 0 (float32)", f"type {flag}")
    values = reader.take(4 * math.prod(shape), f"a tensor of shape {shape}")
    return np.frombuffer(values, "<f4").reshape(shape)


def _name(reader: _Reader) -> str:
    size = reader.length(MAX_NAME_BYTES, "bytes of a name")
    raw = bytes(reader.take(size, "a name"))
    name = raw.decode("ascii", "replace")
    if not name.startswith(_NAME_PREFIXES) or not name.isprintable() or not raw.isascii():
        raise reader.fault("a name that begins with 'arg:' or 'aux:'", repr(name))
    return name
