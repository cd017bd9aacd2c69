"""What features are standardised by, ``(feature - mean) / scale``, and which are constant."""

from __future__ import annotations

from typing import Final

import numpy as np

from headfit.maths.arrays import Array, DoubleArray, FloatArray, Floats, blocks

ROUNDING: Final = 16 * float(np.finfo(np.float32).eps)
"""A feature whose spread is this small beside its mean varies by the rounding of float32 alone."""

LEAST_SPREAD: Final = 0.3
"""Of the median spread of features, the least by which one is divided: one that hardly varies would
get weights hundreds of times those of others, beside which int8 rounds these away, and in which a
rounding of the extractor would count as a feature. Chosen on training halves of flowers, scenes,
birds and objects (docs/results.md).
"""


def scale_of(variance: DoubleArray, mean: Floats, least: float = LEAST_SPREAD) -> Floats:
    """Return what each feature is divided by: its standard deviation, or a share of the others'.

    It is infinite for a constant feature, which is then 0 once standardised, so that it has no
    influence.

    Parameters
    ----------
    variance : ndarray of shape (embedding_dim,), dtype float64
        A difference of sums may be a little below 0, which counts as 0.
    mean : ndarray of shape (embedding_dim,), dtype float32 or float64
    least : float
        The least share of the median standard deviation of those that vary.

    Returns
    -------
    ndarray of shape (embedding_dim,), of the mean's dtype
    """
    scale: Floats = np.sqrt(np.maximum(variance, 0)).astype(mean.dtype)
    is_constant = scale <= ROUNDING * np.abs(mean)
    if not is_constant.all():
        np.maximum(scale, least * np.median(scale[~is_constant]), out=scale)
    scale[is_constant] = np.inf
    return scale


def mean_and_scale(
    embeddings: FloatArray, weights: Array | None = None, least: float = LEAST_SPREAD
) -> tuple[FloatArray, FloatArray]:
    """Return each feature's mean and `scale_of`, summed in float64, as float32.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    weights : ndarray of shape (n_samples,), optional
        How much each embedding counts; by default the same.
    least : float
        As for `scale_of`.
    """
    mean = weighted_mean(embeddings, weights).astype(np.float32)
    squares = np.zeros(len(mean))
    for rows in blocks(len(embeddings)):
        centred = embeddings[rows] - mean
        if weights is None:
            squares += np.einsum("ij,ij->j", centred, centred, dtype=np.float64)
        else:
            squares += np.einsum("i,ij,ij->j", weights[rows], centred, centred, dtype=np.float64)
    mass = len(embeddings) if weights is None else weights.sum(dtype=np.float64)
    return mean, scale_of(squares / mass, mean, least)


def weighted_mean(embeddings: FloatArray, weights: Array | None) -> DoubleArray:
    """Return the mean of the rows, summed in float64."""
    if weights is None:
        plain: DoubleArray = embeddings.mean(axis=0, dtype=np.float64)
        return plain
    exact = weights.astype(np.float64)
    sums = np.zeros(embeddings.shape[1])
    for rows in blocks(len(embeddings)):
        sums += exact[rows] @ embeddings[rows]
    mean: DoubleArray = sums / exact.sum()
    return mean


def standardised(
    embeddings: FloatArray, weights: Array | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``(embeddings - mean) / scale``, each feature's mean and `scale_of`, as float32.

    The first is laid out by columns: the gradient's product of matrices takes a third to two thirds
    of the time then, and that of the logits the same. Weights are those of `mean_and_scale`.
    """
    mean, scale = mean_and_scale(embeddings, weights)
    features = np.empty_like(embeddings, order="F")
    for rows in blocks(len(embeddings)):
        features[rows] = (embeddings[rows] - mean) / scale
    return features, mean, scale
