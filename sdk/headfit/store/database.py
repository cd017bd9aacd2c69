"""The SQLite file under the example store: how it is opened, changed and erased."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from headfit.errors import DamagedStoreError, InputError, StoreError, UnsupportedVersionError
from headfit.store.log import hidden_commits
from headfit.store.room import give_room, has_room, keep_room
from headfit.store.schema import APPLICATION_ID, PAGE_BYTES, TABLES, VERSION

T = TypeVar("T")

LOCK_WAIT_S = 5.0
"""How long to wait for another process that is writing."""

# SQLite's sentences -> what happened and what to do; its error codes reach Python from 3.11 on.
_FULL, _FAILS = "disk is full", "disk I/O error"
_FAULTS = (
    (_FULL, "found the disk full", "free some space on the disk of {folder}"),
    (
        _FAILS,
        "found that the disk fails",
        "free space on the disk of {folder}, or use another",
    ),
    ("readonly database", "found it read-only", "allow writing to file and folder"),
    ("unable to open", "found that this is not allowed", "allow writing to file and folder"),
    ("locked", "found another process at work on it", "close the other one and try again"),
)

_logger = logging.getLogger("headfit")


@contextlib.contextmanager
def store_faults(path: str) -> Iterator[None]:
    """Turn SQLite's errors into a `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "closed database" in text:
            raise InputError(f"{path}: expected an open store, found a closed one") from error
        for mark, found, remedy in _FAULTS:
            if mark in text:
                remedy = remedy.format(folder=os.path.dirname(os.path.abspath(path)))
                raise StoreError(
                    f"{path}: expected a store that can be used, {found} ({text}); {remedy}; "
                    "nothing of this change was kept"
                ) from error
        raise damaged(path, text) from error
    except UnicodeDecodeError as error:  # SQLite names a thing whose name is damaged
        raise damaged(path, "a name in it is no text") from error


def damaged(path: str, reason: str) -> DamagedStoreError:
    """Return the error for a store whose bytes are not what was written."""
    return DamagedStoreError(
        f"{path}: expected a whole example store, found damage ({reason}); run "
        "`headfit store repair` on it: what can be read is kept"
    )


def open_database(path: str, *, create: bool) -> sqlite3.Connection:
    """Open a store's file, make its tables if it is new, and finish an erasure that was cut off.

    Parameters
    ----------
    path : str
        Where the file is.
    create : bool
        Make the file if there is none.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode. A new store has its tables, and no row in ``store`` yet.

    Raises
    ------
    FileNotFoundError
        If there is no file, and none shall be made.
    UnsupportedVersionError
        If a newer headfit wrote the store. It is left as it is.
    StoreError
        If the file is damaged, locked, read-only or not a store.
    """
    if create:
        _touch(path)
    else:
        os.stat(path)
    _refuse_lost_bytes(path)
    with store_faults(path):
        try:
            return _connected(path, create)
        except sqlite3.OperationalError as error:  # SQLite's own files beside it take space, too
            if not (_is_full(error) and give_room(path)):
                raise
            return _connected(path, create)


