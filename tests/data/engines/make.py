"""Make the small LCE networks that the engine tests run; see MAKE.md beside this file.

Needs TensorFlow, Larq and Larq Compute Engine (the `zoo` extra). Weights and batch norms are
random but fixed by a seed, so the networks mean nothing and exercise everything.
"""

from __future__ import annotations

from pathlib import Path

import larq
import larq_compute_engine
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
layers = tf.keras.layers


def binary(
    x: tf.Tensor,
    filters: int,
    kernel: int = 3,
    *,
    pad_values: int = 1,
    padding: str = "same",
    **options: object,
) -> tf.Tensor:
    """Convolve binarised `x` with binarised weights."""
    return larq.layers.QuantConv2D(
        filters,
        kernel,
        padding=padding,
        pad_values=pad_values if padding == "same" else 0,
        input_quantizer="ste_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
        use_bias=False,
        **options,
    )(x)


def top(x: tf.Tensor) -> tf.Tensor:
    """Ten classes, with weights small enough that no probability is certain."""
    small = tf.keras.initializers.RandomNormal(stddev=0.04)
    return layers.Softmax()(layers.Dense(10, kernel_initializer=small)(x))


def norm(x: tf.Tensor) -> tf.Tensor:
    return layers.BatchNormalization()(x)


def block(x: tf.Tensor, filters: int, **options: object) -> tf.Tensor:
    """Residual block in the order LCE fuses best: convolution, ReLU, batch norm, sum."""
    y = norm(layers.ReLU()(binary(x, filters, **options)))
    return layers.Add()([x, y])


def stem(x: tf.Tensor, filters: int) -> tf.Tensor:
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(norm(x))
    x = norm(layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x))
    return norm(layers.Conv2D(filters, 1, use_bias=False)(x))


def residual() -> tf.keras.Model:
    """As the embedded extractor: stem, three stages, averages of the last two as embedding."""
    image = layers.Input((64, 64, 3))
    x = block(block(stem(image, 32), 32), 32)
    x = norm(layers.Conv2D(64, 1, use_bias=False)(layers.MaxPool2D(2)(x)))
    middle = x = block(block(x, 64), 64)
    x = norm(layers.Conv2D(96, 1, use_bias=False)(layers.AveragePooling2D(2)(layers.ReLU()(x))))
    x = block(block(x, 96), 96)
    pools = [layers.GlobalAveragePooling2D()(y) for y in (middle, x)]
    return tf.keras.Model(image, layers.Concatenate()(pools))


def quicknet() -> tf.keras.Model:
    """As larq-zoo's QuickNet: blur-pooled transitions and a dense softmax top."""
    image = layers.Input((32, 32, 3))
    x = block(stem(image, 32), 32)
    x = layers.ReLU()(x)
    x = layers.MaxPool2D(3, strides=1, padding="same")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x)
    x = norm(layers.Conv2D(64, 1, use_bias=False)(x))
    x = layers.ReLU()(block(block(x, 64), 64))
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(image, top(x))


def alexnet() -> tf.keras.Model:
    """As larq-zoo's BinaryAlexNet: no residuals, max pooling, binary dense layers."""
    image = layers.Input((32, 32, 3))
    x = norm(layers.MaxPool2D(3, strides=2)(layers.Conv2D(32, 5, padding="same")(image)))
    x = norm(layers.MaxPool2D(3, strides=2)(binary(x, 64, 5)))
    x = norm(binary(x, 64))
    x = norm(layers.MaxPool2D(3, strides=2)(binary(x, 32)))
    x = layers.Flatten()(x)
    x = norm(
        larq.layers.QuantDense(
            48, input_quantizer="ste_sign", kernel_quantizer="ste_sign", use_bias=False
        )(x)
    )
    return tf.keras.Model(image, top(x))


