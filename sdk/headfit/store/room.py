"""Room to delete in: a file beside the store that is given up when the disk is full.

Deleting takes space before it gives any: the log holds every page that changes until it is moved
into the file, and the erasure writes what remains once more. That is no more than the file is long.
So a file of that size, `<path>-room`, is kept beside it, and nothing is added for which there would
be no room to delete it.
"""

from __future__ import annotations

import contextlib
import os

from headfit.store.schema import PAGE_BYTES

MAX_BYTES = 1 << 26
"""Stores longer than 64 MB keep no more room than this, and may have to be given some."""

SPARE_BYTES = 8 * PAGE_BYTES
"""Beside what is deleted: SQLite's index of the log, and the pages that say what was done."""

_STEP = 4 * PAGE_BYTES


def keep_room(path: str, n_bytes: int) -> None:
    """See that the room beside a store of ``n_bytes`` is large enough, and not far too large.

    Raises
    ------
    OSError
        If the disk is full.
    """
    needed = min(n_bytes + SPARE_BYTES, MAX_BYTES)
    needed += -needed % _STEP
    name = _name(path)
    with contextlib.suppress(FileNotFoundError):
        there = os.stat(name).st_size
        if needed <= there <= 2 * needed:
            return
        if there > needed:
            os.truncate(name, needed)
            return
    descriptor = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with open(descriptor, "ab", buffering=0) as stream:
        before = os.fstat(descriptor).st_size
        try:
            while (missing := needed - os.fstat(descriptor).st_size) > 0:
                stream.write(bytes(min(missing, _STEP)))  # written, not only promised
            os.fsync(descriptor)
        except OSError:
            os.truncate(name, before)
            raise


def give_room(path: str) -> bool:
    """Give the room up, and return whether there was any."""
    try:
        os.unlink(_name(path))
    except FileNotFoundError:
        return False
    return True


def has_room(path: str) -> bool:
    """Return whether there is any: something was added to the store."""
    return os.path.exists(_name(path))


def _name(path: str) -> str:
    return f"{path}-room"
