"""Linear discriminant analysis from sums, its covariance shrunk towards the features' variances.

Every class is a Gaussian with a mean of its own and a covariance common to all. What is believed of
that covariance before any photo counts like ``prior_photos`` photos: on standardised features
``(scatter within classes + prior_photos * identity) / (n_samples - n_classes + prior_photos)``.

The mean of few photos is off by chance, and so further from every new photo: by ``1 / n`` times the
distance at which photos of a class lie from where its mean truly is. That is taken off again.
Otherwise a class of one photo would hardly ever be recognised among classes of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.learning.candidate import Candidate
from headfit.learning.class_sums import ClassSums
from headfit.learning.held_out import judged
from headfit.learning.problem import Problem
from headfit.maths.arrays import DoubleArray, FloatArray, Scalar, TargetArray

PRIOR_PHOTOS = 500.0
"""Measured on 5 kinds of flowers and 15 of scenes: 300 and 1000 are near the most accurate of 3 to
3000 at every number of photos. Choosing among 100 to 3000 by leave-one-out was no better, so it
stays.
"""

# How sharp these logits usually have to be: see `headfit.learning.imprint`.
_SHARPNESS = 0.006


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A head, and what it says of examples that it is made without.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float64
    bias : ndarray of shape (n_classes,), dtype float64
        Logits are log posteriors up to a term common to all classes: how common a class is counts.
    left_out_logits : ndarray of shape (n_left_out, n_classes), dtype float64
        Standardisation and noise are held.
    noise : float
        The mean distance of a photo from the true mean of its class, in the scatter's metric, as
        those left out tell it; 0 if there are none.
    """

    weights: DoubleArray
    bias: DoubleArray
    left_out_logits: DoubleArray
    noise: float


def analysed(problem: Problem) -> Candidate:
    """Return the head of discriminant analysis of a problem."""
    sums, settings = problem.sums, problem.settings
    rows = judged(sums.counts, problem.targets)
    embeddings, targets = problem.embeddings[rows], problem.targets[rows]
    spread = sums.mean_and_inverse_scale()
    analysis = fit_lda(sums, *spread, PRIOR_PHOTOS, embeddings, targets)
    bias, logits = analysis.bias, analysis.left_out_logits
    if settings.balanced:  # every class is as common as any other
        log_frequency = np.log(sums.counts)
        bias, logits = bias - log_frequency, logits - log_frequency
    training: dict[str, Scalar] = {
        "method": "lda",
        "prior_photos": PRIOR_PHOTOS,
        "balanced": settings.balanced,
    }
    return Candidate(analysis.weights, bias, rows, targets, logits, _SHARPNESS, *spread, training)


def fit_lda(
    sums: ClassSums,
    mean: DoubleArray,
    inverse_scale: DoubleArray,
    prior_photos: float,
    embeddings: FloatArray,
    targets: TargetArray,
) -> Analysis:
    """Return the analysis of all examples, and of all but each of some.

    Parameters
    ----------
    sums : ClassSums
        No class may be empty.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        What features are standardised by: `ClassSums.mean_and_inverse_scale`.
    prior_photos : float
        How many photos the prior is worth; positive.
    embeddings : ndarray of shape (n_left_out, embedding_dim), dtype float32
        Examples to leave out one by one; among the summed, none the only one of its class.
    targets : ndarray of shape (n_left_out,), dtype intp
    """
    means = (sums.means() - mean) * inverse_scale
    examples = (embeddings - mean) * inverse_scale
    scatter, freedom = _scatter(sums, inverse_scale, prior_photos)
    inverse_means, inverse_examples = _solved(scatter, means, examples)
    standardised = freedom * inverse_means
    bias = np.log(sums.counts / sums.counts.sum())
    bias -= np.einsum("cd,dc->c", means, standardised) / 2
    weights: DoubleArray = standardised * inverse_scale[:, np.newaxis]
    left_out, noise = _leave_one_out(
        sums, freedom, means, examples, inverse_means, inverse_examples, targets
    )
    bias += freedom / 2 * noise / sums.counts
    return Analysis(weights, bias - mean @ weights, left_out, noise)


def _solved(
    scatter: DoubleArray, means: DoubleArray, examples: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return the inverse of the scatter times means, as columns, and examples times it, as rows."""
    if len(examples) < len(scatter):
        products = np.linalg.solve(scatter, np.vstack([means, examples]).T)
        return products[:, : len(means)], products[:, len(means) :].T
    inverse = np.linalg.inv(scatter)  # a product is faster than as many triangles
    return inverse @ means.T, examples @ inverse


def _leave_one_out(
    sums: ClassSums,
    freedom: float,
    means: DoubleArray,
    examples: DoubleArray,
    inverse_means: DoubleArray,
    inverse_examples: DoubleArray,
    targets: TargetArray,
) -> tuple[DoubleArray, float]:
    """Return the logits of each example under the analysis without it, and the noise.

    Leaving out an example that is ``d`` off the mean of its ``n`` takes ``n / (n - 1) d d^T`` from
    the scatter, so Sherman and Morrison's formula gives every inverse from one.
    """
    rows = np.arange(len(targets))
    # Products under the inverse B of the scatter, of examples x and means m.
    x_b_x = np.einsum("nd,nd->n", inverse_examples, examples)
    x_b_m = examples @ inverse_means
    m_b_m = means @ inverse_means
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

    # The mean of n examples is itself off by noise / n; to that of n - 1, the distance is k noise.
    noise = float(np.mean(k * off_own / remains)) if len(rows) else 0.0
    distances -= noise / sums.counts
    distances[rows, targets] -= noise / (counts - 1) - noise / counts
    logits: DoubleArray = np.log(sums.counts) - (freedom - 1) / 2 * distances
    logits[rows, targets] += np.log(counts - 1) - np.log(counts)
    return logits, noise


def _scatter(
    sums: ClassSums, inverse_scale: DoubleArray, prior_photos: float
) -> tuple[DoubleArray, float]:
    """Return the standardised scatter with the prior's, and the photos that both are worth."""
    scatter = sums.scatter_within()
    scatter *= inverse_scale
    scatter *= inverse_scale[:, np.newaxis]
    scatter[np.diag_indices_from(scatter)] += prior_photos
    return scatter, float(sums.counts.sum() - len(sums.counts)) + prior_photos
