"""Write networks with random weights: ``python tests/benchmarks/networks.py FOLDER``.

Needs TensorFlow, Larq and Larq Compute Engine (the `zoo` extra). A process of its own, so that
TensorFlow's threads are gone when engines are timed.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import larq_compute_engine
import tensorflow as tf

from headfit_zoo.architectures import residual, resnet18
from headfit_zoo.architectures.top import cut_top

WIDTHS = (64, 128, 256, 512)
NETWORKS = {
    # the embedded extractor's layers
    "112 px": partial(residual.build, 10, 112, **residual.SIZES["residual_large"]),
    "224 px": partial(residual.build, 10, 224, widths=WIDTHS, blocks=(4, 4, 4, 4)),
    # those of the extractor resnet18-binary-imagenet
    "ResNet-18": partial(resnet18.build, 1000, 224),
}


def main() -> None:
    """Write each network as LCE's binary and as TFLite's float one, and a large binary one."""
    folder = Path(sys.argv[1])
    for name, build in NETWORKS.items():
        tf.keras.utils.set_random_seed(0)
        binary, floating = cut_top(build()), cut_top(build(binary=False))
        (folder / f"{name}, binary.tflite").write_bytes(
            larq_compute_engine.convert_keras_model(binary)
        )
        (folder / f"{name}, float.tflite").write_bytes(
            tf.lite.TFLiteConverter.from_keras_model(floating).convert()
        )
    large = cut_top(residual.build(10, 64, widths=WIDTHS, blocks=(4, 4, 6, 10)))
    (folder / "large.tflite").write_bytes(larq_compute_engine.convert_keras_model(large))


if __name__ == "__main__":
    main()
