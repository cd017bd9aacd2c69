"""A converted extractor becomes a Keras model again, to be measured or trained further.

What conversion lost is found anew. Batch norms were folded into a slope and an offset per channel:
they are unfolded around the statistics of some pictures, so that training, which normalises by
the batch, goes on from the same function. Of a binary weight only the sign is left: its latent
value gets a magnitude drawn at random. The classifier was cut off.
"""

from __future__ import annotations

import larq as lq
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from headfit import ExtractorError
from headfit.networks import Affine, Graph, Node, Operator, read_binary_convolution, read_graph

LATENT_SCALE = 0.2
"""Standard deviation of the latent weights, before their sign is set."""

Weighted = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Kernel in Keras's layout, and the slope and offset of the batch norm after it."""


def recover(
    flatbuffer: bytes, model: tf.keras.Model, pictures: NDArray[np.float32], *, seed: int = 0
) -> None:
    """Fill a model with the weights of its own converted form.

    Parameters
    ----------
    flatbuffer : bytes
        The ``.tflite``.
    model : tf.keras.Model
        The network it was converted from, each convolution followed by a batch norm, in any state;
        all but its classifier is set.
    pictures : ndarray of shape (n, height, width, 3), dtype float32
        Normalised; a few hundred give the statistics of the batch norms.
    seed : int
        Of the magnitudes of latent weights.

    Raises
    ------
    ExtractorError
        If the file is damaged or holds another network.
    """
    graph = read_graph(flatbuffer)
    found = [w for w in (_weights(graph, operator) for operator in graph.operators) if w]
    kinds = (tf.keras.layers.Conv2D, tf.keras.layers.DepthwiseConv2D)
    convolutions = [x for x in model.layers if isinstance(x, kinds)]
    norms = [x for x in model.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
    shapes = [layer.weights[0].shape.as_list() for layer in convolutions]
    if [list(kernel.shape) for kernel, _, _ in found] != shapes or len(norms) != len(shapes):
        raise ExtractorError(
            f"expected the {len(shapes)} convolutions of {model.name}, found {len(found)} of other "
            "shapes; this is another network, or one that folds no batch norm after each"
        )
    rng = np.random.default_rng(seed)
    for layer, norm, (kernel, slope, offset) in zip(convolutions, norms, found, strict=True):
        if isinstance(layer, lq.layers.QuantConv2D) and layer.kernel_quantizer is not None:
            kernel = kernel * np.abs(rng.normal(0, LATENT_SCALE, kernel.shape))
        layer.set_weights([kernel])
        _unfold(norm, slope, offset, np.zeros_like(slope), np.ones_like(slope))
    before = tf.keras.Model(model.input, [norm.input for norm in norms])
    for norm, x, (_, slope, offset) in zip(norms, before.predict(pictures), found, strict=True):
        _unfold(norm, slope, offset, x.mean((0, 1, 2)), x.var((0, 1, 2)))


def _unfold(
    norm: tf.keras.layers.BatchNormalization,
    slope: NDArray[np.float32],
    offset: NDArray[np.float32],
    mean: NDArray[np.float32],
    variance: NDArray[np.float32],
) -> None:
    """Set a batch norm to ``slope * x + offset`` for pictures of such statistics."""
    gamma = slope * np.sqrt(variance + norm.epsilon)
    norm.set_weights([gamma, offset + slope * mean, mean, variance])


def _weights(graph: Graph, operator: Operator) -> Weighted | None:
    """Return what a convolution holds, or None of another operator."""
    node = Node(graph, operator)
    if operator.name == "LceBconv2d":
        convolution = read_binary_convolution(node)
        transform = convolution.transform
        if not isinstance(transform, Affine) or transform.correction is not None:
            raise node.refusal("its batch norm went into a sign, or its padding is zero")
        kernel = convolution.signs().transpose(1, 2, 3, 0)
        return kernel, node.constant(2, (None,)), node.constant(3, (None,))
    if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        kernel = node.constant(1, (None, None, None, None)).transpose(1, 2, 3, 0)
        offset = node.constant(2, (None,))
        return kernel, np.ones_like(offset), offset
    return None
