"""Forks while other threads hold locks: the child finds them free, and what they guard whole."""

from __future__ import annotations

import copy
import os
import pickle
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headfit
from headfit import Extractor, HeadLearner, ImageClassifier, SoftmaxHead, StoreError, Watcher, locks
from headfit.classifier import Recognition
from headfit.engines import open_engine
from headfit.engines.isolated import IsolatedEngine
from headfit.photos import FLIPPED
from headfit.photos.formats import quietly
from headfit.store import ExampleStore

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
LOCK = type(threading.RLock())
EMBEDDINGS = np.random.default_rng(0).standard_normal((40, 6))
NAMES = ["cat", "dog"] * 20
PICTURE = np.zeros((64, 64, 3), np.uint8)


def fitted() -> SoftmaxHead:
    return SoftmaxHead(l2=1.0).fit(EMBEDDINGS, NAMES)


def taught() -> HeadLearner:
    learner = HeadLearner()
    learner.add_examples(EMBEDDINGS, NAMES)
    return learner


def classifier_of(path: Path) -> ImageClassifier:
    classifier = ImageClassifier(Extractor.open(path, engine="popcount"))
    for shade, name in ((0, "night"), (255, "day")):
        classifier.add(PICTURE + np.uint8(shade), name)
    return classifier


def use_store(store: ExampleStore) -> None:
    """SQLite forbids it, and it says so rather than wait."""
    uses: list[Callable[[], object]] = [
        store.names_by_id,
        store.close,
        lambda: store.add(np.zeros(160), "cup"),
        lambda: store.export_to("nowhere"),
    ]
    for use in uses:
        with pytest.raises(StoreError, match="open the store again in this process"):
            use()


def use_head(head: SoftmaxHead) -> None:
    head.fit(EMBEDDINGS, NAMES).partial_fit(EMBEDDINGS, NAMES).rename_class("dog", "wolf")


def use_learner(learner: HeadLearner) -> None:
    learner.add_examples(EMBEDDINGS, ["pig"] * 40)
    learner.fit()


def use_classifier(classifier: ImageClassifier) -> None:
    classifier.add(PICTURE + 100, "day")
    assert classifier.predict(PICTURE)[0][0] == "night"


OBJECTS: dict[str, tuple[Callable[[Path], Any], Callable[[Any], object]]] = {
    "head": (lambda _: fitted(), use_head),
    "learner": (lambda _: taught(), use_learner),
    "classifier": (classifier_of, use_classifier),
    "watcher": (lambda _: Watcher(), lambda it: it.see(Recognition([("cup", 1.0)], is_known=True))),
    "extractor": (
        lambda path: Extractor.open(path, engine="popcount"),
        lambda it: it.looking(FLIPPED).embed([PICTURE]),
    ),
    "isolated engine": (
        lambda path: IsolatedEngine(path.read_bytes(), "popcount"),
        lambda it: it.run(np.zeros(it.input_shape, np.float32)),
    ),
    "store": (
        lambda path: ExampleStore.open(path.with_name("store"), Extractor.open(path)),
        use_store,
    ),
}


def locks_of(thing: object) -> list[Any]:
    return [value for value in vars(thing).values() if isinstance(value, LOCK)]


def in_child(use: Callable[[], object]) -> int:
    """Fork, and return the exit code of a child that does this: 0, or a signal of its alarm."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(20)
            code = 0 if use() is not False else 3
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def held(*held_locks: Any, until: threading.Event, then: Callable[[], object]) -> Iterator[None]:
    """Let another thread hold locks until something happens, and do a last thing under them."""
    begun = threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in held_locks:
                stack.enter_context(lock)
            begun.set()
            until.wait()
            then()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        until.set()
        thread.join()


@pytest.mark.parametrize("name", OBJECTS)
def test_a_fork_leaves_no_lock_held(
    name: str, extractor_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held on and on, as by a long fit or a photo that the engine is at: the child goes on."""
    monkeypatch.setattr(locks, "_PATIENCE_S", 0.1)
    make, use = OBJECTS[name]
    thing = make(extractor_path)
    assert locks_of(thing)
    with held(*locks_of(thing), until=threading.Event(), then=lambda: None):
        assert in_child(lambda: use(thing)) == 0
    if name == "store":
        thing.close()
    else:
        use(thing)


@pytest.mark.parametrize("name", ["head", "learner", "classifier", "watcher"])
def test_a_fork_waits_for_what_is_changed_in_a_moment(name: str, extractor_path: Path) -> None:
    """Else the child had, say, a learner's new examples without their groups."""
    make, use = OBJECTS[name]
    thing, changes, free = make(extractor_path), [1], threading.Event()
    brief = thing._lock
    with held(brief, until=free, then=lambda: changes.append(2)):
        threading.Timer(0.1, free.set).start()
        assert in_child(lambda: changes == [1, 2] and use(thing)) == 0


