"""Filters as the kernels read them: blocks of neighbouring filters, a unit of each in turn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit.engines.native.library import Kernels
from headfit.engines.native.steps import FLOAT_LANES, LANES
from headfit.maths.arrays import FloatArray
from headfit.maths.bits import Words


def in_lanes(values: NDArray[Any], groups: int, lanes: int) -> NDArray[Any]:
    """Fill every group up with zeros to whole blocks.

    Parameters
    ----------
    values : ndarray of shape (n_filters, ...)
    groups, lanes : int

    Returns
    -------
    ndarray of shape (groups, blocks, lanes, ...)
    """
    of_group, rest = values.shape[0] // groups, values.shape[1:]
    blocks = -(-of_group // lanes)
    if of_group < blocks * lanes:
        filled = np.zeros((groups, blocks * lanes, *rest), values.dtype)
        filled[:, :of_group] = values.reshape(groups, of_group, *rest)
        values = filled
    return values.reshape(groups, blocks, lanes, *rest)


def packed_bytes(filters: Words, groups: int, kernels: Kernels) -> int:
    """Return how many bytes `pack_filters` writes."""
    n_filters, *window = filters.shape
    lanes = groups * -(-n_filters // (groups * LANES)) * LANES
    return lanes * math.prod(window) * (32 // kernels.unit_bits) * kernels.unit_bytes


def pack_filters(filters: Words, groups: int, kernels: Kernels, packed: NDArray[np.uint8]) -> None:
    """Pack binary filters in the kernels' units.

    Parameters
    ----------
    filters : ndarray of shape (n_filters, height, width, words), dtype uint32
    groups : int
    kernels : Kernels
    packed : ndarray of shape (packed_bytes,)
        Where they go: by groups, blocks, units and filters of a block.
    """
    words = np.ascontiguousarray(filters, "<u4").reshape(filters.shape[0], -1)
    if kernels.unit_bits == 32:
        units = in_lanes(words, groups, LANES).swapaxes(2, 3)
        packed.view("<u4").reshape(units.shape)[...] = units
        return
    octets = in_lanes(words.view(np.uint8), groups, LANES).swapaxes(2, 3)
    if kernels.unit_bits == 8:
        packed.reshape(octets.shape)[...] = octets
        return
    rows = np.ascontiguousarray(octets).reshape(-1, LANES)
    nibbles = packed.reshape(-1, 2, LANES)
    np.bitwise_and(rows, 15, out=nibbles[:, 0])
    np.right_shift(rows, 4, out=nibbles[:, 1])


def pack_float_filters(weights: FloatArray, groups: int) -> FloatArray:
    """Pack float filters, (n_filters, ...), as (groups, blocks, values, 16)."""
    flat = weights.reshape(weights.shape[0], -1)
    packed: FloatArray = np.ascontiguousarray(in_lanes(flat, groups, FLOAT_LANES).swapaxes(2, 3))
    return packed
