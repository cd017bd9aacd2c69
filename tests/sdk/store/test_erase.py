"""What is forgotten is gone from the bytes of the file, its log and the copies beside it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.stores import Source, embeddings, filled_store, on_disk

from headfit.store import ExampleStore, repair_store

SECRET = b"a very secret thumbnail"


def traces(path: Path, secrets: np.ndarray) -> int:
    """Return how many of these embeddings have one of eight pieces of 16 bytes on the disk."""
    disk = on_disk(path)
    width = secrets.shape[1] * 4
    starts = np.linspace(0, width - 16, 8).astype(int)
    return sum(any(row.tobytes()[i : i + 16] in disk for i in starts) for row in secrets)


@pytest.mark.parametrize(
    "erase",
    [
        lambda store: store.forget("mum"),
        lambda store: store.forget(range(101, 131)),
        lambda store: store.wipe(),
        lambda store: store.undo(),
    ],
    ids=["forget class", "forget examples", "wipe", "undo adding"],
)
def test_nothing_is_left_on_the_disk(
    tmp_path: Path, erase: Callable[[ExampleStore], object]
) -> None:
    """Neither while the store is open, with its log, nor after it was closed."""
    path = tmp_path / "store"
    secrets = embeddings(30, seed=9)
    with filled_store(path, 100) as store:
        store.add_many(secrets, ["mum"] * 30, thumbnails=[SECRET] * 30)
        assert traces(path, secrets) == 30
        erase(store)
        assert traces(path, secrets) == 0
        assert SECRET not in on_disk(path)
        assert b"mum" not in on_disk(path)
        store.check()
    assert traces(path, secrets) == 0
    assert SECRET not in on_disk(path)


def test_a_name_that_was_changed_is_forgotten_with_its_class(tmp_path: Path) -> None:
    """Clearing the history is what forgetting costs: undo could bring the name back."""
    path = tmp_path / "store"
    with filled_store(path, 30) as store:
        store.add(embeddings(1)[0], "Rumpelstiltskin")
        store.rename_class("Rumpelstiltskin", "him")
        store.forget("him")
        assert b"Rumpelstiltskin" not in on_disk(path)
        assert store.undo() is None


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_mixture_of_adding_and_forgetting_leaves_no_trace(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Rows move between pages as pages split and empty; no copy stays behind."""
    path = tmp_path_factory.mktemp("erase") / "store"
    values = embeddings(200, seed=data.draw(st.integers(0, 99)), dim=256)
    kept: dict[int, int] = {}
    forgotten: list[int] = []
    with ExampleStore.open(path, Source(embedding_dim=256)) as store:
        done = 0
        while done < len(values):
            size = data.draw(st.integers(40, 120))
            part = values[done : done + size]
            for index, example_id in enumerate(store.add_many(part, ["cup"] * len(part)), done):
                kept[example_id] = index
            done += len(part)
            going = data.draw(st.sets(st.sampled_from(sorted(kept)), max_size=len(kept)))
            if going:
                store.forget(going)
                forgotten += [kept.pop(example_id) for example_id in going]
            assert traces(path, values[forgotten]) == 0
        examples = store.load()
    np.testing.assert_array_equal(values[list(kept.values())], examples.embeddings)
    assert examples.ids.tolist() == list(kept)


def test_copies_of_repair_go_too(tmp_path: Path) -> None:
    """A damaged copy holds what is forgotten later, so it must not outlive it."""
    path = tmp_path / "store"
    filled_store(path).close()
    data = bytearray(path.read_bytes())
    data[3 * 16_384 : 4 * 16_384] = os.urandom(16_384)
    path.write_bytes(data)
    assert repair_store(path).damaged_copy == f"{path}.damaged"
    with ExampleStore.open(path) as store:
        store.forget("cup")
    assert sorted(os.listdir(tmp_path)) == ["store", "store-room"]


def test_an_erasure_that_was_cut_off_is_finished_at_the_next_opening(tmp_path: Path) -> None:
    """The process dies after the deletion was committed and before the file was rewritten."""
    path = tmp_path / "store"
    secrets = embeddings(30, seed=9)
    with filled_store(path) as store:
        store.add_many(secrets, ["mum"] * 30)
    code = f"""
import os
from headfit.store import ExampleStore, database
store = ExampleStore.open({str(path)!r})
database.erase_traces = lambda connection, path: os._exit(9)
store.forget("mum")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert traces(path, secrets) > 0
    with ExampleStore.open(path) as store:
        assert store.class_counts == {"cup": 100, "jug": 100, "pen": 100}
        assert traces(path, secrets) == 0


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Return another process' connection to a store of 300 examples, which goes on reading."""
    monkeypatch.setattr("headfit.store.database.LOCK_WAIT_S", 0.1)
    filled_store(tmp_path / "store").close()
    with closing(sqlite3.connect(tmp_path / "store", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM examples").fetchone()
        yield connection


def test_a_reader_does_not_hinder_deletion(
    tmp_path: Path, reader: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """It hinders that the bytes go: this is logged, and done when it has let go."""
    path = tmp_path / "store"
    secrets = embeddings(30, seed=9)
    with ExampleStore.open(path) as store:
        store.add_many(secrets, ["mum"] * 30)
        assert store.forget("mum") == 30
        assert "what was deleted is gone, but traces of it remain" in caplog.text
        assert store.n_samples == 300
    caplog.clear()
    with ExampleStore.open(path) as store:
        assert "traces of it remain" in caplog.text
        assert traces(path, secrets) > 0
        reader.close()
        store.forget([1])
        assert traces(path, secrets) == 0


def test_what_a_reader_lets_happen_is_reported_so(
    tmp_path: Path, reader: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever was told of an error after an undo, and tried again, undid one change more."""
    with ExampleStore.open(tmp_path / "store") as store:
        before = store.names_by_id()
        store.rename_class("cup", "mug")
        assert store.move_examples([2, 5], "mum") == 2
        assert store.merge_classes("jug", into="pen") == 98
        assert store.undo() == "moving 98 examples to pen"
        assert not caplog.text  # nothing was deleted
        assert store.undo() == "moving 2 examples to mum"  # whose name is
        assert "traces of it remain" in caplog.text
        assert store.undo() == "renaming cup to mug"
        assert store.names_by_id() == before
        assert store.undo() == "adding 100 examples"
        assert store.wipe() == 200
