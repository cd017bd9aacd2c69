"""Integers drawn from the discrete Gaussian, exactly: no float is ever rounded to one.

Its probability at ``x`` is proportional to ``exp(-x^2 / (2 scale^2))`` (Canonne, Kamath and
Steinke, "The Discrete Gaussian for Differential Privacy", 2020). Sums of several devices' draws
give the privacy of one continuous Gaussian of their variance, but for a term below
``exp(-scale^2)`` (Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism for
Federated Learning with Secure Aggregation", ICML 2021). Floats drawn from a Gaussian have gaps that
tell the data, rounded or not (Mironov, "On Significance of the Least Significant Bits for
Differential Privacy", 2012).

A random word chooses a stair of a staircase of whole numbers over the curve, and how high on it;
another the place on it. Most words are below the curve wherever on their stair: there a draw is
uniform, and kept (the composition method: Devroye, "Non-Uniform Random Variate Generation", 1986,
II.4). Of the others those are kept that are below the curve (rejection: von Neumann, 1951), for
which their height gets a fraction by a third word. It is compared with a float whose relative error
is below ``2^-43``; where this does not decide, with as many decimal digits, and random bits, as it
takes. Beyond 16 times the scale, where less than 2^-180 lies, nothing is drawn.
"""

from __future__ import annotations

import decimal
import hashlib
import math
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint16]

MIN_SCALE: Final = 16
MAX_SCALE: Final = 1 << 34

_REACH = 16
_WORD_BITS = 16
_SURE = 2.0**-8  # the float below, of up to 2^29, is right to 2^-14
_SPARE = 1.12  # a little more than are refused


def sampled(count: int, scale: int) -> npt.NDArray[np.int64]:
    """Return ``count`` independent draws; from the system's randomness.

    Parameters
    ----------
    count : int
    scale : int
        From `MIN_SCALE` to `MAX_SCALE`; the standard deviation, very nearly.
    """
    pieces: list[npt.NDArray[np.int64]] = []
    missing = count
    while missing > 0 or not pieces:
        wanted = int(_SPARE * missing) + 16
        # SHAKE-128 makes of 32 random bytes as many as are needed, as fast as memory.
        stream = hashlib.shake_128(b"headfit noise " + secrets.token_bytes(32))
        data = stream.digest(6 * wanted)
        places = np.frombuffer(data, "<u4", wanted)
        words = np.frombuffer(data, "<u2", wanted, 4 * wanted)
        pieces.append(kept(words, places, scale))
        missing -= len(pieces[-1])
    return np.concatenate(pieces)[:count]


def kept(words: Words, places: npt.NDArray[np.uint32], scale: int) -> npt.NDArray[np.int64]:
    """Return the draws that random words make: one of each two, or none.

    Parameters
    ----------
    words : ndarray of shape (n,), dtype uint16
        Of stairs and heights.
    places : ndarray of shape (n,), dtype uint32
    scale : int
    """
    staircase = _staircase(scale)
    drawn = staircase.stairs.take(words).astype(np.int64)
    drawn <<= staircase.bits
    drawn += places & np.uint32((1 << staircase.bits) - 1)
    is_in = words < staircase.n_sure
    rows = np.flatnonzero(~is_in)
    heights = staircase.heights.take(words[rows] - staircase.n_sure)
    is_in[rows] = _are_below(drawn[rows], heights, staircase)
    return drawn[is_in]


@dataclass(frozen=True, slots=True, eq=False)
class _Staircase:
    """Stairs that the Gaussian of a scale is nowhere above, each ``2 ** bits`` numbers wide.

    Attributes
    ----------
    scale, bits : int
    unit : int
        How many words high the Gaussian is at 0.
    n_sure : uint16
        Words below this are below the Gaussian wherever on their stair.
    stairs : ndarray of shape (65536,), dtype int8
        Of each word; -1 is the first of negative numbers.
    heights : ndarray of shape (65536 - n_sure,), dtype int64
        How many words are below each of the others on its stair.
    """

    scale: int
    bits: int
    unit: int
    n_sure: np.uint16
    stairs: npt.NDArray[np.int8]
    heights: npt.NDArray[np.int64]


@lru_cache(maxsize=8)
def _staircase(scale: int) -> _Staircase:
    half = 1 << (_WORD_BITS - 1)  # of either sign
    bits = (scale // 4).bit_length() - 1
    width = 1 << bits
    n_stairs = -(-_REACH * scale // width)
    curve = np.exp(-0.5 * np.square(np.arange(n_stairs + 1) * (width / scale)))
    unit = math.floor((half - n_stairs) / curve[:-1].sum())
    # Negative numbers end where these begin, at the other end of the stair, which is in neither.
    tops = np.ceil(curve[:-1] * unit * (1 + 2.0**-40)).astype(np.int64)
    sure = np.floor(curve[1:] * unit * (1 - 2.0**-40)).astype(np.int64)
    steps = np.arange(n_stairs)
    some = np.repeat(steps, sure), np.repeat(steps, tops - sure)
    above = np.concatenate([np.arange(low, top) for low, top in zip(sure, tops, strict=True)])
    left_over = 2 * (half - int(tops.sum()))  # words of no stair, above any
    return _Staircase(
        scale,
        bits,
        unit,
        np.uint16(2 * len(some[0])),
        np.concatenate([some[0], ~some[0], some[1], ~some[1], np.zeros(left_over)]).astype(np.int8),
        np.concatenate([above, above, np.full(left_over, unit)]).astype(np.int64),
    )


def _are_below(
    numbers: npt.NDArray[np.int64], heights: npt.NDArray[np.int64], staircase: _Staircase
) -> npt.NDArray[np.bool_]:
    """Return whether heights, with fractions of random words, are below the curve at numbers."""
    fractions = np.frombuffer(secrets.token_bytes(2 * len(numbers)), np.uint16)
    limits = numbers * (1 / staircase.scale)
    limits *= limits
    limits *= -0.5
    np.exp(limits, out=limits)
    limits *= staircase.unit
    limits -= heights
    limits *= 1 << _WORD_BITS
    limits -= fractions
    are_below = limits >= 1 + _SURE
    for row in np.flatnonzero((limits > -_SURE) & ~are_below):
        are_below[row] = decided(
            int(numbers[row]),
            staircase.scale,
            staircase.unit,
            int(heights[row]),
            int(fractions[row]),
        )
    return are_below


def decided(number: int, scale: int, unit: int, height: int, fraction: int) -> bool:
    """Return whether a height, of whose fraction these are the first 16 bits, is below the curve.

    That is ``unit exp(-number^2 / (2 scale^2))`` high. Bits are appended to the fraction, and
    digits to the limit, until they differ.
    """
    low, bits = fraction, _WORD_BITS
    while True:
        with decimal.localcontext() as context:
            context.prec = 40 + bits
            exponent = decimal.Decimal(-(number**2)) / (2 * scale**2)
            curve = exponent.exp() * unit
            limit = (curve - height) * (1 << bits)
            doubt = curve * (1 << bits) * decimal.Decimal(10) ** -30
            if low + 1 <= limit - doubt:
                return True
            if low >= limit + doubt:
                return False
        low, bits = (low << 64) | secrets.randbits(64), bits + 64