def _connected(path: str, create: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _refuse_foreign(connection, path, create)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _switch_to_wal(connection)
        for pragma in (
            "synchronous = FULL",
            "fullfsync = ON",  # on Apple's systems fsync alone does not reach the disk
            "secure_delete = ON",
            "wal_autocheckpoint = 64",  # pages: adding one example changes five
            "temp_store = MEMORY",  # VACUUM's copy: no traces elsewhere; Android has no /tmp
        ):
            connection.execute(f"PRAGMA {pragma}")
        _make_tables(connection)
        erase_traces(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch the journal, waiting for others: this is where SQLite itself does not wait."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Run the body whole or not at all; when it has left, the change has reached the disk."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def change(
    connection: sqlite3.Connection,
    path: str,
    body: Callable[[sqlite3.Connection], T],
    n_bytes: int = 0,
) -> T:
    """Run a change that makes the store longer by ``n_bytes``, whole or not at all.

    On a full disk the log is emptied into the file, and it is tried once more. What leaves no room
    to delete it is not added.
    """

    def run() -> T:
        with transaction(connection):
            if n_bytes:
                (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
                try:
                    keep_room(path, n_pages * PAGE_BYTES + n_bytes)
                except OSError as error:
                    raise sqlite3.OperationalError(f"{_FULL}: {error.strerror}") from error
            return body(connection)

    return _with_way_made(run, connection)


def delete(connection: sqlite3.Connection, path: str, body: Callable[[sqlite3.Connection], T]) -> T:
    """Run a change that deletes, whole or not at all; a full disk does not hinder it.

    Then `erase_traces` is to follow.
    """

    def run() -> T:
        with transaction(connection):
            return body(connection)

    return _with_way_made(run, connection, path)


def _with_way_made(
    run: Callable[[], T], connection: sqlite3.Connection, room: str | None = None
) -> T:
    """Run something; on a full disk, empty the log, give the room up and run it once more."""
    try:
        return run()
    except sqlite3.OperationalError as error:
        if not _is_full(error):
            raise
        if room is not None:
            give_room(room)
        with contextlib.suppress(sqlite3.Error):
            _empty_log(connection)
        return run()


def _is_full(error: sqlite3.Error) -> bool:
    return _FULL in str(error) or _FAILS in str(error)


def erase_traces(connection: sqlite3.Connection, path: str) -> None:
    """If something was deleted, rewrite the file so that no byte of it is left.

    Copies that repair left beside the store go too. What another process or the disk hinders is
    logged, and done after the next deletion or when the store is next opened: the deletion itself
    has happened.

    ``secure_delete`` overwrites deleted cells, but moving cells between pages can leave copies
    behind; only a rewritten file has none.
    """
    if not connection.execute("SELECT 1 FROM store WHERE must_erase").fetchone():
        return
    try:
        for copy in spare_copies(path):
            os.unlink(copy)
        _with_way_made(lambda: connection.execute("VACUUM"), connection, path)
        _empty_log(connection)
        change(connection, path, lambda _: connection.execute("UPDATE store SET must_erase = 0"))
    except (sqlite3.OperationalError, OSError) as error:
        _logger.warning(
            "%s: what was deleted is gone, but traces of it remain in the file (%s); they go after "
            "the next deletion, or when the store is next opened",
            path,
            error,
        )
        return
    (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
    with contextlib.suppress(OSError):  # without it, adding is refused
        keep_room(path, n_pages * PAGE_BYTES)


def _empty_log(connection: sqlite3.Connection) -> None:
    """Move everything out of the write-ahead log and cut it to no length."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("database is locked")


def spare_copies(path: str) -> list[str]:
    """Return the copies that repair left beside a store."""
    return sorted(glob.glob(f"{glob.escape(path)}.damaged*"))


def _touch(path: str) -> None:
    """Make the file, if there is none, for this user only."""
    try:
        if not os.path.exists(path):
            give_room(path)  # of a store that was deleted
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (FileNotFoundError, IsADirectoryError):
        raise
    except OSError as error:
        raise StoreError(
            f"{path}: expected a file that can be written, found: {error.strerror}; allow writing "
            "to the file and its folder, or choose another place"
        ) from error


def _refuse_lost_bytes(path: str) -> None:
    """Refuse a store of which SQLite would make a new one, or throw away what was acknowledged."""
    try:
        with open(f"{path}-wal", "rb") as stream:
            log = stream.read()
            stream.seek(0)
            is_at_rest = stream.read(32) == log[:32]
    except FileNotFoundError:
        log, is_at_rest = b"", True
    if (log or has_room(path)) and os.stat(path).st_size == 0:
        raise damaged(path, "the file was cut to nothing")
    # A log that another process began anew meanwhile was read in parts that do not fit.
    if is_at_rest and hidden_commits(log) > 1:
        raise damaged(path, "its log is not what was written")


def _refuse_foreign(connection: sqlite3.Connection, path: str, create: bool) -> None:
    """Refuse, before anything is written, what is not a store that this headfit knows."""
    application_id, version, n_tables = _identity(connection)
    is_empty = (application_id, version, n_tables) == (0, 0, 0)
    if application_id != APPLICATION_ID and not (is_empty and create):
        found = "an empty file" if is_empty else "another program's database"
        raise DamagedStoreError(
            f"{path}: expected an example store, found {found}; give the path of a store"
        )
    if version > VERSION:
        raise UnsupportedVersionError(
            f"{path}: expected a store of version {VERSION}, found {version}; install a newer "
            "headfit"
        )


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the application's mark, the schema's version and the number of tables."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return application_id, version, n_tables


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new store in one transaction; one that has them stays as it is."""
    if _identity(connection)[1] == VERSION:
        return
    with transaction(connection):
        # Another process may have done it while this one waited for the lock.
        if _identity(connection)[1] == VERSION:
            return
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
