"""Read rows out of a damaged store's bytes, page by page, without SQLite.

SQLite reaches a row through its tree: where a page of the tree is lost, so is all below it. Here
every page that looks like the leaf of a table is read by itself, in the file and in its
write-ahead log. What makes that safe is the checksum in every row: a row is taken exactly if it is
one that was written. The formats are SQLite's: https://sqlite.org/fileformat2.html, sections 1.5,
1.6, 2.1 and 4.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

from headfit.store.log import committed_frames
from headfit.store.schema import PAGE_BYTES

Value: TypeAlias = int | str | bytes | None

_LEAF = 13  # the kind of page that holds rows of a table
_MAX_PAYLOAD = 1 << 24
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def salvage_rows(database: bytes, log: bytes) -> Iterator[tuple[int, tuple[Value, ...]]]:
    """Yield the id and the values of every row that can be read, later versions later.

    Parameters
    ----------
    database : bytes
        The file.
    log : bytes
        Its write-ahead log, or nothing.

    Yields
    ------
    row id : int
    values : tuple
        As they stand in the record; damaged ones are among them, for the caller to refuse.
    """
    images = list(_file_pages(database))
    # Rows have their own checksums, so frames behind a damaged one count too.
    images += [(frame.page_number, frame.page) for frame in committed_frames(log)]
    latest = dict(images)
    for _, page in images:
        if page[0] == _LEAF:
            yield from _leaf_rows(page, latest)


def _file_pages(database: bytes) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(database), PAGE_BYTES):
        yield start // PAGE_BYTES + 1, database[start : start + PAGE_BYTES].ljust(PAGE_BYTES, b"\0")


def _leaf_rows(page: bytes, pages: dict[int, bytes]) -> Iterator[tuple[int, tuple[Value, ...]]]:
    (n_cells,) = struct.unpack_from(">H", page, 3)
    n_cells = min(n_cells, (PAGE_BYTES - 8) // 2)
    for start in struct.unpack_from(f">{n_cells}H", page, 8):
        try:
            length, at = _varint(page, start)
            row_id, at = _varint(page, at)
            yield row_id, _record(_payload(page, at, length, pages))
        except (IndexError, KeyError, ValueError, struct.error):
            continue  # this cell is damaged


def _payload(page: bytes, at: int, length: int, pages: dict[int, bytes]) -> bytes:
    """Return a cell's bytes, which may go on in a chain of further pages."""
    if length > _MAX_PAYLOAD:
        raise ValueError("longer than any row of a store")
    local = length
    if length > PAGE_BYTES - 35:
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        local = least + (length - least) % (PAGE_BYTES - 4)
        if local > PAGE_BYTES - 35:
            local = least
    payload = page[at : at + local]
    (following,) = struct.unpack_from(">I", page, at + local) if local < length else (0,)
    while following and len(payload) < length:
        overflow = pages[following]
        (following,) = struct.unpack_from(">I", overflow)
        payload += overflow[4:]
    if len(payload) < length:
        raise ValueError("the row is cut")
    return payload[:length]


def _record(payload: bytes) -> tuple[Value, ...]:
    header_end, at = _varint(payload, 0)
    kinds = []
    while at < header_end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        if kind == 0:
            values.append(None)
        elif kind in (8, 9):
            values.append(kind - 8)
        else:
            n_bytes = (kind - 12) // 2 if kind >= 12 else _INTEGER_BYTES[kind]
            raw = payload[at : at + n_bytes]
            if len(raw) < n_bytes:
                raise ValueError("the row is cut")
            at += n_bytes
            if kind < 12:
                values.append(int.from_bytes(raw, "big", signed=True))
            else:
                values.append(raw.decode() if kind % 2 else raw)
    return tuple(values)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return SQLite's variable-length integer at ``at``, and where it ends."""
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    value = value << 8 | data[at + 8]
    return (value - (1 << 64) if value >> 63 else value), at + 9
