"""Rows of the store's tables: written with a checksum, read and checked."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import FloatArray
from headfit.store.schema import COLUMNS_TABLE
from headfit.store.sealing import SEALED_OVERHEAD, Sealing

DTYPES: dict[str, np.dtype[Any]] = {"float16": np.dtype("<f2"), "float32": np.dtype("<f4")}

ExampleRow = tuple[int, int, int, int, int, bytes]
"""id, class_id, added_at_us, photo_hash, checksum, embedding."""

BesideRow = tuple[int, bytes, int]
"""example_id, value, checksum."""

BESIDE = {"thumbnail": "thumbnails", "digest": "digests"}
"""What an example may have beside it, and the tables of these values."""

_EXAMPLE_KEY = struct.Struct("<4q")
_HASH = struct.Struct("<Q")
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples in the order in which they were added.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    class_names : tuple of str
        The class of each.
    ids : ndarray of shape (n_samples,), dtype int64
        What `ExampleStore.forget` takes.
    added_at : ndarray of shape (n_samples,), dtype datetime64[us]
        When each was added, in UTC.
    photo_hashes : ndarray of shape (n_samples,), dtype uint64
        Perceptual hashes of the photos; 0 where none was given.
    feature_names : tuple of str, or None
        What the columns are called, if a table brought names of them.
    """

    embeddings: FloatArray
    class_names: tuple[str, ...]
    ids: npt.NDArray[np.int64]
    added_at: npt.NDArray[np.datetime64]
    photo_hashes: npt.NDArray[np.uint64]
    feature_names: tuple[str, ...] | None = None


def example_row(
    example_id: int, class_id: int, added_at_us: int, photo_hash: int, embedding: bytes
) -> ExampleRow:
    """Return a row for the table ``examples``; ``photo_hash`` is signed, as SQLite's integers."""
    key = _EXAMPLE_KEY.pack(example_id, class_id, added_at_us, photo_hash)
    checksum = zlib.crc32(embedding, zlib.crc32(key))
    return example_id, class_id, added_at_us, photo_hash, checksum, embedding


def sealed_example_row(
    sealing: Sealing,
    example_id: int,
    class_id: int,
    added_at_us: int,
    photo_hash: int,
    embedding: bytes,
) -> ExampleRow:
    """Return `example_row`; of an encrypted store the hash lies in front of the embedding."""
    if not sealing.is_on:
        return example_row(example_id, class_id, added_at_us, signed(photo_hash), embedding)
    value = _HASH.pack(photo_hash) + embedding
    sealed = sealing.seal(value, "example", example_id, class_id, added_at_us)
    return example_row(example_id, class_id, added_at_us, 0, sealed)


def moved_example_row(sealing: Sealing, row: ExampleRow, class_id: int) -> ExampleRow:
    """Return the row of an example as one of another class: sealed values are bound to theirs.

    Raises
    ------
    sqlite3.DatabaseError
        If the row is damaged.
    """
    example_id, old_class_id, added_at_us, photo_hash, _, embedding = row
    if not is_whole_example(row):
        raise sqlite3.DatabaseError(f"example {example_id} is not what was written")
    value = sealing.open(embedding, "example", example_id, old_class_id, added_at_us)
    sealed = sealing.seal(value, "example", example_id, class_id, added_at_us)
    return example_row(example_id, class_id, added_at_us, photo_hash, sealed)


def embedding_column_bytes(embedding_dim: int, dtype: str, is_sealed: bool) -> int:
    """Return how long every value of the column ``embedding`` is."""
    n_bytes = embedding_dim * DTYPES[dtype].itemsize
    return n_bytes + (_HASH.size + SEALED_OVERHEAD if is_sealed else 0)


def is_whole_example(row: Sequence[object], n_bytes: int | None = None) -> bool:
    """Return whether ``row`` is what `example_row` made, with an embedding of ``n_bytes``."""
    if len(row) != 6 or not isinstance(row[5], bytes):
        return False
    if n_bytes is not None and len(row[5]) != n_bytes:
        return False
    try:
        key = _EXAMPLE_KEY.pack(*row[:4])
    except struct.error:  # a value of another type
        return False
    return zlib.crc32(row[5], zlib.crc32(key)) == row[4]


def text_checksum(*values: str | int | bytes) -> int:
    """Return the checksum of a row of texts, integers and sealed texts, which count as hex."""
    texts = [value.hex() if isinstance(value, bytes) else str(value) for value in values]
    return zlib.crc32("\n".join(texts).encode())


