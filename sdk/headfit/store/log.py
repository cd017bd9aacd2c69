"""SQLite's write-ahead log: its pages, and whether damage hides some of them from SQLite.

SQLite reads the log up to the first frame that is not whole, for there a power cut may have
stopped the writer. Noise in the middle of the log looks the same to it: it would drop, in silence,
what was acknowledged behind. The format is https://sqlite.org/fileformat2.html, section 4.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.store.schema import PAGE_BYTES

_HEADER_BYTES = 32
_FRAME_BYTES = 24 + PAGE_BYTES
# first += second + word; second += first + next word
_STEP = np.array([[1, 1], [1, 2]], np.uint32)
_WORD_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One page image: its number, whether it ends a transaction, and whether SQLite reads it."""

    page_number: int
    is_commit: bool
    is_read: bool
    page: bytes


def committed_frames(log: bytes) -> list[Frame]:
    """Return the frames of this generation of the log up to the last that ends a transaction."""
    frames = list(_frames(log))
    while frames and not frames[-1].is_commit:
        frames.pop()
    return frames


def hidden_commits(log: bytes) -> int:
    """Return how many transactions end behind the first damage, where SQLite does not look.

    A power cut can leave one, which was not acknowledged: its frames reach the disk in any order.
    A damaged header counts for one more, because it is written and synced by itself.
    """
    hidden = sum(frame.is_commit and not frame.is_read for frame in committed_frames(log))
    return hidden + (hidden > 0 and not _header_is_whole(log))


def _frames(log: bytes) -> Iterator[Frame]:
    salts = _salts(log)
    is_read = _header_is_whole(log)
    sums = struct.unpack(">2I", log[24:32]) if is_read else (0, 0)
    order = _WORD_ORDERS[struct.unpack(">I", log[:4])[0]] if is_read else "<"
    for start in range(_HEADER_BYTES, len(log) - _FRAME_BYTES + 1, _FRAME_BYTES):
        header, page = log[start : start + 24], log[start + 24 : start + _FRAME_BYTES]
        if is_read:
            sums = _checksum(page, order, _checksum(header[:8], order, sums))
            is_read = header[8:16] == salts and header[16:] == struct.pack(">2I", *sums)
        if header[8:16] == salts:
            page_number, pages_after = struct.unpack(">2I", header[:8])
            yield Frame(page_number, pages_after > 0, is_read, page)


def _salts(log: bytes) -> bytes:
    """Return what marks the frames of this generation of the log; older ones lie behind them.

    It stands in the header. If that is damaged, the first mark that two frames share is taken.
    """
    if _header_is_whole(log):
        return log[16:24]
    starts = range(_HEADER_BYTES, len(log) - _FRAME_BYTES + 1, _FRAME_BYTES)
    marks = [log[start + 8 : start + 16] for start in starts]
    return next((mark for mark in marks if marks.count(mark) > 1), log[40:48])


def _header_is_whole(log: bytes) -> bool:
    if len(log) < _HEADER_BYTES:
        return False
    (magic,) = struct.unpack(">I", log[:4])
    if magic not in _WORD_ORDERS:
        return False
    return log[24:32] == struct.pack(">2I", *_checksum(log[:24], _WORD_ORDERS[magic], (0, 0)))


def _checksum(data: bytes, order: str, sums: tuple[int, ...]) -> tuple[int, ...]:
    """Return the two running sums of section 4.2, which step as ``_STEP`` says.

    Steps are linear, so a page takes two products instead of a loop over its words.
    """
    pairs = np.frombuffer(data, f"{order}u4").astype(np.uint32).reshape(-1, 2)
    powers = _powers_of_step()
    pairs[:, 1] += pairs[:, 0]  # the first word of a pair enters both sums
    later = powers[: len(pairs)][::-1]  # what the steps behind each pair make of it
    total = powers[len(pairs)] @ np.array(sums, np.uint32)
    total += np.einsum("pij,pj->i", later, pairs)
    return tuple(total.tolist())


@functools.cache
def _powers_of_step() -> npt.NDArray[np.uint32]:
    """Return the powers of ``_STEP`` modulo 2^32, for as many pairs of words as a page has."""
    powers = np.empty((PAGE_BYTES // 8 + 1, 2, 2), np.uint32)
    powers[0] = np.eye(2)
    for exponent in range(1, len(powers)):
        powers[exponent] = powers[exponent - 1] @ _STEP
    return powers
