"""The mathematics of the head: softmax, cross-entropy and the gradient of the whole loss.

Pure functions. They check nothing (the callers did) and write to none of their inputs.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
TargetArray: TypeAlias = npt.NDArray[np.intp]
Floats = TypeVar("Floats", bound=npt.NDArray[np.floating[Any]])


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


def softmax(logits: Floats) -> Floats:
    """Return ``exp(logits) / sum(exp(logits))`` per row.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float32 or float64

    Returns
    -------
    ndarray of shape (n_samples, n_classes), of the same dtype
        Probabilities; each row sums to 1.
    """
    probabilities: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
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
    *,
    label_smoothing: float = 0.0,
    sample_weights: FloatArray | None = None,
) -> tuple[float, FloatArray, FloatArray]:
    """Return the loss that a head minimises, and its gradient.

    ``loss = sum(sample_weights * cross_entropy(embeddings @ weights + bias, wanted)) / n_samples
    + l2 / (2 * n_samples) * sum(weights ** 2)``, where ``wanted`` is ``1 - label_smoothing`` of
    the target and ``label_smoothing`` spread evenly over all classes.
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
    label_smoothing : float
        From 0 to below 1. Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016,
        section 7.
    sample_weights : ndarray of shape (n_samples,), dtype float32, optional
        How many samples each counts for; by default one.

    Returns
    -------
    loss : float
        In nats.
    weights_gradient : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_gradient : ndarray of shape (n_classes,), dtype float32
    """
    n_samples, n_classes = len(targets), len(bias)
    rows = np.arange(n_samples)
    # One array of n_samples x n_classes, worked on in place: allocating costs as much as exp.
    array = embeddings @ weights
    array += bias
    array -= array.max(axis=1, keepdims=True)
    wanted = (1 - label_smoothing) * array[rows, targets]
    if label_smoothing:
        wanted += label_smoothing * array.mean(axis=1)
    np.exp(array, out=array)
    sums = array.sum(axis=1)
    losses = np.log(sums) - wanted
    if sample_weights is not None:
        losses *= sample_weights
    decay = l2 / n_samples
    penalty = decay / 2 * float(np.square(weights).sum(dtype=np.float64))
    loss = penalty + float(losses.mean(dtype=np.float64))

    # d loss / d logits = sample_weights * (probabilities - wanted) / n_samples
    array /= sums[:, np.newaxis]
    if label_smoothing:
        array -= label_smoothing / n_classes
    array[rows, targets] -= 1 - label_smoothing
    if sample_weights is not None:
        array *= sample_weights[:, np.newaxis]
    array /= n_samples
    weights_gradient = embeddings.T @ array + np.float32(decay) * weights
    return loss, weights_gradient, array.sum(axis=0)