def store_checksum(
    fingerprint: str, embedding_dim: int, dtype: str, views: str, key_check: bytes | None
) -> int:
    """Return the checksum of the row of the table ``store``."""
    sealed = () if key_check is None else (key_check,)
    return text_checksum("store", fingerprint, embedding_dim, dtype, views, *sealed)


def beside_row(kind: str, example_id: int, value: bytes) -> BesideRow:
    """Return a row of a table in `BESIDE`: id of the example, value, checksum."""
    return example_id, value, zlib.crc32(value, zlib.crc32(f"{kind} {example_id}".encode()))


def insert_examples(connection: sqlite3.Connection, rows: Iterable[ExampleRow]) -> None:
    """Write rows of `example_row` into the table."""
    connection.executemany("INSERT INTO examples VALUES (?, ?, ?, ?, ?, ?)", rows)


def insert_beside(connection: sqlite3.Connection, kind: str, rows: Iterable[BesideRow]) -> None:
    """Write rows of `beside_row` into their table."""
    connection.executemany(f"INSERT INTO {BESIDE[kind]} VALUES (?, ?, ?)", rows)


def class_ids_for(
    connection: sqlite3.Connection, sealing: Sealing, names: Iterable[str]
) -> dict[str, int]:
    """Return the ids of classes by name; those that are not there yet are made, in this order."""
    ids = {name: class_id for class_id, name in read_classes(connection, sealing).items()}
    for name in names:
        if name not in ids:
            ids[name] = max(ids.values(), default=0) + 1
            insert_class(connection, ids[name], sealing.seal_text(name, "class", ids[name]))
    return ids


def insert_class(connection: sqlite3.Connection, class_id: int, sealed_name: str | bytes) -> None:
    """Write a row of the table ``classes``, over an older one of the same id."""
    checksum = text_checksum("class", class_id, sealed_name)
    row = (class_id, sealed_name, checksum)
    connection.execute("INSERT OR REPLACE INTO classes VALUES (?, ?, ?)", row)


def signed(photo_hash: int) -> int:
    """Return an unsigned 64-bit number as the signed one with the same bits."""
    return photo_hash - (1 << 64) if photo_hash >> 63 else photo_hash


def read_classes(connection: sqlite3.Connection, sealing: Sealing) -> dict[int, str]:
    """Return the classes by id.

    Raises
    ------
    sqlite3.DatabaseError
        If a row is damaged.
    """
    classes = {}
    for class_id, name, checksum in connection.execute("SELECT * FROM classes"):
        if text_checksum("class", class_id, name) != checksum:
            raise sqlite3.DatabaseError(f"the name of class {class_id} is not what was written")
        classes[class_id] = sealing.open_text(name, "class", class_id)
    return classes


def read_columns(connection: sqlite3.Connection, sealing: Sealing) -> tuple[str, ...] | None:
    """Return the names of the embeddings' columns, None if no table brought any.

    Raises
    ------
    sqlite3.DatabaseError
        If the row is damaged.
    """
    if not _has_columns(connection):
        return None
    row = connection.execute("SELECT names, checksum FROM columns").fetchone()
    if row is None:
        return None
    sealed, checksum = row
    if text_checksum("columns", sealed) != checksum:
        raise sqlite3.DatabaseError("the names of the columns are not what was written")
    return tuple(json.loads(sealing.open_text(sealed, "columns", 0)))


def write_columns(
    connection: sqlite3.Connection, sealing: Sealing, names: tuple[str, ...] | None
) -> None:
    """Write the names of the embeddings' columns; with None, delete them."""
    if names is None:
        if _has_columns(connection):
            connection.execute("DELETE FROM columns")
        return
    insert_columns(connection, sealing.seal_text(json.dumps(names), "columns", 0))


def insert_columns(connection: sqlite3.Connection, sealed: str | bytes) -> None:
    """Write the row of the table ``columns``, which is made for it."""
    connection.execute(COLUMNS_TABLE)
    checksum = text_checksum("columns", sealed)
    connection.execute("INSERT INTO columns VALUES (?, ?)", (sealed, checksum))


