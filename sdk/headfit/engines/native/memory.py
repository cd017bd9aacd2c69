"""Where everything lies while a plan runs: one block of constants, one arena."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ALIGNMENT: Final = 64


def round_up(n_bytes: int) -> int:
    """Return the next multiple of the alignment."""
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def aligned_bytes(n_bytes: int) -> NDArray[np.uint8]:
    """Return uninitialised memory that begins at a multiple of the alignment."""
    memory = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes]


class Constants:
    """Arrays one after another, each written once."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Callable[[NDArray[np.uint8]], None]]] = []
        self.size = 0

    def add(self, array: NDArray[Any]) -> int:
        """Append an array and return its place."""
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

        def write(to: NDArray[np.uint8]) -> None:
            to[:] = flat

        return self.reserve(flat.size, write)

    def reserve(self, n_bytes: int, write: Callable[[NDArray[np.uint8]], None]) -> int:
        """Append what `write` will put there when all are joined, and return its place."""
        place = self.size
        self._parts.append((n_bytes, write))
        self.size += round_up(max(1, n_bytes))
        return place

    def join(self) -> NDArray[np.uint8]:
        """Return all of them as one block."""
        block = aligned_bytes(self.size)
        place = 0
        for n_bytes, write in self._parts:
            end = place + n_bytes
            write(block[place:end])
            place += round_up(max(1, n_bytes))
            block[end:place] = 0
        return block


@dataclass(slots=True)
class Buffer:
    """A part of the arena that is needed from one step to another, both included."""

    size: int
    first: int
    last: int
    place: int = -1


def arrange(buffers: list[Buffer]) -> int:
    """Give every buffer a place where no other lies at the same time; return the arena's size.

    The largest first, each at the lowest place that is free for as long as it is needed: "greedy
    by size" of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference"
    (2020).
    """
    arranged: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda it: -it.size):
        size, place = round_up(buffer.size), 0
        for other in arranged:
            if other.first > buffer.last or other.last < buffer.first:
                continue
            if place + size <= other.place:
                break
            place = max(place, other.place + round_up(other.size))
        buffer.place = place
        insort(arranged, buffer, key=attrgetter("place"))
    return max((it.place + round_up(it.size) for it in arranged), default=0)
