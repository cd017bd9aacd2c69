"""A head of signs: binary weights and binary embeddings, trained by straight-through estimation.

The last layer (a) of Leroux et al., "Transfer Learning with Binary Neural Networks", 2017, table 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.learning.calibration import sharpness
from headfit.learning.candidate import Candidate, calibrated, combined
from headfit.learning.held_out import logits_by_folds
from headfit.learning.logistic import regressed, with_penalty
from headfit.learning.prediction import binary_logits
from headfit.learning.problem import Fit, Problem
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray, Scalar, TargetArray
from headfit.maths.descent import adam_start, adam_step
from headfit.maths.scaling import mean_and_scale, weighted_mean
from headfit.maths.softmax import log_softmax, softmax

STEPS: Final = 300
BATCH: Final = 256
LEARNING_RATE: Final = 0.01
"""Measured on 5 kinds of flowers and 15 of scenes: 0.001 needs three times the steps. It falls to
zero in a straight line, so that the signs settle."""

_FOLDS = 5
_TAUGHT_TO = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class BinaryFit:
    """A binary head: ``logits = signs(embeddings >= thresholds) @ weights + bias``.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
        In each class all of one size: its scale. Only the sign differs.
    bias : ndarray of shape (n_classes,), dtype float32
    thresholds : ndarray of shape (embedding_dim,), dtype float32
    loss : float
        Cross-entropy with the wanted probabilities over all examples, per sample, in nats.
    """

    weights: FloatArray
    bias: FloatArray
    thresholds: FloatArray
    loss: float


def fit_signs(problem: Problem) -> Fit:
    """Train signs on what half the class names and half the float head say.

    Names alone were 1 to 2 points worse on 5 kinds of flowers and 15 of scenes, the float head
    alone 2 points worse on 102 kinds of flowers. The temperature and the thresholds are those of
    heads that lack a fifth of the examples, from the float head on.
    """
    problem = with_penalty(problem)
    settings = problem.settings
    # Nearer to the float head's optimum signs are no better.
    roughly = problem.under(replace(settings, tolerance=max(settings.tolerance, _TAUGHT_TO)))

    def trained(taught: Problem) -> tuple[Candidate, BinaryFit]:
        candidate = regressed(taught)
        head = combined(taught, [candidate]).head
        wanted = softmax(taught.embeddings @ head.weights + head.bias) / 2
        wanted[np.arange(len(taught.targets)), taught.targets] += np.float32(0.5)
        return candidate, fit_binary(
            taught.embeddings, wanted, head.weights, head.bias, settings.penalty, taught.weights
        )

    def logits_without(taught: TargetArray, left_out: TargetArray) -> FloatArray:
        _, fit = trained(replace(roughly.of(taught), start=candidate.optimum))
        return binary_logits(problem.embeddings[left_out], fit.weights, fit.bias, fit.thresholds)

    candidate, fit = trained(replace(roughly, start=None))
    left_out = problem.left_out
    n_folds = int(np.clip(problem.group_counts.min(), 2, _FOLDS))  # one of each class in a fold
    logits = logits_by_folds(left_out, problem.targets, problem.groups, n_folds, logits_without)
    (factor,) = sharpness([logits], left_out.targets, [1.0], left_out.shares)
    training: dict[str, Scalar] = {
        "method": "binary",
        "asked_for": "binary",
        "l2": float(settings.penalty),
        "balanced": settings.balanced,
        "label_smoothing": float(settings.label_smoothing),
        "steps": STEPS,
        "loss": fit.loss,
        "sharpness": factor,
    }
    weights, bias = fit.weights * np.float32(factor), fit.bias * np.float32(factor)
    return calibrated(
        problem, candidate, factor * logits, weights, bias, training, thresholds=fit.thresholds
    )


def fit_binary(
    embeddings: FloatArray,
    wanted: FloatArray,
    start: FloatArray,
    bias: FloatArray,
    l2: float,
    sample_weights: DoubleArray | None = None,
) -> BinaryFit:
    """Train signs towards the probabilities that are wanted of each example.

    The latent weights begin as those of a float head, stay within -1 and 1, and move by Adam
    along the gradient at their signs (Courbariaux et al., "Binarized Neural Networks", 2016,
    section 1.3). Scales and biases are trained with them.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    wanted : ndarray of shape (n_samples, n_classes), dtype float32
        Probabilities; each row sums to 1.
    start : ndarray of shape (embedding_dim, n_classes), dtype float32
        The float head's weights.
    bias : ndarray of shape (n_classes,), dtype float32
    l2 : float
        Strength of the penalty on the scaled signs; see `signs_loss_and_gradient`.
    sample_weights : ndarray of shape (n_samples,), dtype float64, optional
        How many examples each counts for; by default one.
    """
    n_samples, embedding_dim = embeddings.shape
    mass, shares = float(n_samples), None
    if sample_weights is not None:
        mass = float(sample_weights.sum())
        shares = sample_weights / mass
    n_classes = wanted.shape[1]
    # The mean; the median was worse on flowers and scenes by 1 to 4 points.
    thresholds = weighted_mean(embeddings, sample_weights).astype(np.float32)
    features = _signs(embeddings >= thresholds)
    # Where most features are 1, or most -1, a weight that turns would move its class's logits all
    # together: with an ImageNet network's 512 features one class of 200 drew a third of the photos.
    means = weighted_mean(features, sample_weights).astype(np.float32)
    features -= means
    _, spread = mean_and_scale(embeddings, sample_weights)
    spread = np.where(np.isfinite(spread), spread, 0)
    relative = start * spread[:, np.newaxis]
    sizes = np.maximum(np.abs(relative).mean(axis=0), np.finfo(np.float32).tiny)
    latent = np.clip(relative / (2 * sizes), -1, 1)
    n_latent = latent.size
    mean_logits = thresholds @ start + bias
    parameters = np.concatenate([latent.ravel(), np.log(sizes), mean_logits]).astype(np.float32)

    def unpack(parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        latent = parameters[:n_latent].reshape(embedding_dim, n_classes)
        log_scales, bias = parameters[n_latent:].reshape(2, n_classes)
        return _signs(latent >= 0), log_scales, bias

    state = adam_start(parameters)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        rows: npt.NDArray[np.int64] | slice = slice(None)
        weights = shares
        if n_samples > BATCH:  # as many copies of each as its weight says
            rows = rng.choice(n_samples, BATCH, p=shares)
            weights = None
        _, gradients = signs_loss_and_gradient(
            *unpack(parameters), features[rows], wanted[rows], l2 / mass, weights
        )
        gradient = np.concatenate([part.ravel() for part in gradients])
        rate = LEARNING_RATE * (1 - step / STEPS)
        parameters, state = adam_step(parameters, gradient, state, learning_rate=rate)
        np.clip(parameters[:n_latent], -1, 1, out=parameters[:n_latent])
    signs, log_scales, bias = unpack(parameters)
    loss, _ = signs_loss_and_gradient(signs, log_scales, bias, features, wanted, l2 / mass, shares)
    scaled = signs * np.exp(log_scales)
    return BinaryFit(scaled, bias - means @ scaled, thresholds, loss)


def signs_loss_and_gradient(
    signs: FloatArray,
    log_scales: FloatArray,
    bias: FloatArray,
    features: FloatArray,
    wanted: FloatArray,
    decay: float,
    shares: DoubleArray | None = None,
) -> tuple[float, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return the loss of a binary head, and its gradient as if signs were any numbers.

    ``loss = mean(cross_entropy((features @ signs) * exp(log_scales) + bias, wanted))
    + decay / 2 * embedding_dim * sum(exp(log_scales) ** 2)``: for signs the last sum is that of the
    squared weights. The straight-through estimator moves latent weights along the first part of the
    gradient.

    Parameters
    ----------
    signs : ndarray of shape (embedding_dim, n_classes), dtype float32
    log_scales, bias : ndarray of shape (n_classes,), dtype float32
    features : ndarray of shape (n_samples, embedding_dim), dtype float32
        +1 and -1, less their means.
    wanted : ndarray of shape (n_samples, n_classes), dtype float32
        Probabilities.
    decay : float
        ``l2`` over the number of all examples.
    shares : ndarray of shape (n_samples,), dtype float64, optional
        The weight of each example in the mean; they sum to 1. By default all the same.

    Returns
    -------
    loss : float
        In nats.
    gradients : tuple of ndarray
        By signs, log_scales and bias; each of the same shape.
    """
    scales = np.exp(log_scales)
    products = features @ signs
    log_probabilities = log_softmax(products * scales + bias)
    losses = -(wanted * log_probabilities).sum(axis=1)
    penalty = decay / 2 * len(signs) * float(np.square(scales).sum(dtype=np.float64))
    by_logits = np.exp(log_probabilities) - wanted
    if shares is None:
        by_logits /= np.float32(len(features))
    else:
        by_logits *= shares.astype(np.float32)[:, np.newaxis]
    by_scales = (by_logits * products).sum(axis=0) + np.float32(decay * len(signs)) * scales
    gradients = (features.T @ (by_logits * scales), by_scales * scales, by_logits.sum(axis=0))
    return penalty + float(np.average(losses.astype(np.float64), weights=shares)), gradients


def _signs(is_positive: BoolArray) -> FloatArray:
    signs: FloatArray = np.where(is_positive, np.float32(1), np.float32(-1))
    return signs
