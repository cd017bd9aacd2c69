"""Photos decoded ahead in threads, while the network looks at those before; in their order."""

from __future__ import annotations

import operator
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from headfit.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_DEFAULT_JOBS: Final = 16
"""So many threads keep a network busy that takes 2 ms a photo, and memory grows with them."""


def decode_ahead(
    items: Iterable[Item],
    decode: Callable[[Item], Result],
    jobs: int | None = None,
    *,
    is_lasting: Callable[[Item], bool] = lambda item: True,
) -> Generator[Result, None, None]:
    """Yield ``decode(item)`` for each item, in order, while threads decode the next ones.

    Pillow lets other threads run while it decodes. At most ``2 * jobs`` items are taken before
    their turn, in the caller's thread, and none while a result is waiting. Closing the iterator,
    or an exception in the caller's thread such as Ctrl-C, ends it once the items that are just
    being decoded are done.

    Parameters
    ----------
    items : iterable
    decode : callable
        What it raises is raised in its item's turn.
    jobs : int, optional
        How many threads; 1 is none besides the caller's. By default `default_jobs`.
    is_lasting : callable
        Whether an item is what it is until its turn. One that may change by then, such as an array
        that the next frame of a video is written into, is decoded when it is taken.

    Raises
    ------
    InputError
        If ``jobs`` is no whole number, or below 1.
    """
    n_threads = checked_jobs(jobs)
    if n_threads == 1:
        return (decode(item) for item in items)
    return _in_threads(iter(items), decode, n_threads, is_lasting)


def default_jobs() -> int:
    """Return how many threads decode by default: one per core this process may use, at most 16."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        n_cores = len(os.sched_getaffinity(0))
    else:
        n_cores = os.cpu_count() or 1
    return min(n_cores, MOST_DEFAULT_JOBS)


def checked_jobs(jobs: int | None) -> int:
    """Return how many threads ``jobs`` asks for; errors are those of `decode_ahead`."""
    if jobs is None:
        return default_jobs()
    try:
        n_threads = operator.index(jobs)
    except TypeError:
        n_threads = 0
    if n_threads < 1:
        raise InputError(
            f"expected at least 1 job, as a whole number, found {jobs!r}; leave it out for one per "
            "core"
        )
    return n_threads


def _in_threads(
    items: Iterator[Item],
    decode: Callable[[Item], Result],
    n_threads: int,
    is_lasting: Callable[[Item], bool],
) -> Generator[Result, None, None]:
    from concurrent.futures import ThreadPoolExecutor  # takes long to import

    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(n_threads, "headfit-decode")
    try:
        is_more = True
        while is_more or waiting:
            while is_more and len(waiting) < 2 * n_threads and not (waiting and waiting[0].done()):
                try:
                    item = next(items)
                except StopIteration:
                    is_more = False
                    break
                if is_lasting(item):
                    waiting.append(pool.submit(decode, item))
                else:
                    waiting.append(_done(decode, item))
                del item
            if waiting:
                yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _done(decode: Callable[[Item], Result], item: Item) -> Future[Result]:
    from concurrent.futures import Future

    future: Future[Result] = Future()
    try:
        future.set_result(decode(item))
    except Exception as error:
        future.set_exception(error)
    return future
