"""Forks, pools and pickles: every process has an engine of its own, or is told what is wrong."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.sdk.conftest import COLOURS, PhotoWriter

from headfit import (
    Extractor,
    ExtractorError,
    ExtractorMismatchError,
    HeadLearner,
    ImageClassifier,
    InputError,
    SoftmaxHead,
    StoreError,
)
from headfit.engines import open_engine
from headfit.engines.isolated import IsolatedEngine
from headfit.photos import WHOLE
from headfit.store import ExampleStore

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def exit_code_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@forks
@pytest.mark.parametrize("isolate", [False, True])
def test_after_a_fork_each_process_gets_its_own_answers(
    extractor_path: Path, isolate: bool
) -> None:
    """Once an isolated engine answered both mixed: another photo's embedding in 7 of 12 answers."""
    extractor = Extractor.open(extractor_path, engine="popcount", isolate=isolate)
    pictures = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    expected = extractor.embed(pictures)
    child = os.fork()
    if not child:
        is_right = np.array_equal(extractor.embed(pictures[::-1]), expected[::-1])
        os._exit(0 if is_right else 3)
    for _ in range(5):
        np.testing.assert_array_equal(extractor.embed(pictures), expected)
    assert exit_code_of(child) == 0
    np.testing.assert_array_equal(extractor.embed(pictures), expected)


@forks
def test_a_child_that_ends_normally_leaves_the_parents_engine_alone(extractor_path: Path) -> None:
    """Python ends all workers of a process at its exit: this one is the parent's."""
    code = """
import os, sys
import numpy as np
from headfit import Extractor
if __name__ == "__main__":
    extractor = Extractor.open(sys.argv[1], engine="popcount", isolate=True)
    worker = extractor._engine._process.pid
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    child = os.fork()
    if not child:
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    extractor.embed(picture)
    assert extractor._engine._process.pid == worker
    print("same worker")
"""
    script = extractor_path.with_name("script.py")
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script, extractor_path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "same worker\n", done.stderr


@forks
def test_a_fork_while_another_thread_fits_does_not_hold_the_child() -> None:
    """A fit takes seconds; the child does its own, from the same examples."""
    rng = np.random.default_rng(0)
    learner, begun, free = HeadLearner(), threading.Event(), threading.Event()
    learner.add_examples(rng.standard_normal((40, 8)), ["cat", "dog"] * 20)
    expected = pickle.loads(pickle.dumps(learner)).fit().predict_proba(np.eye(8))

    def wait(*_: object) -> None:
        begun.set()
        free.wait()

    thread = threading.Thread(target=learner.fit, kwargs={"progress": wait})
    thread.start()
    begun.wait()
    child = os.fork()
    if not child:
        signal.alarm(20)
        found = learner.fit().predict_proba(np.eye(8))
        os._exit(0 if np.array_equal(found, expected) else 3)
    assert exit_code_of(child) == 0
    free.set()
    thread.join()
    np.testing.assert_array_equal(learner.fit().predict_proba(np.eye(8)), expected)


@forks
def test_a_store_is_not_used_across_a_fork(extractor_path: Path, tmp_path: Path) -> None:
    """SQLite forbids it."""
    with ExampleStore.open(tmp_path / "store", Extractor.open(extractor_path)) as store:
        store.add(np.zeros(160), "cup")
        child = os.fork()
        if not child:
            try:
                store.add(np.zeros(160), "cup")
            except StoreError as error:
                os._exit(0 if "open the store again in this process" in str(error) else 4)
            os._exit(3)
        assert exit_code_of(child) == 0
        store.add(np.zeros(160), "cup")
        assert store.n_samples == 2


def embed_one(extractor: Extractor, picture: np.ndarray) -> np.ndarray:
    return extractor.embed([picture])[0]


