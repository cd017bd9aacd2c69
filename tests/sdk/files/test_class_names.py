"""One form of class names, whichever way they come in: letters that are the same are one name."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.support.stores import DIM, Source, embeddings

from headfit import (
    Extractor,
    FileFormatError,
    HeadLearner,
    ImageClassifier,
    InputError,
    SoftmaxHead,
)
from headfit.commands.main import main
from headfit.files.class_names import as_class_name, normal_name
from headfit.files.headfile import HeadFile, load_head_bytes, save_head_bytes
from headfit.photos import find_photos
from headfit.store import ExampleStore

NFC, NFD = "é", unicodedata.normalize("NFD", "é")


class Kind(str, enum.Enum):
    """Names as a program may list them."""

    CAFE = NFD


@given(st.text(max_size=40))
def test_the_form_of_a_form_is_itself(text: str) -> None:
    form = normal_name(text)
    assert normal_name(form) == form
    assert unicodedata.is_normalized("NFC", form)
    assert normal_name(f" \u200b{unicodedata.normalize('NFD', text)}\u3000 ") == form
    assert as_class_name(text) in (None, form)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        (NFD, NFC),
        (f" {NFC}\N{NO-BREAK SPACE}", NFC),
        (np.str_(NFD), NFC),
        (Kind.CAFE, NFC),  # what it stands for, not "Kind.CAFE"
        ("grey \N{IDEOGRAPHIC SPACE} cat", "grey cat"),
        ("cat\ufeff", "cat"),
        ("עברית\u200f", "עברית"),
        ("\u202acat", "cat"),  # as it comes out of a dialog of Windows
        ("\u2068cat\u2069 \u202b\u202c", "cat"),
        ("fire\xadfly", "firefly"),
        ("Cat", "Cat"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),  # a joiner that Persian is written with
        ("👩\u200d👧", "👩\u200d👧"),
        ("x" * 255 + " ", "x" * 255),
        ("e\u0301" * 255, "é" * 255),
        ("", None),
        (" \u200b ", None),
        ("x" * 256, None),
        ("cat\n", None),
        ("a\tb", None),
        ("a\0b", None),
        ("caf\udce9", None),  # as Python gives a folder's name that is no UTF-8
        (b"cat", None),
        (np.bytes_(b"cat"), None),
        (3, None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_what_a_name_may_be(given_name: object, kept: str | None) -> None:
    assert as_class_name(given_name) == kept
    assert type(as_class_name(given_name)) in (str, type(None))


def ways_in(extractor: Extractor, folder: Path) -> dict[str, Callable[[object], set[str]]]:
    """Return every way by which a class name comes in; each says which classes there are then."""
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    others = [NFC, NFC, "b", "b"]
    photo = Image.new("RGB", (64, 64), "red")

    def fit(name: object) -> set[str]:
        return set(SoftmaxHead().fit(rows, [name, *others[1:]]).fitted_.classes)

    def partial_fit(name: object) -> set[str]:
        head = SoftmaxHead().partial_fit(rows, others)
        return set(head.partial_fit(rows, [name, *others[1:]]).fitted_.classes)

    def announced(name: object) -> set[str]:
        return set(SoftmaxHead().partial_fit(rows[1:], others[1:], classes=[name]).fitted_.classes)

    def add_class(name: object) -> set[str]:
        with pytest.raises(InputError, match="which the head knows"):
            SoftmaxHead().fit(rows, others).add_class(name, rows)  # type: ignore[arg-type]
        return {NFC, "b"}

    def evaluate(name: object) -> set[str]:
        head = SoftmaxHead().fit(rows, others)
        assert head.score(rows, [name, *others[1:]]) == 1
        return set(head.evaluate(rows, [name, *others[1:]]).classes)

    def learner(name: object) -> set[str]:
        learner = HeadLearner()
        learner.add_examples(rows, [name, *others[1:]])
        assert learner.numbers_of(name) == [0, 1]  # type: ignore[arg-type]
        learner.move_examples([0], name)  # type: ignore[arg-type]
        learner.merge_classes("b", into=name)  # type: ignore[arg-type]
        learner.rename_class(name, "c")  # type: ignore[arg-type]
        learner.rename_class("c", name)  # type: ignore[arg-type]
        learner.add_examples(rows[:1], ["b"])
        return set(learner.class_counts)

    def store(name: object) -> set[str]:
        with ExampleStore.open(folder / "store", Source()) as store:
            store.wipe()
            store.add(embeddings(1)[0], name)  # type: ignore[arg-type]
            store.add_many(np.ones((2, DIM)), [NFC, "b"])
            store.move_examples([store.add(np.ones(DIM), "b")], name)  # type: ignore[arg-type]
            store.merge_classes(name, into="b")  # type: ignore[arg-type]
            store.rename_class("b", name)  # type: ignore[arg-type]
            store.export_to(folder / "out")
            assert store.forget(name) == 4  # type: ignore[arg-type]
            store.import_from(folder / "out")
            store.add(np.ones(DIM), "b")
            return set(store.class_counts)

    def classifier(name: object) -> set[str]:
        classifier = ImageClassifier(extractor)
        classifier.add(photo, NFC)
        classifier.add(photo, "b")
        number = classifier.add(photo, name)  # type: ignore[arg-type]
        classifier.move_examples([number], name)  # type: ignore[arg-type]
        classifier.fit()
        assert classifier.evaluate([(photo, name)]).n_samples == 1  # type: ignore[list-item]
        classifier.rename_class(name, "c")  # type: ignore[arg-type]
        classifier.merge_classes("c", into="b")
        classifier.add(photo, name)  # type: ignore[arg-type]
        assert classifier.forget(name) == 1  # type: ignore[arg-type]
        classifier.add(photo, name)  # type: ignore[arg-type]
        return set(classifier.class_counts)

    def folders(name: object) -> set[str]:
        for class_name in (NFC, "b", str.__str__(name)):  # type: ignore[arg-type]
            (folder / "photos" / class_name).mkdir(parents=True, exist_ok=True)
            (folder / "photos" / class_name / f"{len(class_name)}.png").touch()
        return set(find_photos(folder / "photos").class_names)

    def file(name: object) -> set[str]:
        data = save_head_bytes(HeadFile(SoftmaxHead().fit(rows, others).fitted_))
        text = str.__str__(name)  # type: ignore[arg-type]
        return set(load_head_bytes(_with_class(data, text)).head.classes)

    return {
        way.__name__: way
        for way in (
            fit, partial_fit, announced, add_class, evaluate, learner, store, classifier, folders,
            file,
        )
    }  # fmt: skip


def _with_class(data: bytes, name: str) -> bytes:
    """Return a head file with another name for its class é, as another program may write it."""
    head = load_head_bytes(data).head
    classes = tuple(name if one == NFC else one for one in head.classes)
    return save_head_bytes(HeadFile(replace(head, classes=classes)))


WAYS = [
    "fit", "partial_fit", "announced", "add_class", "evaluate", "learner", "store", "classifier",
    "folders", "file",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [NFD, f" {NFC} ", Kind.CAFE, np.str_(NFC)])
def test_every_way_in_has_the_one_form(
    way: str, name: object, extractor_path: Path, tmp_path: Path
) -> None:
    """Two forms of é were one class by folders and in the app, and two by add and fit."""
    ways = ways_in(Extractor.open(extractor_path), tmp_path)
    assert ways.keys() == set(WAYS)
    assert ways[way](name) == {NFC, "b"}


def test_a_file_with_one_name_in_two_forms_is_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    data = save_head_bytes(HeadFile(SoftmaxHead().fit(rows, [NFC, NFC, "b", "b"]).fitted_))
    with pytest.raises(FileFormatError, match="different class names"):
        load_head_bytes(_with_class(data, "b "))


def test_names_that_predictions_will_not_equal_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """scikit-learn's scorers compare what they gave with what comes back."""
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    head = SoftmaxHead().fit(rows, [NFC, NFC, "b", "b"])
    assert not caplog.records
    head.fit(rows, [NFD, NFD, "b", "b"])
    assert ascii(NFD) in caplog.text
    assert ascii(NFC) in caplog.text


