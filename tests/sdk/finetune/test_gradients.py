"""The device's gradients through binary blocks are Larq's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from headfit.finetune.tail import Tail
from headfit.networks.splitting import split

if TYPE_CHECKING:
    import larq as lq
    import larq_compute_engine as lce
    import tensorflow as tf
else:
    MISSING = "not tested, missing: what Larq's gradients come from: pip install headfit[zoo]"
    tf = pytest.importorskip("tensorflow", reason=MISSING)
    lq = pytest.importorskip("larq", reason=MISSING)
    lce = pytest.importorskip("larq_compute_engine", reason=MISSING)

CHANNELS = 40
"""Not a multiple of 32, so that the last word of packed bits has unused ones."""


def network(padding: str, strides: int) -> tf.keras.Model:
    """Two residual blocks as the embedded network has them, ReLU and mean behind."""
    x = picture = tf.keras.Input((6, 5, CHANNELS))
    for number in (1, 2):
        y = lq.layers.QuantConv2D(
            CHANNELS,
            3,
            padding="same",
            pad_values=1.0,
            use_bias=False,
            input_quantizer="ste_sign",
            kernel_quantizer="ste_sign",
            kernel_constraint="weight_clip",
            name=f"conv{number}",
        )(x)
        y = tf.keras.layers.ReLU()(y)
        y = tf.keras.layers.BatchNormalization(epsilon=0.0, name=f"bn{number}")(y)
        x = tf.keras.layers.Add()([x, y])
    y = lq.layers.QuantConv2D(
        16,
        2,
        strides=strides,
        padding=padding,
        pad_values=1.0 if padding == "same" else 0.0,
        use_bias=False,
        input_quantizer="ste_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
        name="conv3",
    )(x)
    y = tf.keras.layers.BatchNormalization(epsilon=0.0, name="bn3")(y)
    pooled = [
        tf.keras.layers.GlobalAveragePooling2D()(tf.keras.layers.ReLU()(part)) for part in (x, y)
    ]
    return tf.keras.Model(picture, tf.keras.layers.Concatenate(name="embedding")(pooled))


@pytest.mark.parametrize(
    ("padding", "strides", "roots"), [("same", 2, False), ("valid", 1, False), ("valid", 1, True)]
)
def test_gradients_are_larqs(padding: str, strides: int, roots: bool) -> None:
    """Of latent weights inside and outside [-1, 1], of multipliers and biases, in three blocks."""
    rng = np.random.default_rng(3)
    tf.keras.backend.clear_session()
    model = network(padding, strides)
    parameters = []
    for number in (1, 2, 3):
        shape = model.get_layer(f"conv{number}").get_weights()[0].shape
        latent = rng.uniform(-1.3, 1.3, shape).astype(np.float32)
        multiplier = rng.normal(0, 0.03, shape[-1]).astype(np.float32)
        bias = rng.normal(0, 0.3, shape[-1]).astype(np.float32)
        # As trained, or the file would hold other signs; gradients are taken afterwards.
        model.get_layer(f"conv{number}").set_weights([latent])
        still = np.zeros(shape[-1], np.float32), np.ones(shape[-1], np.float32)
        model.get_layer(f"bn{number}").set_weights([multiplier, bias, *still])
        parameters += [np.ascontiguousarray(latent.transpose(3, 0, 1, 2)), multiplier, bias]
    converted = model
    if roots:
        root = tf.keras.layers.Activation(tf.sqrt)
        converted = tf.keras.Model(model.input, root(model.output))
    tail = Tail(split(lce.convert_keras_model(converted), 3).tail)
    for block, latent in zip(tail.start(0.5)[::3], parameters[::3], strict=True):
        np.testing.assert_array_equal(block, np.where(latent < 0, -0.5, 0.5))
    for mine, theirs in zip(tail.start(0.5)[1::3], parameters[1::3], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)

    pictures = rng.normal(0, 1, (7, 6, 5, CHANNELS)).astype(np.float32)
    direction = rng.normal(0, 1, (7, CHANNELS + 16)).astype(np.float32)
    with tf.GradientTape() as tape:
        expected = model(pictures, training=False)
        if roots:  # nothing passes where the mean is 0
            expected = tf.sqrt(tf.maximum(expected, 1e-30))
        loss = tf.reduce_sum(expected * direction)
    variables = [
        weight
        for number in (1, 2, 3)
        for weight in (
            model.get_layer(f"conv{number}").trainable_weights
            + model.get_layer(f"bn{number}").trainable_weights
        )
    ]
    wanted = [gradient.numpy() for gradient in tape.gradient(loss, variables)]
    wanted[::3] = [gradient.transpose(3, 0, 1, 2) for gradient in wanted[::3]]

    embeddings, pull_back = tail.forward(pictures.reshape(7, -1), parameters)
    np.testing.assert_allclose(embeddings, expected.numpy(), rtol=1e-4, atol=1e-4)
    for mine, theirs in zip(pull_back(direction), wanted, strict=True):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())
    assert all((gradient == 0).any() for gradient in wanted[::3])  # clipped ones are among them
