"""ExampleStore: examples on disk, kept until they are forgotten."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from headfit.errors import ExtractorMismatchError, InputError, StoreError
from headfit.files.class_names import checked_class_name, checked_names
from headfit.files.elsewhere import remedy
from headfit.files.fields import parse_json
from headfit.files.views import views_from_json, views_text
from headfit.learning.origin import View
from headfit.locks import long_lock
from headfit.maths.arrays import (
    FloatArray,
    check_dense,
    checked_embeddings,
    checked_hashes,
    checked_numbers,
    column_names,
    listed,
    row_names,
)
from headfit.maths.bits import count_differences
from headfit.reopened import Reopened
from headfit.store import changes, database, exchange, rows
from headfit.store.database import damaged, store_faults
from headfit.store.exchange import DIGEST_BYTES
from headfit.store.rows import DTYPES, Examples
from headfit.store.sealing import Sealing

T = TypeVar("T")

MAX_THUMBNAIL_BYTES = 16_384
"""A thumbnail is for recognising a photo in a list; anything larger is a photo."""


class EmbeddingSource(Protocol):
    """What a store must know of an extractor."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the ``.tflite`` bytes, 64 hex digits."""

    @property
    def embedding_dim(self) -> int:
        """Width of an embedding."""

    @property
    def views(self) -> tuple[View, ...]:
        """How it looks at each photo."""


