"""The example store keeps what it was given, exactly, and lets it be undone, moved and renamed."""

from __future__ import annotations

import gzip
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tests.support.stores import (
    DIM,
    FINGERPRINT,
    GOLDENS,
    Source,
    embeddings,
    filled_store,
    golden_path,
    on_disk,
    write_golden,
)
from tests.support.tables import NamedTable

from headfit import HeadLearner, SoftmaxHead
from headfit.errors import (
    ExtractorMismatchError,
    FileFormatError,
    InputError,
    StoreError,
    UnsupportedVersionError,
)
from headfit.store import ExampleStore, database, repair_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "möbel 1.store"


def test_what_was_added_is_loaded_after_reopening(path: Path) -> None:
    """Bit for bit, in order, with class, time and hash."""
    before = time.time_ns() // 1000
    with ExampleStore.open(path, Source()) as store:
        assert store.add(embeddings(1)[0], "cup", photo_hash=2**64 - 1) == 1
        assert store.add_many(embeddings(2, seed=1), ["pen", "cup"]) == range(2, 4)
    with ExampleStore.open(path) as store:
        examples = store.load()
        assert store.class_counts == {"cup": 2, "pen": 1}
        assert store.n_samples == 3
        assert (store.fingerprint, store.embedding_dim) == (FINGERPRINT, DIM)
        store.check()
    expected = np.concatenate([embeddings(1), embeddings(2, seed=1)])
    assert examples.embeddings.dtype == np.float32
    np.testing.assert_array_equal(expected, examples.embeddings)
    assert examples.class_names == ("cup", "pen", "cup")
    assert examples.ids.tolist() == [1, 2, 3]
    assert examples.photo_hashes.tolist() == [2**64 - 1, 0, 0]
    added = examples.added_at.astype(np.int64)
    assert before <= added[0] <= added[1] == added[2] <= time.time_ns() // 1000


def test_an_empty_store_loads_as_empty_arrays(path: Path) -> None:
    with ExampleStore.open(path, Source()) as store:
        assert store.load().embeddings.shape == (0, DIM)
        assert store.class_counts == {}
        assert store.undo() is None
        assert store.add_many(np.empty((0, DIM)), []) == range(1, 1)
        assert store.undo() is None


def test_float16_halves_the_file_and_rounds_to_nearest(tmp_path: Path) -> None:
    values = embeddings(500, dim=512)
    sizes = {}
    for dtype in ("float16", "float32"):
        path = tmp_path / dtype
        with ExampleStore.open(path, Source(embedding_dim=512), dtype=dtype) as store:
            store.add_many(values, ["cup"] * 500)
            np.testing.assert_array_equal(
                values.astype(dtype).astype(np.float32), store.load().embeddings
            )
        sizes[dtype] = path.stat().st_size
    assert sizes["float16"] < 0.6 * sizes["float32"]
    with ExampleStore.open(tmp_path / "float16") as store:
        with pytest.raises(InputError, match="65504"):
            store.add(np.full(512, 70_000.0), "cup")
        assert store.n_samples == 500


@pytest.mark.parametrize(
    ("values", "names", "hashes", "match"),
    [
        (np.zeros((1, DIM + 1)), ["a"], None, "embed the photos with the store's extractor"),
        (np.zeros((2, DIM)), ["a"], None, "as many class names as embeddings"),
        (np.full((1, DIM), np.nan), ["a"], None, "finite"),
        (np.full((1, DIM), 1e39), ["a"], None, "finite"),
        (np.zeros((1, DIM)), [""], None, "class names of 1 to 255"),
        (np.zeros((1, DIM)), ["a\nb"], None, "class names of 1 to 255"),
        (np.zeros((1, DIM)), ["a"], [2**64], "photo hashes"),
        (np.zeros((1, DIM)), ["a"], [-1], "photo hashes"),
        (np.zeros((1, DIM)), ["a"], [1, 2], "for each of 1"),
    ],
)
def test_what_cannot_be_used_is_refused_whole(
    path: Path, values: np.ndarray, names: list[str], hashes: list[int] | None, match: str
) -> None:
    with ExampleStore.open(path, Source()) as store:
        with pytest.raises(InputError, match=match):
            store.add_many(values, names, photo_hashes=hashes)
        assert store.n_samples == 0
        assert store.class_counts == {}


