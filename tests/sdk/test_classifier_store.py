"""A classifier with a store: what was taught is there the next day, and goes when it shall go."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sdk.conftest import PhotoWriter
from tests.support.stores import Source, on_disk

from headfit import learner
from headfit.classifier import TAUGHT_BEFORE, ImageClassifier, Taught
from headfit.errors import (
    ExtractorMismatchError,
    ImageError,
    InputError,
    NotFittedError,
    StoreError,
)
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.photos import CROPPED, FLIPPED
from headfit.photos.likeness import perceptual_hash
from headfit.store import ExampleStore, database


@pytest.fixture
def extractor(extractor_path: Path) -> Extractor:
    return Extractor.open(extractor_path)


def test_what_was_taught_is_there_after_a_restart(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """The head of the restored examples is, to the byte, the one without a store."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        assert classifier.n_samples == store.n_samples == 12
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        again = ImageClassifier(extractor, store=store)
        assert again.n_samples == 12
        again.fit()
        again.save(tmp_path / "stored.head")
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "plain.head")
    assert (tmp_path / "stored.head").read_bytes() == (tmp_path / "plain.head").read_bytes()


def test_a_photo_that_is_added_can_be_found_again(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    photo = photos / "red" / "0.png"
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add(photo, "red")
        assert store.ids_like(perceptual_hash(photo)) == [1]
        np.testing.assert_array_equal(extractor.embed([photo]), store.load().embeddings)
        with pytest.raises(ImageError):
            classifier.add(b"no image", "red")
        assert classifier.n_samples == 1


@pytest.mark.parametrize("with_store", [True, False])
@pytest.mark.parametrize(("method", "tolerance"), [("lda", 1e-4), ("auto", 1e-2)])
def test_forgetting_a_class_takes_it_from_the_head(
    photos: Path,
    extractor: Extractor,
    tmp_path: Path,
    with_store: bool,
    method: str,
    tolerance: float,
) -> None:
    """The head is the one that never saw it; with one class left there is no head.

    A head of sums exactly; what "auto" takes for so few photos has logistic regression in it.
    """
    path = tmp_path / "store"
    head = SoftmaxHead(method=method)
    with ExampleStore.open(path, extractor) as store:
        classifier = ImageClassifier(extractor, head=head, store=store if with_store else None)
        classifier.add_folder(photos)
        classifier.fit()
        classifier.forget("green")
        assert classifier.head is not None
        assert classifier.head.fitted_.classes == ("blue", "red")
        assert b"green" not in on_disk(path)
        for photo in (photos / "green").iterdir():
            photo.unlink()
        (photos / "green").rmdir()
        never = ImageClassifier(extractor, head=SoftmaxHead(method=method))
        never.add_folder(photos)
        weights = never.fit().weights_
        np.testing.assert_allclose(weights, classifier.head.weights_, rtol=tolerance)
        with pytest.raises(InputError, match="blue, red"):
            classifier.forget("green")
        classifier.forget("red")
        assert classifier.head is None
        assert classifier.n_samples == 4


@pytest.mark.usefixtures("unlike")
@pytest.mark.parametrize("with_store", [True, False])
def test_examples_have_numbers_to_forget_them_by(
    photos: Path, tmp_path: Path, with_store: bool
) -> None:
    """The store's ids, where there is one; the head is the one that never saw them."""
    extractor = Extractor.open()
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        if with_store:
            store.forget(
                [store.add(np.zeros(store.embedding_dim), "gone")]
            )  # so that ids begin at 2
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        classifier.add_folder(photos)
        classifier.fit()
        without = classifier.fit().weights_.copy()
        number = classifier.add(photos / "red" / "0.png", "blue")
        assert number == (14 if with_store else 12)
        assert with_store == (number in store.names_by_id())
        doubts = classifier.feedback().likely_mislabelled
        assert (number, "blue", "red") in [(d.number, d.class_name, d.likelier) for d in doubts]
        red = number - 4 if with_store else 8  # the same photo, the first of the red ones
        assert (red, number) in classifier.feedback().near_duplicates
        classifier.forget_examples([number])
        assert classifier.head is not None
        np.testing.assert_allclose(without, classifier.head.weights_, rtol=1e-3, atol=1e-6)
        with pytest.raises(InputError, match="never given or is forgotten"):
            classifier.forget_examples([number])
        assert classifier.class_counts == {"blue": 4, "green": 4, "red": 4}
        classifier.forget_examples(range(number - 4, number))
        assert classifier.class_counts == {"blue": 4, "green": 4}
        assert classifier.head.fitted_.classes == ("blue", "green")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_folder_that_grew_is_added_again(
    photos: Path, extractor: Extractor, tmp_path: Path, write_photo: PhotoWriter, dtype: str
) -> None:
    """Only what is new is taught, the rest is named; a folder added twice once doubled silently."""
    with ExampleStore.open(tmp_path / "store", extractor, dtype=dtype) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        assert classifier.skipped == ()
        new = write_photo(photos / "red" / "new.png", (200, 40, 30), 77)
        again = ImageClassifier(extractor, store=store)
        again.add_folder(photos)
        assert again.class_counts == {"blue": 4, "green": 4, "red": 5}
        assert len(again.skipped) == 12
        assert {item.reason for item in again.skipped} == {"was taught before under the same name"}
        assert new not in {item.path for item in again.skipped}
        # A hash for each photo, by which apps find what looks alike.
        assert len(store.ids_like(perceptual_hash(new), max_distance=0)) >= 1
        hashes = store.load().photo_hashes
        assert len(hashes) == 13
        assert (hashes != 0).all()


def test_a_folder_is_not_taught_twice_without_a_store(photos: Path, extractor: Extractor) -> None:
    classifier = ImageClassifier(extractor)
    classifier.add_folder(photos)
    classifier.add_folder(photos)
    assert classifier.n_samples == 12
    assert len(classifier.skipped) == 12


def test_many_photos_are_answered_as_one_by_one(photos: Path, extractor: Extractor) -> None:
    """In their order, whatever they come in."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor)
    paths = sorted(photos.rglob("*.png"))
    seen = []
    answers = classifier.recognise_many(iter(paths), progress=lambda *each: seen.append(each))
    for path, answer in zip(paths, answers, strict=True):
        alone = classifier.recognise(path)
        assert [name for name, _ in answer.ranking] == [name for name, _ in alone.ranking]
        assert dict(answer.ranking) == pytest.approx(dict(alone.ranking), abs=1e-2)
        assert answer.is_known == alone.is_known
    assert classifier.predict_many(paths) == [answer.ranking for answer in answers]
    assert seen[-1] == (12, 12)
    assert classifier.recognise_many([]) == []


def test_a_head_and_its_examples_go_on_together(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """After a restart it predicts at once, and learns on."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        classifier.fit()
        classifier.save(tmp_path / "a.head", storage="int8")
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        loaded = ImageClassifier.load(tmp_path / "a.head", extractor=extractor, store=store)
        alone = ImageClassifier.load(tmp_path / "a.head", extractor=extractor)
        photo = photos / "red" / "0.png"
        assert loaded.predict(photo) == alone.predict(photo)
        assert loaded.n_samples == 12
        assert loaded.head is not None
        assert loaded.head.storage_ == "int8"
        loaded.add(photo, "blue")
        assert loaded.fit().class_counts_ == (5, 4, 4)


@pytest.mark.parametrize("with_store", [True, False])
def test_a_class_gets_another_name_without_training(
    photos: Path, extractor: Extractor, tmp_path: Path, with_store: bool
) -> None:
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        classifier.add_folder(photos)
        blue = classifier.fit().weights_[:, 0].copy()
        classifier.rename_class("blue", "sky")
        assert classifier.class_counts == {"green": 4, "red": 4, "sky": 4}
        assert classifier.head is not None
        assert classifier.head.weights_[:, 2].tobytes() == blue.tobytes()
        assert classifier.fit().weights_[:, 2].tobytes() == blue.tobytes()
        with pytest.raises(InputError, match="another class"):
            classifier.rename_class("sky", "red")
        with pytest.raises(InputError, match="one of the classes"):
            classifier.rename_class("blue", "sea")


def test_a_head_without_examples_can_be_renamed(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """A head of a file."""
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "a.head")
    loaded = ImageClassifier.load(tmp_path / "a.head", extractor=extractor)
    loaded.rename_class("blue", "sky")
    assert loaded.predict(photos / "blue" / "0.png")[0][0] == "sky"


def test_a_name_that_head_or_store_has_is_refused_before_either_is_changed(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """The store called the example by the name of another class of the head, and then it failed."""
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "a.head")
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier.load(tmp_path / "a.head", extractor=extractor, store=store)
        classifier.add(photos / "blue" / "0.png", "blue")
        classifier.add(photos / "red" / "0.png", "fox")
        for class_name, new_name in [("blue", "red"), ("green", "fox"), ("fox", "green")]:
            with pytest.raises(InputError, match="another class"):
                classifier.rename_class(class_name, new_name)
        assert store.class_counts == classifier.class_counts == {"blue": 1, "fox": 1}
        assert classifier.head is not None
        assert classifier.head.fitted_.classes == ("blue", "green", "red")


def test_a_name_that_another_process_has_given_up_is_free(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """The head still knew it: the store had the new name, the head the old one, and it failed."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        classifier.fit()
        with ExampleStore.open(tmp_path / "store", extractor) as other:
            other.forget("red")
        classifier.rename_class("blue", "red")
        assert list(store.class_counts) == ["green", "red"]
        assert classifier.head is not None
        assert classifier.head.fitted_.classes == ("green", "red")
        assert classifier.predict(photos / "blue" / "0.png")[0][0] == "red"


def test_undo_takes_the_head_along(photos: Path, extractor: Extractor, tmp_path: Path) -> None:
    """It is the head of before; without a store there is no history."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        before = classifier.fit().weights_.copy()
        classifier.add(photos / "red" / "0.png", "blue")
        classifier.fit()
        assert classifier.undo() == "adding 1 example"
        assert classifier.head is not None
        np.testing.assert_allclose(before, classifier.head.weights_, rtol=1e-4, atol=1e-7)
        classifier.rename_class("blue", "sky")
        assert classifier.undo() == "renaming blue to sky"
        assert classifier.head.fitted_.classes == ("blue", "green", "red")
        assert classifier.undo() == "adding 12 examples"
        assert classifier.head is None
        assert classifier.undo() is None
    with pytest.raises(InputError, match="with a store"):
        ImageClassifier(extractor).undo()


@pytest.mark.parametrize("with_store", [True, False])
def test_a_moved_photo_is_as_if_taught_there_at_once(
    photos: Path, extractor: Extractor, tmp_path: Path, with_store: bool
) -> None:
    """It keeps number, date and thumbnail; the head follows; undo takes all of it back."""
    never = ImageClassifier(extractor)
    for photo in sorted(photos.glob("*/*.png")):
        is_moved = photo.name == "0.png" and photo.parent.name == "red"
        never.add(photo, "blue" if is_moved else photo.parent.name)
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        for photo in sorted(photos.glob("*/*.png")):
            number = classifier.add(photo, photo.parent.name, thumbnail=b"small")
            if (photo.parent.name, photo.name) == ("red", "0.png"):
                red = number
        before, times = classifier.fit(), store.load().added_at
        classifier.move_examples([red], "blue")
        assert classifier.class_counts == {"blue": 5, "green": 4, "red": 3}
        assert classifier.head is not None
        assert classifier.head.weights_.tobytes() == never.fit().weights_.tobytes()
        with pytest.raises(InputError):
            classifier.move_examples([red, 99], "blue")
        classifier.merge_classes("green", into="red")
        assert classifier.head.fitted_.classes == ("blue", "red")
        if with_store:
            assert (store.load().added_at == times).all()
            assert store.thumbnail(red) == b"small"
            assert classifier.undo() == "moving 4 examples to red"
            assert classifier.undo() == "moving 1 example to blue"
            assert classifier.head.weights_.tobytes() == before.weights_.tobytes()
        classifier.forget(["red", "green"] if with_store else ["red"])
        assert classifier.class_counts.keys() == {"blue"}
        assert classifier.head is None


def test_many_are_forgotten_with_one_fit_and_one_rewriting(
    photos: Path, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def counted(module: object, name: str) -> None:
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *all: done.append(name) or whole(*all))

    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        classifier.fit()
        counted(learner, "fit_head")
        counted(database, "erase_traces")
        classifier.forget_examples([1, 2, 5, 6, 9])
        assert done == ["erase_traces", "fit_head"]
        with pytest.raises(InputError, match="one of the classes"):
            classifier.forget(["blue", "sea"])
        assert classifier.class_counts == {"blue": 2, "green": 2, "red": 3}
        done.clear()
        classifier.forget(["blue"])
        assert done == ["erase_traces", "fit_head"]


@pytest.mark.parametrize(
    "change",
    [
        lambda classifier: classifier.forget_examples([1, 2]),
        lambda classifier: classifier.forget("blue"),
        lambda classifier: classifier.move_examples([1], "red"),
        lambda classifier: classifier.merge_classes("blue", into="red"),
        lambda classifier: classifier.rename_class("blue", "sky"),
    ],
    ids=["forget examples", "forget a class", "move", "merge", "rename"],
)
def test_what_the_store_refuses_has_not_happened(
    photos: Path,
    extractor: Extractor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[ImageClassifier], object],
) -> None:
    """Nor to the next head: it was fitted to what the classifier took for done."""
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.01)
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        weights = classifier.fit().weights_.tobytes()
        with contextlib.closing(sqlite3.connect(tmp_path / "store")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another process"):
                change(classifier)
        head = classifier.fit()
        assert head.fitted_.classes == ("blue", "green", "red")
        assert head.weights_.tobytes() == weights


@pytest.mark.parametrize("with_store", [True, False])
def test_a_head_follows_a_folder_that_lost_photos(
    photos: Path, extractor: Extractor, tmp_path: Path, with_store: bool
) -> None:
    """As it does whatever else forgets or moves: it went on to name a class that was pruned."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        classifier.add_folder(photos)
        classifier.fit()
        (photos / "blue").rename(photos / "sky")
        assert classifier.add_folder(photos).n_moved == 4
        assert classifier.head is not None
        assert classifier.head.fitted_.classes == ("green", "red", "sky")
        shutil.rmtree(photos / "sky")
        assert classifier.add_folder(photos, prune=True).n_forgotten == 4
        assert classifier.head.fitted_.classes == ("green", "red")


def test_two_who_teach_one_folder_at_once_teach_it_once(
    photos: Path, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process adds the same photos between the look at what is there and the adding."""
    path = tmp_path / "store"
    with ExampleStore.open(path, extractor) as store, ExampleStore.open(path) as same:
        classifier, other = (ImageClassifier(extractor, store=one) for one in (store, same))
        look = HeadLearner.contains

        def look_and_wait(*arguments: Any) -> Any:
            found = look(*arguments)
            monkeypatch.setattr(HeadLearner, "contains", look)
            other.add_folder(photos)
            return found

        monkeypatch.setattr(HeadLearner, "contains", look_and_wait)
        assert classifier.add_folder(photos) == Taught(0, 0, 12, 0)
        assert classifier.class_counts == {"blue": 4, "green": 4, "red": 4}


@pytest.mark.parametrize("is_same_store", [True, False])
def test_two_who_prune_one_folder_at_once_prune_it_once(
    photos: Path, extractor: Extractor, tmp_path: Path, is_same_store: bool
) -> None:
    """Another one forgets and moves what this one has found gone and moved, before it does so."""
    path = tmp_path / "store"
    with ExampleStore.open(path, extractor) as store, ExampleStore.open(path) as same:
        classifier = ImageClassifier(extractor, store=store)
        other = classifier if is_same_store else ImageClassifier(extractor, store=same)
        classifier.add_folder(photos)
        classifier.fit()
        for number in (0, 1):
            (photos / "red" / f"{number}.png").unlink()
            (photos / "blue" / f"{number}.png").rename(photos / "green" / f"blue{number}.png")
        firsts = []

        def let_the_other_go_first(count: int) -> bool:
            firsts.append(other.add_folder(photos, prune=True))
            return True

        taught = classifier.add_folder(photos, prune=let_the_other_go_first)
        assert firsts == [Taught(0, 2, 8, 2)]
        assert taught == Taught(0, 0, 8, 0)
        assert classifier.class_counts == {"blue": 2, "green": 6, "red": 2}


def test_pruning_forgets_before_it_moves(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """So a full disk has room again, and what was moved can be moved back."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        (photos / "red" / "0.png").unlink()
        (photos / "blue" / "0.png").rename(photos / "green" / "blue0.png")
        assert classifier.add_folder(photos, prune=True) == Taught(0, 1, 10, 1)
        assert classifier.undo() == "moving 1 example to green"
        assert classifier.class_counts == {"blue": 4, "green": 4, "red": 3}


def test_folders_that_swap_their_names_leave_no_class_empty(
    photos: Path, extractor: Extractor, write_photo: PhotoWriter
) -> None:
    """A shipped head that knows more than is here refused: one was empty for a moment."""
    for number in range(2):
        write_photo(photos / "white" / f"{number}.png", (250, 250, 250), 50 + number)
    head = ImageClassifier.from_folder(photos, extractor=extractor).head
    shutil.rmtree(photos / "white")
    classifier = ImageClassifier(extractor, head=head)
    classifier.add_folder(photos)
    for old, new in (("red", "swap"), ("green", "red"), ("swap", "green")):
        (photos / old).rename(photos / new)
    assert classifier.add_folder(photos) == Taught(0, 8, 4, 0)
    assert classifier.class_counts == {"blue": 4, "green": 4, "red": 4}


def test_a_store_that_is_opened_again_predicts_at_once(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    photo = photos / "red" / "0.png"
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        empty = ImageClassifier(extractor, store=store)
        empty.add(photo, "red")
        with pytest.raises(NotFittedError, match="examples of two classes.*found 1 examples"):
            empty.predict(photo)
        empty.add_folder(photos)
        expected = empty.fit()
    with ExampleStore.open(tmp_path / "store") as store:
        again = ImageClassifier(extractor, store=store)
        assert again.predict(photo, top=1)[0][0] == "red"
        assert again.head is not None
        assert again.head.weights_.tobytes() == expected.weights_.tobytes()


def test_a_head_of_a_file_does_not_lose_what_it_knows(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """Forgetting one of a few further examples once fitted it to these alone, silently."""
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "a.head")
    loaded = ImageClassifier.load(tmp_path / "a.head", extractor=extractor)
    numbers = [loaded.add(photos / "red" / "0.png", name) for name in ("x", "y", "red")]
    loaded.forget_examples(numbers[:1])
    loaded.move_examples(numbers[1:2], "z")
    assert loaded.head is not None
    assert loaded.head.fitted_.classes == ("blue", "green", "red")
    with pytest.raises(InputError, match="found none of blue, green"):
        loaded.forget("red")
    assert loaded.class_counts == {"red": 1, "z": 1}


def test_views_are_remembered_by_store_and_head(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """Without naming them again; others are refused."""
    photo = photos / "red" / "0.png"
    flipping = extractor.looking(FLIPPED)
    with ExampleStore.open(tmp_path / "store", flipping) as store:
        classifier = ImageClassifier(extractor, store=store)
        assert classifier.extractor.views == store.views == FLIPPED
        classifier.add_folder(photos)
        seen = classifier.predict(photo)
        classifier.save(tmp_path / "a.head")
        with pytest.raises(ExtractorMismatchError, match="found those of others, 2"):
            ImageClassifier(extractor, store=store, views=CROPPED)
    with pytest.raises(ExtractorMismatchError, match="begin a new store"):
        ExampleStore.open(tmp_path / "store", extractor)
    with pytest.raises(ExtractorMismatchError, match="in 2 views"):
        SoftmaxHead.load(tmp_path / "a.head", extractor=extractor)
    head = SoftmaxHead.load(tmp_path / "a.head")
    with pytest.raises(ExtractorMismatchError, match="in 2 views"):
        ImageClassifier(extractor, head=head, views=CROPPED)
    loaded = ImageClassifier.load(tmp_path / "a.head", extractor=extractor)
    assert loaded.extractor.views == FLIPPED
    assert loaded.predict(photo) == seen


def test_a_path_is_no_store(extractor: Extractor) -> None:
    with pytest.raises(InputError, match=r"open it with headfit.store.ExampleStore.open\("):
        ImageClassifier(extractor, store="mine.store")  # type: ignore[arg-type]


def test_what_others_change_in_the_store_is_seen(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """Another process adds, forgets and renames; the next fit knows."""
    with (
        ExampleStore.open(tmp_path / "store", extractor) as store,
        ExampleStore.open(tmp_path / "store", extractor) as other,
    ):
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        classifier.fit()
        other.add(extractor.embed([photos / "red" / "0.png"])[0], "red")
        assert classifier.fit().class_counts_ == (4, 4, 5)
        other.forget([1, 2])
        assert classifier.fit().class_counts_ == (2, 4, 5)
        other.rename_class("red", "rose")
        other.add(extractor.embed([photos / "red" / "0.png"])[0], "red")
        assert classifier.fit().class_counts_ == (2, 4, 1, 5)
        other.forget([14])
        assert classifier.feedback().accuracy.keys() == {"blue", "green", "rose"}


def test_a_store_of_half_precision_gives_the_head_of_what_it_keeps(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """One by one or after a restart, the head is of the rounded embeddings."""
    path = tmp_path / "store"
    with ExampleStore.open(path, extractor, dtype="float16") as store:
        head = SoftmaxHead(method="lda")
        classifier = ImageClassifier(extractor, head=head, store=store)
        for photo in sorted(photos.glob("*/*.png")):
            classifier.add(photo, photo.parent.name)
            if len(classifier.class_counts) > 1:
                classifier.fit()
        live = classifier.fit()
        again = ImageClassifier(extractor, head=SoftmaxHead(method="lda"), store=store).fit()
    np.testing.assert_allclose(again.weights_, live.weights_, rtol=1e-4, atol=1e-7)


def test_a_store_of_another_extractor_is_refused(extractor: Extractor, tmp_path: Path) -> None:
    with (
        ExampleStore.open(tmp_path / "store", Source()) as store,
        pytest.raises(ExtractorMismatchError, match="open that extractor"),
    ):
        ImageClassifier(extractor, store=store)


@pytest.mark.parametrize("what", ["a folder", "a photo", "a link"])
def test_what_nobody_could_see_is_not_gone(
    photos: Path, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A shut folder, a disk that is not there: nothing is forgotten for it, and it is said."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        red = photos / "red"
        if what == "a link":
            red.rename(tmp_path / "elsewhere")
            red.symlink_to(tmp_path / "a disk that is not there")
        else:
            name, shut = ("scandir", red) if what == "a folder" else ("open", red / "0.png")
            module = os if what == "a folder" else io
            original = getattr(module, name)

            def guarded(path: object, *rest: object, **more: object) -> object:
                if path == shut:
                    raise PermissionError(13, "Permission denied", str(path))
                return original(path, *rest, **more)

            monkeypatch.setattr(module, name, guarded)
            if what == "a photo":
                monkeypatch.setattr("builtins.open", guarded)
        asked: list[int] = []
        for prune in (True, lambda count: not asked.append(count)):
            with pytest.raises(InputError, match="read the whole folder before what is gone"):
                classifier.add_folder(photos, prune=prune)
        assert asked == []
        assert store.class_counts == {"blue": 4, "green": 4, "red": 4}
        classifier.add_folder(photos)
        assert store.class_counts == {"blue": 4, "green": 4, "red": 4}
        monkeypatch.undo()
        if what != "a link":
            (red / "0.png").unlink()
            classifier.add_folder(photos, prune=True)
            assert store.class_counts == {"blue": 4, "green": 4, "red": 3}


def test_a_folder_with_notes_is_added_again(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """Where nothing but notes is new, they are skipped as before, and no class is lost."""
    (photos / "red" / "notes.txt").write_text("no picture")
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        for _ in range(2):
            classifier = ImageClassifier(extractor, store=store)
            classifier.add_folder(photos)
            assert store.class_counts == {"blue": 4, "green": 4, "red": 4}
            said = [one.path.name for one in classifier.skipped if one.reason != TAUGHT_BEFORE]
            assert said == ["notes.txt"]


@pytest.mark.parametrize("by", ["another object", "the store itself"])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_what_others_took_from_the_store_is_predicted_no_more(
    photos: Path, extractor: Extractor, tmp_path: Path, by: str, is_loaded: bool
) -> None:
    """It named what was forgotten or renamed elsewhere until its next fit, without a word."""
    photo = photos / "green" / "0.png"
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        before = classifier.fit()
        if is_loaded:
            classifier.save(tmp_path / "a.head")
            classifier = ImageClassifier.load(tmp_path / "a.head", extractor=extractor, store=store)
        with ExampleStore.open(tmp_path / "store") as opened:
            other = store if by == "the store itself" else opened
            other.add(np.zeros(extractor.embedding_dim), "new")
            assert {name for name, _ in classifier.predict(photo)} == {"blue", "green", "red"}
            other.forget("new")
            classifier.predict(photo)
            assert other.forget("green") == 4
            other.rename_class("red", "rot")
            assert {name for name, _ in classifier.predict(photo)} == {"blue", "rot"}
            assert classifier.head is not before
            classifier.save(tmp_path / "b.head")
            other.move_examples([n for n, name in other.names_by_id().items()], "all")
            with pytest.raises(NotFittedError):
                classifier.predict(photo)
            assert {*before.fitted_.classes} == {
                "blue",
                "green",
                "red",
            }


def test_a_shipped_head_says_what_the_store_lacks(
    photos: Path,
    extractor: Extractor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    write_photo: PhotoWriter,
) -> None:
    """It cannot be fitted to what is left; a store that is begun with it is nothing to speak of."""
    white = write_photo(tmp_path / "white.png", (250, 250, 250), 1)
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "a.head")
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        shipped = ImageClassifier.load(tmp_path / "a.head", extractor=extractor, store=store)
        shipped.add(white, "white")
        shipped.add(photos / "red" / "0.png", "red")
        assert shipped.predict(white)
        assert not caplog.records
        store.forget("red")
        assert {name for name, _ in shipped.predict(white)} == {"blue", "green", "red"}
        shipped.predict(white)
        (record,) = caplog.records
        assert "holds no example of red" in record.getMessage()
        caplog.clear()
        store.add(np.zeros(extractor.embedding_dim), "blue")
        ImageClassifier.load(tmp_path / "a.head", extractor=extractor, store=store)
        assert "holds no example of green, red" in caplog.text


def test_threads_that_predict_while_another_forgets(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """None names what the store had forgotten before it was asked."""
    photo, named = photos / "green" / "0.png", []
    with (
        ExampleStore.open(tmp_path / "store", extractor) as store,
        ExampleStore.open(tmp_path / "store") as other,
    ):
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        classifier.fit()
        other.forget("green")

        def look() -> None:
            named.append({name for name, _ in classifier.predict(photo)})

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert named == [{"blue", "red"}] * 4


def test_a_renamed_folder_is_known_without_a_store(photos: Path, extractor: Extractor) -> None:
    """Its photos were taught a second time, under the other name."""
    classifier = ImageClassifier(extractor)
    classifier.add_folder(photos)
    classifier.fit()
    (photos / "red").rename(photos / "rot")
    assert classifier.add_folder(photos) == Taught(0, 4, 8, 0)
    assert classifier.class_counts == {"blue": 4, "green": 4, "rot": 4}
    again = pickle.loads(pickle.dumps(classifier))
    (photos / "rot").rename(photos / "red")
    (photos / "blue" / "0.png").unlink()
    assert again.add_folder(photos, prune=True) == Taught(0, 4, 7, 1)
    assert again.class_counts == {"blue": 3, "green": 4, "red": 4}
    assert again.forget("red") == 4
    assert again.add_folder(photos) == Taught(4, 0, 7, 0)
    assert again.class_counts == {"blue": 3, "green": 4, "red": 4}


def test_a_photo_under_two_names_is_said(
    photos: Path, extractor: Extractor, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "red" / "twice.png").write_bytes((photos / "blue" / "0.png").read_bytes())
    ImageClassifier.from_folder(photos, extractor=extractor)
    assert "photos are taught under two names: 1, " in caplog.text
    assert "twice.png as red, and as blue too" in caplog.text


@pytest.mark.parametrize("with_store", [True, False])
def test_how_many_went_or_moved_is_said(
    photos: Path, extractor: Extractor, tmp_path: Path, with_store: bool
) -> None:
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        classifier.add_folder(photos)
        assert classifier.move_examples(classifier._current_learner().numbers_of("red"), "x") == 4
        assert classifier.merge_classes("x", into="blue") == 4
        assert classifier.forget_examples([]) == 0
        assert classifier.forget(["green"]) == 4
        assert classifier.forget("blue") == 8
        store.add_many(np.zeros((3, extractor.embedding_dim)), ["a", "a", "b"])
        assert store.wipe() == 3
        assert store.wipe() == 0
