"""Binary convolutions: in how many bits a window differs from each filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.maths.bits import COUNTS_NATIVELY, Words, as_pairs, count_differences, unpack_signs
from headfit.networks.operators.binary_convolution import BinaryConvolution

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
    filters = [np.ascontiguousarray(as_pairs(group).T) for group in flat]

    def count(padded: Words) -> NDArray[Any]:
        counts: list[NDArray[Any]] = [
            count_differences(
                as_pairs(window.patches(padded[..., g * words : (g + 1) * words])), group
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


def _has_blas() -> bool:
    """Say whether NumPy was built with a library for matrix products."""
    show_config: Callable[..., Any] = np.show_config
    try:
        return bool(show_config(mode="dicts")["Build Dependencies"]["blas"]["found"])
    except (KeyError, TypeError):  # built in a way that does not say
        return False


_MULTIPLIES: Final = not COUNTS_NATIVELY and _has_blas()
"""NumPy 1 multiplies floats three to five times as fast as it counts bits; NumPy 2 does not."""
_MANY_PLACES: Final = 8
"""Below, as in dense layers, reading the unpacked filters takes longer than counting."""
