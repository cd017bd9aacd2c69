"""FlatBuffers written from their leaves up. The only place that needs the `flatbuffers` package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headfit.errors import EngineMissingError


class FlatBuffer:
    """One FlatBuffer in the making; every method writes a part and returns its offset.

    Parameters
    ----------
    size : int
        Bytes to begin with; it grows by itself, at the price of a copy.

    Raises
    ------
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """

    def __init__(self, size: int = 1024) -> None:
        try:
            import flatbuffers
        except ImportError as error:
            raise EngineMissingError(
                "writing a .tflite needs the package flatbuffers: pip install 'headfit[litert]'"
            ) from error
        self._builder: Any = flatbuffers.Builder(size)

    def table(self, fields: Sequence[tuple[int, str, Any]]) -> int:
        """Write a table of (slot, kind, value); kinds are "offset" and those of `struct`."""
        builder = self._builder
        prepend = {
            "offset": builder.PrependUOffsetTRelativeSlot,
            "b": builder.PrependInt8Slot,
            "B": builder.PrependUint8Slot,
            "i": builder.PrependInt32Slot,
            "I": builder.PrependUint32Slot,
            "f": builder.PrependFloat32Slot,
            "?": builder.PrependBoolSlot,
        }
        builder.StartObject(1 + max((slot for slot, _, _ in fields), default=0))
        for slot, kind, value in fields:
            # Against an impossible default, so that the value is stored even where it is zero.
            prepend[kind](slot, value, 0 if kind == "offset" else None)
        return int(builder.EndObject())

    def offsets(self, offsets: Sequence[int]) -> int:
        """Write a vector of parts."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def numbers(self, values: Sequence[float] | Sequence[int], dtype: str) -> int:
        """Write a vector of numbers."""
        return int(self._builder.CreateNumpyVector(np.asarray(values, dtype)))

    def indices(self, values: Sequence[int]) -> int:
        """Write a vector of whole numbers of 32 bits."""
        return self.numbers(values, "<i4")

    def octets(self, data: bytes, alignment: int = 1) -> int:
        """Write a vector of bytes whose first lies at a multiple of `alignment`."""
        self._builder.Prep(alignment, len(data))
        return int(self._builder.CreateByteVector(data))

    def text(self, text: str) -> int:
        """Write a text."""
        return int(self._builder.CreateString(text))

    def finish(self, root: int, identifier: bytes) -> bytes:
        """Return the whole, whose root table was written last."""
        builder = self._builder
        builder.Finish(root, identifier)
        return bytes(memoryview(builder.Bytes)[builder.Head() :])  # Output() would copy once more
