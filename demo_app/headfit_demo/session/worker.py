"""The one thread boundary: jobs go out, ``(result, error)`` comes back to the main thread."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from headfit import HeadfitError
from headfit_demo.session.job import Done, Job

_TURN_S = 0.001
"""So long at most a thread computes in Python while the main one waits for its turn, not 5 ms as
usual: within a frame the main thread lets go of Python several times."""


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
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        sys.setswitchinterval(_TURN_S)
        self._thread = threading.Thread(target=self._work, name="headfit-worker", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], Any], done: Done) -> None:
        """Run ``work()`` on the worker's thread, then ``done(result, error)`` on the main one."""
        self.begin(Job(lambda _: work(), done))

    def begin(self, job: Job) -> Job:
        """Do a job when its turn comes; of one with several steps, all others between.

        Errors that a user can meet are handed over; any other is a fault of the app, and is
        raised on the main thread where it is seen.
        """
        self._jobs.put(job)
        return job

    def stop(self, last: Callable[[], Any] | None = None, timeout_s: float = 5.0) -> None:
        """Let the step at hand finish, forget the rest, do ``last``, and end the thread."""
        while not self._jobs.empty():
            self._jobs.get_nowait()
        if last is not None:
            self.do(last, lambda result, error: None)
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                moved = job.step()
            except StopIteration as end:
                self._hand_over(job, end.value, None)
            except Exception as error:
                self._hand_over(job, None, error)
            else:
                if moved is not None:
                    self._mainthread(partial(job.moved, moved))()
                self._jobs.put(job)

    def _hand_over(self, job: Job, result: Any, error: Exception | None) -> None:
        self._mainthread(partial(_end, job.done, result, error))()


def _end(done: Done, result: Any, error: Exception | None) -> None:
    if error is not None and not isinstance(error, (HeadfitError, OSError)):
        raise error
    done(result, error)
