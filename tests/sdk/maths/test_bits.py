"""Binary values in words: packed, unpacked, and the bits in which they differ counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headfit.maths import bits


@pytest.mark.parametrize("channels", [1, 31, 32, 33, 64, 70])
def test_unpacks_what_was_packed(channels: int) -> None:
    """Every value comes back, and the bits past the last one are 0."""
    negative = np.random.default_rng(channels).random((2, 3, channels)) < 0.5
    words = bits.pack(negative)
    assert words.shape == (2, 3, bits.n_words(channels))
    np.testing.assert_array_equal(bits.unpack(words, channels), negative)
    np.testing.assert_array_equal(bits.unpack_signs(words, channels), 1 - 2 * negative)
    assert not bits.unpack(words, 32 * words.shape[-1])[..., channels:].any()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("channels", [1, 32, 33, 1200])
def test_counts_differences(channels: int, order: str) -> None:
    """As comparing the values one by one does, whatever the layout in memory."""
    rng = np.random.default_rng(channels)
    patches, filters = (np.array(rng.random((n, channels)) < 0.5, order=order) for n in (5, 3))
    found = bits.count_differences(
        bits.as_pairs(bits.pack(patches)), bits.as_pairs(bits.pack(filters)).T
    )
    expected = (patches[:, np.newaxis] != filters).sum(axis=2)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("count", {bits.count_bits, bits._added_count})
def test_counts_bits(count: Callable[..., Any]) -> None:
    """Both ways of counting agree with Python's."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**64, 999, dtype=np.uint64, endpoint=False)
    words[:3] = 0, 2**64 - 1, 2**63
    expected = [bin(word).count("1") for word in words.tolist()]
    counts = np.empty(len(words), np.uint8)
    count(words, counts)
    assert counts.tolist() == expected
