"""Make the small networks of others' kinds that are cut in the tests; see MAKE.md beside this file.

Needs TensorFlow (the `zoo` extra). Weights are random but fixed by a seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
HEIGHT, WIDTH = 24, 32
layers = tf.keras.layers


def classifier(height: int | None = HEIGHT, width: int | None = WIDTH) -> tf.keras.Model:
    """Return convolutions, a mean of all places, ten classes; for pictures from -1 to 1."""
    tf.keras.utils.set_random_seed(1)
    x = inputs = layers.Input((height, width, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu", name="map")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dense(10, activation="softmax")(x)
    return tf.keras.Model(inputs, x)


def flattened() -> tf.keras.Model:
    """Return one whose classifier reads every number of a map, and gives logits."""
    tf.keras.utils.set_random_seed(2)
    x = inputs = layers.Input((HEIGHT, WIDTH, 3))
    x = layers.Conv2D(8, 5, strides=4, padding="same", activation="relu", name="features")(x)
    x = layers.Dense(5)(layers.Flatten()(x))
    return tf.keras.Model(inputs, x)


def pictures() -> Iterator[list[np.ndarray]]:
    """Yield what quantisation is calibrated on."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        coarse = rng.uniform(-1, 1, (1, 3, 4, 3)).astype(np.float32)
        yield [tf.image.resize(coarse, (HEIGHT, WIDTH), "bicubic").numpy().clip(-1, 1)]


def converted(kind: str) -> bytes:
    """Return the classifier as this kind of file."""
    model = classifier(None, None) if kind == "any_size" else classifier()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind in ("float16", "dynamic_range", "int8", "uint8"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind in ("int8", "uint8"):
        converter.representative_dataset = pictures
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    return bytes(converter.convert())


def main() -> None:
    """Write every network and what Keras makes of a picture."""
    for kind in ("float32", "float16", "dynamic_range", "int8", "uint8", "any_size"):
        (HERE / f"{kind}.tflite").write_bytes(converted(kind))
    (HERE / "flattened.tflite").write_bytes(
        tf.lite.TFLiteConverter.from_keras_model(flattened()).convert()
    )
    coarse = np.random.default_rng(1).uniform(0, 255, (3, 4, 3))
    picture = tf.image.resize(coarse, (HEIGHT, WIDTH), "bicubic").numpy().clip(0, 255)
    picture = picture.astype(np.uint8)
    x = (picture.astype(np.float32)[None] - 127.5) / 127.5
    goldens = {"picture": picture}
    for name, model in (("classifier", classifier()), ("flattened", flattened())):
        layer = model.get_layer("features").output
        goldens[name] = tf.keras.Model(model.input, layer).predict(x, verbose=0)[0]
    np.savez(HERE / "golden.npz", **goldens)


if __name__ == "__main__":
    main()
