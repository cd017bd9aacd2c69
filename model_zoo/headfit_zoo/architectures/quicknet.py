"""QuickNet as Larq Zoo publishes it, so that its ImageNet weights fit in.

Source: Bannink et al., "Larq Compute Engine" (MLSys 2021). The order of layers is that of the
published weight files, which name their layers by number alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import larq as lq
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

SIZES: dict[str, dict[str, Any]] = {
    "quicknet": {},
    "quicknet_small": {"widths": (32, 64, 256, 512)},
    "quicknet_large": {"blocks": (6, 8, 12, 6)},
}
"""What the published networks give to `build`, by name."""

CLIP = 1.25
"""Latent weights and the sign's gradient are cut off here, in training."""


class Blur(tf.keras.initializers.Initializer):  # type: ignore[misc]
    """The 3x3 binomial kernel, for every channel."""

    def __call__(
        self, shape: Sequence[int], dtype: object = None, **_: object
    ) -> NDArray[np.float32]:
        """Return the kernel of a depthwise convolution, of shape (3, 3, channels, 1)."""
        line = np.array([1, 2, 1]) / 4
        kernel = np.outer(line, line)[:, :, None, None]
        return np.broadcast_to(kernel, shape).astype(np.float32)


def _fine_batch_norm(x: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _float_conv(x: tf.Tensor, filters: int, kernel: int, name: str, strides: int = 1) -> tf.Tensor:
    return tf.keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, name=name
    )(x)


def _stem(x: tf.Tensor, filters: int) -> tf.Tensor:
    x = _float_conv(x, filters // 4, 3, "stem_conv", strides=2)
    x = tf.keras.layers.BatchNormalization(name="stem_bn")(x)
    x = tf.keras.layers.ReLU(name="stem_relu")(x)
    x = tf.keras.layers.DepthwiseConv2D(
        3, strides=2, padding="same", use_bias=False, name="stem_depthwise"
    )(x)
    x = tf.keras.layers.BatchNormalization(scale=False, center=False, name="stem_depthwise_bn")(x)
    x = _float_conv(x, filters, 1, "stem_pointwise")
    return tf.keras.layers.BatchNormalization(name="stem_pointwise_bn")(x)


def _block(x: tf.Tensor, name: str) -> tf.Tensor:
    y = lq.layers.QuantConv2D(
        x.shape[-1],
        3,
        padding="same",
        pad_values=1.0,
        activation="relu",
        input_quantizer=lq.quantizers.SteSign(clip_value=CLIP),
        kernel_quantizer=lq.quantizers.SteSign(clip_value=CLIP),
        kernel_constraint=lq.constraints.WeightClip(clip_value=CLIP),
        kernel_initializer="glorot_normal",
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    return tf.keras.layers.Add(name=name)([_fine_batch_norm(y, f"{name}_bn"), x])


def _transition(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    x = tf.keras.layers.ReLU(name=f"{name}_relu")(x)
    x = tf.keras.layers.MaxPooling2D(2, 1, name=f"{name}_pool")(x)
    x = tf.keras.layers.DepthwiseConv2D(
        3,
        strides=2,
        padding="same",
        use_bias=False,
        depthwise_initializer=Blur(),
        trainable=False,
        name=f"{name}_blur",
    )(x)
    return _fine_batch_norm(_float_conv(x, filters, 1, f"{name}_pointwise"), f"{name}_bn")


def build(
    n_classes: int,
    input_size: int | None,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    blocks: Sequence[int] = (4, 4, 4, 4),
    name: str = "quicknet",
) -> tf.keras.Model:
    """Build the network.

    Parameters
    ----------
    n_classes : int
        Width of the classifier it is trained with.
    input_size : int or None
        Height and width in pixels; None trains at any size.
    widths, blocks : sequence of int
        Channels and number of residual blocks of each section.
    name : str
        Of the model.

    Returns
    -------
    tf.keras.Model
        From ``(n, input_size, input_size, 3)`` float32 to logits ``(n, n_classes)``. The embedding
        is the average-pooled output of the last section, ``widths[-1]`` wide.
    """
    picture = tf.keras.Input((input_size, input_size, 3), name="picture")
    x = _stem(picture, widths[0])
    for section, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True), start=1):
        if section > 1:
            x = _transition(x, width, f"transition{section}")
        for index in range(1, n_blocks + 1):
            x = _block(x, f"section{section}_block{index}")
    x = tf.keras.layers.ReLU(name="final_relu")(x)
    embedding = tf.keras.layers.GlobalAveragePooling2D(name="embedding")(x)
    logits = tf.keras.layers.Dense(n_classes, name="logits")(embedding)
    return tf.keras.Model(picture, logits, name=name)
