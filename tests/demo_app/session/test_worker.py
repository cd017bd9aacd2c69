"""The worker, with a main thread that is this one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headfit import InputError
from headfit_demo.session import CameraError, Worker

PATIENCE_S = 60


class MainThread:
    """Runs what is handed over, one call at a time."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()

    def __call__(self, call: Callable[[], None]) -> Callable[[], None]:
        """Return a call that `run` makes later."""
        return lambda: self._calls.put(call)

    def run(self) -> None:
        """Wait for one call and make it."""
        self._calls.get(timeout=PATIENCE_S)()


@pytest.fixture
def main() -> MainThread:
    return MainThread()


@pytest.fixture
def worker(main: MainThread) -> Iterator[Worker]:
    worker = Worker(main)
    yield worker
    worker.stop()


def test_work_is_done_elsewhere_and_answered_here(main: MainThread, worker: Worker) -> None:
    """In the order in which it was given."""
    seen: list[tuple[Any, threading.Thread]] = []

    def work(number: int) -> tuple[int, threading.Thread]:
        return number, threading.current_thread()

    for number in range(3):
        worker.do(
            lambda number=number: work(number),
            lambda result, error: seen.append((result, threading.current_thread())),
        )
    for _ in range(3):
        main.run()
    assert [result[0] for result, _ in seen] == [0, 1, 2]
    assert {result[1] for result, _ in seen}.isdisjoint({threading.current_thread()})
    assert {thread for _, thread in seen} == {threading.current_thread()}


@pytest.mark.parametrize("error", [InputError("no"), OSError("full"), CameraError("gone")])
def test_an_error_that_a_user_can_meet_is_handed_over(
    main: MainThread, worker: Worker, error: Exception
) -> None:
    seen: list[Any] = []

    def fail() -> None:
        raise error

    worker.do(fail, lambda result, error: seen.append((result, error)))
    main.run()
    assert seen == [(None, error)]


def test_a_fault_of_the_app_is_raised_on_the_main_thread(main: MainThread, worker: Worker) -> None:
    """And the worker goes on."""
    seen: list[Any] = []
    worker.do(lambda: 1 // 0, lambda result, error: seen.append(result))
    worker.do(lambda: 1, lambda result, error: seen.append(result))
    with pytest.raises(ZeroDivisionError):
        main.run()
    main.run()
    assert seen == [1]


def test_what_is_left_is_not_done_after_the_end(main: MainThread) -> None:
    begun, may_end, seen = threading.Event(), threading.Event(), []

    def wait() -> None:
        begun.set()
        may_end.wait(PATIENCE_S)

    worker = Worker(main)
    worker.do(wait, lambda result, error: None)
    worker.do(lambda: seen.append(1), lambda result, error: None)
    assert begun.wait(PATIENCE_S)
    worker.stop(timeout_s=0)
    may_end.set()
    worker.stop(timeout_s=PATIENCE_S)
    assert seen == []
