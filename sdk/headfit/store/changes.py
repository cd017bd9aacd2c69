"""Changes to a store, each inside the caller's transaction, and the history that undo needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from headfit.errors import InputError
from headfit.files.class_names import checked_class, checked_merge, checked_rename
from headfit.maths.arrays import check_column_names
from headfit.store import rows
from headfit.store.sealing import Sealing

MAX_UNDO = 100
"""How many changes can be undone."""


def describe(
    connection: sqlite3.Connection,
    fingerprint: str,
    embedding_dim: int,
    dtype: str,
    views: str,
    key_check: bytes | None,
) -> None:
    """Write the row that describes a new store; one that has it stays as it is."""
    if connection.execute("SELECT 1 FROM store").fetchone() is None:
        checksum = rows.store_checksum(fingerprint, embedding_dim, dtype, views, key_check)
        connection.execute(
            "INSERT INTO store VALUES (?, ?, ?, ?, ?, 0, ?)",
            (fingerprint, embedding_dim, dtype, views, checksum, key_check),
        )


def add(
    connection: sqlite3.Connection,
    sealing: Sealing,
    blobs: Sequence[bytes],
    class_names: Sequence[str],
    added_at_us: Sequence[int],
    photo_hashes: Sequence[int],
    beside: Mapping[str, Sequence[bytes | None]],
    if_newest: int | None,
    feature_names: tuple[str, ...] | None,
) -> range:
    """Insert examples and return their ids; ``beside`` has the values of `rows.BESIDE` by kind.

    None if the newest example there is another than ``if_newest``. Columns of other names, or in
    another order, than those that are there are refused.
    """
    if feature_names is not None:
        known_columns = rows.read_columns(connection, sealing)
        check_column_names(feature_names, known_columns)
        if known_columns is None and blobs:
            rows.write_columns(connection, sealing, feature_names)
    (newest,) = connection.execute("SELECT max(id) FROM examples").fetchone()
    if if_newest is not None and if_newest != (newest or 0):
        return range(0)
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
    for kind, values in beside.items():
        rows.insert_beside(
            connection,
            kind,
            (
                rows.beside_row(kind, i, sealing.seal(value, kind, i))
                for i, value in zip(ids, values, strict=True)
                if value is not None
            ),
        )
    if ids:
        _remember(connection, first_id=ids[0], last_id=ids[-1])
    return ids


def put_thumbnails(
    connection: sqlite3.Connection, sealing: Sealing, thumbnails: Mapping[int, bytes]
) -> None:
    """Write thumbnails of examples that are there, over those they had."""
    _known_ids(connection, thumbnails)
    ids = ((i,) for i in thumbnails)
    sql = "DELETE FROM thumbnails WHERE example_id = ?"
    if connection.executemany(sql, ids).rowcount:
        mark_traces(connection)
    rows.insert_beside(
        connection,
        "thumbnail",
        (
            rows.beside_row("thumbnail", i, sealing.seal(jpeg, "thumbnail", i))
            for i, jpeg in thumbnails.items()
        ),
    )


def forget(connection: sqlite3.Connection, sealing: Sealing, wanted: Iterable[str | int]) -> int:
    """Delete classes or examples, and the history; return how many examples."""
    names, numbers = set[str](), set[int]()
    for one in wanted:
        if isinstance(one, str):
            names.add(one)
        else:
            numbers.add(one)
    classes = {_class_id(connection, sealing, name) for name in sorted(names)}
    ids = _known_ids(connection, numbers)
    for class_id in classes:
        found = connection.execute("SELECT id FROM examples WHERE class_id = ?", (class_id,))
        ids.update(example_id for (example_id,) in found)
    for table in ("changes", "moves"):
        connection.execute(f"DELETE FROM {table}")
    _delete(connection, sealing, sorted(ids))
    return len(ids)


def move(
    connection: sqlite3.Connection, sealing: Sealing, ids: Iterable[int], class_name: str
) -> int:
    """Give examples another class, a new one perhaps; return how many were of another."""
    wanted = sorted(_known_ids(connection, ids))
    class_id = rows.class_ids_for(connection, sealing, [class_name])[class_name]
    leaving: dict[int, list[int]] = {}
    found = connection.execute("SELECT id, class_id FROM examples").fetchall()
    old_classes = dict(found)
    for example_id in wanted:
        leaving.setdefault(old_classes[example_id], []).append(example_id)
    leaving.pop(class_id, None)
    if leaving:
        names = dict(connection.execute("SELECT id, name FROM classes").fetchall())
        change_id = _remember(connection, class_id=class_id)
        for old_class_id, moved in sorted(leaving.items()):
            packed = np.array(moved, "<i8").tobytes()
            connection.execute(
                "INSERT INTO moves VALUES (?, ?, ?, ?)",
                (change_id, old_class_id, names[old_class_id], packed),
            )
            _set_class(connection, sealing, moved, class_id)
    _delete_empty_classes(connection)
    return sum(map(len, leaving.values()))


def merge(
    connection: sqlite3.Connection, sealing: Sealing, class_name: str | int, into: str | int
) -> int:
    """Move all examples of a class to another one that is there; return how many."""
    classes = rows.read_classes(connection, sealing).values()
    class_name, into = checked_merge(classes, class_name, into)
    class_id = _class_id(connection, sealing, class_name)
    found = connection.execute("SELECT id FROM examples WHERE class_id = ?", (class_id,))
    return move(connection, sealing, [example_id for (example_id,) in found], into)


def wipe(connection: sqlite3.Connection, sealing: Sealing) -> int:
    """Delete every row but the one that names the extractor; return how many examples."""
    (count,) = connection.execute("SELECT count(*) FROM examples").fetchone()
    for table in ("examples", "classes", *rows.BESIDE.values(), "changes", "moves"):
        connection.execute(f"DELETE FROM {table}")
    rows.write_columns(connection, sealing, None)
    mark_traces(connection)
    return int(count)


def rename_class(
    connection: sqlite3.Connection, sealing: Sealing, old_name: str | int, new_name: str | int
) -> None:
    """Give a class a name that no other class has."""
    classes = rows.read_classes(connection, sealing).values()
    old_name, new_name = checked_rename(classes, old_name, new_name)
    if old_name == new_name:
        return
    class_id = _class_id(connection, sealing, old_name)
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
    if first_id is None:
        return _undo_move(connection, sealing, change_id, class_id)
    _delete(connection, sealing, range(first_id, last_id + 1))
    return f"adding {_counted(last_id - first_id + 1)}"


def _undo_move(
    connection: sqlite3.Connection, sealing: Sealing, change_id: int, class_id: int
) -> str:
    classes = rows.read_classes(connection, sealing)
    new_name, count = classes[class_id], 0
    moves = connection.execute("SELECT * FROM moves WHERE change_id = ?", (change_id,)).fetchall()
    for _, old_class_id, name, packed in moves:
        if old_class_id not in classes:
            rows.insert_class(connection, old_class_id, name)  # sealed for this place already
        ids = np.frombuffer(packed, "<i8").tolist()
        _set_class(connection, sealing, ids, old_class_id)
        count += len(ids)
    connection.execute("DELETE FROM moves WHERE change_id = ?", (change_id,))
    if _delete_empty_classes(connection):
        mark_traces(connection)  # of its name
    return f"moving {_counted(count)} to {new_name}"


def _counted(count: int) -> str:
    return f"{count} example{'s' if count > 1 else ''}"


def mark_traces(connection: sqlite3.Connection) -> None:
    """Note that the file holds traces of what was deleted, until `database.erase_traces`."""
    connection.execute("UPDATE store SET must_erase = 1")


def _class_id(connection: sqlite3.Connection, sealing: Sealing, name: str) -> int:
    classes = rows.read_classes(connection, sealing)
    ids = {class_name: class_id for class_id, class_name in classes.items()}
    return ids[checked_class(name, ids)]


def _known_ids(connection: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    wanted = set(ids)
    known = {example_id for (example_id,) in connection.execute("SELECT id FROM examples")}
    for example_id in wanted - known:
        raise InputError(
            f"expected ids that adding returned, found {example_id!r}, which was never given or is "
            "forgotten; see the ids of those that are there, by `headfit store list`"
        )
    return set(map(int, wanted))


def _set_class(
    connection: sqlite3.Connection, sealing: Sealing, ids: Sequence[int], class_id: int
) -> None:
    """Write examples anew as those of another class."""
    for example_id in ids:
        row = connection.execute(
            "SELECT id, class_id, added_at_us, photo_hash, checksum, embedding FROM examples "
            "WHERE id = ?",
            (example_id,),
        ).fetchone()
        if row is None:
            raise sqlite3.DatabaseError(f"the history names example {example_id}, which is gone")
        *_, checksum, embedding = rows.moved_example_row(sealing, row, class_id)
        connection.execute(
            "UPDATE examples SET class_id = ?, checksum = ?, embedding = ? WHERE id = ?",
            (class_id, checksum, embedding, example_id),
        )


def _delete(connection: sqlite3.Connection, sealing: Sealing, ids: Sequence[int]) -> None:
    """Delete examples, what lies beside them and the classes that are then empty.

    With the last example go the names of the columns.
    """
    connection.executemany("DELETE FROM examples WHERE id = ?", ((i,) for i in ids))
    for table in rows.BESIDE.values():
        connection.executemany(f"DELETE FROM {table} WHERE example_id = ?", ((i,) for i in ids))
    _delete_empty_classes(connection)
    if connection.execute("SELECT 1 FROM examples LIMIT 1").fetchone() is None:
        rows.write_columns(connection, sealing, None)
    mark_traces(connection)


def _delete_empty_classes(connection: sqlite3.Connection) -> int:
    """Delete classes without examples; return how many."""
    return connection.execute(
        "DELETE FROM classes WHERE id NOT IN (SELECT class_id FROM examples)"
    ).rowcount


def _remember(
    connection: sqlite3.Connection,
    *,
    first_id: int | None = None,
    last_id: int | None = None,
    class_id: int | None = None,
    old_name: str | bytes | None = None,
) -> int:
    """Add a change to the history and return its id; beyond `MAX_UNDO` the oldest goes."""
    change_id = connection.execute(
        "INSERT INTO changes (first_id, last_id, class_id, old_name) VALUES (?, ?, ?, ?)",
        (first_id, last_id, class_id, old_name),
    ).lastrowid
    assert change_id is not None
    connection.execute(
        "DELETE FROM changes WHERE id NOT IN (SELECT id FROM changes ORDER BY id DESC LIMIT ?)",
        (MAX_UNDO,),
    )
    connection.execute("DELETE FROM moves WHERE change_id NOT IN (SELECT id FROM changes)")
    return change_id
