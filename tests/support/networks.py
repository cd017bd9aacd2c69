"""The small networks that the engine tests run; see tests/data/engines/MAKE.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data" / "engines"
NETWORKS = ["residual", "quicknet", "alexnet", "bitpacked", "maxpool", "grouped", "zero_padded"]


class Network:
    """One fixture: the file, a picture and the embedding LCE's reference kernels gave for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = (DATA / f"{name}.tflite").read_bytes()
        with np.load(DATA / "golden.npz") as goldens:
            picture: NDArray[np.uint8] = goldens[f"{name}.picture"]
            self.embedding: NDArray[np.float32] = goldens[f"{name}.embedding"]
        self.image: NDArray[np.float32] = ((picture.astype(np.float32) - 127.5) / 64)[None]


def assert_same_embedding(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """What every engine promises: cosine 0.99999, differences below 1e-4 of the range."""
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    a, b = actual.astype(np.float64), expected.astype(np.float64)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine >= 0.99999
    assert np.abs(a - b).max() <= 1e-4 * np.ptp(b)
