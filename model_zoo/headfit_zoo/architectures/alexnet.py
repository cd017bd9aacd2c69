"""AlexNet with binary convolutions: the network of the paper.

Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks" (2012),
without its two-GPU groups, binarised as in Courbariaux et al., "Binarized Neural Networks"
(arXiv:1602.02830): convolution, pooling, batch norm, then the sign that the next layer takes. The
first layer sees the picture as it is; the classifier is float, the paper's variant (b).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import larq as lq
import tensorflow as tf

VARIANTS = {224: (11, 4, 6), 64: (5, 2, 3)}
"""By the picture's size: the first convolution's kernel and stride; the size of the last map."""


class _WholeMapProduct(lq.layers.QuantConv2D):  # type: ignore[misc]
    """A convolution over its whole input, trained as the matrix product that it is.

    As convolutions the two dense layers take nearly half of a training step, as products a tenth.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        *whole_map, filters = kernel.shape
        fan_in = math.prod(whole_map)
        inputs = tf.reshape(tf.ensure_shape(inputs, (None, *whole_map)), (-1, fan_in))
        product = tf.matmul(inputs, tf.reshape(kernel, (fan_in, filters)))
        return tf.reshape(product, (-1, 1, 1, filters))


def _block(
    x: tf.Tensor,
    filters: int,
    kernel: int,
    name: str,
    *,
    binary: bool,
    strides: int = 1,
    pool: bool = False,
    first: bool = False,
    padding: str = "same",
    layer: type[lq.layers.QuantConv2D] = lq.layers.QuantConv2D,
) -> tf.Tensor:
    quantisers: dict[str, str | float] = {}
    if binary:
        quantisers = {"kernel_quantizer": "ste_sign", "kernel_constraint": "weight_clip"}
        if not first:
            quantisers |= {"input_quantizer": "ste_sign", "pad_values": 1.0}
    x = layer(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="glorot_normal",
        name=f"{name}_conv",
        **quantisers,
    )(x)
    if pool:
        x = tf.keras.layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    x = tf.keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return x if binary else tf.keras.layers.ReLU(name=f"{name}_relu")(x)


def build(
    n_classes: int,
    input_size: int | None,
    *,
    widths: Sequence[int] = (96, 256, 384, 384, 256),
    dense: Sequence[int] = (4096, 4096),
    variant: int = 224,
    binary: bool = True,
) -> tf.keras.Model:
    """Build the network, or its float twin.

    Parameters
    ----------
    n_classes : int
        Width of the classifier it is trained with.
    input_size : int or None
        Height and width in pixels, `variant` or more; None builds the network for training, at
        the size of `variant`: faster, with the same weights, but not for LCE to convert.
    widths : sequence of 5 ints
        Filters of the convolutions.
    dense : sequence of int
        Widths of the fully connected layers.
    variant : int
        224, the paper's, or 64 with a smaller first convolution: what the last pooling makes of a
        picture of that size is what the first fully connected layer sees.
    binary : bool
        False builds the same network with float weights and ReLU for the sign.

    Returns
    -------
    tf.keras.Model
        From ``(n, input_size, input_size, 3)`` float32 to logits ``(n, n_classes)``. The embedding
        is the last fully connected layer's output before the sign, ``dense[-1]`` wide.
    """
    dense_layer = lq.layers.QuantConv2D if input_size else _WholeMapProduct
    input_size = input_size or variant
    picture = tf.keras.Input((input_size, input_size, 3), name="picture")
    kernel, strides, last_map = VARIANTS[variant]
    x = _block(
        picture,
        widths[0],
        kernel,
        "conv1",
        binary=binary,
        strides=strides,
        pool=True,
        first=True,
    )
    x = _block(x, widths[1], 5, "conv2", binary=binary, pool=True)
    x = _block(x, widths[2], 3, "conv3", binary=binary)
    x = _block(x, widths[3], 3, "conv4", binary=binary)
    x = _block(x, widths[4], 3, "conv5", binary=binary, pool=True)
    # A convolution over the whole map is a fully connected layer, and LCE packs its weights.
    for number, width in enumerate(dense, start=6):
        kernel = last_map if number == 6 else 1
        name = f"dense{number}"
        x = _block(x, width, kernel, name, binary=binary, padding="valid", layer=dense_layer)
    embedding = tf.keras.layers.GlobalAveragePooling2D(name="embedding")(x)
    logits = tf.keras.layers.Dense(n_classes, name="logits")(embedding)
    name = f"alexnet_{variant}" if binary else f"alexnet_{variant}_float"
    return tf.keras.Model(picture, logits, name=name)
