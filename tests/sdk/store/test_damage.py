"""A store that was cut or overwritten says so, and repair keeps everything that can be read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.stores import Source, embeddings, filled_store

from headfit.errors import DamagedStoreError, HeadfitError, StoreError, UnsupportedVersionError
from headfit.store import Examples, ExampleStore, repair_store
from headfit.store.schema import PAGE_BYTES

DIM = 300  # wide enough for a store of many pages
SOURCE = Source(embedding_dim=DIM)
N_SAMPLES = 300
N_LOGGED = 12  # fewer than the log holds before it is emptied


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, and with one whose newest examples are only in the log."""
    folder = tmp_path_factory.mktemp("whole")
    filled_store(folder / "closed", N_SAMPLES, SOURCE).close()
    with filled_store(folder / "open", N_SAMPLES, SOURCE) as store:
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for value in embeddings(N_LOGGED, seed=7, dim=DIM):
            store.add(value, "new")
        shutil.copy(folder / "open", folder / "logged")
        shutil.copy(folder / "open-wal", folder / "logged-wal")
    return folder


def by_id(examples: Examples) -> dict[int, tuple[str, bytes]]:
    return {
        int(i): (name, row.tobytes())
        for i, name, row in zip(
            examples.ids, examples.class_names, examples.embeddings, strict=True
        )
    }


def expected(whole: Path) -> dict[int, tuple[str, bytes]]:
    with ExampleStore.open(whole / "closed") as store:
        return by_id(store.load())


def copied(whole: Path, name: str, folder: Path) -> Path:
    for path in whole.glob(f"{name}*"):
        if path.name in (name, f"{name}-wal"):
            shutil.copy(path, folder / path.name.replace(name, "store"))
    return folder / "store"


def readable_after_repair(path: Path) -> dict[int, tuple[str, bytes]]:
    report = repair_store(path, SOURCE)
    with ExampleStore.open(path, SOURCE) as store:
        store.check()
        examples = store.load()
        store.add(embeddings(1, dim=DIM)[0], "afterwards")
    assert report.n_samples == len(examples.ids)
    return by_id(examples)


def test_a_whole_store_is_left_as_it_is(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, "closed", tmp_path)
    before = path.read_bytes()
    report = repair_store(path)
    assert (report.was_damaged, report.n_samples, report.damaged_copy) == (False, N_SAMPLES, None)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["store"]


