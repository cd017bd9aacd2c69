"""An encrypted store: only its key opens it, and no value can be moved within it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.support.stores import FINGERPRINT, Source, embeddings, on_disk

from headfit.commands.main import main
from headfit.errors import InputError, StoreError
from headfit.store import ExampleStore, key_from_keyring, repair_store

KEY, OTHER = bytes(range(32)), bytes(32)


def sealed_store(path: Path, key: bytes = KEY) -> ExampleStore:
    store = ExampleStore.open(path, Source(), key=key)
    store.add_many(
        embeddings(40),
        ["Rumpelstiltskin", "mum"] * 20,
        photo_hashes=range(2**63, 2**63 + 40),
        thumbnails=[b"a small picture of mum", *[None] * 39],
    )
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_what_was_sealed_is_opened(path: Path) -> None:
    """Everything that a store does, with a key."""
    sealed_store(path).close()
    with ExampleStore.open(path, Source(), key=KEY) as store:
        store.check()
        examples = store.load()
        np.testing.assert_array_equal(embeddings(40), examples.embeddings)
        assert examples.class_names == ("Rumpelstiltskin", "mum") * 20
        assert examples.photo_hashes.tolist() == list(range(2**63, 2**63 + 40))
        assert store.thumbnail(1) == b"a small picture of mum"
        assert store.ids_like(2**63 + 5, max_distance=0) == [6]
        store.rename_class("mum", "dad")
        assert store.undo() == "renaming mum to dad"
        store.add(embeddings(1)[0], "mum")
        assert store.class_counts == {"Rumpelstiltskin": 20, "mum": 21}
        assert store.forget("mum") == 21
        exported = store.export_to(path.with_name("export"))
    with ExampleStore.open(path.with_name("new"), Source()) as plain:
        plain.import_from(path.with_name("export"))
        assert plain.export_to(path.with_name("again")) == exported


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_nothing_of_it_can_be_read_in_the_file(path: Path, dtype: str) -> None:
    """Neither embeddings, names, old names, thumbnails nor the hashes of photos."""
    values = embeddings(40)
    with ExampleStore.open(path, Source(), dtype=dtype, key=KEY) as store:
        store.add_many(values, ["Rumpelstiltskin"] * 40, photo_hashes=[0x1234567890ABCDEF] * 40)
        store.add(values[0], "secret place", thumbnail=b"a small picture of mum")
        store.rename_class("secret place", "known place")
        disk = on_disk(path)
    for secret in (
        b"Rumpelstiltskin", b"secret place", b"known place", b"a small picture",
        (0x1234567890ABCDEF).to_bytes(8, "big"), (0x1234567890ABCDEF).to_bytes(8, "little"),
        *(row.tobytes()[:16] for row in values.astype(dtype)),
    ):  # fmt: skip
        assert secret not in disk
        assert secret not in on_disk(path)


def test_a_wrong_key_is_an_error_and_no_garbage(path: Path) -> None:
    sealed_store(path).close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="expected the key that the store was made with"):
        ExampleStore.open(path, Source(), key=OTHER)
    with pytest.raises(StoreError, match="expected the key of an encrypted store, found none"):
        ExampleStore.open(path)
    with pytest.raises(StoreError, match="found another"):
        repair_store(path, key=OTHER)
    with pytest.raises(InputError, match="expected a key of 32 bytes"):
        ExampleStore.open(path, key=b"short")
    assert path.read_bytes() == before


def test_a_key_does_not_encrypt_what_is_there_already(path: Path) -> None:
    ExampleStore.open(path, Source()).close()
    with pytest.raises(StoreError, match="found one that is not"):
        ExampleStore.open(path, Source(), key=KEY)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE examples SET embedding = (SELECT embedding FROM examples WHERE id = 2) "
        "WHERE id = 1",
        "UPDATE examples SET class_id = 3 - class_id WHERE id = 1",
        "UPDATE examples SET added_at_us = added_at_us + 1 WHERE id = 1",
        "UPDATE examples SET id = 99 WHERE id = 1",
    ],
)
def test_values_cannot_be_moved_to_another_row(path: Path, change: str) -> None:
    """Checksums are computed again, as an attacker would: the seal still knows its place."""
    from headfit.store.rows import example_row

    sealed_store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)
        rows = connection.execute("SELECT * FROM examples").fetchall()
        for row in rows:
            whole = example_row(*row[:4], row[5])
            connection.execute("UPDATE examples SET checksum = ? WHERE id = ?", (whole[4], row[0]))
    with ExampleStore.open(path, key=KEY) as store, pytest.raises(StoreError, match="not sealed"):
        store.load()


def test_names_cannot_be_swapped(path: Path) -> None:
    from headfit.store.rows import text_checksum

    sealed_store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        (first,), (second,) = connection.execute("SELECT name FROM classes ORDER BY id").fetchall()
        connection.execute("DELETE FROM classes")
        for class_id, name in ((1, second), (2, first)):
            row = (class_id, name, text_checksum("class", class_id, name))
            connection.execute("INSERT INTO classes VALUES (?, ?, ?)", row)
    with ExampleStore.open(path, key=KEY) as store, pytest.raises(StoreError, match="not sealed"):
        store.load()


def test_repair_keeps_sealed_values(path: Path) -> None:
    """The row that names extractor and key is lost: extractor and key bring all back."""
    sealed_store(path).close()
    data = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'store'"
        ).fetchone()
    data[(page - 1) * 16_384 : page * 16_384] = os.urandom(16_384)
    path.write_bytes(data)
    report = repair_store(path, Source(), key=KEY)
    assert (report.was_damaged, report.n_samples) == (True, 40)
    with ExampleStore.open(path, key=KEY) as store:
        store.check()
        np.testing.assert_array_equal(embeddings(40), store.load().embeddings)
        assert store.class_counts == {"Rumpelstiltskin": 20, "mum": 20}
        assert store.thumbnail(1) == b"a small picture of mum"
    with pytest.raises(StoreError, match="found none"):
        ExampleStore.open(path)


def test_the_seal_is_aes_gcm_as_documented(path: Path) -> None:
    """A value opened by the library alone, from what the module's docstring says."""
    sealed_store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        row_id, class_id, added, hashed, _, value = connection.execute(
            "SELECT * FROM examples WHERE id = 7"
        ).fetchone()
    bound = f"{FINGERPRINT}\nexample\n{row_id}\n{class_id}\n{added}".encode()
    opened = AESGCM(KEY).decrypt(value[:12], value[12:], bound)
    assert hashed == 0
    assert int.from_bytes(opened[:8], "little") == 2**63 + 6
    assert opened[8:] == embeddings(40)[6].tobytes()


