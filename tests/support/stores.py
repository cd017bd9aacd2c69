"""What the tests of the example store share: a source of embeddings, and small stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from headfit.photos import WHOLE, View
from headfit.store import ExampleStore

DATA = Path(__file__).parents[1] / "data"
FINGERPRINT = "ab" * 32
DIM = 16


@dataclass(frozen=True)
class Source:
    """What a store knows of an extractor."""

    fingerprint: str = FINGERPRINT
    embedding_dim: int = DIM
    views: tuple[View, ...] = (WHOLE,)


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


GOLDENS = {"plain": None, "sealed": bytes(range(32))}
"""The golden stores by name, and their keys."""


def golden_path(name: str) -> Path:
    """Return where the bytes of a golden store are, compressed."""
    return DATA / f"store_v1_{name}.gz"


def write_golden(path: Path, key: bytes | None, patch: pytest.MonkeyPatch) -> None:
    """Write what the golden stores hold: every table has a row."""
    patch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    with ExampleStore.open(path, Source(), key=key) as store:
        store.add_many(
            np.arange(48).reshape(3, DIM) / 8,
            ["cup", "jug", "größe 网"],
            photo_hashes=[1, 2**64 - 1, 0],
            thumbnails=[b"small", None, None],
            digests=[None, bytes(range(32)), None],
        )
        store.rename_class("jug", "mug")
        store.move_examples([3], "cup")
    patch.undo()
