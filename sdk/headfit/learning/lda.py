"""Linear discriminant analysis from sums, its covariance shrunk towards the features' variances.

Every class is a Gaussian with a mean of its own and a covariance common to all. What is believed of
that covariance before any photo counts like ``prior_photos`` photos: on standardised features
``(scatter within classes + prior_photos * identity) / (n_samples - n_classes + prior_photos)``.

The mean of few photos is off by chance, and so further from every new photo: by ``1 / n`` times the
distance at which photos of a class lie from where its mean truly is. That is taken off again.
Otherwise a class of one photo would hardly ever be recognised among classes of many. Of photos in
several copies, ``n`` is smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.learning.candidate import Candidate
from headfit.learning.class_sums import ClassSums
from headfit.learning.held_out import LeftOut
from headfit.learning.problem import Problem
from headfit.maths.arrays import DoubleArray, FloatArray, Scalar

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
    sums, settings, left_out = problem.sums, problem.settings, problem.left_out
    embeddings = problem.embeddings[left_out.rows]
    spread = sums.mean_and_inverse_scale()
    masses = problem.effective_masses, problem.noise_masses
    analysis = fit_lda(sums, *spread, PRIOR_PHOTOS, embeddings, left_out, *masses)
    bias, logits = analysis.bias, analysis.left_out_logits
    if settings.balanced:  # every class is as common as any other
        log_frequency = np.log(sums.counts)
        bias, logits = bias - log_frequency, logits - log_frequency
    training: dict[str, Scalar] = {
        "method": "lda",
        "prior_photos": PRIOR_PHOTOS,
        "balanced": settings.balanced,
    }
    return Candidate(analysis.weights, bias, logits, _SHARPNESS, *spread, training)


def fit_lda(
    sums: ClassSums,
    mean: DoubleArray,
    inverse_scale: DoubleArray,
    prior_photos: float,
    embeddings: FloatArray,
    left_out: LeftOut,
    effective_masses: DoubleArray,
    noise_masses: DoubleArray | None = None,
) -> Analysis:
    """Return the analysis of all examples, and of all but each group of some.

    Parameters
    ----------
    sums : ClassSums
        No class may be empty.
    mean, inverse_scale : ndarray of shape (embedding_dim,), dtype float64
        What features are standardised by: `ClassSums.mean_and_inverse_scale`.
    prior_photos : float
        How many photos the prior is worth; positive.
    embeddings : ndarray of shape (n_left_out, embedding_dim), dtype float32
        Examples to leave out; among the summed.
    left_out : LeftOut
        Of these embeddings.
    effective_masses : ndarray of shape (n_classes,), dtype float64
        `headfit.learning.problem.Problem.effective_masses`.
    noise_masses : ndarray of shape (n_classes,), dtype float64, optional
        `headfit.learning.problem.Problem.noise_masses`; by default the same, as without groups.
    """
    noise_masses = effective_masses if noise_masses is None else noise_masses
    means = (sums.means() - mean) * inverse_scale
    examples = (embeddings - mean) * inverse_scale
    scatter, freedom = _scatter(sums, inverse_scale, prior_photos)
    inverse_means, inverse_examples = _solved(scatter, means, examples)
    standardised = freedom * inverse_means
    bias = np.log(sums.counts / sums.counts.sum())
    bias -= np.einsum("cd,dc->c", means, standardised) / 2
    weights: DoubleArray = standardised * inverse_scale[:, np.newaxis]
    products = inverse_means, inverse_examples
    masses = effective_masses, noise_masses
    logits, noise = _leave_one_out(sums, freedom, means, examples, *products, left_out, *masses)
    bias += freedom / 2 * noise / noise_masses
    return Analysis(weights, bias - mean @ weights, logits, noise)


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
    left_out: LeftOut,
    effective_masses: DoubleArray,
    noise_masses: DoubleArray,
) -> tuple[DoubleArray, float]:
    """Return the logits of each example under the analysis without its group, and the noise.

    Leaving out ``w`` examples whose mean is ``d`` off that of their class of ``n`` takes
    ``w n / (n - w) d d^T`` from the scatter, so Sherman and Morrison's formula gives every inverse
    from one. The scatter of a group about its own mean stays: near copies of a photo have next to
    none.
    """
    targets, masses = left_out.targets, left_out.masses
    rows = np.arange(len(targets))
    # Products under the inverse B of the scatter, of examples x, means of groups g, and means m.
    x_b_g = np.einsum("nd,nd->n", left_out.means(inverse_examples), examples)
    x_b_x = x_b_g
    if not left_out.are_single:
        x_b_x = np.einsum("nd,nd->n", inverse_examples, examples)
    x_b_m = examples @ inverse_means
    m_b_m = means @ inverse_means
    squares = np.diagonal(m_b_m)
    g_b_g, g_b_m = left_out.means(x_b_g), left_out.means(x_b_m)
    x_b_own, g_b_own = x_b_m[rows, targets], g_b_m[rows, targets]
    off = g_b_g - 2 * g_b_own + squares[targets]  # d B d, where d = g - m_own

    counts = sums.counts[targets]
    rest = counts - masses
    taken = masses * counts / rest
    remains = 1 - taken * off  # of 1; positive since what is left is positive definite
    to_means = x_b_x[:, np.newaxis] - 2 * x_b_m + squares  # (x - m) B (x - m)
    along = (x_b_g - x_b_own)[:, np.newaxis] - g_b_m + m_b_m[targets]  # (x - m) B d
    # Its own mean moves away from the group by k d.
    k = masses / rest
    to_means[rows, targets] += 2 * k * along[rows, targets] + np.square(k) * off
    along[rows, targets] += k * off
    distances = to_means + (taken / remains)[:, np.newaxis] * np.square(along)

    # The mean of n photos is itself off by noise / n; without a group of its own, by more.
    repeats = sums.counts / effective_masses
    effective = np.square(rest) / (counts * repeats[targets] - np.square(masses))
    noise = 0.0
    if len(rows):
        own = distances[rows, targets] / (1 + 1 / effective)
        noise = float(np.average(own, weights=left_out.shares))
    distances -= noise / noise_masses
    distances[rows, targets] -= noise / effective - noise / effective_masses[targets]
    logits: DoubleArray = np.log(sums.counts) - (freedom - 1) / 2 * distances
    logits[rows, targets] += np.log(rest) - np.log(counts)
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
