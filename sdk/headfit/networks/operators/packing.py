"""Binary values in words of 32: +1 is a 0 bit, -1 a 1 bit, the first channel the lowest bit."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
"""Packed binary values, (..., ceil(channels / 32)); bits past the last channel are 0."""

_WORD_BITS: Final = 32


def n_words(channels: int) -> int:
    """Return how many words hold `channels` values."""
    return -(-channels // _WORD_BITS)


def pack(negative: NDArray[np.bool_]) -> Words:
    """Pack flags "is -1" along the last axis: (..., channels) to (..., words)."""
    packed = np.packbits(negative, axis=-1, bitorder="little")
    missing = 4 * n_words(negative.shape[-1]) - packed.shape[-1]
    if missing:
        packed = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, missing)])
    return packed.view("<u4")


def unpack(words: Words, channels: int) -> NDArray[np.bool_]:
    """Undo `pack`: flags "is -1", (..., channels)."""
    flags = np.unpackbits(_octets(words), axis=-1, count=channels, bitorder="little")
    return flags.view(np.bool_)


def unpack_signs(words: Words, channels: int) -> NDArray[np.float32]:
    """Return the values themselves, +1.0 and -1.0: (..., channels)."""
    signs = np.take(_SIGNS_OF_OCTET, _octets(words), axis=0)
    values: NDArray[np.float32] = signs.reshape(*words.shape[:-1], -1)[..., :channels]
    return values


def _octets(words: Words) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words, "<u4").view(np.uint8)


_SIGNS_OF_OCTET: Final = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"),
    np.float32(-1),
    np.float32(1),
)
"""For each byte its eight values; a table because this unpacks megabytes of filters."""