def test_another_extractor_is_refused(path: Path) -> None:
    filled_store(path).close()
    with pytest.raises(ExtractorMismatchError, match="teach the photos again"):
        ExampleStore.open(path, Source(fingerprint="cd" * 32))


def test_a_missing_file_is_only_made_for_an_extractor(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ExampleStore.open(path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        ExampleStore.open(path.parent / "none" / "a.store", Source())


@pytest.mark.skipif(os.name != "posix", reason="permissions are a POSIX matter")
def test_only_the_owner_can_read_the_store(path: Path) -> None:
    with filled_store(path):
        modes = [p.stat().st_mode & 0o777 for p in path.parent.glob(path.name + "*")]
    assert modes == [0o600] * 4  # the log, its index, the room to delete in


def test_only_the_owner_can_read_an_export(path: Path, tmp_path: Path) -> None:
    """It holds what the store does."""
    with filled_store(path) as store:
        store.export_to(tmp_path / "file")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_closed_store_says_so(path: Path) -> None:
    store = filled_store(path)
    store.close()
    store.close()
    with pytest.raises(InputError, match="closed"):
        store.load()


def test_undo_goes_back_step_by_step(path: Path) -> None:
    """Adding and renaming, also after reopening; then there is nothing left."""
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(2), ["cup", "pen"])
        store.rename_class("cup", "mug")
        store.add(embeddings(1)[0], "cup")
        assert store.class_counts == {"cup": 1, "mug": 1, "pen": 1}
    with ExampleStore.open(path) as store:
        assert store.undo() == "adding 1 example"
        assert store.class_counts == {"mug": 1, "pen": 1}
        assert store.undo() == "renaming cup to mug"
        assert store.class_counts == {"cup": 1, "pen": 1}
        assert store.undo() == "adding 2 examples"
        assert store.class_counts == {}
        assert store.undo() is None


def test_the_last_hundred_changes_can_be_undone(path: Path) -> None:
    with ExampleStore.open(path, Source()) as store:
        for index, value in enumerate(embeddings(103)):
            store.add(value, f"class {index}")
        while store.undo():
            pass
        assert store.n_samples == 3


def test_ids_are_never_used_again(path: Path) -> None:
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(3), ["cup"] * 3)
        store.forget([3])
        assert store.add(embeddings(1)[0], "cup") == 4
        store.wipe()
        assert store.add(embeddings(1)[0], "cup") == 5


def test_renaming_moves_the_examples_and_refuses_a_taken_name(path: Path) -> None:
    with filled_store(path) as store:
        store.rename_class("jug", "größer als ein Krug")
        assert store.class_counts == {"cup": 100, "größer als ein Krug": 100, "pen": 100}
        for old, new, match in [
            ("cup", "pen", "which is another class"),
            ("jug", "x", "expected one of the classes"),
            ("cup", "", "class names of 1"),
        ]:
            with pytest.raises(InputError, match=match):
                store.rename_class(old, new)
        assert store.load().class_names[1] == "größer als ein Krug"


