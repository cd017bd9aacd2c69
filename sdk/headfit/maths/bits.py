"""Binary values packed into words, and the bits in which they differ counted.

A word has 32 bits: +1 is a 0 bit, -1 a 1 bit, the first channel the lowest bit, as in Larq Compute
Engine. The product of two rows of n binary values is ``n - 2 * (bits in which they differ)``
(Rastegari et al., "XNOR-Net", ECCV 2016).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.maths.arrays import FloatArray

Words = NDArray[np.uint32]
"""Packed binary values, (..., ceil(channels / 32)); bits past the last channel are 0."""

_WORD_BITS: Final = 32


def n_words(channels: int) -> int:
    """Return how many words hold `channels` values."""
    return -(-channels // _WORD_BITS)


def pack(negative: NDArray[np.bool_]) -> Words:
    """Pack flags "is -1" along the last axis: (..., channels) to (..., words)."""
    packed = np.ascontiguousarray(np.packbits(negative, axis=-1, bitorder="little"))
    missing = 4 * n_words(negative.shape[-1]) - packed.shape[-1]
    if missing:
        packed = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, missing)])
    return packed.view("<u4")


def unpack(words: Words, channels: int) -> NDArray[np.bool_]:
    """Undo `pack`: flags "is -1", (..., channels)."""
    flags = np.unpackbits(_octets(words), axis=-1, count=channels, bitorder="little")
    return flags.view(np.bool_)


def unpack_signs(words: Words, channels: int) -> FloatArray:
    """Return the values themselves, +1.0 and -1.0: (..., channels)."""
    signs = np.take(_SIGNS_OF_OCTET, _octets(words), axis=0)
    values: FloatArray = signs.reshape(*words.shape[:-1], -1)[..., :channels]
    return values


def _octets(words: Words) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words, "<u4").view(np.uint8)


_SIGNS_OF_OCTET: Final = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"),
    np.float32(-1),
    np.float32(1),
)
"""For each byte its eight values; a table because this unpacks megabytes of filters."""


def as_pairs(words: Words) -> NDArray[np.uint64]:
    """View rows of words as 64-bit ones, with a zero word added if their number is odd."""
    if words.shape[1] % 2:
        words = np.pad(words, [(0, 0), (0, 1)])
    return np.ascontiguousarray(words).view(np.uint64)


_native_count = getattr(np, "bitwise_count", None)
COUNTS_NATIVELY: Final = _native_count is not None
"""NumPy 2 counts with the processor's own instruction; NumPy 1 cannot count."""

_EVEN_BITS: Final = np.uint64(0x5555555555555555)
_EVEN_PAIRS: Final = np.uint64(0x3333333333333333)
_EVEN_NIBBLES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_EACH_BYTE: Final = np.uint64(0x0101010101010101)


def _added_count(words: NDArray[np.uint64], counts: NDArray[np.uint8]) -> None:
    """Count by adding neighbouring bits, pairs, nibbles, bytes, in place.

    A third faster here than looking up the four 16-bit pieces of every word in a table.
    """
    shifted = words >> np.uint64(1)
    shifted &= _EVEN_BITS
    words -= shifted
    np.right_shift(words, np.uint64(2), out=shifted)
    shifted &= _EVEN_PAIRS
    words &= _EVEN_PAIRS
    words += shifted
    np.right_shift(words, np.uint64(4), out=shifted)
    words += shifted
    words &= _EVEN_NIBBLES
    words *= _EACH_BYTE  # the top byte becomes the sum of all eight
    words >>= np.uint64(56)
    np.copyto(counts, words, casting="unsafe")


count_bits: Final = _native_count or _added_count
"""Write the number of 1 bits of each word into the second array; the first is scratch after."""

_BLOCK: Final = 16384
"""Words worked on at a time: 128 kB, so that they stay in the second-level cache."""


def count_differences(patches: NDArray[np.uint64], filters: NDArray[np.uint64]) -> NDArray[Any]:
    """Count for every patch and filter in how many bits they differ.

    Parameters
    ----------
    patches : ndarray of shape (n_patches, n_words), dtype uint64
    filters : ndarray of shape (n_words, n_filters), dtype uint64

    Returns
    -------
    ndarray of shape (n_patches, n_filters), dtype uint16 where that is wide enough, else uint32
    """
    n_patches, depth = patches.shape
    n_filters = filters.shape[1]
    sums: NDArray[Any] = np.zeros((n_patches, n_filters), np.uint16 if depth < 1024 else np.uint32)
    rows = max(1, min(n_patches, _BLOCK // n_filters))
    differing = np.empty((rows, n_filters), np.uint64)
    counts = np.empty((rows, n_filters), np.uint8)
    for start in range(0, n_patches, rows):
        total = sums[start : start + rows]
        words, ones = differing[: len(total)], counts[: len(total)]
        block = patches[start : start + rows]
        for k in range(depth):
            np.bitwise_xor(block[:, k, None], filters[k], out=words)
            count_bits(words, ones)
            total += ones
    return sums
