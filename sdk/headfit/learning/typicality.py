"""How far an embedding lies from all that a head was taught, whatever its class.

A softmax head tells sides, not distances: a photo of something else may lie far off on one side,
and the head is sure of it. What it lacks is the density of embeddings. A Gaussian with a variance
for each feature is enough of one: with the features' full covariance, 144 times as large, other
data sets were refused no better (docs/results.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.learning.held_out import LeftOut
from headfit.maths.arrays import DoubleArray, FloatArray

# One minus a share that is nearer to one than this is rounding.
_ROUNDING = 1e-6
# Numbers that are worked on at a time: several arrays of as many stay in a core's cache.
_IN_CACHE = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Typicality:
    """Where embeddings of training lie, and how near.

    Attributes
    ----------
    centre : ndarray of shape (embedding_dim,), dtype float32
        The mean of all embeddings.
    inverse_spread : ndarray of shape (embedding_dim,), dtype float32
        One over each feature's standard deviation, times a factor common to all: see `weighed`. 0
        for a feature that never varied.
    """

    centre: FloatArray
    inverse_spread: FloatArray

    @classmethod
    def weighed(cls, mean: DoubleArray, inverse_scale: DoubleArray, weight: float) -> Typicality:
        """Return what makes distances ``weight`` times the sum of squared standardised features.

        Raises
        ------
        TrainingDivergedError
            If features vary so little that float32 cannot hold one over it.
        """
        with np.errstate(over="ignore"):  # refused below
            spread = (inverse_scale * np.sqrt(weight)).astype(np.float32)
        if not np.isfinite(spread).all():
            raise TrainingDivergedError(
                "expected embeddings whose spread float32 can divide by, found a standard "
                f"deviation of {1 / inverse_scale.max():g}; scale them up"
            )
        return cls(mean.astype(np.float32), spread)

    def distances(self, embeddings: FloatArray) -> FloatArray:
        """Return ``sum(square((embedding - centre) * inverse_spread))`` of each embedding."""
        with np.errstate(over="ignore"):  # infinitely far is far
            away = (embeddings - self.centre) * self.inverse_spread
            distances: FloatArray = np.einsum("nd,nd->n", away, away)
        return distances


def left_out_distances(
    embeddings: FloatArray,
    mean: DoubleArray,
    inverse_scale: DoubleArray,
    mass: float,
    left_out: LeftOut,
) -> DoubleArray:
    """Return the distance of each embedding, weighed by 1, from all of them but its group.

    Of ``n`` examples, ``w`` are left out whose feature is ``z`` standard deviations off the mean
    on average, its square ``q``. Without them the mean is ``-w z / (n - w)`` off, and the variance
    ``(n - w q) / (n - w)`` less the square of that. A feature that does not vary without them has
    no say.

    Parameters
    ----------
    embeddings : ndarray of shape (n_left_out, embedding_dim), dtype float32
        Some of those that mean and scale are of.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        Of all; 0 for a feature that never varies.
    mass : float
        How many examples all of them count for.
    left_out : LeftOut
        Of these embeddings.
    """
    distances = np.empty(len(embeddings))
    for places, part in left_out.parts(max(_IN_CACHE // embeddings.shape[1], 1)):
        off = embeddings[places] - mean
        off *= inverse_scale
        weights = part.masses[:, np.newaxis]
        rest = mass - weights
        moved = weights / rest * part.means(off)
        variance = mass - weights * part.means(np.square(off))
        variance /= rest
        variance -= np.square(moved)
        away = np.square(np.add(off, moved, out=off), out=off)
        away[variance < _ROUNDING] = 0
        away /= np.maximum(variance, _ROUNDING, out=variance)
        distances[places] = away.sum(axis=1)
    return distances