@pytest.mark.parametrize("key", [None, bytes(range(32))])
def test_moving_keeps_everything_but_the_class(path: Path, key: bytes | None) -> None:
    """Id, time, hash, thumbnail and digest; a class that is left empty goes, and comes back."""
    with ExampleStore.open(path, Source(), key=key) as store:
        store.add_many(
            embeddings(3),
            ["cup", "cup", "jug"],
            photo_hashes=[7, 8, 9],
            thumbnails=[b"one", None, None],
            digests=[b"d" * 32, None, None],
        )
        before = store.load()
        assert store.move_examples([1, 3], "pen") == 2
        assert store.class_counts == {"cup": 1, "pen": 2}
        after = store.load()
        for field in ("embeddings", "ids", "added_at", "photo_hashes"):
            np.testing.assert_array_equal(getattr(before, field), getattr(after, field))
        assert after.class_names == ("pen", "cup", "pen")
        assert (store.thumbnail(1), store.digests()) == (b"one", {1: b"d" * 32})
        assert store.move_examples([1], "pen") == 0  # no change, nothing to undo
        assert store.merge_classes("cup", into="pen") == 1
        assert store.class_counts == {"pen": 3}
        store.check()
    with ExampleStore.open(path, key=key) as store:
        assert store.undo() == "moving 1 example to pen"
        assert store.undo() == "moving 2 examples to pen"
        assert store.load().class_names == before.class_names
        store.check()
        assert b"pen" not in on_disk(path)
        assert store.undo() == "adding 3 examples"
        assert store.undo() is None


def test_what_cannot_be_moved_is_not(path: Path) -> None:
    with filled_store(path, 6) as store:
        for ids, name in (([1, 99], "cup"), ([1], "")):
            with pytest.raises(InputError):
                store.move_examples(ids, name)
        for name, into in (("cup", "cup"), ("cup", "none"), ("none", "cup")):
            with pytest.raises(InputError, match="two classes|one of the classes"):
                store.merge_classes(name, into=into)
        assert store.class_counts == {"cup": 2, "jug": 2, "pen": 2}
        assert store.undo() == "adding 6 examples"


def test_forgetting_takes_a_name_that_only_a_move_remembers(path: Path) -> None:
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(2), ["Rumpelstiltskin", "cup"])
        store.merge_classes("Rumpelstiltskin", into="cup")
        store.forget([2])
        assert b"Rumpelstiltskin" not in on_disk(path)
        assert store.undo() is None


def test_several_classes_are_forgotten_with_one_rewriting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritings = []
    whole = database.erase_traces
    monkeypatch.setattr(
        database, "erase_traces", lambda *both: rewritings.append(1) or whole(*both)
    )
    with filled_store(path, 9) as store:
        rewritings.clear()
        with pytest.raises(InputError):
            store.forget(["cup", "none"])
        assert store.n_samples == 9
        assert store.forget(["cup", "jug"]) == 6
        assert store.class_counts == {"pen": 3}
        assert len(rewritings) == 1


NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NAMES),
        st.tuples(st.just("move"), st.lists(st.integers(0, 9), max_size=3), NAMES),
        st.tuples(st.just("merge"), NAMES, NAMES),
        st.tuples(st.just("rename"), NAMES, NAMES),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, key=st.sampled_from([None, bytes(range(32))]))
def test_whatever_is_done_is_undone_step_by_step(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple], key: bytes | None
) -> None:
    """Each undo brings back what was there before, names that were gone included."""
    path = tmp_path_factory.mktemp("undo") / "store"
    with ExampleStore.open(path, Source(), key=key) as store:
        store._connection.execute("PRAGMA synchronous = OFF")
        history = []
        for kind, *rest in steps:
            before = store.names_by_id()
            try:
                if kind == "add":
                    store.add(embeddings(1)[0], rest[0])
                elif kind == "move":
                    ids = {list(before)[i % len(before)] for i in rest[0]} if before else set()
                    store.move_examples(ids, rest[1])
                elif kind == "merge":
                    store.merge_classes(rest[0], into=rest[1])
                else:
                    store.rename_class(*rest)
            except InputError:
                assert store.names_by_id() == before
            if store.names_by_id() != before:
                history.append(before)
        store.check()
        for before in reversed(history):
            assert store.undo() is not None
            assert store.names_by_id() == before
        assert store.undo() is None
        assert store.class_counts == {}
        store.check()


def test_what_is_not_there_cannot_be_forgotten(path: Path) -> None:
    with filled_store(path) as store:
        with pytest.raises(InputError, match="cup, jug, pen"):
            store.forget("spoon")
        with pytest.raises(InputError, match="found 999"):
            store.forget([1, 999])
        assert store.n_samples == 300


