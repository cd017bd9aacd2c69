"""An app that runs for months: memory stays flat, and no thread ever gets a wrong answer."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.sdk.conftest import COLOURS

from headfit import Extractor, ImageClassifier
from headfit.store import ExampleStore


def picture(name: str, seed: int) -> npt.NDArray[np.uint8]:
    colour = {**COLOURS, "aardvark": (240, 240, 20), "zebra": (10, 10, 10)}[name]
    noise = np.random.default_rng(seed).normal(colour, 10, (64, 64, 3))
    return noise.clip(0, 255).astype(np.uint8)


def teach_colours(classifier: ImageClassifier) -> None:
    for name in COLOURS:
        for seed in range(4):
            classifier.add(picture(name, seed), name)
    classifier.fit()


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check_cycles(folder: Path, extractor: Extractor, cycles: int) -> int:
    """Teach, train, predict, and forget again now and then; return how much memory grew."""
    before = 0
    with ExampleStore.open(folder / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        teach_colours(classifier)
        added = []
        for cycle in range(cycles):
            name = sorted(COLOURS)[cycle % 3]
            added.append(classifier.add(picture(name, cycle), name))
            classifier.fit()
            assert classifier.predict(picture(name, cycle))[0][0] == name
            if len(added) == 20:
                classifier.forget_examples(added)
                added.clear()
            if cycle == cycles // 10:
                before = resident_bytes()
        return resident_bytes() - before


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux")


@needs_proc
def test_memory_stays_flat(tmp_path: Path, extractor_path: Path) -> None:
    """Some cycles; a leak of 100 kB each would show."""
    assert check_cycles(tmp_path, Extractor.open(extractor_path), 60) < 6_000_000


@needs_proc
@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_memory_stays_flat_for_10_000_cycles(tmp_path: Path, extractor_path: Path) -> None:
    """A leak of 2 kB a cycle would show."""
    grown = check_cycles(tmp_path, Extractor.open(extractor_path), 10_000)
    print(f"memory grew by {grown / 1e6:.1f} MB in 9,000 cycles")
    assert grown < 16_000_000


def check_threads(extractor: Extractor, rounds: int) -> int:
    """Predict in eight threads while one teaches and forgets; return how many answers came."""
    classifier = ImageClassifier(extractor)
    teach_colours(classifier)
    pictures = {name: picture(name, 99) for name in COLOURS}
    wrong: list[object] = []
    answers = [0] * 8
    is_done = threading.Event()

    def ask(thread: int) -> None:
        while not is_done.is_set():
            name = sorted(COLOURS)[answers[thread] % 3]
            try:
                ranking = classifier.predict(pictures[name])
            except Exception as error:  # whatever it is, it is no right answer
                wrong.append(error)
                return
            total = sum(probability for _, probability in ranking)
            if ranking[0][0] != name or abs(total - 1) > 1e-4:
                wrong.append((name, ranking))
            answers[thread] += 1

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that threads meet in the middle of things
    for thread in threads:
        thread.start()
    try:
        for round_ in range(rounds):
            new = ("aardvark", "zebra")[round_ % 2]  # moves the columns of the others, or not
            classifier.add(picture(new, round_), new)
            classifier.fit()
            classifier.rename_class("red", "scarlet")
            classifier.rename_class("scarlet", "red")
            classifier.forget(new)
    finally:
        sys.setswitchinterval(interval)
        is_done.set()
        for thread in threads:
            thread.join()
    wrong = [answer for answer in wrong if not _was_renamed(answer)]
    assert wrong == []
    return sum(answers)


def _was_renamed(answer: object) -> bool:
    """Return whether it is the right answer under the name that the class had for a moment."""
    return isinstance(answer, tuple) and answer[0] == "red" and answer[1][0][0] == "scarlet"


@pytest.mark.parametrize("engine", ["popcount", "litert", "lce"])
def test_threads_get_right_answers_while_one_teaches(extractor_path: Path, engine: str) -> None:
    if engine != "popcount":
        pytest.importorskip({"litert": "ai_edge_litert", "lce": "larq_compute_engine"}[engine])
    assert check_threads(Extractor.open(extractor_path, engine=engine), 30) > 30


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_threads_get_right_answers_for_long(extractor_path: Path) -> None:
    """A thousand rounds of teaching and forgetting."""
    answers = check_threads(Extractor.open(extractor_path), 1000)
    print(f"{answers} right answers while a class came and went 1,000 times")
    assert answers > 1000
