"""Filters as the kernels read them: blocks of neighbouring filters, a unit of each in turn."""

from __future__ import annotations

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
    of_group = values.shape[0] // groups
    blocks = -(-of_group // lanes)
    filled = np.zeros((groups, blocks * lanes, *values.shape[1:]), values.dtype)
    filled[:, :of_group] = values.reshape(groups, of_group, *values.shape[1:])
    return filled.reshape(groups, blocks, lanes, *values.shape[1:])


def pack_filters(filters: Words, groups: int, kernels: Kernels) -> NDArray[Any]:
    """Pack binary filters in the kernels' units.

    Parameters
    ----------
    filters : ndarray of shape (n_filters, height, width, words), dtype uint32
    groups : int
    kernels : Kernels

    Returns
    -------
    ndarray of shape (groups, blocks, units, 32)
        uint32 for units of 32 bits, else uint8.
    """
    words = np.ascontiguousarray(filters, "<u4").reshape(filters.shape[0], -1)
    if kernels.unit_bits == 32:
        return np.ascontiguousarray(in_lanes(words, groups, LANES).swapaxes(2, 3))
    octets = np.ascontiguousarray(in_lanes(words.view(np.uint8), groups, LANES).swapaxes(2, 3))
    if kernels.unit_bits == 8:
        return octets
    n_groups, blocks, n_octets, lanes = octets.shape
    nibbles = np.empty((n_groups, blocks, n_octets, 2, lanes), np.uint8)
    nibbles[..., 0, :] = octets & 15
    nibbles[..., 1, :] = octets >> 4
    return nibbles.reshape(n_groups, blocks, 2 * n_octets, lanes)


def pack_float_filters(weights: FloatArray, groups: int) -> FloatArray:
    """Pack float filters, (n_filters, ...), as (groups, blocks, values, 16)."""
    flat = weights.reshape(weights.shape[0], -1)
    packed: FloatArray = np.ascontiguousarray(in_lanes(flat, groups, FLOAT_LANES).swapaxes(2, 3))
    return packed