def test_numbers_of_arrays_mean_what_ints_do(path: Path) -> None:
    """SQLite takes NumPy's for bytes: no thumbnail was found, and a store was called damaged."""
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(3), ["a", "b", "c"], thumbnails=[b"1", None, b"3"])
        first, second, third = store.load().ids
        assert store.thumbnail(third) == b"3"
        store.add_thumbnails({second: bytearray(b"2")})
        assert [store.thumbnail(each) for each in (first, second)] == [b"1", b"2"]
        assert store.load(after=first).ids.tolist() == [2, 3]
        assert store.add_many(embeddings(1), ["a"], if_newest=third) == range(4, 5)
        assert store.ids_like(np.uint64(1)) == []
        assert store.move_examples(store.load().ids[:1], "b") == 1
        assert store.forget(store.load().ids[:2]) == 2


def test_what_is_no_number_of_an_example_is_refused(path: Path) -> None:
    """`True` was the first example, and any text came before all ids."""
    with filled_store(path, 4) as store:
        asked: list[Any] = [
            lambda value: store.forget([value]),
            lambda value: store.move_examples([value], "cup"),
            lambda value: store.thumbnail(value),
            lambda value: store.load(after=value),
            lambda value: store.add_thumbnails({value: b"jpeg"}),
            lambda value: store.add_many(embeddings(1), ["cup"], if_newest=value),
        ]
        for ask in asked:
            for value in (True, np.True_, 1.0, b"1", *["1"][: ask is not asked[0]]):
                with pytest.raises(InputError, match="expected numbers that adding returned"):
                    ask(value)
        for ask in (store.forget, lambda ids: store.move_examples(ids, "cup")):
            with pytest.raises(InputError, match="found 1; give a list"):
                ask(1)
        with pytest.raises(InputError, match="found b'cup'"):
            store.forget(b"cup")
        for wrong in ({b"1", b"2"}, {b"1": 1, b"2": 2}):
            with pytest.raises(InputError, match="expected thumbnails, one per example in their"):
                store.add_many(embeddings(2), ["cup", "pen"], thumbnails=wrong)
            with pytest.raises(InputError, match="expected digests, one per example in their"):
                store.add_many(embeddings(2), ["cup", "pen"], digests=wrong)
        with pytest.raises(InputError, match="expected digests in bytes, found str"):
            store.add(embeddings(1)[0], "cup", digest="d" * 32)
        with pytest.raises(InputError, match="expected thumbnails in bytes, found str"):
            store.add(embeddings(1)[0], "cup", thumbnail="jpeg")
        with pytest.raises(InputError, match="expected a mapping from ids to thumbnails"):
            store.add_thumbnails([(1, b"jpeg")])
        with pytest.raises(InputError, match="expected a thumbnail for each id, found None"):
            store.add_thumbnails({1: None})
        with pytest.raises(InputError, match="expected photo hashes"):
            store.ids_like(-1)
        masked = np.ma.masked_greater(embeddings(1), 0)
        for add in (lambda: store.add(masked[0], "cup"), lambda: store.add_many(masked, ["cup"])):
            with pytest.raises(InputError, match="without a mask"):
                add()
        assert store.class_counts == {"cup": 2, "jug": 1, "pen": 1}


