"""A FlexBuffer map of whole numbers, as LCE stores an operator's options.

Layout as in the FlexBuffers internals page: the root is at the end; a map is a vector of values,
before it the place of a vector of keys, after it one type byte for each value.
"""

from __future__ import annotations

from headfit.networks.tflite.tables import damaged

_MAP = 9
_WHOLE_NUMBERS = {1: True, 2: False, 26: False}
"""Type codes INT, UINT, BOOL, and whether they are signed."""
_MAX_KEYS = 64


def read_int_map(data: bytes) -> dict[str, int]:
    """Read a map from strings to whole numbers.

    Raises
    ------
    ExtractorError
        If `data` is no such map.
    """
    if len(data) < 3:
        raise damaged(f"operator options of {len(data)} bytes")
    root_width = data[-1]
    packed_type = data[-2]
    if packed_type >> 2 != _MAP or root_width not in (1, 2, 4, 8):
        raise damaged("operator options that are no FlexBuffer map")
    width = 1 << (packed_type & 3)
    values = _indirect(data, len(data) - 2 - root_width, root_width)
    count = _unsigned(data, values - width, width)
    keys = _indirect(data, values - 3 * width, width)
    keys_width = _unsigned(data, values - 2 * width, width)
    if count > _MAX_KEYS or keys_width not in (1, 2, 4, 8):
        raise damaged(f"operator options with {count} keys of width {keys_width}")
    options = {}
    for i in range(count):
        kind = _unsigned(data, values + count * width + i, 1)
        if kind >> 2 not in _WHOLE_NUMBERS:
            raise damaged(f"an operator option of FlexBuffer type {kind >> 2}, not a whole number")
        raw = _slice(data, values + i * width, width)
        value = int.from_bytes(raw, "little", signed=_WHOLE_NUMBERS[kind >> 2])
        options[_key(data, _indirect(data, keys + i * keys_width, keys_width))] = value
    return options


def _key(data: bytes, position: int) -> str:
    end = data.find(b"\0", position)
    if end < 0:
        raise damaged("an operator option's name without end")
    return data[position:end].decode("ascii", "replace")


def _indirect(data: bytes, position: int, width: int) -> int:
    target = position - _unsigned(data, position, width)
    if target < 0:
        raise damaged("operator options that point before their beginning")
    return target


def _unsigned(data: bytes, position: int, width: int) -> int:
    return int.from_bytes(_slice(data, position, width), "little")


def _slice(data: bytes, position: int, width: int) -> bytes:
    if position < 0 or position + width > len(data):
        raise damaged("operator options that point outside themselves")
    return data[position : position + width]
