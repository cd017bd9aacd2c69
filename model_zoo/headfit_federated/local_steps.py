"""What a node does in a round of averaging: steps of gradient descent from the server's head.

McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data",
AISTATS 2017, with whole batches; the proximal term is that of Li et al., "Federated Optimization in
Heterogeneous Networks", MLSys 2020.
"""

from __future__ import annotations

import math

import numpy as np

from headfit.maths import FloatArray, TargetArray, loss_and_gradient


def stepped(
    weights: FloatArray,
    bias: FloatArray,
    embeddings: FloatArray,
    targets: TargetArray,
    *,
    steps: int,
    learning_rate: float,
    proximal_mu: float,
) -> tuple[FloatArray, FloatArray]:
    """Return weights and bias after some steps that lower the loss on a node's examples.

    Embeddings are counted in units of ``s``, the root of their mean squared length, so that one
    learning rate does for all extractors. With ``V = s W`` the loss is

        mean(cross_entropy(embeddings / s @ V + bias, targets))
        + proximal_mu / 2 * (sum((V - V_0) ** 2) + sum((bias - bias_0) ** 2))

    Parameters
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        Of the server's head, ``V_0 = s weights``; neither is written to.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
    steps : int
    learning_rate : float
        Up to 1 the loss of examples that are at most ``s`` long falls with every step.
    proximal_mu : float
    """
    scale = math.sqrt(float(np.square(embeddings, dtype=np.float64).sum()) / len(embeddings)) or 1.0
    features = embeddings / np.float32(scale)
    first_weights, first_bias = weights * np.float32(scale), bias
    weights = first_weights
    rate, mu = np.float32(learning_rate), np.float32(proximal_mu)
    for _ in range(steps):
        _, weights_gradient, bias_gradient = loss_and_gradient(
            weights, bias, features, targets, 0.0
        )
        weights_gradient += mu * (weights - first_weights)
        bias_gradient += mu * (bias - first_bias)
        weights = weights - rate * weights_gradient
        bias = bias - rate * bias_gradient
    return weights / np.float32(scale), bias
