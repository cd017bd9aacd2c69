"""Repair: a damaged store becomes a whole one that holds everything that could be read."""

from __future__ import annotations

import contextlib
import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from headfit.errors import DamagedStoreError
from headfit.files.views import views_text
from headfit.store import changes, rows
from headfit.store.database import damaged, open_database, store_faults, transaction
from headfit.store.log import hidden_commits
from headfit.store.rows import DTYPES, BesideRow, ExampleRow
from headfit.store.salvage import salvage_rows
from headfit.store.sealing import Sealing
from headfit.store.store import EmbeddingSource, ExampleStore, sealing_of


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair_store` did.

    Attributes
    ----------
    was_damaged : bool
        If not, nothing was changed.
    n_samples : int
        Examples that the store holds now.
    nameless : tuple of str
        Stand-ins for class names that could not be read; see `ExampleStore.rename_class`.
    damaged_copy : str or None
        The damaged file as it was. It goes with the next `ExampleStore.forget` or
        `ExampleStore.wipe`.
    """

    was_damaged: bool
    n_samples: int
    nameless: tuple[str, ...]
    damaged_copy: str | None


@dataclass(frozen=True, slots=True)
class _Description:
    """What the one row of the table ``store`` says."""

    fingerprint: str
    embedding_dim: int
    dtype: str
    views: str
    key_check: bytes | None = None


@dataclass(slots=True)
class _Salvaged:
    """Undamaged rows by id."""

    description: _Description | None = None
    columns: str | bytes | None = None
    classes: dict[int, str | bytes] = field(default_factory=dict)
    examples: dict[int, ExampleRow] = field(default_factory=dict)
    beside: dict[str, dict[int, BesideRow]] = field(
        default_factory=lambda: {kind: {} for kind in rows.BESIDE}
    )


def repair_store(
    path: str | os.PathLike[str],
    extractor: EmbeddingSource | None = None,
    *,
    key: bytes | None = None,
) -> RepairReport:
    """Check a store and, if it is damaged, replace it by one of everything that can be read.

    Every example whose own bytes are undamaged is kept, with its id, class and time; the undo
    history is not. No other program may have the store open.

    Parameters
    ----------
    path : path
        The store.
    extractor : Extractor, optional
        Whose embeddings these are; needed only if the row that says so is lost.
    key : bytes of length 32, optional
        Of an encrypted store.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    UnsupportedVersionError
        If a newer headfit wrote the store.
    DamagedStoreError
        If no row can be read. The file stays as it is.
    StoreError
        If another program has the store open, or the disk is full. The file stays as it is.
    """
    name = os.fspath(path)
    # Both are read before SQLite sees them: it discards a log whose database was cut to nothing.
    database, log = Path(name).read_bytes(), _read_if_there(f"{name}-wal")
    try:
        if hidden_commits(log):
            raise damaged(name, "its log is not what was written")
        with ExampleStore.open(name, key=key) as store:
            store.check()
            return RepairReport(False, store.n_samples, (), None)
    except DamagedStoreError:
        found = _salvage(database, log)
    if found.description is None and extractor is not None:
        found.description = _describe(found, extractor, key)
    if found.description is None and not found.examples:
        raise DamagedStoreError(
            f"{name}: expected an example store, found no example that can be read; give the path "
            "of a store, or begin a new one and teach the photos again"
        )
    if found.description is None:
        raise DamagedStoreError(
            f"{name}: expected an example store, found no row that names its extractor, and "
            f"{len(found.examples)} examples; give the extractor whose embeddings it holds"
        )
    sealing = sealing_of(name, key, found.description.fingerprint, found.description.key_check)
    repaired = f"{name}.repaired"
    try:
        nameless, n_samples = _write_store(repaired, found, found.description, sealing)
        _write_synced(f"{name}.damaged", database)
        if log:
            _write_synced(f"{name}.damaged-wal", log)
    except BaseException:
        _remove_store(repaired)  # a full disk needs the space
        raise
    # Before the new file takes the name: SQLite would apply the old log to it.
    _remove(f"{name}-wal")
    _remove(f"{name}-shm")
    os.replace(repaired, name)
    return RepairReport(True, n_samples, nameless, f"{name}.damaged")


def _salvage(database: bytes, log: bytes) -> _Salvaged:
    """Sort the rows by table: each kind is told by its checksum."""
    found = _Salvaged()
    for row_id, values in salvage_rows(database, log):
        match values:
            case (None, _, _, _, _, bytes()):
                row = (row_id, *values[1:])
                if rows.is_whole_example(row):
                    found.examples[row_id] = row  # type: ignore[assignment]
            case (None, str() | bytes() as value, int(checksum)):
                if rows.text_checksum("class", row_id, value) == checksum:
                    found.classes[row_id] = value
                elif isinstance(value, bytes):
                    for kind, found_rows in found.beside.items():
                        row_beside = rows.beside_row(kind, row_id, value)
                        if row_beside[2] == checksum:
                            found_rows[row_id] = row_beside
            case (str() | bytes() as names, int(checksum)):
                if rows.text_checksum("columns", names) == checksum:
                    found.columns = names
            case (
                str(fingerprint),
                int(embedding_dim),
                str(dtype),
                str(views),
                int(checksum),
                _,
                (None | bytes()) as key_check,
            ):
                described = fingerprint, embedding_dim, dtype, views, key_check
                if rows.store_checksum(*described) == checksum:
                    found.description = _Description(*described)
    return found


def _describe(
    found: _Salvaged, extractor: EmbeddingSource, key: bytes | None
) -> _Description | None:
    """Tell the embeddings' type from their length."""
    lengths = {len(row[5]) for row in found.examples.values()}
    fingerprint, width = extractor.fingerprint, extractor.embedding_dim
    for dtype in DTYPES:
        if rows.embedding_column_bytes(width, dtype, key is not None) in lengths:
            sealed = rows.key_check(Sealing(key, fingerprint))
            return _Description(fingerprint, width, dtype, views_text(extractor.views), sealed)
    return None


def _write_store(
    path: str, found: _Salvaged, description: _Description, sealing: Sealing
) -> tuple[tuple[str, ...], int]:
    """Write a new store of what was found; return the stand-ins for lost names, and the count."""
    _remove_store(path)  # of a repair that was cut off
    width, dtype = description.embedding_dim, description.dtype
    n_bytes = rows.embedding_column_bytes(width, dtype, sealing.is_on)
    examples = [row for _, row in sorted(found.examples.items()) if len(row[5]) == n_bytes]
    used = {row[1] for row in examples}
    nameless = {i: f"class {i} (name lost)" for i in sorted(used - found.classes.keys())}
    kept = {row[0] for row in examples}
    with closing(open_database(path, create=True)) as new, store_faults(path), transaction(new):
        changes.describe(
            new,
            description.fingerprint,
            width,
            dtype,
            description.views,
            description.key_check,
        )
        if found.columns is not None and examples:
            rows.insert_columns(new, found.columns)
        for class_id in used & found.classes.keys():
            rows.insert_class(new, class_id, found.classes[class_id])
        for class_id, name in nameless.items():
            rows.insert_class(new, class_id, sealing.seal_text(name, "class", class_id))
        rows.insert_examples(new, examples)
        for kind, values in found.beside.items():
            rows.insert_beside(new, kind, [row for row in values.values() if row[0] in kept])
    return tuple(nameless.values()), len(examples)


def _read_if_there(path: str) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return Path(path).read_bytes()
    return b""


def _write_synced(path: str, data: bytes) -> None:
    """Write a copy under its own name at once, so that `spare_copies` finds a part of it, too."""
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _remove_store(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        _remove(path + suffix)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
