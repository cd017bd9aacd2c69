"""A network and the classifier on top of it, which is cut off before shipping."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def cut_top(model: tf.keras.Model) -> tf.keras.Model:
    """Return the network from picture to embedding, without the classifier it was trained with."""
    return tf.keras.Model(model.input, model.get_layer("embedding").output, name=model.name)


def classifier_of(model: tf.keras.Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (embedding_dim, n_classes) and bias (n_classes,) of the network's own top."""
    weights, bias = model.get_layer("logits").get_weights()
    return weights, bias