class ExampleStore(Reopened):
    """Embeddings and class names collected so far, in one SQLite file; never a photo.

    Made by `open`. When a method that changes the store has returned, the change has reached the
    disk: it survives ``kill -9`` and a power cut. A change happens whole or not at all. Several
    threads may share a store, and several processes a file: one writes at a time, the others wait.
    On a full disk nothing is added, but what is there can be forgotten: room for that is kept in a
    file beside the store, ``<path>-room``, of its size and at most 64 MB.

    What `forget`, `wipe` and `undo` delete is also gone from the bytes of the file and its log, and
    from the copies that repair left beside it. Where a process that goes on reading, or a full
    disk, hinders that, a warning is logged, and the bytes go after the next deletion or when the
    store is next opened. Deleting for good and undoing cannot both be had:
    `forget` and `wipe` cannot be undone, and they clear the history of what came before, because a
    class name in it might be what shall be forgotten.

    Attributes
    ----------
    path : str
        The file.
    fingerprint : str
        SHA-256 of the extractor whose embeddings these are.
    embedding_dim : int
    dtype : str
        "float32" keeps the embeddings as they are; "float16" takes half the space.
    views : tuple of View
        How the extractor looked at each photo.

    Examples
    --------
    >>> with ExampleStore.open("mine.store", extractor) as store:     # doctest: +SKIP
    ...     store.add(extractor.embed(["cat.jpg"])[0], "cat")
    1
    """

    def __init__(
        self,
        path: str,
        connection: sqlite3.Connection,
        fingerprint: str,
        embedding_dim: int,
        dtype: str,
        views: tuple[View, ...],
        sealing: Sealing,
    ) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.embedding_dim = embedding_dim
        self.dtype = dtype
        self.views = views
        self._connection = connection
        self._sealing = sealing
        self._lock = long_lock()
        self._owner = os.getpid()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        extractor: EmbeddingSource | None = None,
        *,
        dtype: str = "float32",
        key: bytes | None = None,
    ) -> ExampleStore:
        """Open a store, or make a new one if ``extractor`` is given and there is no file.

        Parameters
        ----------
        path : path
            The file. SQLite keeps its log beside it, as ``-wal`` and ``-shm``, while it is open.
        extractor : Extractor, optional
            What makes the embeddings, with its views. Only an existing store opens without.
        dtype : str
            "float32" or "float16", for a new store.
        key : bytes of length 32, optional
            Encrypts a new store, and opens it later: embeddings, class names, hashes of photos and
            thumbnails. `headfit.store.key_from_keyring` gives one that the system keeps.
            Without the key nobody can read any of this.

        Raises
        ------
        FileNotFoundError
            If there is no file and no extractor was given, or the folder does not exist.
        ExtractorMismatchError
            If the store holds embeddings of another extractor, or of other views.
        UnsupportedVersionError
            If a newer headfit wrote the store.
        StoreError
            If the file is damaged, locked, read-only or not a store, or the key is not its own.
        MissingExtraError
            If a key is given and the library `cryptography` is not installed.
        """
        if dtype not in DTYPES:
            raise InputError(f"expected dtype float32 or float16, found {dtype!r}")
        name = os.fspath(path)
        connection = database.open_database(name, create=extractor is not None)
        try:
            with store_faults(name):
                if extractor is not None:
                    with database.transaction(connection):
                        changes.describe(
                            connection,
                            extractor.fingerprint,
                            extractor.embedding_dim,
                            dtype,
                            views_text(extractor.views),
                            rows.key_check(Sealing(key, extractor.fingerprint)),
                        )
                fingerprint, embedding_dim, dtype, text, sealed = _description(connection)
            sealing = sealing_of(name, key, fingerprint, sealed)
            where = f"{name}: views"
            views = views_from_json(parse_json(text.encode(), where), where)
            store = cls(name, connection, fingerprint, embedding_dim, dtype, views, sealing)
            if extractor is not None:
                store.check_extractor(extractor)
        except BaseException:
            connection.close()
            raise
        return store

    def check_extractor(self, extractor: EmbeddingSource) -> None:
        """Refuse an extractor that makes other embeddings than those in the store.

        Raises
        ------
        ExtractorMismatchError
            If its fingerprint is another, or it looks at photos in other views.
        """
        if extractor.fingerprint != self.fingerprint:
            raise ExtractorMismatchError(
                f"{self.path}: expected embeddings of the extractor with SHA-256 "
                f"{extractor.fingerprint}, found those of {self.fingerprint}; "
                f"{remedy(self.fingerprint)}, or begin a new store and teach the photos again "
                "(headfit store missing says which are gone)"
            )
        if views_text(extractor.views) != views_text(self.views):
            raise ExtractorMismatchError(
                f"{self.path}: expected embeddings of {len(extractor.views)} views of each photo, "
                f"as the extractor was told, found those of others, {len(self.views)}: "
                f"{views_text(self.views)}; look with these, or begin a new store and teach again"
            )

    @property
    def class_counts(self) -> dict[str, int]:
        """How many examples each class has, by name in alphabetical order."""
        with self._reading() as connection:
            counted = connection.execute(
                "SELECT class_id, count(*) FROM examples GROUP BY class_id"
            ).fetchall()
            classes = rows.read_classes(connection, self._sealing)
            if any(class_id not in classes for class_id, _ in counted):
                raise damaged(self.path, "examples of a class that has no name")
        return dict(sorted((classes[class_id], count) for class_id, count in counted))

    @property
    def n_samples(self) -> int:
        """How many examples the store holds."""
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM examples").fetchone()
        return int(count)

    @property
    def state(self) -> tuple[int, int]:
        """What is another value after every change, by this object or any other, to compare with.

        It says nothing to another object, or after opening the store again.
        """
        with self._reading() as connection:
            (others,) = connection.execute("PRAGMA data_version").fetchone()
            return int(others), connection.total_changes

    def add(
        self,
        embedding: npt.ArrayLike,
        class_name: str,
        *,
        photo_hash: int = 0,
        thumbnail: bytes | None = None,
        digest: bytes | None = None,
    ) -> int:
        """Add one example and return its id; see `add_many`."""
        check_dense(embedding)
        (example_id,) = self._add_examples(
            np.asarray(embedding)[np.newaxis],
            [class_name],
            [photo_hash],
            [thumbnail],
            [digest],
            None,
            row_names(embedding),
        )
        return example_id

    def add_many(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str],
        *,
        photo_hashes: Sequence[int] | None = None,
        thumbnails: Sequence[bytes | None] | None = None,
        digests: Sequence[bytes | None] | None = None,
        if_newest: int | None = None,
    ) -> range:
        """Add examples, all or none, and return their ids.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, embedding_dim)
            Finite numbers. The store remembers what the columns of a table are called, and refuses
            others, or the same in another order.
        class_names : sequence of str
            The class of each, kept in the form of `headfit.files.normal_name`.
        photo_hashes : sequence of int, optional
            `headfit.photos.perceptual_hash` of each photo, to find duplicates; 0 means none.
        thumbnails : sequence of bytes or None, optional
            Small pictures, if the app wants to show what it was taught; see
            `headfit.photos.likeness.thumbnail`. They can be erased on their own.
        digests : sequence of bytes of length 32, or None, optional
            `headfit.photos.likeness.photo_digest` of photos that lie in a folder, to know them by
            when the folder is read again.
        if_newest : int, optional
            Add only if the newest example is the one with this id still, 0 if there is none: what
            the caller compared them with is all there is. Otherwise no id is returned.

        Raises
        ------
        InputError
            If shapes, numbers or names are not as above. Nothing is added.
        StoreError
            If the disk is full, read-only or locked. Nothing is added.
        """
        return self._add_examples(
            embeddings,
            class_names,
            photo_hashes,
            thumbnails,
            digests,
            if_newest,
            column_names(embeddings),
        )

    def _add_examples(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str],
        photo_hashes: Sequence[int] | None,
        thumbnails: Sequence[bytes | None] | None,
        digests: Sequence[bytes | None] | None,
        if_newest: int | None,
        feature_names: tuple[str, ...] | None,
    ) -> range:
        checked = checked_embeddings(embeddings)
        class_names = checked_names(class_names, len(checked))
        blobs = self._blobs(checked)
        hashes = [0] * len(blobs) if photo_hashes is None else checked_hashes(photo_hashes)
        nothing: list[bytes | None] = [None] * len(blobs)
        pictures = nothing if thumbnails is None else _pictures(listed(thumbnails, "thumbnails"))
        known_by = nothing if digests is None else listed(digests, "digests")
        if if_newest is not None:
            (if_newest,) = checked_numbers([if_newest])
        if not len(blobs) == len(hashes) == len(pictures) == len(known_by):
            raise InputError(
                f"expected a photo hash, a thumbnail and a digest for each of {len(blobs)} "
                f"embeddings, found {len(hashes)}, {len(pictures)} and {len(known_by)}; give None "
                "where there is none"
            )
        for digest in known_by:
            if digest is not None and not isinstance(digest, bytes):
                raise InputError(
                    f"expected digests in bytes, found {type(digest).__name__}; make them with "
                    "photo_digest"
                )
            if digest is not None and len(digest) != DIGEST_BYTES:
                raise InputError(
                    f"expected digests of {DIGEST_BYTES} bytes, found {len(digest)}; make them "
                    "with photo_digest"
                )
        added_at_us = [time.time_ns() // 1000] * len(blobs)
        beside = {"thumbnail": pictures, "digest": known_by}
        return self._add(blobs, class_names, added_at_us, hashes, beside, if_newest, feature_names)

    def names_by_id(self) -> dict[int, str]:
        """Return the class name of every example, in the order in which they were added."""
        with self._reading() as connection:
            return rows.read_names(connection, self._sealing)

    def load(self, *, after: int = 0) -> Examples:
        """Return examples as arrays.

        Parameters
        ----------
        after : int
            Only examples with a larger id; an id is never given twice, and later ones are larger.

        Raises
        ------
        StoreError
            If anything in the store is damaged; `repair_store` keeps the rest.
        """
        (after,) = checked_numbers([after])
        with self._reading() as connection:
            return rows.read_examples(
                connection, self._sealing, self.embedding_dim, self.dtype, after
            )

    def check(self) -> None:
        """Read every page and every row.

        Raises
        ------
        StoreError
            If anything is damaged.
        """
        with self._reading() as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise damaged(self.path, verdict)
            rows.read_examples(connection, self._sealing, self.embedding_dim, self.dtype)
            ids = connection.execute("SELECT example_id FROM thumbnails").fetchall()
        for (example_id,) in ids:
            self.thumbnail(example_id)
        self.digests()

    def forget(self, what: str | Iterable[str | int]) -> int:
        """Delete classes by name, or examples by id, for good; return how many examples.

        All at once: the file is rewritten one time, however many they are.

        The bytes are gone from the file too. Heads that were fitted before still carry what they
        learned: fit them again. This clears the undo history.

        Raises
        ------
        InputError
            If there is no such class or example. Nothing is deleted.
        StoreError
            If the disk is full, read-only or locked. Nothing is deleted.
        """
        if isinstance(what, str):
            what = [what]
        elif isinstance(what, Iterable) and not isinstance(what, bytes):
            what = list(what)
            checked_numbers(one for one in what if not isinstance(one, str))
        else:
            raise InputError(
                f"expected a class name, or names and ids, found {what!r}; give a list, if only of "
                "one id"
            )
        wanted = [one if isinstance(one, str) else int(one) for one in what]
        return self._delete(lambda connection: changes.forget(connection, self._sealing, wanted))

    def wipe(self) -> int:
        """Delete everything for good; return how many examples.

        What is left is an empty store of the same extractor.
        """
        return self._delete(lambda connection: changes.wipe(connection, self._sealing))

    def move_examples(self, ids: Iterable[int], class_name: str) -> int:
        """Give examples another class, all or none; return how many were of another.

        Id, time and thumbnail stay. The class may be new, and one that is left without examples
        goes. `undo` takes it back.

        Raises
        ------
        InputError
            If there is no such example, or ``class_name`` is no class name. Nothing is moved.
        """
        class_name = checked_class_name(class_name)
        wanted = checked_numbers(ids)
        return self._change(
            lambda connection: changes.move(connection, self._sealing, wanted, class_name)
        )

    def merge_classes(self, class_name: str | int, *, into: str | int) -> int:
        """Move all examples of a class to another one, as `move_examples`; return how many.

        Raises
        ------
        InputError
            If one of them is not there, or they are the same. Nothing is moved.
        """
        return self._change(
            lambda connection: changes.merge(connection, self._sealing, class_name, into)
        )

    def rename_class(self, old_name: str | int, new_name: str | int) -> None:
        """Give a class another name. Nothing has to be trained again.

        Raises
        ------
        InputError
            If there is no class ``old_name``, or ``new_name`` is taken or no class name.
        """
        self._change(
            lambda connection: changes.rename_class(connection, self._sealing, old_name, new_name)
        )

    def undo(self) -> str | None:
        """Undo the last change that added, imported, moved, merged or renamed.

        Returns
        -------
        str or None
            What was undone, in words; None if there is nothing to undo. Examples whose adding is
            undone are deleted as `forget` deletes, but the history before them stays.
        """
        return self._delete(lambda connection: changes.undo(connection, self._sealing))

    def ids_like(self, photo_hash: int, *, max_distance: int = 6) -> list[int]:
        """Return the ids of examples whose photos look like one, most alike first.

        Parameters
        ----------
        photo_hash : int
            `headfit.photos.perceptual_hash` of a photo; 0 is like nothing.
        max_distance : int
            How many of the 64 bits may differ. Re-encoding or scaling a photo changes few.

        Raises
        ------
        InputError
            If it is no such hash.
        """
        (photo_hash,) = checked_hashes([photo_hash])
        with self._reading() as connection:
            ids, hashes = rows.read_hashes(
                connection, self._sealing, self.embedding_dim, self.dtype
            )
        if not len(ids) or photo_hash == 0:
            return []
        own = np.array([[photo_hash]], np.uint64)
        distances = count_differences(hashes[:, np.newaxis], own)[:, 0]
        distances[hashes == 0] = 65
        order = np.argsort(distances, kind="stable")
        return [int(ids[index]) for index in order if distances[index] <= max_distance]

    def thumbnail(self, example_id: int) -> bytes | None:
        """Return the thumbnail of an example, or None if it has none.

        Raises
        ------
        InputError
            If ``example_id`` is no whole number.
        """
        (example_id,) = checked_numbers([example_id])
        return self._beside("thumbnail", "WHERE example_id = ?", example_id).get(example_id)

    def digests(self) -> dict[int, bytes]:
        """Return by id what examples of folders were made of; see `add_many`."""
        return self._beside("digest")

    def _beside(self, kind: str, where: str = "", *values: int) -> dict[int, bytes]:
        with self._reading() as connection:
            query = f"SELECT * FROM {rows.BESIDE[kind]} {where} ORDER BY example_id"
            found = connection.execute(query, values).fetchall()
        opened = {}
        for row in found:
            example_id, value, _ = row
            if not isinstance(value, bytes) or rows.beside_row(kind, example_id, value) != row:
                raise damaged(self.path, f"the {kind} of example {example_id} is not what it was")
            with store_faults(self.path):
                opened[example_id] = self._sealing.open(value, kind, example_id)
        return opened

    def thumbnail_sizes(self) -> dict[int, int]:
        """Return how many bytes the thumbnail of each example that has one takes, by its id."""
        with self._reading() as connection:
            found = connection.execute("SELECT example_id, length(jpeg) FROM thumbnails").fetchall()
        return dict(sorted(found))

    def add_thumbnails(self, thumbnails: Mapping[int, bytes]) -> None:
        """Keep a thumbnail of examples that are there, in place of the one they had.

        Parameters
        ----------
        thumbnails : mapping of int to bytes
            By the examples' ids; each as for `add_many`.

        Raises
        ------
        InputError
            If there is no such example, or a thumbnail is too large. None is kept.
        StoreError
            If the disk is full, read-only or locked. None is kept.
        """
        if not isinstance(thumbnails, Mapping):
            raise InputError(
                f"expected a mapping from ids to thumbnails, found {type(thumbnails).__name__}; "
                "pass {id: thumbnail}"
            )
        found = _pictures(thumbnails.values())
        if None in found:
            raise InputError(
                "expected a thumbnail for each id, found None; leave these out, and see "
                "erase_thumbnails"
            )
        pictures = dict(zip(checked_numbers(thumbnails), found, strict=True))
        kept = {number: picture for number, picture in pictures.items() if picture is not None}
        self._change(
            lambda connection: changes.put_thumbnails(connection, self._sealing, kept),
            n_bytes=sum(map(len, kept.values())),
        )
        self._erase_traces()

    def erase_thumbnails(self) -> int:
        """Delete all thumbnails for good and return how many; the examples stay."""

        def erase(connection: sqlite3.Connection) -> int:
            count = connection.execute("DELETE FROM thumbnails").rowcount
            if count:
                changes.mark_traces(connection)
            return count

        return self._delete(erase)

    def export_to(self, path: str | os.PathLike[str]) -> str:
        """Write all examples to one file, whole or not at all, and return its content hash.

        It is not encrypted, even if the store is. The file is a safetensors container, described
        in docs/store-format.md. Thumbnails and the undo history are not in it.
        """
        origin = exchange.Origin(self.fingerprint, self.embedding_dim, self.views, self.dtype)
        self._refuse_fork()
        with self._lock:
            return exchange.save_examples(path, self.load(), self.digests(), origin)

    def import_from(self, path: str | os.PathLike[str]) -> range:
        """Add the examples of a file that `export_to` wrote and return the ids of the new ones.

        One that is there already, of the same time, photo and embedding, whatever its class is now,
        is not added again: a file that grew may be imported again.

        Raises
        ------
        ExtractorMismatchError
            If the examples are embeddings of another extractor, or of other views.
        InputError
            If their columns are called otherwise, or in another order, than those in the store.
        FileFormatError
            If the file is no such file, or damaged.
        """
        return self._import(os.fspath(path), *exchange.load_examples(path))

    @classmethod
    def of_export(
        cls,
        path: str | os.PathLike[str],
        file: str | os.PathLike[str],
        *,
        key: bytes | None = None,
    ) -> ExampleStore:
        """Make a new store of a file that `export_to` wrote, with the examples in it.

        Parameters
        ----------
        path : path
            Of the store.
        file : path
            The export, which says what a store must know of the extractor.
        key : bytes of length 32, optional
            As for `open`.

        Raises
        ------
        FileExistsError
            If there is a store already: import into it.
        FileFormatError
            If the file is no such file, or damaged. No store is made.
        """
        if os.path.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
        examples, digests, origin = exchange.load_examples(file)
        store = cls.open(path, origin, dtype=origin.dtype, key=key)
        try:
            store._import(os.fspath(file), examples, digests, origin)
        except BaseException:
            store.close()
            raise
        return store

    def _import(
        self,
        source: str,
        examples: Examples,
        digests: list[bytes | None],
        origin: exchange.Origin,
    ) -> range:
        is_same = origin.fingerprint == self.fingerprint
        if not is_same or views_text(origin.views) != views_text(self.views):
            raise ExtractorMismatchError(
                f"{source}: expected embeddings of the extractor with SHA-256 "
                f"{self.fingerprint} in the views {views_text(self.views)}, found those of "
                f"{origin.fingerprint} in {views_text(origin.views)}; import them into a store of "
                "these"
            )
        given = self._keys(examples)
        while True:
            there = self.load()
            left = Counter(self._keys(there))
            new = []
            for row, key in enumerate(given):
                if left[key] > 0:
                    left[key] -= 1
                else:
                    new.append(row)
            ids = self._add(
                [given[row][2] for row in new],
                [examples.class_names[row] for row in new],
                [given[row][0] for row in new],
                [given[row][1] for row in new],
                {"digest": [digests[row] for row in new]},
                if_newest=int(there.ids.max(initial=0)),
                feature_names=examples.feature_names,
            )
            if len(ids) == len(new):
                return ids  # else another process has added some meanwhile, perhaps the same

    def _keys(self, examples: Examples) -> list[tuple[int, int, bytes]]:
        """Return time, photo hash and embedding, as it is kept, of each: by these it is known."""
        times = examples.added_at.astype(np.int64).tolist()
        blobs = self._blobs(examples.embeddings)
        return list(zip(times, examples.photo_hashes.tolist(), blobs, strict=True))

    def close(self) -> None:
        """Close the file; the log beside it goes."""
        self._refuse_fork()
        with self._lock, store_faults(self.path):
            self._connection.close()

    def __enter__(self) -> ExampleStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._refuse_fork()
        transaction = database.transaction(self._connection, "DEFERRED")
        with self._lock, store_faults(self.path), transaction:
            yield self._connection

    def _add(
        self,
        blobs: Sequence[bytes],
        class_names: Sequence[str],
        added_at_us: Sequence[int],
        photo_hashes: Sequence[int],
        beside: dict[str, list[bytes | None]],
        if_newest: int | None = None,
        feature_names: tuple[str, ...] | None = None,
    ) -> range:
        values = (value for column in (blobs, *beside.values()) for value in column if value)
        return self._change(
            lambda connection: changes.add(
                connection,
                self._sealing,
                blobs,
                class_names,
                added_at_us,
                photo_hashes,
                beside,
                if_newest,
                feature_names,
            ),
            n_bytes=sum(map(len, values)) + sum(map(len, feature_names or ())),
        )

    def _change(self, change: Callable[[sqlite3.Connection], T], *, n_bytes: int = 0) -> T:
        self._refuse_fork()
        with self._lock, store_faults(self.path):
            return database.change(self._connection, self.path, change, n_bytes)

    def _delete(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self._refuse_fork()
        with self._lock, store_faults(self.path):
            result = database.delete(self._connection, self.path, change)
            self._erase_traces()
            return result

    def _erase_traces(self) -> None:
        with self._lock, store_faults(self.path):
            database.erase_traces(self._connection, self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._sealing.is_on:
            raise StoreError(
                f"{self.path}: expected a store that is not encrypted, to send to another process, "
                "found one whose key would go with it; open it there with its key"
            )
        return _opened_again, (self.path, self.fingerprint)

    def _refuse_fork(self) -> None:
        """SQLite: "Do not open an SQLite database connection, then fork(2)"."""
        if os.getpid() != self._owner:
            raise StoreError(
                f"{self.path}: expected the process that opened the store, found one forked from "
                "it; open the store again in this process"
            )

    def _blobs(self, checked: FloatArray) -> list[bytes]:
        """Return embeddings as the store keeps them, if it can."""
        if checked.shape[1] != self.embedding_dim:
            raise InputError(
                f"expected embeddings of width {self.embedding_dim}, found width "
                f"{checked.shape[1]}; embed the photos with the store's extractor"
            )
        with np.errstate(over="ignore"):  # what overflows is refused below
            kept = checked.astype(DTYPES[self.dtype])
        if not np.isfinite(kept).all():
            raise InputError(
                f"expected numbers that float16 can hold, up to 65504, found "
                f"{np.abs(checked).max():g}; use a store of float32"
            )
        return [row.tobytes() for row in kept]


def _opened_again(path: str, fingerprint: str) -> ExampleStore:
    """Open a store that another process has open: what a pickle of it stands for."""

    def open_again() -> ExampleStore:
        found = ExampleStore.open(path)
        if found.fingerprint != fingerprint:
            found.close()
            raise ExtractorMismatchError(
                f"{path}: expected the store with embeddings of {fingerprint}, found one with "
                f"those of {found.fingerprint}; it was replaced meanwhile"
            )
        return found

    store = object.__new__(ExampleStore)
    store.reopen(open_again)
    return store


def _pictures(thumbnails: Iterable[Any]) -> list[bytes | None]:
    """Return thumbnails as bytes, or None where there is none."""
    pictures: list[bytes | None] = []
    for picture in thumbnails:
        if picture is not None and not isinstance(picture, (bytes, bytearray, memoryview)):
            raise InputError(
                f"expected thumbnails in bytes, found {type(picture).__name__}; make them with "
                "headfit.photos.likeness.thumbnail"
            )
        pictures.append(None if picture is None else bytes(picture))
        if picture is not None and len(pictures[-1] or b"") > MAX_THUMBNAIL_BYTES:
            raise InputError(
                f"expected thumbnails of at most {MAX_THUMBNAIL_BYTES} bytes, found "
                f"{len(picture)}; make it smaller"
            )
    return pictures


def _description(connection: sqlite3.Connection) -> tuple[str, int, str, str, bytes | None]:
    row = connection.execute(
        "SELECT fingerprint, embedding_dim, dtype, views, key_check, checksum FROM store"
    ).fetchone()
    if row is None or rows.store_checksum(*row[:5]) != row[5]:
        raise sqlite3.DatabaseError("the row that names the extractor is not what was written")
    return row[0], row[1], row[2], row[3], row[4]


def sealing_of(path: str, key: bytes | None, fingerprint: str, sealed: bytes | None) -> Sealing:
    """Return the sealing of a store, if the key is the one it was made with."""
    sealing = Sealing(key, fingerprint)
    if sealing.is_on and sealed is None:
        raise StoreError(
            f"{path}: expected an encrypted store, found one that is not; open it without a key"
        )
    if not sealing.is_on and sealed is not None:
        raise StoreError(
            f"{path}: expected the key of an encrypted store, found none; open it with its key"
        )
    try:
        rows.open_key_check(sealing, sealed)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path}: expected the key that the store was made with, found another; open it with "
            "its own"
        ) from error
    return sealing
