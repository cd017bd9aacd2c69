"""The network that is trained, and what it is trained for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import larq as lq
import tensorflow as tf

from headfit_zoo.architectures import ARCHITECTURES
from headfit_zoo.mixture.lite import N_OUTPUTS
from headfit_zoo.mixture.targets import WIDTH

HIDDEN = 512
"""Width of the layer between the embedding and the teacher's features."""


@dataclass(frozen=True)
class Weights:
    """How much each loss counts.

    Attributes
    ----------
    labels : float
        Cross-entropy on the picture's own label, among the classes of its label space.
    outputs : float
        Kullback-Leibler divergence from the teacher's outputs, at temperature 1.
    features : float
        One minus the cosine between the teacher's features and what is predicted of them.
    """

    labels: float = 1.0
    outputs: float = 1.0
    features: float = 1.0


def build(
    n_labels: int,
    *,
    architecture: str,
    options: Mapping[str, object],
    size: int | None = None,
) -> tf.keras.Model:
    """Build the extractor with its three heads, which conversion cuts off.

    Parameters
    ----------
    n_labels : int
        Classes of all label spaces.
    architecture : str
        A name in `headfit_zoo.architectures.ARCHITECTURES`.
    options : mapping of str to object
        What else its builder is given.
    size : int or None
        Height and width in pixels; None as training wants it, for any size that it takes.

    Returns
    -------
    tf.keras.Model
        From normalised pictures to logits of the labels, logits of the teacher's outputs, and the
        teacher's features. Its layer ``embedding`` is what the extractor returns.
    """
    trunk = ARCHITECTURES[architecture](1, size, **options)
    embedding = trunk.get_layer("embedding").output
    dense = tf.keras.layers.Dense
    labels = dense(n_labels, name="labels")(embedding)
    outputs = dense(N_OUTPUTS, name="outputs")(embedding)
    hidden = dense(HIDDEN, activation="relu", name="features_hidden")(embedding)
    features = dense(WIDTH, name="features")(hidden)
    return tf.keras.Model(trunk.input, [labels, outputs, features], name="student")


def binary_weights(model: tf.keras.Model) -> list[tf.Variable]:
    """Return the latent weights of the binary layers."""
    return [
        layer.kernel
        for layer in model.layers
        if isinstance(layer, lq.layers.QuantConv2D) and layer.kernel_quantizer is not None
    ]


def label_loss(logits: tf.Tensor, labels: tf.Tensor, spaces: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of the pictures that have a label; 0 if none has.

    Classes outside of a picture's label space take no part in its softmax.
    """
    places = tf.range(tf.shape(logits)[1])[None]
    inside = (places >= spaces[:, :1]) & (places < spaces[:, 1:])
    masked = tf.where(inside, logits, tf.constant(-1e9, logits.dtype))
    known = tf.cast(labels >= 0, logits.dtype)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.where(labels >= 0, labels, spaces[:, 0]), masked
    )
    return tf.reduce_sum(losses * known) / tf.maximum(tf.reduce_sum(known), 1.0)


def output_loss(logits: tf.Tensor, outputs: tf.Tensor, log_probabilities: tf.Tensor) -> tf.Tensor:
    """Return the mean divergence from a teacher's likeliest outputs and the mass of all others.

    Parameters
    ----------
    logits : tf.Tensor of shape (n, 1000)
    outputs : tf.Tensor of shape (n, k), dtype int32
    log_probabilities : tf.Tensor of shape (n, k)
    """
    mine = tf.gather(tf.nn.log_softmax(logits), outputs, batch_dims=1)
    theirs = tf.exp(log_probabilities)
    least = 1e-5
    rest = tf.maximum(1 - tf.reduce_sum(theirs, 1), least)
    my_rest = tf.maximum(1 - tf.reduce_sum(tf.exp(mine), 1), least)
    divergence = tf.reduce_sum(theirs * (log_probabilities - mine), 1)
    return tf.reduce_mean(divergence + rest * (tf.math.log(rest) - tf.math.log(my_rest)))


def feature_loss(predicted: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
    """Return one minus the mean cosine."""
    cosines = tf.reduce_sum(
        tf.math.l2_normalize(predicted, 1, 1e-6) * tf.math.l2_normalize(features, 1, 1e-6), 1
    )
    return 1 - tf.reduce_mean(cosines)
