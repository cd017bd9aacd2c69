"""What the tests of the example store share: a source of embeddings, and small stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headfit.store import ExampleStore

FINGERPRINT = "ab" * 32
DIM = 16


@dataclass(frozen=True)
class Source:
    """What a store knows of an extractor."""

    fingerprint: str = FINGERPRINT
    embedding_dim: int = DIM


def embeddings(n_samples: int, seed: int = 0, dim: int = DIM) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n_samples, dim)).astype(np.float32)


def filled_store(path: Path, n_samples: int = 300, source: Source | None = None) -> ExampleStore:
    """Return an open store of three classes, added in three batches."""
    source = source or Source()
    store = ExampleStore.open(path, source)
    values = embeddings(n_samples, dim=source.embedding_dim)
    for start in range(0, n_samples, 100):
        part = values[start : start + 100]
        names = [("cup", "jug", "pen")[i % 3] for i in range(start, start + len(part))]
        store.add_many(part, names, photo_hashes=range(start + 1, start + 1 + len(part)))
    return store


def on_disk(path: Path) -> bytes:
    """Return the bytes of a store's file and of all files beside it that bear its name."""
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(path.name + "*")))
