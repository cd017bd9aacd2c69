"""Silos with stores of a small extractor, and what a server and its nodes are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.stores import Source

from headfit import InputError, PublicView
from headfit.learning import ExtractorReference, Preprocessing
from headfit.pooling import Projection, Round, RoundFile, read_round_bytes, round_bytes
from headfit.privacy.signing import new_key, public_key
from headfit.store import ExampleStore

CLASSES = ("cup", "mug", "pen")
WIDTH = 6
FINGERPRINT = "ab" * 32
REFERENCE = ExtractorReference(
    "net",
    1,
    FINGERPRINT,
    Preprocessing(64, 64, "shorter-side", 64, "bicubic", (127.5,) * 3, (64.0,) * 3),
)
KEY = new_key()


def examples(seed: int, count: int = 12) -> tuple[np.ndarray, list[str]]:
    """Return non-negative embeddings of overlapping classes, and their names."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(CLASSES), count)
    centres = np.random.default_rng(77).gamma(2, 1, (len(CLASSES), WIDTH))
    values = np.maximum(centres[targets] + rng.normal(0, 0.7, (count, WIDTH)), 0)
    return values.astype(np.float32), [CLASSES[target] for target in targets]


@dataclass
class Silos:
    """Four silos' stores in a folder, and a round for them."""

    folder: Path
    examples: list[tuple[np.ndarray, list[str]]] = field(default_factory=list)

    def called(self, **settings: Any) -> RoundFile:
        """Write a round, ``folder / "it.round"``; without noise by default."""
        options = {"epsilon": None, "devices": 4, "min_devices": 2, "max_photos": 50} | settings
        asked = Round.call(
            REFERENCE, CLASSES, Projection.of(PublicView.plain(WIDTH, 6.0), 6.0), **options
        )
        file = round_bytes(asked, KEY)
        (self.folder / "it.round").write_bytes(file)
        return read_round_bytes(file)

    def node(self, number: int, **settings: Any) -> dict[str, Any]:
        """Return the configuration of a silo's node."""
        store = str(self.folder / f"{number}.store")
        return {"store": store, "trust": public_key(KEY), "plain": True} | settings

    def nodes(self) -> list[dict[str, Any]]:
        """Return that of all."""
        return [self.node(number) for number in range(len(self.examples))]

    def run(self, **settings: Any) -> dict[str, Any]:
        """Return the configuration of a run; it waits for nobody."""
        return {
            "round": str(self.folder / "it.round"),
            "out": str(self.folder / "out"),
            "nodes": 4,
            "min-nodes": 3,
            "wait-s": 0.0,
        } | {name.replace("_", "-"): value for name, value in settings.items()}


@pytest.fixture
def silos(tmp_path: Path) -> Silos:
    """Make the stores; each silo has an example of a class that the round has not."""
    made = Silos(tmp_path)
    for number in range(4):
        made.examples.append(examples(number))
        with ExampleStore.open(tmp_path / f"{number}.store", Source(FINGERPRINT, WIDTH)) as store:
            store.add_many(*made.examples[-1])
            store.add(np.ones(WIDTH, np.float32), "other")
    return made


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Expect an ``InputError`` whose message matches."""
    return lambda match: pytest.raises(InputError, match=match)
