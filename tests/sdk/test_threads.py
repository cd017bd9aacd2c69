"""Several threads on one object: nothing is lost, nothing is mixed up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.sdk.conftest import COLOURS, PhotoWriter

from headfit import Extractor, HeadLearner, ImageClassifier, SoftmaxHead
from headfit.store import ExampleStore

THREADS = 3


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    """Make the interpreter change threads thousands of times a second."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def all_at_once(*works: Callable[[], None]) -> None:
    """Run each work in a thread of its own; raise what any of them raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_a_learner_loses_no_example() -> None:
    """Of 900 that three threads taught 842 were kept once, and the sums counted 323."""
    learner = HeadLearner(SoftmaxHead(method="lda"))
    embeddings = np.random.default_rng(0).normal(size=(THREADS, 300, 8)).astype(np.float32)
    numbers: list[list[int]] = [[] for _ in range(THREADS)]

    def teach(thread: int) -> None:
        for row in embeddings[thread]:
            numbers[thread] += learner.add_examples(row[np.newaxis], [f"class {thread}"])

    all_at_once(*(lambda thread=thread: teach(thread) for thread in range(THREADS)))
    assert learner.n_samples == 900
    assert learner.class_counts == {f"class {thread}": 300 for thread in range(THREADS)}
    assert len({number for some in numbers for number in some}) == 900
    alone = HeadLearner(SoftmaxHead(method="lda"))
    for thread in range(THREADS):
        alone.add_examples(embeddings[thread], [f"class {thread}"] * 300)
    assert learner.fit().weights_.tobytes() == alone.fit().weights_.tobytes()


def test_fitting_goes_on_while_others_teach_and_forget() -> None:
    """Nothing that was forgotten lives on in the head; what was added waits for the next fit."""
    learner = HeadLearner(SoftmaxHead(method="logistic"))
    rng = np.random.default_rng(0)
    learner.add_examples(rng.normal(size=(40, 8)), ["a", "b"] * 20)
    done = threading.Event()

    def teach() -> None:
        for _ in range(100):
            number = learner.add_examples(rng.normal(size=(1, 8)), ["a"])
            learner.forget_examples(number)
        done.set()

    def fit() -> None:
        while not done.is_set():
            assert learner.fit().class_counts_[1] == 20

    def rename() -> None:
        for _ in range(50):
            learner.rename_class("b", "c")
            learner.rename_class("c", "b")

    all_at_once(teach, fit, rename)
    assert learner.fit().class_counts_ == (20, 20)
    assert learner.fit().fitted_.classes == ("a", "b")


def test_a_stream_loses_no_batch() -> None:
    head = SoftmaxHead()
    rng = np.random.default_rng(0)
    head.partial_fit(rng.normal(size=(4, 8)), ["a", "b"] * 2)

    def stream() -> None:
        for _ in range(100):
            head.partial_fit(rng.normal(size=(2, 8)), ["a", "b"])

    all_at_once(*[stream] * THREADS)
    assert head.class_counts_ == (302, 302)
    assert head.training_["steps"] == 301


@pytest.mark.parametrize("with_store", [False, True])
def test_a_classifier_loses_no_photo(
    extractor_path: Path, tmp_path: Path, write_photo: PhotoWriter, with_store: bool
) -> None:
    """Each thread teaches a class, one more predicts and fits all the while."""
    extractor = Extractor.open(extractor_path)
    photos = {
        name: [write_photo(tmp_path / name / f"{n}.png", colour, n) for n in range(8)]
        for name, colour in COLOURS.items()
    }
    store = ExampleStore.open(tmp_path / "store", extractor) if with_store else None
    classifier = ImageClassifier(extractor, store=store)
    for name, some in photos.items():
        classifier.add(some[0], name)
    classifier.fit()

    def teach(name: str) -> None:
        for photo in photos[name][1:]:
            classifier.add(photo, name)

    def ask() -> None:
        for name in photos:
            for photo in photos[name]:
                assert len(classifier.predict(photo)) == 3
            classifier.fit()

    all_at_once(ask, *(lambda name=name: teach(name) for name in photos))
    assert classifier.class_counts == dict.fromkeys(sorted(photos), 8)
    alone = ImageClassifier(extractor)
    for name, some in photos.items():
        for photo in some:
            alone.add(photo, name)
    assert classifier.fit().weights_.tobytes() == alone.fit().weights_.tobytes()
    if store is not None:
        store.close()
