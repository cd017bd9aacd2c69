"""A small QuickNet-style residual network with binary 3x3 convolutions.

Source: Bannink et al., "Larq Compute Engine" (MLSys 2021), whose QuickNet puts one shortcut around
every binary convolution and keeps the stem and the transitions between stages in floating point.
The order convolution, ReLU, batch norm with one-padding is what the LCE converter fuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import larq as lq
import tensorflow as tf

WEIGHT_INIT = "glorot_normal"
SIZES: dict[str, dict[str, Any]] = {
    "residual": {"widths": (48, 96, 192), "blocks": (2, 4, 4)},
    "residual_large": {"widths": (64, 128, 256), "blocks": (2, 4, 6)},
}
"""What differs between the two networks."""


def _batch_norm(x: tf.Tensor, name: str, epsilon: float = 1e-3) -> tf.Tensor:
    return tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=epsilon, name=name)(x)


def _float_conv(x: tf.Tensor, filters: int, kernel: int, name: str, strides: int = 1) -> tf.Tensor:
    x = tf.keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=WEIGHT_INIT,
        name=name,
    )(x)
    return _batch_norm(x, f"{name}_bn")


def _stem(x: tf.Tensor, filters: int) -> tf.Tensor:
    """Reduce the picture to a quarter of its size with few floating-point operations."""
    x = tf.keras.layers.ReLU(name="stem_relu")(_float_conv(x, 16, 3, "stem_conv", strides=2))
    x = tf.keras.layers.DepthwiseConv2D(
        3, strides=2, padding="same", use_bias=False, name="stem_depthwise"
    )(x)
    x = _batch_norm(x, "stem_depthwise_bn")
    return _float_conv(x, filters, 1, "stem_pointwise")


def _block(x: tf.Tensor, name: str, binary: bool) -> tf.Tensor:
    quantisers = (
        {
            "input_quantizer": "ste_sign",
            "kernel_quantizer": "ste_sign",
            "kernel_constraint": "weight_clip",
        }
        if binary
        else {}
    )
    y = lq.layers.QuantConv2D(
        x.shape[-1],
        3,
        padding="same",
        pad_values=1.0 if binary else 0.0,
        use_bias=False,
        kernel_initializer=WEIGHT_INIT,
        name=f"{name}_conv",
        **quantisers,
    )(x)
    # A binary convolution sums 9 * channels values of +-1, so its variance is of that order.
    # Keras's usual epsilon lets a channel that is silent in training, and wakes on other pictures
    # or at another size, outweigh all others by a factor of hundreds.
    epsilon = 0.01 * 9 * x.shape[-1] if binary else 1e-3
    y = _batch_norm(tf.keras.layers.ReLU(name=f"{name}_relu")(y), f"{name}_bn", epsilon)
    return tf.keras.layers.Add(name=name)([x, y])


def _transition(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    x = tf.keras.layers.AveragePooling2D(2, name=f"{name}_pool")(x)
    return _float_conv(x, filters, 1, f"{name}_pointwise")


def build(
    n_classes: int,
    input_size: int | None,
    *,
    widths: Sequence[int] = SIZES["residual"]["widths"],
    blocks: Sequence[int] = SIZES["residual"]["blocks"],
    binary: bool = True,
    roots: bool = False,
    name: str = "residual",
) -> tf.keras.Model:
    """Build the network, or its float twin.

    Parameters
    ----------
    n_classes : int
        Width of the classifier it is trained with.
    input_size : int or None
        Height and width in pixels, a multiple of 16; None trains at any such size.
    widths, blocks : sequence of int
        Channels and number of residual blocks of each stage, at a quarter of the picture's size
        in the first stage and half of that in each further one.
    binary : bool
        False builds the same network with float convolutions and zero padding.
    roots : bool
        Whether the embedding is the square roots of the means. For a network that is trained: a
        training through roots learns far less.
    name : str
        Of the model; the float twin's ends in ``_float``.

    Returns
    -------
    tf.keras.Model
        From ``(n, input_size, input_size, 3)`` float32 to logits ``(n, n_classes)``. The embedding
        joins the average-pooled outputs of the last two stages, ``sum(widths[-2:])`` wide: the
        earlier stage adds the finer texture that transfers better to other tasks.
    """
    picture = tf.keras.Input((input_size, input_size, 3), name="picture")
    x = _stem(picture, widths[0])
    pooled = []
    for stage, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True), start=1):
        if stage > 1:
            x = _transition(x, width, f"transition{stage}")
        for index in range(1, n_blocks + 1):
            x = _block(x, f"stage{stage}_block{index}", binary)
        active = tf.keras.layers.ReLU(name=f"stage{stage}_out")(x)
        pooled.append(tf.keras.layers.GlobalAveragePooling2D(name=f"stage{stage}_mean")(active))
        x = active
    embedding = tf.keras.layers.Concatenate(name="means" if roots else "embedding")(pooled[-2:])
    if roots:
        embedding = tf.keras.layers.Activation(tf.sqrt, name="embedding")(embedding)
    logits = tf.keras.layers.Dense(n_classes, name="logits")(embedding)
    return tf.keras.Model(picture, logits, name=name if binary else f"{name}_float")
