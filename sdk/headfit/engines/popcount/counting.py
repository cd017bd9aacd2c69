"""In how many bits what a window sees differs from the filters, on NumPy 2 and NumPy 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.networks.operators.binary_convolution import BinaryConvolution
from headfit.networks.operators.packing import Words, unpack_signs

Count = Callable[[Words], NDArray[Any]]
"""Takes the padded picture (1, height, width, words); returns (n_places, n_filters), a number."""


def compile_count(convolution: BinaryConvolution) -> Count:
    """Return what counts the differing bits of a convolution, the fastest way there is here."""
    if _MULTIPLIES and convolution.window.n_places >= _MANY_PLACES:
        return _by_product(convolution)
    return _by_bits(convolution)


def _by_bits(convolution: BinaryConvolution) -> Count:
    """Compare words and count."""
    window, words = convolution.window, convolution.filters.shape[3]
    flat = convolution.filters.reshape(convolution.groups, -1, window.area * words)
    filters = [np.ascontiguousarray(_as_pairs(group).T) for group in flat]

    def count(padded: Words) -> NDArray[Any]:
        counts: list[NDArray[Any]] = [
            count_differences(
                _as_pairs(window.patches(padded[..., g * words : (g + 1) * words])), group
            )
            for g, group in enumerate(filters)
        ]
        return counts[0] if len(counts) == 1 else np.concatenate(counts, axis=1)

    return count


def _by_product(convolution: BinaryConvolution) -> Count:
    """Multiply +1 and -1 as floats: where x and w differ, (1 - x w) / 2 is 1, else 0.

    Sums of halves up to 2**21 are exact in float32, in any order. The filters are kept unpacked,
    in 32 times the space.
    """
    window, words, depth = convolution.window, convolution.filters.shape[3], convolution.depth
    signs = convolution.signs().reshape(convolution.groups, -1, depth)
    halves = [np.ascontiguousarray(group.T) * np.float32(-0.5) for group in signs]

    def count(padded: Words) -> NDArray[Any]:
        counts = np.empty((window.n_places, convolution.n_filters), np.float32)
        width = convolution.n_filters // convolution.groups
        for g, group in enumerate(halves):
            x = unpack_signs(padded[..., g * words : (g + 1) * words], depth // window.area)
            np.matmul(window.patches(x), group, out=counts[:, g * width : (g + 1) * width])
        counts += np.float32(depth / 2)
        return counts

    return count


def _as_pairs(words: Words) -> NDArray[np.uint64]:
    """View rows of 32-bit words as 64-bit ones, with a zero word added if their number is odd."""
    if words.shape[1] % 2:
        words = np.pad(words, [(0, 0), (0, 1)])
    return np.ascontiguousarray(words).view(np.uint64)


_native_count = getattr(np, "bitwise_count", None)
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


def _has_blas() -> bool:
    """Say whether NumPy was built with a library for matrix products."""
    show_config: Callable[..., Any] = np.show_config
    try:
        return bool(show_config(mode="dicts")["Build Dependencies"]["blas"]["found"])
    except (KeyError, TypeError):  # built in a way that does not say
        return False


_MULTIPLIES: Final = _native_count is None and _has_blas()
"""NumPy 1 multiplies floats three to five times as fast as it counts bits; NumPy 2 does not."""
_MANY_PLACES: Final = 8
"""Below, as in dense layers, reading the unpacked filters takes longer than counting."""

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