def bitpacked() -> tf.keras.Model:
    """Convolutions that hand packed bits to each other, through LceBMaxPool2d too."""
    image = layers.Input((24, 20, 3))
    x = norm(layers.Conv2D(40, 3, padding="same")(image))
    x = norm(binary(x, 72))
    x = norm(layers.ReLU()(binary(x, 33, padding="valid")))
    x = layers.MaxPool2D(3, strides=2, padding="same")(x)
    x = norm(binary(x, 64, 1))
    x = norm(binary(x, 16, 2, strides=2))
    return tf.keras.Model(image, layers.Flatten()(layers.AveragePooling2D(2)(x)))


def maxpool() -> tf.keras.Model:
    """Max pooling of binarised activations, plain and overlapping, both paddings."""
    image = layers.Input((24, 24, 3))
    x = norm(layers.Conv2D(32, 3, padding="same")(image))
    x = layers.MaxPool2D(2)(x)
    x = norm(binary(x, 64))
    x = layers.MaxPool2D(3, strides=2, padding="same")(x)
    x = norm(binary(x, 32))
    return tf.keras.Model(image, layers.GlobalAveragePooling2D()(x))


def grouped() -> tf.keras.Model:
    """Grouped binary convolutions; LCE's default kernel refuses them."""
    image = layers.Input((16, 16, 3))
    x = norm(layers.Conv2D(64, 3, padding="same")(image))
    x = block(x, 64, groups=2)
    x = norm(binary(x, 128, groups=2, padding="valid"))
    x = norm(binary(x, 64, groups=4))
    return tf.keras.Model(image, layers.GlobalAveragePooling2D()(x))


def zero_padded() -> tf.keras.Model:
    """Zero padding, strides, dilation, PReLU and channel counts that fill no word."""
    image = layers.Input((18, 23, 3))
    x = layers.PReLU(shared_axes=[1, 2])(norm(layers.Conv2D(34, 3, padding="valid")(image)))
    x = norm(binary(x, 36, pad_values=0, strides=2))
    x = norm(binary(x, 70, pad_values=0, dilation_rate=2))
    x = layers.ReLU(max_value=6.0)(norm(binary(x, 8, (2, 3), padding="valid")))
    return tf.keras.Model(image, layers.GlobalAveragePooling2D()(x))


def randomise(model: tf.keras.Model, rng: np.random.Generator) -> None:
    """Give batch norms statistics such that signs fall either way and differ per channel."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights(
                [
                    rng.uniform(0.3, 1.2, n) * rng.choice([-1.0, 1.0, 1.0], n),
                    rng.normal(0.0, 0.5, n),
                    rng.normal(0.0, 1.5, n),
                    rng.uniform(0.5, 9.0, n),
                ]
            )


def main() -> None:
    pictures, goldens = {}, {}
    makers = [residual, quicknet, alexnet, bitpacked, maxpool, grouped, zero_padded]
    for seed, maker in enumerate(makers):
        name = maker.__name__
        tf.keras.utils.set_random_seed(seed)
        rng = np.random.default_rng(seed)
        model = maker()
        randomise(model, rng)
        data = larq_compute_engine.convert_keras_model(model)
        (HERE / f"{name}.tflite").write_bytes(data)
        picture = rng.integers(0, 256, model.input_shape[1:], dtype=np.uint8)
        interpreter = larq_compute_engine.tflite.python.interpreter.Interpreter(
            data, use_reference_bconv=True
        )
        pictures[f"{name}.picture"] = picture
        x = (picture.astype(np.float32) - 127.5) / 64
        goldens[f"{name}.embedding"] = interpreter.predict(x[None])[0]
        keras = model.predict(x[None], verbose=0)[0]
        error = float(np.abs(keras - goldens[f"{name}.embedding"]).max())
        print(f"{name}: {len(data)} bytes, {keras.shape}, LCE and Keras differ by {error:.2e}")
    np.savez(HERE / "golden.npz", **pictures, **goldens)


if __name__ == "__main__":
    main()
