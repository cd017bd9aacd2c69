"""FlatBuffers tables read from untrusted bytes: every offset is checked before it is followed.

Layout as in the FlatBuffers internals page: little-endian; a table begins with the distance back
to its vtable, a list of 16-bit field positions; strings, vectors and tables inside a field are
stored as a distance forward.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorError

_KINDS: Final = {kind: struct.Struct(f"<{kind}") for kind in "bBHiIqQf?"}
"""By their formats: a file of a hundred operators has thousands of numbers."""


def damaged(reason: str) -> ExtractorError:
    """Return the error for a file that breaks the format, saying where."""
    return ExtractorError(f"this is no usable .tflite: {reason}; fetch or convert the file again")


def unfit(reason: str) -> ExtractorError:
    """Return the error for a file that is whole, and holds what headfit does not run."""
    return ExtractorError(
        f"headfit does not run this network: {reason}; choose a network for pictures, of "
        "convolutions, pooling and elementwise operators, with fixed weights"
    )


class Table:
    """One table of a FlatBuffer.

    Parameters
    ----------
    data : bytes
        The whole file.
    position : int
        Where the table begins.

    Raises
    ------
    ExtractorError
        If the table or its vtable does not lie inside the file.
    """

    __slots__ = ("_data", "_fields", "_position", "_size")

    def __init__(self, data: bytes, position: int) -> None:
        vtable = position - _number(data, "i", position)
        vtable_size = _number(data, "H", vtable)
        self._size = _number(data, "H", vtable + 2)
        if vtable_size < 4 or vtable_size % 2 or vtable + vtable_size > len(data):
            raise damaged(f"the vtable at byte {vtable} claims {vtable_size} bytes")
        if self._size < 4 or position + self._size > len(data):
            raise damaged(f"the table at byte {position} claims {self._size} bytes")
        self._data = data
        self._position = position
        self._fields = struct.unpack_from(f"<{vtable_size // 2 - 2}H", data, vtable + 4)

    @classmethod
    def root(cls, data: bytes) -> Table:
        """Return the file's root table."""
        return cls(data, _number(data, "I", 0))

    def scalar(self, field: int, kind: str, default: Any) -> Any:
        """Return a number: `kind` is a struct format ("b", "i", "I", "q", "f", "?", ...)."""
        position = self._find(field, _KINDS[kind].size)
        return default if position is None else _number(self._data, kind, position)

    def table(self, field: int) -> Table | None:
        """Return a sub-table, or None if the field is absent."""
        position = self._follow(field)
        return None if position is None else Table(self._data, position)

    def tables(self, field: int, limit: int) -> Iterator[Table]:
        """Yield the tables of a vector of at most `limit`."""
        position, count = self._vector(field, 4, limit)
        for entry in range(position, position + 4 * count, 4):
            yield Table(self._data, entry + _number(self._data, "I", entry))

    def array(self, field: int, limit: int) -> NDArray[np.uint8]:
        """Return a vector of at most `limit` bytes as a view of the file; empty if absent."""
        position, count = self._vector(field, 1, limit)
        return np.frombuffer(self._data, np.uint8, count, position)

    def numbers(self, field: int, kind: str, limit: int) -> tuple[Any, ...]:
        """Return a vector of at most `limit` numbers of a `scalar` kind; empty if absent."""
        position, count = self._vector(field, _KINDS[kind].size, limit)
        return struct.unpack_from(f"<{count}{kind}", self._data, position)

    def octets(self, field: int, limit: int) -> bytes:
        """Return a vector of at most `limit` bytes; empty if absent."""
        position, count = self._vector(field, 1, limit)
        return self._data[position : position + count]

    def text(self, field: int, limit: int) -> str:
        """Return a string of at most `limit` bytes; empty if absent."""
        return self.octets(field, limit).decode("utf-8", "replace")

    def _find(self, field: int, size: int) -> int | None:
        offset = self._fields[field] if field < len(self._fields) else 0
        if not offset:
            return None
        if offset < 4 or offset + size > self._size:
            raise damaged(f"field {field} of the table at byte {self._position} lies outside it")
        return self._position + int(offset)

    def _follow(self, field: int) -> int | None:
        position = self._find(field, 4)
        return None if position is None else position + int(_number(self._data, "I", position))

    def _vector(self, field: int, item_size: int, limit: int) -> tuple[int, int]:
        position = self._follow(field)
        if position is None:
            return 0, 0
        count = _number(self._data, "I", position)
        if count > limit:
            raise damaged(f"the list at byte {position} has {count} entries, at most {limit} fit")
        if position + 4 + count * item_size > len(self._data):
            raise damaged(f"the list at byte {position} runs past the end of the file")
        return position + 4, count


def _number(data: bytes, kind: str, position: int) -> Any:
    read = _KINDS[kind]
    if position < 0 or position + read.size > len(data):
        raise damaged(f"it points to byte {position} and has {len(data)} bytes")
    return read.unpack_from(data, position)[0]
