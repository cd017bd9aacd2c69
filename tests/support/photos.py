"""What the app's tests teach with: photos drawn by code, easy to tell apart, and an extractor."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from headfit import Extractor, SoftmaxHead
from headfit.photos import WHOLE
from headfit.store import ExampleStore
from headfit_demo.session import DRAWINGS, PickedFile, Session

THINGS = tuple(DRAWINGS)


def frames(thing: str, count: int, seed: int = 0) -> list[np.ndarray]:
    """Return drawings of a thing, all different."""
    rng = np.random.default_rng([seed, THINGS.index(thing)])
    return [DRAWINGS[thing](rng) for _ in range(count)]


def jpeg(frame: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def picked(thing: str, count: int, seed: int = 0) -> list[PickedFile]:
    """Return drawings as files that a user chose."""
    return [
        PickedFile(f"{thing} {number}.jpg", jpeg(frame))
        for number, frame in enumerate(frames(thing, count, seed))
    ]


def write_folder(folder: Path, count: int, things: tuple[str, ...] = THINGS, seed: int = 0) -> Path:
    """Write photos into a folder per thing, as a user keeps them."""
    for thing in things:
        (folder / thing).mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames(thing, count, seed=seed)):
            (folder / thing / f"{number}.jpg").write_bytes(jpeg(frame))
    return folder


def fill(session: Session, n_samples: int, n_classes: int) -> None:
    """Put examples of no photo into the only project there is, beside what has it open."""
    extractor = session.open_extractor()
    (project,) = (session.data_folder / "projects").iterdir()
    shape = (n_samples, extractor.embedding_dim)
    embeddings = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with ExampleStore.open(project / "examples.store", extractor) as store:
        store.add_many(embeddings, [f"thing {n % n_classes}" for n in range(n_samples)])


def outdate(path: Path) -> None:
    """Let a head compare with a background that no extractor has any more."""
    head = SoftmaxHead.load(path).fitted_
    other = replace(head.likeness, background="0" * 64)
    SoftmaxHead.of(replace(head, likeness=other)).save(path)


class OtherExtractor:
    """Says that it is another extractor of the same width."""

    def __init__(self) -> None:
        manifest = Extractor.open(engine="popcount").manifest
        self.manifest = replace(manifest, fingerprint="0" * 64)
        self.fingerprint = self.manifest.fingerprint
        self.embedding_dim = manifest.embedding_dim
        self.views = (WHOLE,)
