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
    n_samples = len(targets)
    logits = weights.T @ embeddings.T
    logits += bias[:, np.newaxis]
    loss, pull = loss_and_pull(
        logits, targets, label_smoothing=label_smoothing, sample_weights=sample_weights
    )
    decay = l2 / n_samples
    loss += decay / 2 * float(np.square(weights).sum(dtype=np.float64))
    weights_gradient = embeddings.T @ pull.T
    weights_gradient += weights * decay
    return loss, weights_gradient, pull.sum(axis=1)


def loss_and_pull(
    logits: FloatArray,
    targets: TargetArray,
    *,
    label_smoothing: float = 0.0,
    sample_weights: FloatArray | None = None,
) -> tuple[float, FloatArray]:
    """Return the loss without its penalty, and its derivative by every logit.

    ``sample_weights * (probabilities - wanted) / n_samples``, with the names of
    `loss_and_gradient`.

    Parameters
    ----------
    logits : ndarray of shape (n_classes, n_samples), dtype float32
        Written over. A row per class: sums over classes then run along whole rows, which takes half
        the time.
    targets, label_smoothing, sample_weights
        As in `loss_and_gradient`.

    Returns
    -------
    loss : float
    pull : ndarray of shape (n_classes, n_samples), dtype float32
        The array of the logits.
    """
    n_classes, n_samples = logits.shape
    columns = np.arange(n_samples)
    logits -= logits.max(axis=0)
    wanted = (1 - label_smoothing) * logits[targets, columns]
    if label_smoothing:
        wanted += label_smoothing * logits.mean(axis=0)
    pull = np.exp(logits, out=logits)
    sums = pull.sum(axis=0)
    losses = np.log(sums) - wanted
    if sample_weights is not None:
        losses *= sample_weights
    sums *= n_samples
    pull /= sums
    if label_smoothing:
        pull -= label_smoothing / n_classes / n_samples
    pull[targets, columns] -= (1 - label_smoothing) / n_samples
    if sample_weights is not None:
        pull *= sample_weights
    return float(losses.mean(dtype=np.float64)), pull
