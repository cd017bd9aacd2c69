"""Write residual networks with random weights: ``python tests/benchmarks/networks.py FOLDER``.

Needs TensorFlow, Larq and Larq Compute Engine (the `zoo` extra). A process of its own, so that
TensorFlow's threads are gone when engines are timed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import larq_compute_engine
import tensorflow as tf

from headfit_zoo.architectures.residual import build
from headfit_zoo.architectures.top import cut_top

NETWORKS = {
    "64 px": (64, (48, 96, 192), (2, 4, 4)),  # the embedded extractor's layers
    "224 px": (224, (64, 128, 256, 512), (4, 4, 4, 4)),
}
FOUR_MEGABYTES = (64, (64, 128, 256, 512), (4, 4, 6, 10))


def main() -> None:
    """Write each network as LCE's binary and as TFLite's float one, and a large binary one."""
    folder = Path(sys.argv[1])
    for name, (size, widths, blocks) in NETWORKS.items():
        tf.keras.utils.set_random_seed(0)
        binary = cut_top(build(10, size, widths=widths, blocks=blocks))
        floating = cut_top(build(10, size, widths=widths, blocks=blocks, binary=False))
        (folder / f"{name}, binary.tflite").write_bytes(
            larq_compute_engine.convert_keras_model(binary)
        )
        (folder / f"{name}, float.tflite").write_bytes(
            tf.lite.TFLiteConverter.from_keras_model(floating).convert()
        )
    size, widths, blocks = FOUR_MEGABYTES
    large = cut_top(build(10, size, widths=widths, blocks=blocks))
    (folder / "large.tflite").write_bytes(larq_compute_engine.convert_keras_model(large))


if __name__ == "__main__":
    main()
