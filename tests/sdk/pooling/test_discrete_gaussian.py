"""The noise has the distribution that it says, and no float decides about an integer."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chisquare, norm

from headfit.pooling import discrete_gaussian
from headfit.pooling.discrete_gaussian import (
    MAX_SCALE,
    MIN_SCALE,
    _staircase,
    decided,
    kept,
    sampled,
)


def test_every_integer_is_as_often_as_it_should_be() -> None:
    """Pearson's test against the discrete Gaussian itself."""
    scale, reach = MIN_SCALE, 60
    drawn = sampled(400_000, scale)
    where = np.arange(-reach, reach + 1)
    weights = np.exp(-np.square(where) / (2 * scale**2))
    tail = np.abs(drawn) > reach
    assert tail.mean() < 1e-3
    inside = drawn[~tail]
    observed = np.bincount(inside + reach, minlength=len(where))
    assert chisquare(observed, weights / weights.sum() * len(inside)).pvalue > 1e-6


@pytest.mark.parametrize("scale", [MIN_SCALE, 100, 4096 * 777, MAX_SCALE])
def test_the_spread_is_the_scale(scale: int) -> None:
    drawn = sampled(200_000, scale) / scale
    assert abs(drawn.mean()) < 5 / math.sqrt(len(drawn))
    assert drawn.var() == pytest.approx(1, abs=0.02)
    cuts = norm.ppf(np.linspace(0, 1, 51))
    observed = np.histogram(drawn + 1e-12, cuts)[0]
    if scale > 1000:  # nearly continuous
        assert chisquare(observed).pvalue > 1e-6


@pytest.mark.parametrize("scale", [4096, MAX_SCALE])
def test_low_bits_are_those_of_a_fine_grid(scale: int) -> None:
    """What rounded floats have not: every residue is as likely, at whatever size."""
    drawn = np.abs(sampled(200_000, scale))
    far = drawn[drawn > scale]
    assert chisquare(np.bincount(far & 15, minlength=16)).pvalue > 1e-6


SCALES = pytest.mark.parametrize("scale", [MIN_SCALE, 17, 1000, (1 << 20) - 1, MAX_SCALE])


def curve(number: int, scale: int) -> decimal.Decimal:
    """Return the Gaussian, 1 at 0, in sixty digits."""
    with decimal.localcontext() as context:
        context.prec = 60
        return (decimal.Decimal(-(number**2)) / (2 * scale**2)).exp()


@SCALES
def test_stairs_are_full_and_nowhere_below_the_curve(scale: int) -> None:
    """On each lie the words 0, 1, ... up to its top; left over are few, above any curve."""
    staircase = _staircase(scale)
    heights: dict[int, set[int]] = {stair: set() for stair in np.unique(staircase.stairs).tolist()}
    sure = np.bincount(staircase.stairs[: staircase.n_sure].astype(int) + 128, minlength=256)
    left_over = 0
    for stair, height in zip(
        staircase.stairs[staircase.n_sure :].tolist(), staircase.heights.tolist(), strict=True
    ):
        if height == staircase.unit:
            left_over += 1
        else:
            assert height not in heights[stair]
            heights[stair].add(height)
    assert left_over < 0.01 * len(staircase.stairs) == 0.01 * 2**16
    assert max(heights) == -1 - min(heights)
    assert (max(heights) + 1) << staircase.bits >= 16 * scale
    for stair, found in heights.items():
        lowest = int(sure[stair + 128])
        assert found == set(range(lowest, lowest + len(found)))
        begin = max(stair, -1 - stair)  # how far from 0, as its mirror image
        end = begin + 1
        assert lowest + len(found) >= staircase.unit * curve(begin << staircase.bits, scale)
        assert lowest <= staircase.unit * curve(end << staircase.bits, scale)
    assert sure.sum() > 0.8 * 2**16


def random_words(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random words and places."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << 16, count, np.uint16), rng.integers(0, 1 << 32, count, np.uint32)


@pytest.fixture
def known_fractions(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Make fractions of heights known, and what is appended to them; return those."""
    drawn = np.random.default_rng(5).integers(0, 1 << 16, 5000, np.uint16)
    monkeypatch.setattr("secrets.token_bytes", lambda count: drawn[: count // 2].tobytes())
    monkeypatch.setattr("secrets.randbits", lambda bits: 12345)
    return lambda number: int(drawn[number])


def test_floats_decide_as_digits_would(known_fractions: Callable[[int], int]) -> None:
    """All that are not sure by digits, with the same bits where one is on the edge."""
    scale = 1000
    staircase = _staircase(scale)
    expected, n_judged = [], 0
    for word, place in zip(*map(np.ndarray.tolist, random_words(0, 3000)), strict=True):
        width = 1 << staircase.bits
        number = int(staircase.stairs[word]) * width + place % width
        if word >= staircase.n_sure:
            height, fraction = staircase.heights[word - staircase.n_sure], known_fractions(n_judged)
            n_judged += 1
            if not decided(number, scale, staircase.unit, int(height), fraction):
                continue
        expected.append(number)
    assert min(expected) < -scale < scale < max(expected)
    assert 100 < 3000 - len(expected) < n_judged
    assert kept(*random_words(0, 3000), scale).tolist() == expected


def test_the_order_of_bytes_does_not_matter(known_fractions: Callable[[int], int]) -> None:
    """Words come in little-endian order, whichever is the machine's."""
    expected = kept(*random_words(3, 200), 1000).tolist()
    for order in "<>":
        asked = [one.astype(one.dtype.newbyteorder(order)) for one in random_words(3, 200)]
        assert kept(*asked, 1000).tolist() == expected


def test_on_the_edge_more_bits_are_drawn() -> None:
    """Where the curve is within a fraction, only they can tell on which side of it a height is."""
    quarter = math.isqrt(round(2 * 10**12 * math.log(4)))  # the curve is there 1/4, very nearly
    assert decided(quarter, 10**6, 4, 0, 0xFFFE)  # of a height of 1, below
    assert not decided(quarter, 10**6, 4, 1, 1)
    low = (1 << 16) // 3
    third = math.isqrt(round(2 * 10**12 * math.log(3)))
    drawn = [decided(third, 10**6, 1, 0, low) for _ in range(3000)]
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.1)


def test_undecided_heights_are_asked_about(
    monkeypatch: pytest.MonkeyPatch, known_fractions: Callable[[int], int]
) -> None:
    """A float that is right to few digits leaves many to the digits, and no more."""
    expected = kept(*random_words(1, 3000), 1000).tolist()
    asked: list[int] = []

    def counting(number: int, scale: int, unit: int, height: int, fraction: int) -> bool:
        asked.append(number)
        return decided(number, scale, unit, height, fraction)

    monkeypatch.setattr(discrete_gaussian, "_SURE", 2.0**22)
    monkeypatch.setattr(discrete_gaussian, "decided", counting)
    assert expected == kept(*random_words(1, 3000), 1000).tolist()
    assert 50 < len(asked) < 300


def test_draws_are_fresh() -> None:
    assert sampled(50, 1 << 20).tolist() != sampled(50, 1 << 20).tolist()
    assert sampled(0, 100).tolist() == []
