"""Job: something that was asked for, from the asking to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from headfit_demo.session.errors import CancelledError

Done: TypeAlias = Callable[[Any, Exception | None], None]
"""Called on the main thread with what the work returned, or with its error; one of them is None."""


def _nothing(*_: Any) -> None:
    """Take note of nothing."""


class Job:
    """Something that was asked for, from the asking to its end.

    Its project is the one it was asked for in, whichever is shown by the time it is done.

    Parameters
    ----------
    work : callable
        Does it on the worker's thread, called with the job. If it is a generator function, others
        have their turn at each ``yield``; its result is what it returns.
    done : callable
        Called on the main thread at the end, once.
    moved : callable
        Called on the main thread with what the work yields, unless that is None.
    project_key : str, optional
        In which project; None where it belongs to none, or is still to make it.

    Attributes
    ----------
    n_done, n_all : int
        How many photos of how many; of few things nobody needs to know.
    is_cancelled : bool
    """

    def __init__(
        self,
        work: Callable[[Job], Any],
        done: Done = _nothing,
        *,
        moved: Callable[[Any], None] = _nothing,
        project_key: str | None = None,
    ) -> None:
        self.project_key = project_key
        self.n_done = self.n_all = 0
        self.is_cancelled = False
        self._work, self.done, self.moved = work, done, moved
        self._steps: Iterator[Any] | None = None

    def cancel(self) -> None:
        """Ask it to end before the next step; what has not begun ends at once."""
        self.is_cancelled = True

    def go_on_or_stop(self) -> None:
        """Raise `CancelledError` if it shall end; for work that has no steps."""
        if self.is_cancelled:
            raise CancelledError("it was stopped")

    def step(self) -> Any:
        """Do one step, on the worker's thread; return what it yields.

        Raises
        ------
        StopIteration
            With the result, at the end.
        """
        if self._steps is None:
            self.go_on_or_stop()
            begun = self._work(self)
            if not isinstance(begun, Iterator):
                raise StopIteration(begun)
            self._steps = begun
        return next(self._steps)
