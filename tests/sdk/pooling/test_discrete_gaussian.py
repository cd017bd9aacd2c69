"""The noise has the distribution that it says, and no float decides about an integer."""

from __future__ import annotations

import decimal
import math

import numpy as np
import pytest
from scipy.stats import chisquare, norm

from headfit.pooling import discrete_gaussian
from headfit.pooling.discrete_gaussian import MAX_SCALE, MIN_SCALE, decided, kept, sampled


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


@pytest.mark.parametrize("scale", [MIN_SCALE, 17, 1000, 4096 * 1341, MAX_SCALE])
def test_no_stair_is_below_the_curve(scale: int) -> None:
    """In sixty digits; and the words that are on no stair are few."""
    stair_of, heights, chances, unit, bits = discrete_gaussian._stairs(scale)
    assert np.bincount(stair_of, minlength=len(heights)).tolist() == heights.tolist()
    assert len(stair_of) == 1 << 15
    assert heights[-1] < 0.01 * len(stair_of)
    assert (len(heights) - 1) << bits >= 16 * scale
    with decimal.localcontext() as context:
        context.prec = 60
        for stair, height in enumerate(heights[:-1].tolist()):
            square = decimal.Decimal((stair << bits) ** 2) / (2 * scale**2)
            assert height >= unit * (-square).exp()
    np.testing.assert_allclose(chances[:-1], unit * 2.0**16 / heights[:-1], rtol=1e-15)
    assert chances[-1] == 0


def words(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return random words for stairs, places and chances."""
    rng = np.random.default_rng(seed)
    stairs, chances = rng.integers(0, 1 << 16, (2, count), np.uint16)
    return stairs, rng.integers(0, 1 << 32, count, np.uint32), chances


def test_the_float_decides_as_digits_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """All chances by digits, with the same bits where one is on the edge."""
    monkeypatch.setattr("secrets.randbits", lambda bits: 12345)
    scale = 1000
    stair_of, heights, _, unit, bits = discrete_gaussian._stairs(scale)
    expected = []
    for stair_word, place_word, chance_word in zip(
        *map(np.ndarray.tolist, words(0, 3000)), strict=True
    ):
        stair = int(stair_of[stair_word >> 1])
        if stair == len(heights) - 1:
            continue
        size = (stair << bits) + (place_word & ((1 << bits) - 1))
        is_kept = decided(size, scale, unit, int(heights[stair]), chance_word)
        if is_kept and not (size == 0 and stair_word & 1):
            expected.append(-size if stair_word & 1 else size)
    assert expected == kept(*words(0, 3000), scale).tolist()


def test_on_the_edge_more_bits_are_drawn() -> None:
    """Where the limit lies within a word, only they can tell on which side of it a chance is."""
    half = 1 << 15  # of height twice the unit, at 0
    assert decided(0, 100, 5, 10, half - 1)
    assert not decided(0, 100, 5, 10, half)
    third = (1 << 16) // 3  # a third lies within this word: a third of it is below
    drawn = [decided(0, 100, 1, 3, third) for _ in range(3000)]
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.05)


def test_undecided_words_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """A float that is right to a sixteenth leaves many to the digits, and no more."""
    monkeypatch.setattr("secrets.randbits", lambda bits: 12345)
    expected = kept(*words(1, 500), 1000).tolist()
    asked: list[int] = []

    def counting(size: int, scale: int, unit: int, height: int, word: int) -> bool:
        asked.append(word)
        return decided(size, scale, unit, height, word)

    monkeypatch.setattr(discrete_gaussian, "_SURE", 2.0**12)
    monkeypatch.setattr(discrete_gaussian, "decided", counting)
    assert expected == kept(*words(1, 500), 1000).tolist()
    assert len(asked) > 10


def test_draws_are_fresh() -> None:
    assert sampled(50, 1 << 20).tolist() != sampled(50, 1 << 20).tolist()
    assert sampled(0, 100).tolist() == []
