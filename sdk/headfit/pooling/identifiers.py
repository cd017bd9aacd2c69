"""Identifiers of contributions, as rolls and halves hold them: ascending, each once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from headfit.errors import FileFormatError

ID_BYTES: Final = 16
ID_PATTERN: Final = f"[0-9a-f]{{{2 * ID_BYTES}}}"


def packed(ids: Iterable[str]) -> bytes:
    """Return the bytes of identifiers of 32 hex digits."""
    return b"".join(map(bytes.fromhex, ids))


def unpacked(data: bytes, source: str) -> list[str]:
    """Return the identifiers that these bytes are.

    Raises
    ------
    FileFormatError
        If they do not ascend; ``source`` names the file.
    """
    ids = [data[at : at + ID_BYTES].hex() for at in range(0, len(data), ID_BYTES)]
    if any(one >= another for one, another in pairwise(ids)):
        raise FileFormatError(
            f"{source}: expected identifiers ascending, each once, found others; the file is "
            "damaged or was not written by headfit"
        )
    return ids
