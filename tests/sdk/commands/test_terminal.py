"""Sizes and times as people read them."""

from __future__ import annotations

import pytest

from headfit.commands.terminal import duration, size


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (100_000, "100 kB"),
        (1_000_000, "1.0 MB"),
    ],
)
def test_sizes(n_bytes: int, words: str) -> None:
    assert size(n_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0009, "0.9 ms"),
        (0.047, "47 ms"),
        (3.21, "3.2 s"),
        (60, "1 min 0 s"),
        (125.9, "2 min 5 s"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
