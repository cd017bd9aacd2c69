"""Integers drawn from the discrete Gaussian, exactly: no float is ever rounded to one.

Its probability at ``x`` is proportional to ``exp(-x^2 / (2 scale^2))`` (Canonne, Kamath and
Steinke, "The Discrete Gaussian for Differential Privacy", 2020). Sums of several devices' draws
give the privacy of one continuous Gaussian of their variance, but for a term below
``exp(-scale^2)`` (Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism for
Federated Learning with Secure Aggregation", ICML 2021). Floats drawn from a Gaussian have gaps that
tell the data, rounded or not (Mironov, "On Significance of the Least Significant Bits for
Differential Privacy", 2012).

Drawn by rejection (von Neumann, 1951) under a staircase of whole numbers: a stair by a random word,
a place on it by another, kept with the probability that is left, by a third. That one is compared
with a float whose relative error is below ``2^-43``; where this does not decide, with as many
decimal digits, and random bits, as it takes. Beyond 16 times the scale, where less than 2^-180
lies, nothing is drawn.
"""

from __future__ import annotations

import decimal
import hashlib
import math
import secrets
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint16]

MIN_SCALE: Final = 16
MAX_SCALE: Final = 1 << 34

_REACH = 16
_WORD_BITS = 16  # of stairs, one of which is the sign, and of chances
_SURE = 2.0**-8  # the float below, of up to 2^16, is right to 2^-27
_SPARE = 1.12  # a little more than are refused


def sampled(count: int, scale: int) -> npt.NDArray[np.int64]:
    """Return ``count`` independent draws; from the system's randomness.

    Parameters
    ----------
    count : int
    scale : int
        From `MIN_SCALE` to `MAX_SCALE`; the standard deviation, very nearly.
    """
    drawn = np.empty(0, np.int64)
    while len(drawn) < count:
        wanted = int(_SPARE * (count - len(drawn))) + 16
        # SHAKE-128 makes of 32 random bytes as many as are needed, as fast as memory.
        stream = hashlib.shake_128(b"headfit noise " + secrets.token_bytes(32))
        data = stream.digest(8 * wanted)
        places = np.frombuffer(data, "<u4", wanted)
        stairs, chances = np.frombuffer(data, "<u2", 2 * wanted, 4 * wanted).reshape(2, wanted)
        drawn = np.append(drawn, kept(stairs, places, chances, scale))
    return drawn[:count]


def kept(
    stair_words: Words, place_words: npt.NDArray[np.uint32], chance_words: Words, scale: int
) -> npt.NDArray[np.int64]:
    """Return the draws that random words make: one of each three, or none.

    Parameters
    ----------
    stair_words, chance_words : ndarray of shape (n,), dtype uint16
    place_words : ndarray of shape (n,), dtype uint32
    scale : int
    """
    stair_of, heights, chances, unit, stair_bits = _stairs(scale)
    stairs = stair_of[stair_words >> np.uint16(1)]
    sizes = stairs.astype(np.int64)
    sizes <<= stair_bits
    sizes += place_words & np.uint32((1 << stair_bits) - 1)
    limits = sizes * (1 / scale)
    limits *= limits
    limits *= -0.5
    np.exp(limits, out=limits)
    limits *= chances[stairs]
    limits -= chance_words
    is_in = limits >= 1 + _SURE
    is_undecided = limits > -_SURE
    is_undecided ^= is_in  # who is in is above as well
    for row in np.flatnonzero(is_undecided):
        height, word = int(heights[stairs[row]]), int(chance_words[row])
        is_in[row] = decided(int(sizes[row]), scale, unit, height, word)
    signs = (stair_words & np.uint16(1)).astype(np.int64)
    signs *= -2
    signs += 1
    is_in &= sizes + signs >= 0  # 0 has one form
    sizes *= signs
    drawn: npt.NDArray[np.int64] = sizes[is_in]
    return drawn


@lru_cache(maxsize=8)
def _stairs(
    scale: int,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.float64], int, int]:
    """Return the stair of each word, their heights, ``unit`` over these, and their width in bits.

    A stair is as high as words are on it. The Gaussian is ``unit`` high at 0, and no higher than a
    stair anywhere on it. Words that are left over are on one behind the last, of no chance. Chances
    are of 2^16.
    """
    n_words = 1 << (_WORD_BITS - 1)
    bits = (scale // 4).bit_length() - 1
    width = 1 << bits
    n_stairs = -(-_REACH * scale // width)
    curve = np.exp(-0.5 * np.square(np.arange(n_stairs) * (width / scale)))
    unit = math.floor((n_words - n_stairs) / curve.sum())
    heights = np.ceil(curve * unit * (1 + 2.0**-40)).astype(np.int64)
    left_over = n_words - int(heights.sum())
    stair_of = np.repeat(np.arange(n_stairs + 1), np.append(heights, left_over))
    chances = np.append(math.ldexp(unit, _WORD_BITS) / heights, 0.0)
    heights = np.append(heights, left_over)
    return stair_of.astype(np.uint8), heights, chances, unit, bits


def decided(size: int, scale: int, unit: int, height: int, word: int) -> bool:
    """Return whether a chance, of which ``word`` are the first 16 bits, is below what is left.

    That is ``exp(-size^2 / (2 scale^2)) unit / height``. Bits are appended to the word, and digits
    to the limit, until they differ.
    """
    low, bits = word, _WORD_BITS
    while True:
        with decimal.localcontext() as context:
            context.prec = 40 + bits
            exponent = decimal.Decimal(-(size**2)) / (2 * scale**2)
            limit = exponent.exp() * unit * (1 << bits) / height
            doubt = limit * decimal.Decimal(10) ** -30
            if low + 1 <= limit - doubt:
                return True
            if low >= limit + doubt:
                return False
        low, bits = (low << 64) | secrets.randbits(64), bits + 64