def test_whole_numbers_stay_whole_numbers() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    head = SoftmaxHead().fit(rows, [2, 2, 10, 10])
    assert head.classes_.tolist() == [2, 10]
    head.rename_class(2, 100)
    assert head.classes_.tolist() == [10, 100]
    assert head.predict(rows).tolist() == [100, 100, 10, 10]
    head.rename_class("100", np.int64(2))
    assert head.score(rows, [2, 2, 10, 10]) == 1
    head.rename_class(2, "two")
    assert head.classes_.tolist() == ["10", "two"]
    with pytest.raises(InputError, match="64 bits"):
        SoftmaxHead().fit(rows, [2**70, 2**70, 10, 10])


def test_whole_numbers_name_a_class_wherever_one_is_named(
    extractor_path: Path, tmp_path: Path
) -> None:
    """Not where they would be taken for numbers of examples, which forgetting deletes for good."""
    extractor = Extractor.open(extractor_path)
    rows = np.random.default_rng(0).normal(size=(4, extractor.embedding_dim)).astype(np.float32)
    head = SoftmaxHead().fit(rows, [2, 2, 10, 10], extractor=extractor)
    classifier = ImageClassifier(extractor, head=head)
    classifier.rename_class(2, 100)
    assert classifier.head is not None
    assert classifier.head.classes_.tolist() == [10, 100]
    with pytest.raises(InputError, match="forget_examples"):
        classifier.forget(10)  # type: ignore[arg-type]
    with ExampleStore.open(tmp_path / "store", Source()) as store:
        for examples in (HeadLearner(), store):
            add = examples.add_many if examples is store else examples.add_examples
            add(np.ones((3, DIM)), ["2", "10", "x"])
            examples.rename_class(2, 100)
            assert examples.merge_classes(100, into=10) == 1
            assert examples.class_counts == {"10": 2, "x": 1}
    learner = HeadLearner(head.copy())
    learner.add_examples(rows, ["2", "2", "10", "10"])
    learner.rename_class(2, 100)
    assert learner.head.classes_.tolist() == [10, 100]
    assert learner.remove_class(100) == 2


def test_the_command_knows_a_class_in_any_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "store")
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(2), [NFC, "b"])
    assert main(["store", "list", path, NFD]) == 0
    assert capsys.readouterr().out.split()[-1] == NFC
    assert main(["store", "rename", path, NFD, "c "]) == 0
    assert main(["store", "move", path, "2", "--to", " c"]) == 0
    assert main(["store", "forget", path, "c\u200b", "--yes"]) == 0
    assert "2 examples" in capsys.readouterr().out
