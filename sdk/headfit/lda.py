"""Linear discriminant analysis from sums, its covariance shrunk towards the features' variances.

Every class is a Gaussian with a mean of its own and a covariance common to all. What is believed of
that covariance before any photo counts like ``prior_photos`` photos: on standardised features
``(scatter within classes + prior_photos * identity) / (n_samples - n_classes + prior_photos)``.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.sums import ClassSums

Array: TypeAlias = npt.NDArray[np.float64]
FloatArray: TypeAlias = npt.NDArray[np.float32]


def fit_lda(
    sums: ClassSums, mean: Array, inverse_scale: Array, prior_photos: float
) -> tuple[Array, Array]:
    """Return the weights and bias of the log posterior of every class, up to a common term.

    Parameters
    ----------
    sums : ClassSums
        No class may be empty.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        What features are standardised by: `ClassSums.mean_and_inverse_scale`.
    prior_photos : float
        How many photos the prior is worth; positive.

    Returns
    -------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float64
    bias : ndarray of shape (n_classes,), dtype float64
        How common a class is counts.
    """
    means = (sums.means() - mean) * inverse_scale
    scatter, freedom = _scatter(sums, inverse_scale, prior_photos)
    standardised = freedom * np.linalg.solve(scatter, means.T)
    bias = np.log(sums.counts / sums.counts.sum())
    bias -= np.einsum("cd,dc->c", means, standardised) / 2
    weights: Array = standardised * inverse_scale[:, np.newaxis]
    return weights, bias - mean @ weights


def lda_leave_one_out(
    sums: ClassSums,
    mean: Array,
    inverse_scale: Array,
    prior_photos: float,
    embeddings: FloatArray,
    targets: npt.NDArray[np.intp],
) -> Array:
    """Return the logits of each example under the analysis without it, standardisation held.

    Leaving out an example that is ``d`` off the mean of its ``n`` takes ``n / (n - 1) d d^T`` from
    the scatter, so Sherman and Morrison's formula gives every inverse from one.

    Parameters
    ----------
    sums, mean, inverse_scale, prior_photos
        As in `fit_lda`; ``embeddings`` are among the summed.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Examples that are not the only one of their class.
    targets : ndarray of shape (n_samples,), dtype intp

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float64
        Log posteriors up to a term common to a row.
    """
    rows = np.arange(len(targets))
    examples = (embeddings - mean) * inverse_scale
    means = (sums.means() - mean) * inverse_scale
    scatter, freedom = _scatter(sums, inverse_scale, prior_photos)
    # Products under the inverse B of the scatter, of examples x and means m.
    inverse_times = np.linalg.solve(scatter, np.vstack([examples, means]).T)
    x_b_x = np.einsum("nd,dn->n", examples, inverse_times[:, : len(rows)])
    x_b_m = examples @ inverse_times[:, len(rows) :]
    m_b_m = means @ inverse_times[:, len(rows) :]
    squares = np.diagonal(m_b_m)
    x_b_own = x_b_m[rows, targets]
    off_own = x_b_x - 2 * x_b_own + squares[targets]  # d B d, where d = x - m_own

    counts = sums.counts[targets]
    k = counts / (counts - 1)
    remains = 1 - k * off_own  # of 1; positive since what is left is positive definite
    to_others = x_b_x[:, np.newaxis] - 2 * x_b_m + squares  # (x - m) B (x - m)
    along = (x_b_x - x_b_own)[:, np.newaxis] - x_b_m + m_b_m[targets]  # (x - m) B d
    distances = to_others + (k / remains)[:, np.newaxis] * np.square(along)
    # Its own mean moves away from it by d / (n - 1), to k d.
    distances[rows, targets] = np.square(k) * off_own / remains

    logits: Array = np.log(sums.counts) - (freedom - 1) / 2 * distances
    logits[rows, targets] += np.log(counts - 1) - np.log(counts)
    return logits


def _scatter(sums: ClassSums, inverse_scale: Array, prior_photos: float) -> tuple[Array, float]:
    """Return the standardised scatter with the prior's, and the photos that both are worth."""
    scatter = sums.scatter_within()
    scatter *= inverse_scale
    scatter *= inverse_scale[:, np.newaxis]
    scatter[np.diag_indices_from(scatter)] += prior_photos
    return scatter, float(sums.counts.sum() - len(sums.counts)) + prior_photos