@pytest.mark.parametrize("key", [None, bytes(32)])
def test_columns_in_another_order_are_refused_after_reopening(
    path: Path, tmp_path: Path, key: bytes | None
) -> None:
    """A store took the same table twice, its columns turned, without a word."""
    columns = [f"größe \ud800 {i}\n" for i in range(DIM)]
    table = NamedTable(embeddings(4), columns)
    turned, names = table[columns[::-1]], ["a", "b", "a", "b"]
    with ExampleStore.open(path, Source(), key=key) as store:
        store.add_many(embeddings(1), ["a"])
        assert store.load().feature_names is None
        store.add_many(table, names)
        with pytest.raises(InputError, match=r"in their order.*column 0"):
            store.add_many(turned, names)
    with ExampleStore.open(path, key=key) as store:
        store.check()
        with pytest.raises(InputError, match=r"in their order.*column 0"):
            store.add_many(turned, names)
        with pytest.raises(InputError, match=r"in their order.*column 0"):
            store.add(NamedRow(embeddings(1)[0], columns[::-1]), "a")
        assert store.n_samples == 5
        examples = store.load()
        assert examples.feature_names == tuple(columns)
        learner = HeadLearner(SoftmaxHead())
        learner.add_examples(
            examples.embeddings, examples.class_names, feature_names=examples.feature_names
        )
        with pytest.raises(InputError, match="in their order"):
            learner.fit().predict(turned)
        exported = tmp_path / "export"
        store.export_to(exported)
    with ExampleStore.of_export(tmp_path / "copy", exported) as copy:
        assert copy.load().feature_names == tuple(columns)
        copy.wipe()
        assert copy.load().feature_names is None
        copy.add_many(turned, names)
        with pytest.raises(InputError, match="in their order"):
            copy.import_from(exported)
        copy.undo()
        assert copy.load().feature_names is None
        copy.add_many(table, names)
        copy.forget(["a", "b"])
        copy.add_many(turned, names)
        assert copy.load().feature_names == tuple(columns[::-1])


def test_repair_keeps_the_names_of_columns(path: Path) -> None:
    columns = [f"e{i}" for i in range(DIM)]
    with filled_store(path, 3000) as store:
        store.add_many(NamedTable(embeddings(1), columns), ["new"])
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'examples'"
        ).fetchone()
    damaged = bytearray(path.read_bytes())
    start = (page - 1) * database.PAGE_BYTES
    damaged[start : start + database.PAGE_BYTES] = bytes(database.PAGE_BYTES)
    path.write_bytes(damaged)
    assert repair_store(path).was_damaged
    with ExampleStore.open(path) as store:
        assert store.load().feature_names == tuple(columns)


class NamedRow:
    """A row of pandas' tables."""

    def __init__(self, values: np.ndarray, index: list[str]) -> None:
        self._values, self.index = values, index

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        return self._values


def test_photos_that_look_alike_are_found_nearest_first(path: Path) -> None:
    """By the number of differing bits; a hash of 0 is like nothing."""
    with ExampleStore.open(path, Source()) as store:
        store.add_many(
            embeddings(5),
            ["cup"] * 5,
            photo_hashes=[0b1111, 1 << 63 | 0b1111, 0, 0b1110, 2**64 - 1],
        )
        assert store.ids_like(0b1111) == [1, 2, 4]
        assert store.ids_like(0b1111, max_distance=0) == [1]
        assert store.ids_like(2**64 - 1, max_distance=1) == [5]
        assert store.ids_like(0, max_distance=64) == []


def test_thumbnails_are_added_later(path: Path) -> None:
    """Of examples that are there; one that was replaced is gone from the file too."""
    with filled_store(path) as store:
        first, second, *_ = store.load().ids.tolist()
        store.add_thumbnails({second: b"a picture that is replaced"})
        store.add_thumbnails({first: b"one", second: b"another"})
        assert store.thumbnail_sizes() == {first: 3, second: 7}
        for wrong in ({first: b"two", 9999: b"none"}, {first: bytes(16_385)}):
            with pytest.raises(InputError, match="found 9999|16385"):
                store.add_thumbnails(wrong)
        assert store.thumbnail(first) == b"one"
    assert b"is replaced" not in on_disk(path)
    with ExampleStore.open(path) as store:
        assert store.thumbnail(second) == b"another"
        store.erase_thumbnails()
        assert store.thumbnail_sizes() == {}


def test_erasing_no_thumbnails_rewrites_nothing(path: Path) -> None:
    """An app may ask for it at every start."""
    with filled_store(path) as store:
        before = path.read_bytes(), store.n_samples
        store.erase_thumbnails()
        assert (path.read_bytes(), store.n_samples) == before


