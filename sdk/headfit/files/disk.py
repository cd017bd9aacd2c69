"""Files are read up to a bound and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

from headfit.errors import FileFormatError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_PIECE_BYTES = 1 << 20
_PROOF_BYTES = 1 << 12
_LEFT_AFTER_S: Final = 60.0
"""So old what a killed process left must be: it takes a moment from making a file to locking it."""


def read_bounded(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Return the bytes of a file that may be no longer than ``max_bytes``.

    Raises
    ------
    FileFormatError
        If the file is longer. Nothing beyond the bound is read.
    """
    data = bytearray()
    with open(path, "rb") as stream:
        # By pieces: asked for the bound at once, Python would take that much memory first.
        while len(data) <= max_bytes and (piece := stream.read(_PIECE_BYTES)):
            data += piece
    if len(data) > max_bytes:
        raise FileFormatError(
            f"{os.fspath(path)}: expected at most {max_bytes} bytes, found more; "
            "this is another kind of file"
        )
    return bytes(data)


def write_atomically(
    path: str | os.PathLike[str], data: bytes, *, owner_only: bool = False
) -> None:
    """Write ``data`` to ``path`` as a whole or not at all: see `replacing`."""
    with replacing(path, owner_only=owner_only) as stream:
        stream.write(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, owner_only: bool = False) -> Iterator[BinaryIO]:
    """Open ``path`` for writing; a reader sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder, reach the disk, and take the name in one
    step. If anything fails, Ctrl-C included, the temporary file is removed and the old one stays;
    what a killed process left of writing ``path`` is removed by the next one that writes it, from a
    minute later on. With ``owner_only`` nobody else may read it; a file that is there already keeps
    its permissions.

    Raises
    ------
    OSError
        If it cannot be written; it names ``path``, not the temporary file.
    """
    target = os.path.realpath(path)
    folder, temporary = _temporary(target)
    _remove_leftovers(target)
    try:
        with open(temporary, "xb", opener=_create_for_owner if owner_only else None) as stream:
            with contextlib.suppress(OSError):  # not every file system has locks
                _lock(stream.fileno())
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            error.filename = os.fspath(path)
            del error.filename2  # set to None, its text would end in "-> None"
        raise
    _sync_folder(folder)


def prove_writable(path: str | os.PathLike[str]) -> None:
    """Write a few bytes beside ``path`` and remove them: what fails now need not fail after hours.

    Raises
    ------
    OSError
        If nothing can be written there, or the disk is full; it names ``path``.
    """
    _, temporary = _temporary(os.path.realpath(path))
    try:
        try:
            with open(temporary, "xb") as stream:
                stream.write(bytes(_PROOF_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def disk_of(path: str | os.PathLike[str]) -> str:
    """Return where the disk is mounted that holds, or would hold, ``path``."""
    place = os.path.realpath(path)
    while not os.path.ismount(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    return place


def _temporary(target: str) -> tuple[str, str]:
    """Return the folder of a real path, and the name there that its bytes have at first."""
    folder, name = os.path.split(target)
    return folder, os.path.join(folder, f".{name[:40]}.{secrets.token_hex(8)}.tmp")


def _lock(handle: int) -> None:
    """Lock a file until it is closed, by the end of the process at the latest."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_leftovers(target: str) -> None:
    """Remove what was left of writing ``target`` by processes that no longer hold it locked."""
    folder, name = os.path.split(target)
    pattern = re.compile(re.escape(f".{name[:40]}.") + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):  # of the folder: writing there says what is wrong
        for left in filter(pattern.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):  # still being written, or of another user
                _remove_leftover(os.path.join(folder, left))


def _remove_leftover(path: str) -> None:
    if time.time() - os.lstat(path).st_mtime < _LEFT_AFTER_S:
        return
    with contextlib.ExitStack() as held:
        if fcntl is not None:
            _lock(held.enter_context(open(path, "r+b")).fileno())
        os.unlink(path)


def _create_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: str) -> None:
    """Make the new name itself survive a power cut, where folders can be opened (not Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
