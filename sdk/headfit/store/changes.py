"""Changes to a store, each inside the caller's transaction, and the history that undo needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from headfit.errors import InputError
from headfit.store import rows
from headfit.store.sealing import Sealing

MAX_UNDO = 100
"""How many changes can be undone."""


def describe(
    connection: sqlite3.Connection,
    fingerprint: str,
    embedding_dim: int,
    dtype: str,
    key_check: bytes | None,
) -> None:
    """Write the row that describes a new store; one that has it stays as it is."""
    if connection.execute("SELECT 1 FROM store").fetchone() is None:
        checksum = rows.store_checksum(fingerprint, embedding_dim, dtype, key_check)
        connection.execute(
            "INSERT INTO store VALUES (?, ?, ?, ?, 0, ?)",
            (fingerprint, embedding_dim, dtype, checksum, key_check),
        )


def add(
    connection: sqlite3.Connection,
    sealing: Sealing,
    blobs: Sequence[bytes],
    class_names: Sequence[str],
    added_at_us: Sequence[int],
    photo_hashes: Sequence[int],
    thumbnails: Sequence[bytes | None],
) -> range:
    """Insert examples and return their ids."""
    row = connection.execute(
        "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'examples'"
    ).fetchone()
    first_id = 1 if row is None else int(row[0])
    ids = range(first_id, first_id + len(blobs))
    # Sorted, so that equal calls give equal ids.
    class_ids = rows.class_ids_for(connection, sealing, sorted(set(class_names)))
    rows.insert_examples(
        connection,
        (
            rows.sealed_example_row(sealing, i, class_ids[name], added, photo_hash, blob)
            for i, name, added, photo_hash, blob in zip(
                ids, class_names, added_at_us, photo_hashes, blobs, strict=True
            )
        ),
    )
    rows.insert_thumbnails(
        connection,
        (
            rows.thumbnail_row(i, sealing.seal(jpeg, "thumbnail", i))
            for i, jpeg in zip(ids, thumbnails, strict=True)
            if jpeg is not None
        ),
    )
    if ids:
        _remember(connection, first_id=ids[0], last_id=ids[-1])
    return ids


def forget(
    connection: sqlite3.Connection, sealing: Sealing, class_name_or_ids: str | Iterable[int]
) -> int:
    """Delete a class or examples, and the history; return how many examples."""
    if isinstance(class_name_or_ids, str):
        class_id = _class_id(connection, sealing, class_name_or_ids)
        found = connection.execute("SELECT id FROM examples WHERE class_id = ?", (class_id,))
        ids = [example_id for (example_id,) in found]
    else:
        ids = sorted({int(example_id) for example_id in class_name_or_ids})
        known = {example_id for (example_id,) in connection.execute("SELECT id FROM examples")}
        unknown = sorted(set(ids) - known)
        if unknown:
            raise InputError(
                f"expected ids of examples, found {unknown[0]}, which never was one or was "
                "forgotten before; load the store to see its ids"
            )
    connection.execute("DELETE FROM changes")
    _delete(connection, ids)
    return len(ids)


def wipe(connection: sqlite3.Connection) -> None:
    """Delete every row but the one that names the extractor."""
    for table in ("examples", "classes", "thumbnails", "changes"):
        connection.execute(f"DELETE FROM {table}")
    mark_traces(connection)


def rename_class(
    connection: sqlite3.Connection, sealing: Sealing, old_name: str, new_name: str
) -> None:
    """Give a class a name that no class has."""
    class_id = _class_id(connection, sealing, old_name)
    if new_name in rows.read_classes(connection, sealing).values():
        raise InputError(
            f"expected a name that no class has, found {new_name!r}; choose another, or forget "
            "that class first"
        )
    rows.insert_class(connection, class_id, sealing.seal_text(new_name, "class", class_id))
    sealed_name = sealing.seal_text(old_name, "class", class_id)
    _remember(connection, class_id=class_id, old_name=sealed_name)


def undo(connection: sqlite3.Connection, sealing: Sealing) -> str | None:
    """Take back the last change in the history; return which in words, or None."""
    change = connection.execute(
        "SELECT id, first_id, last_id, class_id, old_name FROM changes ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if change is None:
        return None
    change_id, first_id, last_id, class_id, old_name = change
    connection.execute("DELETE FROM changes WHERE id = ?", (change_id,))
    if old_name is not None:
        new_name = rows.read_classes(connection, sealing)[class_id]
        rows.insert_class(connection, class_id, old_name)  # sealed for this place already
        return f"renaming {sealing.open_text(old_name, 'class', class_id)} to {new_name}"
    _delete(connection, range(first_id, last_id + 1))
    count = last_id - first_id + 1
    return f"adding {count} example{'s' if count > 1 else ''}"


def mark_traces(connection: sqlite3.Connection) -> None:
    """Note that the file holds traces of what was deleted, until `database.erase_traces`."""
    connection.execute("UPDATE store SET must_erase = 1")


def _class_id(connection: sqlite3.Connection, sealing: Sealing, name: str) -> int:
    classes = rows.read_classes(connection, sealing)
    ids = {class_name: class_id for class_id, class_name in classes.items()}
    if name not in ids:
        known = ", ".join(sorted(ids)) or "there is none"
        raise InputError(f"expected one of the classes of the store ({known}), found {name!r}")
    return ids[name]


def _delete(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Delete examples, their thumbnails and the classes that are then empty."""
    connection.executemany("DELETE FROM examples WHERE id = ?", ((i,) for i in ids))
    connection.executemany("DELETE FROM thumbnails WHERE example_id = ?", ((i,) for i in ids))
    connection.execute("DELETE FROM classes WHERE id NOT IN (SELECT class_id FROM examples)")
    mark_traces(connection)


def _remember(
    connection: sqlite3.Connection,
    *,
    first_id: int | None = None,
    last_id: int | None = None,
    class_id: int | None = None,
    old_name: str | bytes | None = None,
) -> None:
    """Add a change to the history; beyond `MAX_UNDO` the oldest goes."""
    connection.execute(
        "INSERT INTO changes (first_id, last_id, class_id, old_name) VALUES (?, ?, ?, ?)",
        (first_id, last_id, class_id, old_name),
    )
    connection.execute(
        "DELETE FROM changes WHERE id NOT IN (SELECT id FROM changes ORDER BY id DESC LIMIT ?)",
        (MAX_UNDO,),
    )
