"""Devices that contribute to a small round: embeddings of three classes, 6 wide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from headfit.learning.origin import ExtractorReference, Preprocessing
from headfit.pooling import (
    Part,
    Projection,
    Round,
    RoundFile,
    contributed,
    part_bytes,
    read_round_bytes,
    round_bytes,
)
from headfit.privacy.public_view import PublicView
from headfit.privacy.signing import new_key

CLASSES = ("cup", "mug", "pen")
WIDTH = 6
REFERENCE = ExtractorReference(
    "net",
    1,
    "ab" * 32,
    Preprocessing(64, 64, "shorter-side", 64, "bicubic", (127.5,) * 3, (64.0,) * 3),
)
KEY = new_key()

RoundMaker = Callable[..., RoundFile]


@dataclass(frozen=True, slots=True)
class Photos:
    """What a device has."""

    embeddings: np.ndarray
    names: list[str]


def photos(seed: int, count: int = 5) -> Photos:
    """Return non-negative embeddings of overlapping classes."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(CLASSES), count)
    centres = np.random.default_rng(77).gamma(2, 1, (len(CLASSES), WIDTH))
    values = np.maximum(centres[targets] + rng.normal(0, 0.7, (count, WIDTH)), 0)
    return Photos(values.astype(np.float32), [CLASSES[t] for t in targets])


@pytest.fixture(scope="session")
def make_round() -> RoundMaker:
    """Make a signed round: ``make_round(width=None, **settings of Round.call)``."""

    def make(width: int | None = None, **settings: object) -> RoundFile:
        if width is None:
            projection = Projection.of(PublicView.plain(WIDTH, 6.0), 6.0)
        else:
            public = np.concatenate([photos(1000 + n).embeddings for n in range(20)])
            projection = Projection.of(PublicView.of(public, width), float(public.max()))
        options = {"classes": CLASSES, "epsilon": 3.0, "devices": 20, "max_photos": 8} | settings
        called = Round.call(REFERENCE, projection=projection, **options)
        return read_round_bytes(round_bytes(called, KEY))

    return make


def parts_by_side(
    called: RoundFile, n_devices: int, keys: list[bytes] | None = None
) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Return the names and bytes of the parts of so many devices, side A and side B."""
    sides: tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]] = ([], [])
    for number in range(n_devices):
        device = photos(number)
        for side, part in zip(
            sides, contributed(called, device.embeddings, device.names), strict=True
        ):
            key = None if keys is None else keys[number]
            side.append((f"{part.side}{number}", part_bytes(part, key)))
    return sides


def sources(files: list[tuple[str, bytes]]) -> list[tuple[str, Callable[[], bytes]]]:
    """Return what `Side` takes, of bytes."""
    return [(name, lambda data=data: data) for name, data in files]


def renamed(part: Part, **changes: object) -> bytes:
    """Return the bytes of a part that says something else, its hash right."""
    return part_bytes(replace(part, **changes))
