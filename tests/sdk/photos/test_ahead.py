"""Photos decoded ahead come in their order, in bounded memory, and end when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from headfit.errors import InputError
from headfit.photos.ahead import MOST_DEFAULT_JOBS, decode_ahead, default_jobs


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_order(jobs: int) -> None:
    """However long each takes."""

    def decode(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(decode_ahead(iter(range(40)), decode, jobs)) == [n * n for n in range(40)]


def test_nothing_comes_of_nothing() -> None:
    assert list(decode_ahead([], str, 3)) == []


def test_several_are_decoded_at_once() -> None:
    """Three threads meet at a barrier that one alone would never pass."""
    barrier = threading.Barrier(3)
    found = list(decode_ahead(range(3), lambda item: barrier.wait(timeout=20) >= 0, 3))
    assert found == [True] * 3


def test_few_are_taken_before_their_turn() -> None:
    """At most two per thread wait, whatever the consumer does meanwhile."""
    taken: list[int] = []
    ahead = 0

    def items() -> Iterator[int]:
        for item in range(60):
            taken.append(item)
            yield item

    for done in decode_ahead(items(), lambda item: (time.sleep(0.001), item)[1], 3):
        ahead = max(ahead, len(taken) - done)
    assert len(taken) == 60
    assert 1 < ahead <= 2 * 3 + 1


def test_what_may_change_is_decoded_when_it_is_taken() -> None:
    """A video writes each frame into the same array; threads must not see the next one."""
    frame = np.zeros(1, int)

    def frames() -> Iterator[np.ndarray]:
        for number in range(20):
            frame[0] = number
            yield frame

    me = threading.get_ident()
    decoded = decode_ahead(
        frames(), lambda f: (int(f[0]), threading.get_ident()), 4, is_lasting=lambda item: False
    )
    assert list(decoded) == [(number, me) for number in range(20)]


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("is_lasting", [True, False])
def test_an_error_is_raised_in_its_turn(jobs: int, is_lasting: bool) -> None:
    """What lies before it arrives, and no thread is left."""

    def decode(item: int) -> int:
        if item == 5:
            raise ValueError("five")
        return item

    before = threading.active_count()
    results = decode_ahead(range(30), decode, jobs, is_lasting=lambda _: is_lasting)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)
    assert threading.active_count() == before


def test_a_closed_iterator_leaves_no_thread_and_decodes_no_more() -> None:
    decoded: list[int] = []
    before = threading.active_count()
    results = decode_ahead(range(1000), decoded.append, 2)
    next(results)
    results.close()
    assert len(decoded) <= 6
    assert threading.active_count() == before


@pytest.mark.parametrize("jobs", [0, -1, "2", 1.5])
def test_no_jobs_are_refused(jobs: Any) -> None:
    """At once, not when the first result is asked for."""
    with pytest.raises(InputError, match="at least 1 job"):
        decode_ahead([], str, jobs)


def test_the_default_is_the_cores_that_may_be_used() -> None:
    assert 1 <= default_jobs() <= MOST_DEFAULT_JOBS
    if hasattr(os, "sched_setaffinity"):
        code = (
            "import os; from headfit.photos.ahead import default_jobs\n"
            "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(default_jobs())"
        )
        assert _run(code).communicate()[0] == "1\n"


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")
def test_ctrl_c_stops_at_once() -> None:
    """While a thousand photos are on their way: what is being decoded ends, nothing else begins."""
    code = (
        "import signal, time; from headfit.photos.ahead import decode_ahead\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job may ignore it\n"
        "print('on', flush=True)\n"
        "try:\n    list(decode_ahead(range(1000), lambda _: time.sleep(0.1), 2))\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    )
    process = _run(code)
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "stopped\n"
    assert process.returncode == 0


def _run(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
