"""Protocol Buffers' wire format, read from untrusted bytes and written.

A message is a list of fields: a tag, the field's number times 8 plus its kind, and a value. Kind 0
is a number of 7 bits a byte, 1 and 5 are 8 and 4 bytes, 2 is a length and that many bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headfit.errors import ExtractorError

NUMBER: Final = 0
BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_MAX_FIELDS: Final = 1 << 17
_MAX_NUMBER_BYTES: Final = 10


def damaged(reason: str) -> ExtractorError:
    """Return the error for a file that breaks the format, saying where."""
    return ExtractorError(f"this is no usable ONNX file: {reason}; fetch or export the file again")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: of kind 0 `number` counts, of the others `data`."""

    tag: int
    kind: int
    number: int
    data: bytes

    def whole(self) -> int:
        """Return its number, signed, where it is one."""
        if self.kind != NUMBER:
            raise damaged(f"field {self.tag} is of kind {self.kind}, expected a number")
        return self.number - (1 << 64) if self.number >> 63 else self.number

    def message(self) -> bytes:
        """Return its bytes, where it has some."""
        if self.kind != BYTES:
            raise damaged(f"field {self.tag} is of kind {self.kind}, expected bytes")
        return self.data

    def text(self, limit: int = 4096) -> str:
        """Return its bytes as a text of at most `limit`."""
        data = self.message()
        if len(data) > limit:
            raise damaged(f"a name of {len(data)} bytes, at most {limit} fit")
        return data.decode("utf-8", "replace")


def read_fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message.

    Raises
    ------
    ExtractorError
        If it runs past its end, or holds a kind of field that there is not.
    """
    at, size = 0, len(data)
    for _ in range(_MAX_FIELDS):
        if at == size:
            return
        tag, at = _read_number(data, at)
        kind = tag & 7
        if kind == NUMBER:
            number, at = _read_number(data, at)
            yield Field(tag >> 3, kind, number, b"")
            continue
        if kind == BYTES:
            length, at = _read_number(data, at)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise damaged(f"a field of kind {kind} at byte {at}")
        if length > size - at:
            raise damaged(f"a field of {length} bytes at byte {at} of {size}")
        yield Field(tag >> 3, kind, 0, data[at : at + length])
        at += length
    raise damaged(f"a message of more than {_MAX_FIELDS} fields")


def read_numbers(field: Field) -> list[int]:
    """Return the whole numbers of a repeated field, one to a field or packed."""
    if field.kind == NUMBER:
        return [field.whole()]
    data, at, numbers = field.message(), 0, []
    while at < len(data):
        number, at = _read_number(data, at)
        numbers.append(number - (1 << 64) if number >> 63 else number)
    return numbers


def write_number(tag: int, number: int) -> bytes:
    """Return a field that is a whole number."""
    return _number(tag << 3 | NUMBER) + _number(number & ((1 << 64) - 1))


def write_bytes(tag: int, data: bytes | str) -> bytes:
    """Return a field that is bytes, a text or a message."""
    encoded = data.encode() if isinstance(data, str) else data
    return _number(tag << 3 | BYTES) + _number(len(encoded)) + encoded


def write_field(field: Field) -> bytes:
    """Return a field as it was read."""
    if field.kind == NUMBER:
        return write_number(field.tag, field.number)
    if field.kind == BYTES:
        return write_bytes(field.tag, field.data)
    return _number(field.tag << 3 | field.kind) + field.data


def join(fields: Iterable[bytes]) -> bytes:
    """Return a message of these fields."""
    return b"".join(fields)


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for i, byte in enumerate(data[at : at + _MAX_NUMBER_BYTES]):
        number |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            if number >> 64:
                break
            return number, at + i + 1
    raise damaged(f"a number without end at byte {at}")


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
