"""A pre-activation ResNet-18 with binary convolutions and binary shortcuts.

Source: He et al., "Identity Mappings in Deep Residual Networks" (ECCV 2016), with the convolutions
of the four stages binarised as in Yang et al., "BMXNet" (ACM MM 2017), whose published weights fit
into it. Stem and classifier stay in floating point.
"""

from __future__ import annotations

from collections.abc import Sequence

import larq as lq
import tensorflow as tf

EPSILON = 2e-5
"""Of every batch norm, as BMXNet has it."""


def _batch_norm(x: tf.Tensor, name: str, *, scale: bool = True) -> tf.Tensor:
    return tf.keras.layers.BatchNormalization(
        momentum=0.9, epsilon=EPSILON, scale=scale, name=name
    )(x)


def _pad(x: tf.Tensor, kernel: int, name: str) -> tf.Tensor:
    """Pad as a window of stride 2 over a map of even size needs it, ``kernel // 2`` in front.

    SAME would put one pixel less in front and shift the picture. Behind, the last pixel of equal
    padding is under no window, so it is left away. It must be: LCE's converter takes equal padding
    for SAME. Zeros are right for the binary network too: they come before the sign, and the sign of
    zero is +1.
    """
    sides = (kernel // 2, kernel // 2 - 1)
    return tf.keras.layers.ZeroPadding2D((sides, sides), name=name)(x)


def _conv(
    x: tf.Tensor, filters: int, kernel: int, name: str, *, strides: int, binary: bool
) -> tf.Tensor:
    """Convolve with ``kernel // 2`` pixels of padding on every side, whatever the stride."""
    if strides > 1 and kernel > 1:
        x = _pad(x, kernel, f"{name}_pad")
        padding = "valid"
    else:
        padding = "same"
    quantisers = (
        {
            "input_quantizer": "ste_sign",
            "kernel_quantizer": "ste_sign",
            "kernel_constraint": "weight_clip",
            "pad_values": 1.0,
        }
        if binary
        else {}
    )
    return lq.layers.QuantConv2D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="glorot_normal",
        name=name,
        **quantisers,
    )(x)


def _unit(x: tf.Tensor, filters: int, name: str, *, strides: int, binary: bool) -> tf.Tensor:
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution in a stage's first unit."""

    def activate(y: tf.Tensor, part: str) -> tf.Tensor:
        y = _batch_norm(y, f"{name}_bn{part}")
        return y if binary else tf.keras.layers.ReLU(name=f"{name}_relu{part}")(y)

    active = activate(x, "1")
    y = _conv(active, filters, 3, f"{name}_conv1", strides=strides, binary=binary)
    y = _conv(activate(y, "2"), filters, 3, f"{name}_conv2", strides=1, binary=binary)
    if name.endswith("unit1"):
        x = _conv(active, filters, 1, f"{name}_shortcut", strides=strides, binary=binary)
    return tf.keras.layers.Add(name=name)([y, x])


def build(
    n_classes: int,
    input_size: int | None,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    binary: bool = True,
) -> tf.keras.Model:
    """Build the network, or its float twin.

    Parameters
    ----------
    n_classes : int
        Width of the classifier it is trained with.
    input_size : int or None
        Height and width in pixels, a multiple of 32; None trains at any such size.
    widths : sequence of int
        Channels of each stage of two units, the first at a quarter of the picture's size and each
        further one at half of the one before.
    binary : bool
        False builds the same network with float convolutions and ReLU for the sign.

    Returns
    -------
    tf.keras.Model
        From ``(n, input_size, input_size, 3)`` float32 to logits ``(n, n_classes)``. The embedding
        is the average-pooled output of the last stage, ``widths[-1]`` wide.
    """
    picture = tf.keras.Input((input_size, input_size, 3), name="picture")
    x = _batch_norm(picture, "data_bn", scale=False)
    x = _conv(x, widths[0], 7, "stem_conv", strides=2, binary=False)
    x = tf.keras.layers.ReLU(name="stem_relu")(_batch_norm(x, "stem_bn"))
    x = tf.keras.layers.MaxPooling2D(3, 2, name="stem_pool")(_pad(x, 3, "stem_pool_pad"))
    for stage, width in enumerate(widths, start=1):
        for unit in (1, 2):
            strides = 2 if stage > 1 and unit == 1 else 1
            x = _unit(x, width, f"stage{stage}_unit{unit}", strides=strides, binary=binary)
    x = tf.keras.layers.ReLU(name="final_relu")(_batch_norm(x, "final_bn"))
    embedding = tf.keras.layers.GlobalAveragePooling2D(name="embedding")(x)
    logits = tf.keras.layers.Dense(n_classes, name="logits")(embedding)
    return tf.keras.Model(picture, logits, name="resnet18" if binary else "resnet18_float")
