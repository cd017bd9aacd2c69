"""What features are standardised by, ``(feature - mean) / scale``, and which are constant."""

from __future__ import annotations

from typing import Final

import numpy as np

from headfit.maths.arrays import DoubleArray, FloatArray, Floats

ROUNDING: Final = 16 * float(np.finfo(np.float32).eps)
"""A feature whose spread is this small beside its mean varies by the rounding of float32 alone."""


def scale_of(variance: DoubleArray, mean: Floats) -> Floats:
    """Return each feature's standard deviation, infinite for one that is constant.

    A constant feature is then 0 once standardised, so that it has no influence.

    Parameters
    ----------
    variance : ndarray of shape (embedding_dim,), dtype float64
        A difference of sums may be a little below 0, which counts as 0.
    mean : ndarray of shape (embedding_dim,), dtype float32 or float64

    Returns
    -------
    ndarray of shape (embedding_dim,), of the mean's dtype
    """
    scale: Floats = np.sqrt(np.maximum(variance, 0)).astype(mean.dtype)
    scale[scale <= ROUNDING * np.abs(mean)] = np.inf
    return scale


def mean_and_scale(embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each feature's mean and `scale_of`, summed in float64, as float32."""
    mean = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = embeddings - mean
    variance = np.einsum("ij,ij->j", centred, centred, dtype=np.float64) / len(embeddings)
    return mean, scale_of(variance, mean)
