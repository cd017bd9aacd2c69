"""The vector that a device contributes: counts, class sums and second moments in whole numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from headfit.learning.class_sums import ClassSums
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.pooling.discrete_gaussian import sampled
from headfit.pooling.projection import GRID, UNITS, Integers
from headfit.pooling.round import Round

Words = npt.NDArray[np.uint64]
"""Numbers modulo 2^64: they add up to the same in whatever order and grouping."""


def vector_of(called: Round, embeddings: FloatArray, targets: TargetArray) -> Words:
    """Return the sums over photos, without noise.

    Parameters
    ----------
    called : Round
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each one's class in the round.

    Returns
    -------
    ndarray of shape (Round.n_numbers,), dtype uint64
    """
    # Floats hold these integers: products are below 2^24, and so 2^29 of them below 2^53.
    points = called.projection.projected_floats(embeddings)
    n_classes, n_first = len(called.classes), called.n_first
    is_of = targets == np.arange(n_classes)[:, np.newaxis]
    vector = np.empty(called.n_numbers, np.int64)
    vector[:n_classes] = UNITS * np.bincount(targets, minlength=n_classes)
    vector[n_classes:n_first] = GRID * (is_of @ points).ravel()
    if called.moments:
        vector[n_first:] = (points.T @ points).take(_upper(called.width))
    return vector.view(np.uint64)


@lru_cache(maxsize=4)
def _upper(width: int) -> TargetArray:
    """Return the places of the upper triangle in a flat matrix, row by row."""
    return np.flatnonzero(np.triu(np.ones((width, width), np.bool_)))


def noise_share(called: Round) -> Words:
    """Return a device's share of the noise, fresh from the system's randomness."""
    return sampled(called.n_numbers, called.noise).view(np.uint64)


def class_sums_of(called: Round, total: Words) -> ClassSums:
    """Return what a vector holds, in units of 1; its moments are 0 if none were asked for.

    Parameters
    ----------
    called : Round
    total : ndarray of shape (Round.n_numbers,), dtype uint64
    """
    numbers: Integers = total.view(np.int64)
    n_classes, width = len(called.classes), called.width
    moments = np.zeros((width, width))
    if called.moments:
        moments.ravel()[_upper(width)] = numbers[called.n_first :] / UNITS
        moments += np.triu(moments, 1).T
    return ClassSums(
        numbers[:n_classes] / UNITS,
        numbers[n_classes : called.n_first].reshape(n_classes, width) / UNITS,
        moments,
    )
