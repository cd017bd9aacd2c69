"""Another program, written from docs/store-format.md alone, reads what a store writes."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.support.stores import DIM, FINGERPRINT, Source, embeddings
from tests.support.tables import NamedTable

from headfit.store import ExampleStore

KEY = bytes(range(32))
COLUMNS = [f"größe {i}" for i in range(DIM)]


def opened(value: bytes, *place: object) -> bytes:
    """Unseal, as the section "Sealing" says."""
    bound = "\n".join(map(str, (FINGERPRINT, *place))).encode()
    return AESGCM(KEY).decrypt(value[:12], value[12:], bound)


def checksum(*values: str | int | bytes) -> int:
    texts = [value.hex() if isinstance(value, bytes) else str(value) for value in values]
    return zlib.crc32("\n".join(texts).encode())


@pytest.mark.parametrize("key", [None, KEY])
def test_a_store_is_read_by_its_page(tmp_path: Path, key: bytes | None) -> None:
    """Marks, every table, checksums and seals."""
    path, hashes = tmp_path / "store", [2**64 - 2, 7]
    with ExampleStore.open(path, Source(), key=key) as store:
        store.add_many(
            NamedTable(embeddings(2), COLUMNS),
            ["größe", "b"],
            photo_hashes=hashes,
            thumbnails=[b"small", None],
            digests=[None, b"d" * 32],
        )
        store.rename_class("b", "c")
        store.move_examples([1, 2], "new")
        store.undo()
        store.move_examples([1], "c")
    with closing(sqlite3.connect(path)) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        assert rows("PRAGMA application_id") == [(0x48454654,)]
        assert rows("PRAGMA user_version") == [(1,)]
        assert rows("PRAGMA page_size") == [(16_384,)]
        assert rows("PRAGMA journal_mode") == [("wal",)]
        ((fingerprint, width, dtype, views, found, must_erase, key_check),) = rows(
            "SELECT fingerprint, embedding_dim, dtype, views, checksum, must_erase, key_check "
            "FROM store"
        )
        assert (fingerprint, width, dtype, must_erase) == (FINGERPRINT, DIM, "float32", 0)
        assert json.loads(views) == [{"zoom": 1, "x": 0.5, "y": 0.5, "is_flipped": False}]
        sealed = () if key is None else (key_check,)
        assert found == checksum("store", fingerprint, width, dtype, views, *sealed)
        assert (key_check is None) == (key is None)
        assert key is None or opened(key_check, "store", 0) == b""
        ((columns, found),) = rows("SELECT names, checksum FROM columns")
        assert found == checksum("columns", columns)
        assert json.loads(columns if key is None else opened(columns, "columns", 0)) == COLUMNS
        names = {}
        for class_id, name, found in rows("SELECT id, name, checksum FROM classes"):
            assert found == checksum("class", class_id, name)
            names[class_id] = name if key is None else opened(name, "class", class_id).decode()
        examples = rows(
            "SELECT id, class_id, added_at_us, photo_hash, checksum, embedding FROM examples"
        )
        for n, (*key_columns, found, value) in enumerate(examples):
            assert found == zlib.crc32(value, zlib.crc32(struct.pack("<4q", *key_columns)))
            photo_hash = key_columns[3] % 2**64
            if key is not None:
                assert photo_hash == 0
                value = opened(value, "example", *key_columns[:3])
                (photo_hash,), value = struct.unpack("<Q", value[:8]), value[8:]
            assert photo_hash == hashes[n]
            np.testing.assert_array_equal(np.frombuffer(value, "<f4"), embeddings(2)[n])
        assert [names[row[1]] for row in examples] == ["c", "c"]
        ((example_id, digest, found),) = rows("SELECT example_id, digest, checksum FROM digests")
        assert found == zlib.crc32(digest, zlib.crc32(b"digest 2"))
        assert (digest if key is None else opened(digest, "digest", example_id)) == b"d" * 32
        ((example_id, jpeg, found),) = rows("SELECT example_id, jpeg, checksum FROM thumbnails")
        assert found == zlib.crc32(jpeg, zlib.crc32(b"thumbnail 1"))
        assert (jpeg if key is None else opened(jpeg, "thumbnail", example_id)) == b"small"
        added, renamed, moved = rows(
            "SELECT first_id, last_id, class_id, old_name FROM changes ORDER BY id"
        )
        assert added == (1, 2, None, None)
        assert (moved[:2], names[moved[2]], moved[3]) == ((None, None), "c", None)
        ((change_id, class_id, name, ids),) = rows(
            "SELECT change_id, class_id, name, example_ids FROM moves"
        )
        assert rows("SELECT max(id) FROM changes") == [(change_id,)]
        assert (name if key is None else opened(name, "class", class_id).decode()) == "größe"
        assert struct.unpack("<q", ids) == (1,)
        old_name = renamed[3] if key is None else opened(renamed[3], "class", renamed[2]).decode()
        assert (names[renamed[2]], old_name) == ("c", "b")