def test_a_fork_waits_for_a_header_that_is_read() -> None:
    """The child would keep the filters of the moment, and go on without warnings."""
    free, steps = threading.Event(), [1]
    with held(quietly(), until=free, then=lambda: steps.append(2)):
        threading.Timer(0.1, free.set).start()

        def read() -> bool:
            with quietly():
                return steps == [1, 2]

        assert in_child(read) == 0


def test_a_fork_holds_nothing_that_a_holder_waits_for() -> None:
    """A classifier's thread takes its learner's lock too, which the fork must not have by then."""
    outer, inner, changes = locks.brief_lock(), locks.brief_lock(), [1]
    free, begin = threading.Event(), time.monotonic()

    def go_on() -> None:
        time.sleep(0.1)
        with inner:
            changes.append(2)

    with held(outer, until=free, then=go_on):
        free.set()
        assert in_child(lambda: changes == [1, 2]) == 0
    assert time.monotonic() - begin < locks._PATIENCE_S / 2


def test_a_fork_that_waited_in_vain_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "_PATIENCE_S", 0.05)
    lock = locks.brief_lock()
    with held(lock, until=threading.Event(), then=lambda: None):
        assert in_child(lock.acquire) == 0
    assert "may find it half changed" in caplog.text
    caplog.clear()
    assert in_child(lock.acquire) == 0
    assert not caplog.text


def test_what_forks_from_under_a_lock_keeps_it() -> None:
    """A fork in the callback of a fit: both processes end it, to the same bits."""
    learner, expected = taught(), taught().fit().weights_.tobytes()
    codes: list[int] = []

    def fork(iteration: int, _: float) -> None:
        if iteration == 1:
            child = os.fork()
            if not child:
                signal.alarm(20)
                is_child.append(True)
                return
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    is_child: list[bool] = []
    try:
        is_same = learner.fit(progress=fork).weights_.tobytes() == expected
        is_same &= all(lock.acquire(blocking=False) for lock in locks_of(learner))
    except BaseException:
        is_same = False
    if is_child:
        os._exit(0 if is_same else 3)
    assert codes == [0]
    assert is_same


def test_nothing_of_a_callers_runs_under_a_brief_lock(extractor_path: Path) -> None:
    """A generator may wait for the thread that forks, or fork itself."""
    head, learner, classifier = fitted(), taught(), classifier_of(extractor_path)
    free: list[bool] = []

    def told(thing: Any, values: Iterable[Any]) -> Iterator[Any]:
        def ask() -> None:
            is_free = thing._lock.acquire(blocking=False)
            free.append(is_free)
            if is_free:
                thing._lock.release()

        for value in values:
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            yield value

    head.calibrate(EMBEDDINGS, NAMES, groups=told(head, range(40)))
    head.partial_fit(EMBEDDINGS, NAMES, classes=told(head, ["pig", "hen"]))
    learner.add_examples(EMBEDDINGS, NAMES, groups=told(learner, range(40)))
    learner.move_examples(told(learner, [0, 2]), "pig")
    learner.forget_examples(told(learner, [1, 3]))
    classifier.move_examples(told(classifier, [0]), "noon")
    classifier.forget_examples(told(classifier, [1]))
    classifier.forget(told(classifier, ["noon"]))
    assert len(free) == 40 + 2 + 40 + 2 + 2 + 1 + 1 + 1
    assert all(free)


def test_two_threads_fork_at_once() -> None:
    """Each takes the locks for itself: the second one waits for the first."""
    lock, codes = locks.brief_lock(), []

    def fork() -> None:
        for _ in range(20):
            codes.append(in_child(lock.acquire))

    threads = [threading.Thread(target=fork) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 40
    assert lock.acquire(blocking=False)


def test_copies_have_locks_of_their_own() -> None:
    for thing in (fitted(), taught(), Watcher()):
        copies = [copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))]
        every = [lock for one in (thing, *copies) for lock in locks_of(one)]
        assert len({id(lock) for lock in every}) == len(every) == 4 * len(locks_of(thing))


def test_extractors_of_one_engine_share_its_lock(extractor_path: Path) -> None:
    """And go on sharing it in a child."""
    extractor = Extractor(None, open_engine(extractor_path.read_bytes(), "popcount"))  # type: ignore[arg-type]
    other = extractor.looking(FLIPPED)
    with held(extractor._lock, until=threading.Event(), then=lambda: None):
        assert in_child(lambda: other._lock is extractor._lock and other._lock.acquire()) == 0


def test_a_lock_goes_with_what_had_it() -> None:
    before = len(locks._brief), len(locks._long)
    learners = [HeadLearner() for _ in range(10)]
    assert (len(locks._brief), len(locks._long)) == (before[0] + 20, before[1] + 10)
    del learners
    assert (len(locks._brief), len(locks._long)) == before


def test_there_is_no_other_lock() -> None:
    """`cached_property` has one of its own, before Python 3.12."""
    other = re.compile(r"threading\.\w*(Lock|Condition|Semaphore)\(|import .*cached_property")
    root = Path(headfit.__file__).parent
    found = [path.name for path in root.rglob("*.py") if other.search(path.read_text("utf-8"))]
    assert found == ["locks.py"]
