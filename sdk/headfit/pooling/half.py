"""Half: the sum of one side's parts; with the other side's it opens to the sum of all devices.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from headfit.files.container import Tensors, laid_out
from headfit.pooling.envelope import MAX_HEADER_BYTES, Envelope, side_of
from headfit.pooling.identifiers import ID_BYTES, packed, unpacked
from headfit.pooling.round import MAX_DEVICES, MAX_NUMBERS
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words

HALF: Final = Envelope("headfit-half")
MAX_FILE_BYTES: Final = MAX_DEVICES * ID_BYTES + 8 * MAX_NUMBERS + MAX_HEADER_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """One side's sum.

    Attributes
    ----------
    digest : str
        Of the round.
    side : str
        "a" or "b".
    ids : tuple of str
        The contributions that were agreed on, ascending.
    sums : ndarray of shape (Round.n_numbers,), dtype uint64
    """

    digest: str
    side: str
    ids: tuple[str, ...]
    sums: Words


def half_bytes(half: Half) -> bytes:
    """Return the bytes of a half file."""
    data = packed(half.ids) + half.sums.astype("<u8").tobytes()
    tensors = _tensors(len(half.ids), len(half.sums))
    return HALF.bytes_of(half.digest, {"side": half.side}, tensors, data)


def read_half_bytes(file: bytes, called: RoundFile, source: str = "half") -> Half:
    """Return the half that a file's bytes hold.

    Parameters
    ----------
    file : bytes
    called : RoundFile
    source : str
        Names the bytes in messages.

    Raises
    ------
    FileFormatError
        If they break the specification.
    InputError
        If they are of another round.
    """
    container = HALF.opened(file, called, source)
    n_numbers = called.round.n_numbers
    side = side_of(container.metadata)
    count = max(len(container.data) - 8 * n_numbers, 0) // ID_BYTES
    container.check(_tensors(count, n_numbers))
    data = bytes(container.data)
    ids = unpacked(data[: count * ID_BYTES], source)
    sums = np.frombuffer(data, "<u8", offset=count * ID_BYTES).astype(np.uint64)
    return Half(called.digest, side, tuple(ids), sums)


def _tensors(count: int, n_numbers: int) -> Tensors:
    return laid_out({"ids": ("U8", [count, ID_BYTES]), "sums": ("U64", [n_numbers])})