def open_isolated(path: str) -> str:
    try:
        Extractor.open(path, engine="popcount", isolate=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "opened"


@pytest.mark.parametrize("isolate", [False, True])
def test_an_extractor_goes_to_other_processes(extractor_path: Path, isolate: bool) -> None:
    """Spawned ones, where nothing is inherited."""
    extractor = Extractor.open(extractor_path, engine="popcount", isolate=isolate)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        answers = list(pool.map(embed_one, [extractor] * 4, pictures))
    np.testing.assert_array_equal(extractor.embed(pictures), answers)


def test_in_a_pool_that_may_not_start_processes_the_error_says_so(extractor_path: Path) -> None:
    """It was a raw AssertionError."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        said = pool.apply(open_isolated, [str(extractor_path)])
    assert "Error: expected a process that may start others, found a daemonic" in said
    assert "ProcessPoolExecutor" in said


def test_what_cannot_be_opened_where_it_arrives_does_not_hold_a_pool(extractor_path: Path) -> None:
    """Its workers died over reading the task, one after the other, and the caller waited."""
    extractor = Extractor.open(extractor_path, isolate=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        job = pool.apply_async(embed_one, [extractor, np.zeros((64, 64, 3), np.uint8)])
        with pytest.raises(ExtractorError, match="ProcessPoolExecutor") as caught:
            job.get(120)
    assert str(caught.value).count("ProcessPoolExecutor") == 1  # not by each engine that is tried


def test_a_store_that_is_gone_where_it_arrives_says_so_when_it_is_used(
    extractor_path: Path, tmp_path: Path
) -> None:
    extractor = Extractor.open(extractor_path, engine="popcount")
    path, kept = tmp_path / "mine.store", tmp_path / "kept.store"
    store = ExampleStore.open(path, extractor)
    store.add_many(np.eye(2, extractor.embedding_dim), ["a", "b"])
    classifier = ImageClassifier(extractor, store=store)
    sent = pickle.dumps([store, classifier])
    store.close()
    path.rename(kept)
    for arrived in (pickle.loads(sent)[0], pickle.loads(sent)[1].store):
        assert isinstance(arrived, ExampleStore)
        assert not hasattr(arrived, "__len__")
        for use in (arrived.load, arrived.close, lambda one=arrived: one.class_counts):
            with pytest.raises((StoreError, OSError, InputError)):
                use()
    ExampleStore.open(path, Other()).close()
    with pytest.raises(ExtractorMismatchError, match="it was replaced meanwhile"):
        pickle.loads(sent)[0].load()
    for beside in tmp_path.glob("mine.store*"):
        beside.unlink()
    kept.rename(path)
    assert pickle.loads(sent)[0].load().class_names == ("a", "b")


class Other:
    """An extractor as a store knows it."""

    fingerprint, embedding_dim, views = "ab" * 32, 3, (WHOLE,)


@pytest.mark.parametrize("engine", ["popcount", "auto"])
def test_a_script_without_the_guard_is_told_of_it_once(extractor_path: Path, engine: str) -> None:
    """By the script itself: not by each engine that is tried, nor by the worker that runs it."""
    script = extractor_path.with_name("script.py")
    script.write_text(
        "import sys\nfrom headfit import Extractor\n"
        f"Extractor.open(sys.argv[1], engine={engine!r}, isolate=True)\n"
    )
    done = subprocess.run(
        [sys.executable, script, extractor_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'behind if __name__ == "__main__":' in done.stderr.splitlines()[-1]
    assert done.stderr.count("behind if __name__") == 1
    assert done.stderr.count("Traceback") <= 4  # a chain of one process


def test_a_pickle_holds_no_network_and_is_verified_on_arrival(
    extractor_path: Path, tmp_path: Path
) -> None:
    extractor = Extractor.open(extractor_path, engine="popcount")
    sent = pickle.dumps(extractor)
    assert len(sent) < 1000
    picture = np.zeros((64, 64, 3), np.uint8)
    np.testing.assert_array_equal(pickle.loads(sent).embed([picture]), extractor.embed([picture]))
    whole = Extractor.open().manifest
    known = Extractor.open(engine="popcount")
    other = pickle.dumps(known).replace(whole.fingerprint.encode(), b"0" * 64)
    arrived = pickle.loads(other)
    with pytest.raises(ExtractorMismatchError, match="put the same file in its place"):
        arrived.embed([picture])
    made = Extractor(extractor.manifest, open_engine(extractor_path.read_bytes(), "popcount"))
    with pytest.raises(InputError, match="one made of an engine"):
        pickle.dumps(made)


@pytest.mark.parametrize("with_store", [False, True])
def test_a_classifier_goes_to_other_processes(
    extractor_path: Path, tmp_path: Path, write_photo: PhotoWriter, with_store: bool
) -> None:
    """With all that it was taught."""
    extractor = Extractor.open(extractor_path, engine="popcount")
    store = ExampleStore.open(tmp_path / "store", extractor) if with_store else None
    classifier = ImageClassifier(extractor, store=store)
    photos = []
    for name, colour in COLOURS.items():
        for number in range(3):
            photos.append(write_photo(tmp_path / name / f"{number}.png", colour, number))
            classifier.add(photos[-1], name)
    classifier.fit()
    arrived = pickle.loads(pickle.dumps(classifier))
    assert [arrived.predict(photo) for photo in photos] == [
        classifier.predict(photo) for photo in photos
    ]
    assert arrived.class_counts == classifier.class_counts
    assert arrived.fit().weights_.tobytes() == classifier.fit().weights_.tobytes()
    if store is not None:
        arrived.store.close()
        store.close()


def test_an_encrypted_store_does_not_send_its_key(extractor_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    extractor = Extractor.open(extractor_path)
    store = ExampleStore.open(tmp_path / "store", extractor, key=bytes(32))
    with store, pytest.raises(StoreError, match="one whose key would go with it"):
        pickle.dumps(store)


def test_heads_and_learners_are_pickled() -> None:
    rng = np.random.default_rng(0)
    head = SoftmaxHead(l2=7.0).fit(rng.normal(size=(20, 6)), ["a", "b"] * 10)
    arrived = pickle.loads(pickle.dumps(head))
    assert arrived.l2 == 7.0
    assert arrived.weights_.tobytes() == head.weights_.tobytes()
    learner = HeadLearner(head)
    learner.add_examples(rng.normal(size=(20, 6)), ["a", "b"] * 10)
    other = pickle.loads(pickle.dumps(learner))
    assert other.fit().weights_.tobytes() == learner.fit().weights_.tobytes()


def test_a_closed_engine_starts_again_after_a_pickle(extractor_path: Path) -> None:
    """Isolation is kept."""
    extractor = Extractor.open(extractor_path, engine="popcount", isolate=True)
    arrived = pickle.loads(pickle.dumps(extractor))
    assert isinstance(arrived._engine, IsolatedEngine)
    assert arrived._engine._process.pid != extractor._engine._process.pid
