"""Locks that no forked child inherits held by a thread that it does not have.

A fork copies every lock as it stands, but of the threads only the one that forks. What another one
held would be held in the child for ever, and what that one was changing would stay half changed.
"""

from __future__ import annotations

import logging  # registers its own lock before ours: others ask for it while they hold one of these
import os
import threading
import time
import weakref
from typing import Final

_PATIENCE_S: Final = 10.0
"""So long a fork waits for brief locks."""

_logger = logging.getLogger("headfit")
_brief: Final[weakref.WeakValueDictionary[int, threading.RLock]] = weakref.WeakValueDictionary()
_long: Final[weakref.WeakValueDictionary[int, threading.RLock]] = weakref.WeakValueDictionary()
_forking = threading.local()


def brief_lock() -> threading.RLock:
    """Return a lock to hold for moments, and never while something of a caller's runs.

    A fork waits until other threads let go of it, so that the child finds whole what it guards.
    """
    lock = threading.RLock()
    _brief[id(lock)] = lock
    return lock


def long_lock() -> threading.RLock:
    """Return a lock that may be held for long: no fork waits for it.

    The child gets it free. What it guards must bear that its holder stopped anywhere.
    """
    lock = threading.RLock()
    _long[id(lock)] = lock
    return lock


def _there(locks: weakref.WeakValueDictionary[int, threading.RLock]) -> list[threading.RLock]:
    return [lock for reference in locks.valuerefs() if (lock := reference()) is not None]


def _before_fork() -> None:
    """Take all brief locks; none while waiting for another, whose holder may want it."""
    taken = _forking.taken = []
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        busy = None
        for lock in _there(_brief):
            if lock.acquire(blocking=False):
                taken.append(lock)
            else:
                busy = lock
        if busy is None:
            return
        if (left := deadline - time.monotonic()) <= 0:
            _logger.warning(
                "a fork waited %g s for what another thread is changing; the child may find it "
                "half changed",
                _PATIENCE_S,
            )
            return
        _let_go()
        if busy.acquire(timeout=left):
            busy.release()


def _let_go() -> None:
    while _forking.taken:
        _forking.taken.pop().release()


def _after_fork() -> None:
    _let_go()
    for lock in (*_there(_brief), *_there(_long)):
        if lock.acquire(blocking=False):
            lock.release()
        else:  # a thread holds it that is not here
            lock._at_fork_reinit()  # type: ignore[attr-defined]  # as the standard library's own


if hasattr(os, "register_at_fork"):  # there is no fork on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_let_go, after_in_child=_after_fork)