def test_thumbnails_are_kept_apart(path: Path) -> None:
    with ExampleStore.open(path, Source()) as store:
        store.add(embeddings(1)[0], "cup", thumbnail=b"jpeg one, long enough to be found")
        store.add(embeddings(1)[0], "cup")
        assert store.thumbnail(1) == b"jpeg one, long enough to be found"
        assert store.thumbnail(2) is None
        with pytest.raises(InputError, match="16384"):
            store.add(embeddings(1)[0], "cup", thumbnail=bytes(16_385))
        store.erase_thumbnails()
        assert store.thumbnail(1) is None
        assert store.n_samples == 2
        assert b"jpeg one" not in on_disk(path)


def test_exporting_and_importing_is_identity(path: Path, tmp_path: Path) -> None:
    """Twice the same bytes; the ids are the receiving store's; importing can be undone."""
    file = tmp_path / "examples.safetensors"
    with filled_store(path) as store:
        content_hash = store.export_to(file)
        assert len(content_hash) == 64
        assert content_hash == store.export_to(tmp_path / "again")
        assert file.read_bytes() == (tmp_path / "again").read_bytes()
        given = store.load()
    with ExampleStore.open(tmp_path / "other", Source()) as other:
        other.add(embeddings(1)[0], "own")
        assert other.import_from(file) == range(2, 302)
        found = other.load()
        assert other.undo() == "adding 300 examples"
        assert other.class_counts == {"own": 1}
    np.testing.assert_array_equal(given.embeddings, found.embeddings[1:])
    np.testing.assert_array_equal(given.added_at, found.added_at[1:])
    np.testing.assert_array_equal(given.photo_hashes, found.photo_hashes[1:])
    assert given.class_names == found.class_names[1:]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_an_export_is_a_file_of_the_safetensors_library(tmp_path: Path, dtype: str) -> None:
    with ExampleStore.open(tmp_path / "store", Source(), dtype=dtype) as store:
        store.add_many(embeddings(5), list("abcab"), photo_hashes=range(5))
        store.export_to(tmp_path / "file")
    tensors = load_file(tmp_path / "file")
    np.testing.assert_array_equal(embeddings(5).astype(dtype), tensors["embeddings"])
    assert tensors["targets"].tolist() == [0, 1, 2, 0, 1]
    assert tensors["photo_hashes"].tolist() == [0, 1, 2, 3, 4]


