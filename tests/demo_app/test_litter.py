"""Python looks for litter in all that the app made while nothing moves, and then it does."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames

from headfit_demo.litter import QUIET_S, WORTH
from headfit_demo.widgets import Slices

BALLOON, BOAT, _ = THINGS


class Ring:
    """Something that holds itself: counting who holds it does not let it go."""

    def __init__(self) -> None:
        self.other = self


@contextmanager
def searches() -> Iterator[list[int]]:
    """Note which generations are looked through."""
    seen: list[int] = []

    def note(phase: str, about: dict[str, Any]) -> None:
        if phase == "start":
            seen.append(about["generation"])

    gc.callbacks.append(note)
    try:
        yield seen
    finally:
        gc.callbacks.remove(note)


def litter(hand: Hand) -> None:
    """Make so much that a search is worth it."""
    rings: list[list[Ring]] = []
    while gc.get_count()[2] < 2 * WORTH:
        rings.append([Ring() for _ in range(1000)])
        hand.app.litter._look_at_new(0)


def test_all_is_looked_through_at_rest_only(toys: Hand) -> None:
    """Not under a finger, not while photos come in, not while the camera is on; then it is."""
    gc.collect()
    with searches() as seen:
        litter(toys)
        ring = weakref.ref(Ring())
        ends = time.monotonic() + 1.5 * QUIET_S
        while time.monotonic() < ends:  # somebody goes on moving the mouse
            toys.app.litter._note()
            toys.wait(lambda: True)
        assert 2 not in seen
        toys.app.teaching.add_photos(BOAT, frames(BOAT, 60, seed=3))
        toys.wait(lambda: toys.app.project.n_photos == 70, frames=0)
        assert 2 not in seen
        toys.wait(lambda: 2 in seen)
        assert not toys.app.jobs.is_any
        assert ring() is None
        assert seen.count(2) == 1


def test_what_is_new_is_looked_through_in_small_parts(toys: Hand) -> None:
    """What ten of them left, as is usual, would be looked through in one frame again."""
    gc.collect()
    with searches() as seen:
        litter(toys)
    assert set(seen) == {1}


def test_a_page_that_is_being_filled_moves(toys: Hand) -> None:
    """Long after the touch that opened it, if much is to be seen there."""
    gc.collect()
    slices = Slices()
    with searches() as seen:
        litter(toys)
        slices.run(itertools.repeat(None))
        ends = time.monotonic() + 2.5 * QUIET_S
        toys.wait(lambda: time.monotonic() > ends)
        assert 2 not in seen
        slices.stop()
        toys.wait(lambda: 2 in seen)


def test_it_does_not_wait_for_ever(toys: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never rests does not fill the memory."""
    monkeypatch.setattr("headfit_demo.litter.MOST", 2 * WORTH)
    gc.collect()
    with searches() as seen:
        litter(toys)
        while 2 not in seen:
            toys.app.litter._note()
            toys.wait(lambda: True)


def test_what_stays_is_looked_through_once(toys: Hand) -> None:
    """Not again with every search: what is left to look through is little beside what is kept."""
    toys.app.litter.search()
    n_kept = gc.get_freeze_count()
    toys.app.litter.search()
    assert 20 * (gc.get_freeze_count() - n_kept) < n_kept


def test_litter_that_was_kept_goes(toys: Hand) -> None:
    """Once what is kept has become much more, so that memory does not fill."""
    toys.app.litter.search()
    made = Ring()
    toys.app.litter.search()
    ring, n_kept = weakref.ref(made), gc.get_freeze_count()
    del made
    staying: list[list[list[int]]] = []
    while ring() is not None:
        assert len(staying) * 10_000 < 0.5 * n_kept
        staying.append([[1] for _ in range(10_000)])
        toys.app.litter.search()


def test_only_the_main_thread_looks(toys: Hand) -> None:
    """In another, a widget could be gone while its rules are still bound."""
    threads = set()

    def note(phase: str, about: dict[str, Any]) -> None:
        threads.add(threading.current_thread())

    ring = weakref.ref(Ring())
    gc.callbacks.append(note)
    try:
        other = threading.Thread(target=lambda: [Ring() for _ in range(50_000)])
        other.start()
        other.join()
        toys.app.teaching.add_photos(BOAT, frames(BOAT, 60, seed=3))
        toys.wait(lambda: toys.app.project.n_photos == 70)
        toys.wait(lambda: ring() is None)
    finally:
        gc.callbacks.remove(note)
    assert threads == {threading.main_thread()}


def test_a_search_harms_nothing_that_another_thread_makes(toys: Hand) -> None:
    """A tuple that is half made may have one holder only: a list of all objects breaks it."""
    is_over, faults = threading.Event(), []

    def make() -> None:
        while not is_over.is_set():
            try:
                assert len(tuple(n for n in range(2000) if n or not time.sleep(0.001))) == 2000
            except SystemError as error:
                faults.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    try:
        for _ in range(30):
            toys.app.litter.search()
    finally:
        is_over.set()
        thread.join()
    assert faults == []