@pytest.mark.parametrize("page", range(1, 36))
def test_one_lost_page_costs_its_own_rows_only(whole: Path, tmp_path: Path, page: int) -> None:
    """Noise over any one page, the header, the tree's root and the names among them.

    A page holds 13 examples of this width; all others come back, with their ids and embeddings,
    and with their class names unless it was the names' page.
    """
    path = copied(whole, "closed", tmp_path)
    data = bytearray(path.read_bytes())
    assert len(data) == 35 * PAGE_BYTES
    data[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = np.random.default_rng(page).bytes(
        PAGE_BYTES
    )
    path.write_bytes(data)
    before = expected(whole)
    after = readable_after_repair(path)
    assert len(before) - len(after) <= 13
    lost_names = [i for i in after if before[i][0] != after[i][0]]
    assert all("name lost" in after[i][0] for i in lost_names)
    assert not lost_names or len(after) == N_SAMPLES
    assert all(before[i][1] == after[i][1] for i in after)


def test_a_store_that_was_cut_to_nothing_is_not_a_new_one(tmp_path: Path) -> None:
    """One that was deleted is: who does that begins anew."""
    path = tmp_path / "store"
    filled_store(path, 3, SOURCE).close()
    path.write_bytes(b"")
    with pytest.raises(DamagedStoreError, match="cut to nothing"):
        ExampleStore.open(path, SOURCE)
    with pytest.raises(DamagedStoreError, match="no example that can be read"):
        repair_store(path, SOURCE)
    path.unlink()
    with ExampleStore.open(path, SOURCE) as store:
        assert store.n_samples == 0
    with ExampleStore.open(path, SOURCE) as store:
        assert store.n_samples == 0


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_noise_anywhere_is_noticed_or_harmless(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A store with noise in it raises StoreError, or gives exactly what was acknowledged.

    Never less, never other numbers. One exception: noise in the last transaction of a log cannot be
    told from a power cut in the middle of it. After repair every example is there whose own bytes
    are untouched, but for those of one page: its list of rows may have been hit.
    """
    name = data.draw(st.sampled_from(["closed", "logged"]))
    path = copied(whole, name, tmp_path_factory.mktemp("noise"))
    target = data.draw(st.sampled_from(sorted(path.parent.iterdir())))
    file = bytearray(target.read_bytes())
    start = data.draw(st.integers(0, len(file) - 1))
    end = min(start + data.draw(st.integers(1, 3000)), len(file))
    file[start:end] = np.random.default_rng(data.draw(st.integers(0, 99))).bytes(end - start)
    target.write_bytes(file)
    damaged = {p: p.read_bytes() for p in path.parent.iterdir()}
    acknowledged = expected(whole)
    if name == "logged":
        new = embeddings(N_LOGGED, seed=7, dim=DIM)
        acknowledged |= {N_SAMPLES + 1 + i: ("new", row.tobytes()) for i, row in enumerate(new)}
    everything = b"".join(damaged.values())
    untouched = {i for i, (_, raw) in acknowledged.items() if raw in everything}

    try:
        with ExampleStore.open(path, SOURCE) as store:
            store.check()
            loaded = by_id(store.load())
    except (StoreError, UnsupportedVersionError):
        pass
    else:
        assert loaded.items() <= acknowledged.items()
        assert len(loaded) >= len(acknowledged) - (1 if target.name == "store-wal" else 0)

    for file_path, content in damaged.items():
        file_path.write_bytes(content)
    (path.parent / "store-shm").unlink(missing_ok=True)
    try:
        after = readable_after_repair(path)
    except UnsupportedVersionError:  # the noise made another version number, and nothing else
        return
    assert all(acknowledged[i][1] == raw for i, (_, raw) in after.items())
    assert all(acknowledged[i][0] == n or "name lost" in n for i, (n, _) in after.items())
    assert len(untouched - after.keys()) <= 13


@pytest.mark.parametrize(
    "kept", [0, 1, 100, 5000, PAGE_BYTES, 12 * PAGE_BYTES, 20 * PAGE_BYTES + 7]
)
def test_a_store_that_was_cut(whole: Path, tmp_path: Path, kept: int) -> None:
    """Cut anywhere: opening or checking says so; what lies before the cut comes back."""
    path = copied(whole, "closed", tmp_path)
    data = path.read_bytes()[:kept]
    path.write_bytes(data)
    before = expected(whole)
    with pytest.raises(StoreError), ExampleStore.open(path) as store:
        store.check()
    if kept <= PAGE_BYTES:
        for extractor in (None, SOURCE):
            with pytest.raises(StoreError, match="found no example that can be read"):
                repair_store(path, extractor)
        assert path.read_bytes() == data
        return
    after = readable_after_repair(path)
    in_file = {i for i, (_, raw) in before.items() if raw in data}
    assert set(after) == in_file
    assert len(after) > 0


def test_a_log_survives_the_file_it_belongs_to(whole: Path, tmp_path: Path) -> None:
    """The database is cut to nothing: opening refuses, and what the log holds comes back."""
    path = copied(whole, "logged", tmp_path)
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="cut to nothing"):
        ExampleStore.open(path, SOURCE)
    after = readable_after_repair(path)
    new = [row.tobytes() for row in embeddings(N_LOGGED, seed=7, dim=DIM)]
    assert [after[N_SAMPLES + 1 + i][1] for i in range(N_LOGGED)] == new


def test_embeddings_longer_than_a_page_come_back(tmp_path: Path) -> None:
    """They lie in chains of pages; losing one costs one example."""
    source = Source(embedding_dim=20_000)
    path = tmp_path / "store"
    values = embeddings(4, dim=20_000)
    with ExampleStore.open(path, source) as store:
        store.add_many(values, list("abcd"))
    data = bytearray(path.read_bytes())
    at = data.index(values[2].tobytes()[40_000:40_100])
    data[at : at + 100] = bytes(100)
    path.write_bytes(data)
    not_whole = pytest.raises(StoreError, match="example 3 is not what was written")
    with ExampleStore.open(path) as store, not_whole:
        store.load()
    assert repair_store(path).n_samples == 3
    with ExampleStore.open(path) as store:
        examples = store.load()
    assert examples.class_names == ("a", "b", "d")
    np.testing.assert_array_equal(values[[0, 1, 3]], examples.embeddings)


def test_thumbnails_come_back_with_their_examples(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with ExampleStore.open(path, SOURCE) as store:
        store.add(embeddings(1, dim=DIM)[0], "cup", thumbnail=b"a small picture")
    data = bytearray(path.read_bytes())
    data[:100] = bytes(100)
    path.write_bytes(data)
    assert repair_store(path).was_damaged
    with ExampleStore.open(path) as store:
        assert store.thumbnail(1) == b"a small picture"


def test_what_never_was_a_store_is_not_repaired(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes(b"Dear diary, " * 10_000)
    with pytest.raises(HeadfitError, match="the path of a store"):
        repair_store(path)
    assert path.read_bytes() == b"Dear diary, " * 10_000
    assert os.listdir(tmp_path) == ["diary.txt"]


def test_a_damaged_name_of_a_table_is_damage(whole: Path, tmp_path: Path) -> None:
    """SQLite's message then holds bytes that are no text; fuzzing found it."""
    path = copied(whole, "closed", tmp_path)
    data = path.read_bytes().replace(b"tableclasses", b"table" + b"\xff" * 7)
    path.write_bytes(data.replace(b"CREATE TABLE classes", b"CREATE TABLE (lasses"))
    with pytest.raises(StoreError), ExampleStore.open(path) as store:
        store.check()
