"""The one thread boundary: work goes out, ``(result, error)`` comes back to the main thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from headfit import HeadfitError

Done: TypeAlias = Callable[[Any, Exception | None], None]
"""Called on the main thread with what the work returned, or with its error; one of them is None."""


class Worker:
    """One thread that does what it is given, in order. The session belongs to it.

    Parameters
    ----------
    mainthread : callable
        Makes of a function one that may be called from any thread and runs on the main one, such
        as ``kivy.clock.mainthread``.
    """

    def __init__(self, mainthread: Callable[[Callable[[], None]], Callable[[], object]]) -> None:
        self._mainthread = mainthread
        self._jobs: queue.Queue[tuple[Callable[[], Any], Done] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="headfit-worker", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], Any], done: Done) -> None:
        """Run ``work()`` on the worker's thread, then ``done(result, error)`` on the main one.

        Errors that a user can meet are handed over; any other is a fault of the app, and is
        raised on the main thread where it is seen.
        """
        self._jobs.put((work, done))

    def stop(self, timeout_s: float = 5.0) -> None:
        """Let the work at hand finish, forget the rest, and end the thread."""
        while not self._jobs.empty():
            self._jobs.get_nowait()
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done = job
            result, error = None, None
            try:
                result = work()
            except Exception as raised:
                error = raised
            self._mainthread(partial(_hand_over, done, result, error))()


def _hand_over(done: Done, result: Any, error: Exception | None) -> None:
    if error is not None and not isinstance(error, (HeadfitError, OSError)):
        raise error
    done(result, error)