def test_examples_of_another_extractor_are_not_imported(path: Path, tmp_path: Path) -> None:
    with filled_store(path) as store:
        store.export_to(tmp_path / "file")
    with ExampleStore.open(tmp_path / "other", Source(fingerprint="cd" * 32)) as other:
        with pytest.raises(ExtractorMismatchError, match="import them into a store of these"):
            other.import_from(tmp_path / "file")
        assert other.n_samples == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_export_is_refused_or_means_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any flipped byte, any cut: FileFormatError, or, in the padding, the very same examples."""
    folder = tmp_path_factory.mktemp("export")
    with filled_store(folder / "store", 12) as store:
        store.export_to(folder / "file")
        file = bytearray((folder / "file").read_bytes())
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(file) - 1))
            file[at] ^= data.draw(st.integers(1, 255))
        else:
            del file[data.draw(st.integers(0, len(file) - 1)) :]
        (folder / "file").write_bytes(file)
        with ExampleStore.open(folder / "other", Source()) as other:
            try:
                other.import_from(folder / "file")
            except FileFormatError:
                assert other.n_samples == 0
            else:
                given, found = store.load(), other.load()
                np.testing.assert_array_equal(given.embeddings, found.embeddings)
                assert given.class_names == found.class_names


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("key", [None, b"k" * 32])
def test_what_is_imported_again_is_not_doubled(
    path: Path, tmp_path: Path, dtype: str, key: bytes | None
) -> None:
    """Not even if it was moved meanwhile; what a file has twice, the store has twice."""
    file = tmp_path / "file"
    with ExampleStore.open(path, Source()) as store:
        store.add_many(np.ones((2, DIM)), ["cup", "cup"])
        store.add_many(embeddings(3) / 3, ["cup", "pen", "pen"], photo_hashes=[1, 2, 3])
        store.export_to(file)
        with ExampleStore.open(tmp_path / "other", Source(), dtype=dtype, key=key) as other:
            assert other.import_from(file) == range(1, 6)
            other.move_examples([3], "pen")
            assert len(other.import_from(file)) == 0
            assert other.class_counts == {"cup": 2, "pen": 3}
            other.forget([4])
            assert other.import_from(file) == range(6, 7)
            store.add(np.zeros(DIM), "cup")
            store.export_to(file)
            assert other.import_from(file) == range(7, 8)
            assert other.undo() == "adding 1 example"
            assert other.class_counts == {"cup": 2, "pen": 3}
        assert len(store.import_from(file)) == 0


def test_two_who_import_one_file_at_once_add_it_once(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    with filled_store(tmp_path / "given", 12) as given:
        given.export_to(file)
    with ExampleStore.open(path, Source()) as store, ExampleStore.open(path) as other:
        look = ExampleStore.load

        def look_and_wait(*arguments: Any, **options: Any) -> Any:
            found = look(*arguments, **options)
            monkeypatch.setattr(ExampleStore, "load", look)
            other.import_from(file)
            return found

        monkeypatch.setattr(ExampleStore, "load", look_and_wait)
        assert len(store.import_from(file)) == 0
        assert store.n_samples == 12


def test_a_newer_store_is_refused_and_left_alone(path: Path) -> None:
    filled_store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(UnsupportedVersionError, match="install a newer headfit"):
        ExampleStore.open(path, Source())
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_store_opens(name: str, path: Path) -> None:
    """The files in tests/data never change: from the first release on, people have their like."""
    path.write_bytes(gzip.decompress(golden_path(name).read_bytes()))
    with ExampleStore.open(path, Source(), key=GOLDENS[name]) as store:
        store.check()
        examples = store.load()
        assert store.dtype == "float32"
        assert [store.thumbnail(i) for i in (1, 2, 3)] == [b"small", None, None]
        assert store.digests() == {2: bytes(range(32))}
        assert store.undo() == "moving 1 example to cup"
        assert store.undo() == "renaming jug to mug"
        assert store.class_counts == {"cup": 1, "größe 网": 1, "jug": 1}
    np.testing.assert_array_equal(np.arange(48).reshape(3, 16) / 8, examples.embeddings)
    assert examples.class_names == ("cup", "mug", "cup")
    assert examples.photo_hashes.tolist() == [1, 2**64 - 1, 0]
    assert examples.added_at.astype(np.int64).tolist() == [1_700_000_000_000_000] * 3


def test_the_golden_store_is_what_is_written_now(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table for table, row for row; seals are random."""
    write_golden(path, None, monkeypatch)
    golden = path.with_name("golden")
    golden.write_bytes(gzip.decompress(golden_path("plain").read_bytes()))
    with closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(golden)) as old:
        assert list(new.iterdump()) == list(old.iterdump())
        assert new.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_beginning_that_was_cut_off_leaves_no_half_a_store(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are made all or none, and the next opening makes them."""
    monkeypatch.setattr(database, "TABLES", (*database.TABLES, "NO SUCH STATEMENT"))
    with pytest.raises(StoreError):
        ExampleStore.open(path, Source())
    monkeypatch.undo()
    with ExampleStore.open(path, Source()) as store:
        store.check()
        assert store.n_samples == 0


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        ExampleStore.open(path, Source())
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        ExampleStore.open(path, Source())
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_threads_share_a_store(path: Path) -> None:
    """Eight threads add and read; nothing is lost, nothing is mixed up."""
    with ExampleStore.open(path, Source()) as store:

        def teach(thread: int) -> None:
            for value in embeddings(10, seed=thread):
                store.add(value, f"thread {thread}")
                store.load()

        threads = [threading.Thread(target=teach, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        examples = store.load()
    for thread in range(8):
        own = [name == f"thread {thread}" for name in examples.class_names]
        np.testing.assert_array_equal(embeddings(10, seed=thread), examples.embeddings[own])