class Memory(keyring.backend.KeyringBackend):
    """A keyring as the library wants one, that forgets with the process."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return what is held, as the library wants it."""
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Hold it."""
        self.held[service, username] = password


@pytest.fixture
def memory() -> object:
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_a_key_in_the_keyring(
    memory: Memory, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made once, found again, and used by the command."""
    key = key_from_keyring("mine")
    assert len(key) == 32
    assert key_from_keyring("mine") == key != key_from_keyring("other")
    sealed_store(path, key).close()
    assert main(["store", "--keyring", "mine", "info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["class_counts"]["mum"] == 20
    assert main(["store", "--keyring", "other", "info", str(path)]) == 3
    assert main(["store", "info", str(path)]) == 3
    assert main(["store", "--keyring", "mistyped", "info", str(path)]) == 3
    assert "found none; give the name" in capsys.readouterr().err
    assert memory.held.keys() == {("headfit", "mine"), ("headfit", "other")}
    memory.held["headfit", "mine"] = "no key"
    with pytest.raises(StoreError, match="found something else"):
        key_from_keyring("mine")


def test_without_a_keyring_the_message_says_so() -> None:
    code = (
        "import keyring, keyring.backends.fail as fail\n"
        "keyring.set_keyring(fail.Keyring())\n"
        "from headfit.store import key_from_keyring\n"
        "try:\n    key_from_keyring('x')\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.startswith("StoreError expected a keyring that can be used")
