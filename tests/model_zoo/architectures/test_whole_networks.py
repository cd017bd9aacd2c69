"""Full-size networks of three architectures, with random weights: all engines give the same."""

from __future__ import annotations

from collections.abc import Callable

import larq_compute_engine as lce
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from headfit.engines import open_engine
from headfit.errors import EngineMissingError
from headfit_zoo.architectures import alexnet, quicknet, residual
from headfit_zoo.architectures.top import cut_top

ENGINES = ("lce", "litert", "tflite-runtime", "tensorflow", "popcount")
BUILDERS: dict[str, Callable[[], tf.keras.Model]] = {
    "embedded": lambda: residual.build(200, 64),
    "quicknet": lambda: quicknet.build(1000, 224),
    "alexnet": lambda: alexnet.build(1000, 224),
}


def randomise(model: tf.keras.Model, seed: int) -> None:
    """Give batch norms statistics such that signs fall either way and differ per channel."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            drawn = {
                "gamma": lambda n: rng.uniform(0.3, 1.2, n) * rng.choice([-1.0, 1.0, 1.0], n),
                "beta": lambda n: rng.normal(0.0, 0.5, n),
                "moving_mean": lambda n: rng.normal(0.0, 1.5, n),
                "moving_variance": lambda n: rng.uniform(0.5, 9.0, n),
            }
            for weight in layer.weights:
                name = weight.name.split("/")[-1].split(":")[0]
                weight.assign(drawn[name](weight.shape[0]))


def compare(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float]:
    """Return the cosine, and the largest difference as a fraction of `b`'s range."""
    x, y = a.astype(float).ravel(), b.astype(float).ravel()
    return float(x @ y / np.sqrt((x @ x) * (y @ y))), float(np.abs(x - y).max() / np.ptp(y))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", BUILDERS)
def test_engines_agree(name: str) -> None:
    """Cosine at least 0.99999 and differences below 1e-4 of the range, from LCE's reference."""
    tf.keras.utils.set_random_seed(1)
    model = cut_top(BUILDERS[name]())
    randomise(model, 1)
    data = lce.convert_keras_model(model)
    shape = model.input_shape[1:]
    rng = np.random.default_rng(2)
    # Coarse noise enlarged, so that neighbouring pixels resemble each other as in photos.
    images = [
        tf.image.resize(rng.standard_normal((1, 14, 14, 3)), shape[:2]).numpy() for _ in range(3)
    ]
    reference = lce.testing.Interpreter(data, num_threads=1, use_reference_bconv=True)
    expected = [reference.predict(image)[0] for image in images]
    assert not np.allclose(expected[0], expected[1], atol=0.01 * np.ptp(expected[0]))
    found = {}
    for engine_name in ENGINES:
        try:
            engine = open_engine(data, engine_name)
        except EngineMissingError:
            continue
        found[engine_name] = [
            compare(engine.run(image), known) for image, known in zip(images, expected, strict=True)
        ]
    for engine_name, pairs in found.items():
        print(f"{name}, {len(data)} bytes, {engine_name}: {max(p[1] for p in pairs):.1e} of range")
    assert {"lce", "popcount"} <= set(found)
    for engine_name, pairs in found.items():
        for cosine, difference in pairs:
            assert cosine >= 0.99999, engine_name
            assert difference <= 1e-4, engine_name