def _has_columns(connection: sqlite3.Connection) -> bool:
    """Return whether there is the table, which only those stores have that need it."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'columns'").fetchone()
    return found is not None


def read_names(connection: sqlite3.Connection, sealing: Sealing) -> dict[int, str]:
    """Return the class of each example by the example's id.

    Raises
    ------
    sqlite3.DatabaseError
        If a row is damaged.
    """
    classes = read_classes(connection, sealing)
    found = connection.execute("SELECT id, class_id FROM examples ORDER BY id").fetchall()
    if not classes.keys() >= {class_id for _, class_id in found}:
        raise sqlite3.DatabaseError("an example is of a class that has no name")
    return {example_id: classes[class_id] for example_id, class_id in found}


def read_examples(
    connection: sqlite3.Connection,
    sealing: Sealing,
    embedding_dim: int,
    dtype: str,
    after: int = 0,
) -> Examples:
    """Return all examples whose id is above ``after``; the caller holds a transaction.

    Raises
    ------
    sqlite3.DatabaseError
        If a row is damaged.
    """
    classes = read_classes(connection, sealing)
    (n_samples,) = connection.execute(
        "SELECT count(*) FROM examples WHERE id > ?", (after,)
    ).fetchone()
    embeddings = np.empty((n_samples, embedding_dim), np.float32)
    keys = np.empty((n_samples, 4), np.int64)
    n_bytes = embedding_column_bytes(embedding_dim, dtype, sealing.is_on)
    cursor = connection.execute(
        "SELECT id, class_id, added_at_us, photo_hash, checksum, embedding FROM examples "
        "WHERE id > ? ORDER BY id",
        (after,),
    )
    done = 0
    while (rows := cursor.fetchmany(_CHUNK)) and done + len(rows) <= n_samples:
        end = done + len(rows)
        raw = _whole_blobs(rows, keys[done:end], n_bytes)
        if sealing.is_on:
            raw = _opened(sealing, raw, keys[done:end], n_bytes)
        embeddings[done:end] = np.frombuffer(raw, DTYPES[dtype]).reshape(-1, embedding_dim)
        done = end
    if done != n_samples or rows:
        raise sqlite3.DatabaseError("the tree of examples and its count do not agree")
    class_ids = keys[:, 1].tolist()
    if not classes.keys() >= set(class_ids):
        raise sqlite3.DatabaseError("an example is of a class that has no name")
    return Examples(
        embeddings=embeddings,
        class_names=tuple([classes[class_id] for class_id in class_ids]),
        ids=keys[:, 0].copy(),
        added_at=keys[:, 2].astype("datetime64[us]"),
        photo_hashes=keys[:, 3].astype(np.uint64),
        feature_names=read_columns(connection, sealing),
    )


def read_hashes(
    connection: sqlite3.Connection, sealing: Sealing, embedding_dim: int, dtype: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return the ids of all examples, and the perceptual hashes of their photos."""
    if sealing.is_on:  # they lie with the embeddings
        examples = read_examples(connection, sealing, embedding_dim, dtype)
        return examples.ids, examples.photo_hashes
    found = connection.execute("SELECT id, photo_hash FROM examples ORDER BY id").fetchall()
    ids, hashes = np.array(found, np.int64).reshape(-1, 2).T
    return ids, hashes.astype(np.uint64)


def key_check(sealing: Sealing) -> bytes | None:
    """Return what an encrypted store knows its key by; None for one that is not."""
    return sealing.seal(b"", "store", 0) if sealing.is_on else None


def open_key_check(sealing: Sealing, sealed: bytes | None) -> None:
    """Raise `sqlite3.DatabaseError` if this is not the key that `key_check` was made with."""
    if sealed is not None:
        sealing.open(sealed, "store", 0)


def _opened(sealing: Sealing, raw: bytes, keys: npt.NDArray[np.int64], n_bytes: int) -> bytes:
    """Return the embeddings of a chunk of sealed rows, and write their hashes into ``keys``."""
    embeddings = []
    for index, (example_id, class_id, added_at_us, _) in enumerate(keys.tolist()):
        sealed = raw[index * n_bytes : (index + 1) * n_bytes]
        value = sealing.open(sealed, "example", example_id, class_id, added_at_us)
        keys[index, 3] = signed(_HASH.unpack_from(value)[0])
        embeddings.append(value[_HASH.size :])
    return b"".join(embeddings)


def _whole_blobs(rows: list[ExampleRow], keys: npt.NDArray[np.int64], n_bytes: int) -> bytes:
    """Check a chunk of rows, write what is not embedding into ``keys``; return the embeddings.

    All at once where all are whole, since loading is what an app waits for.
    """
    *columns, checksums, blobs = zip(*rows, strict=True)
    try:
        keys[:] = np.array(columns, np.int64).T
        packed = keys.view("V32").ravel().tolist()
        found = tuple(map(zlib.crc32, blobs, map(zlib.crc32, packed)))
        raw = b"".join(blobs)
    except (TypeError, ValueError, OverflowError):  # a value of another type
        found, raw = (), b""
    if found != checksums or len(raw) != n_bytes * len(rows):
        broken = next(row[0] for row in rows if not is_whole_example(row, n_bytes))
        raise sqlite3.DatabaseError(f"example {broken} is not what was written")
    return raw
