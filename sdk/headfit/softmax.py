"""The mathematics of the head: softmax, cross-entropy and the gradient of the whole loss.

Pure functions. They check nothing (the callers did) and write to none of their inputs.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]


def log_softmax(logits: FloatArray) -> FloatArray:
    """Return the logarithm of `softmax`, exact where a probability underflows.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
        ``logits - log(sum(exp(logits)))`` per row, in nats.
    """
    # Subtracting the row's largest logit changes nothing in exact arithmetic and keeps exp finite.
    shifted: FloatArray = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(logits: FloatArray) -> FloatArray:
    """Return ``exp(logits) / sum(exp(logits))`` per row.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
        Probabilities; each row sums to 1.
    """
    probabilities: FloatArray = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def cross_entropy(logits: FloatArray, targets: TargetArray) -> float:
    """Return the mean of ``-log p(target)`` over the samples, in nats.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each sample's class.
    """
    log_probabilities = log_softmax(logits)[np.arange(len(targets)), targets]
    # Summed in float64: a line search compares losses that differ in the seventh digit.
    return -float(log_probabilities.mean(dtype=np.float64))


def loss_and_gradient(
    weights: FloatArray,
    bias: FloatArray,
    embeddings: FloatArray,
    targets: TargetArray,
    l2: float,
) -> tuple[float, FloatArray, FloatArray]:
    """Return the loss that a head minimises, and its gradient.

    ``loss = cross_entropy(embeddings @ weights + bias, targets)
    + l2 / (2 * n_samples) * sum(weights ** 2)``.
    Times ``n_samples`` it is a log posterior: the penalty is what is believed before any photo,
    and counts for less the more photos there are. The bias is not penalised: how common a class
    is must not depend on the penalty.

    Parameters
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each sample's class.
    l2 : float
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``.

    Returns
    -------
    loss : float
        In nats.
    weights_gradient : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_gradient : ndarray of shape (n_classes,), dtype float32
    """
    n_samples = len(targets)
    rows = np.arange(n_samples)
    log_probabilities = log_softmax(embeddings @ weights + bias)
    decay = l2 / n_samples
    penalty = decay / 2 * float(np.square(weights).sum(dtype=np.float64))
    loss = penalty - float(log_probabilities[rows, targets].mean(dtype=np.float64))

    # d loss / d logits = (probabilities - one_hot(targets)) / n_samples
    logits_gradient = np.exp(log_probabilities)
    logits_gradient[rows, targets] -= 1
    logits_gradient /= n_samples
    weights_gradient = embeddings.T @ logits_gradient + np.float32(decay) * weights
    return loss, weights_gradient, logits_gradient.sum(axis=0)
