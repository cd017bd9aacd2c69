"""A small mixture: a repository of made pictures, its pack, and what a made teacher saw of it."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit_zoo.mixture.lite import N_OUTPUTS, Teacher
from headfit_zoo.mixture.packing import Pack, pack
from headfit_zoo.mixture.sources import Source
from headfit_zoo.mixture.targets import (
    Basis,
    Looking,
    Targets,
    fill,
    find_basis,
    open_targets,
    order_of,
)
from headfit_zoo.mixture.twins import drop_twins, kept

N_FEATURES = 300


def picture(kind: int, number: int, size: tuple[int, int] = (40, 48)) -> np.ndarray:
    """Stripes of a direction and a colour that the kind gives, with noise."""
    rng = np.random.default_rng((kind, number))
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    phase = (x, y, x + y)[kind % 3] / 4 + rng.uniform(0, 6)
    waves = 128 + 90 * np.sin(phase)[..., None] * np.roll((1, 0.5, 0.2), kind)
    return np.clip(waves + rng.normal(0, 12, (*size, 3)), 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def commit(folder: Path, files: dict[str, bytes]) -> str:
    """Make a bare repository of files; return its commit."""
    tree = folder.with_suffix(".tree")
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "gc.auto=0"]
    git = ["git", f"--git-dir={folder}", f"--work-tree={tree}", *who]
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    subprocess.run([*git, "add", "--force", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "Pictures"], check=True)
    asked = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
    return asked.stdout.decode().strip()


def made_teacher(name: str = "made") -> Teacher:
    """Logits and features that depend on a crop's mean colours and little else."""
    rng = np.random.default_rng(5)
    to_logits = rng.normal(0, 0.05, (48, N_OUTPUTS)).astype(np.float32)
    to_features = rng.normal(0, 0.05, (48, N_FEATURES)).astype(np.float32)

    def see(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n, size = len(crops), crops.shape[1]
        cells = crops.reshape(n, 4, size // 4, 4, size // 4, 3).mean((2, 4)).reshape(n, 48)
        x = cells.astype(np.float32) - 128
        return x @ to_logits, x @ to_features

    return Teacher(name, f"{name}-fingerprint", see)


@dataclass(frozen=True)
class Mixture:
    """Two sources, one with labels."""

    work: Path
    sources: tuple[Source, Source]
    packs: tuple[Pack, Pack]
    pictures: tuple[np.ndarray, np.ndarray]
    teacher: Teacher
    basis: Basis
    looking: Looking

    @property
    def packed(self) -> Path:
        """Where the packs lie."""
        return self.work / "packed"

    def targets(self, folder: Path, most: int | None = None) -> list[Targets]:
        """Let the teacher look at the first `most` pictures of each source."""
        stores = []
        for one, chosen in zip(self.packs, self.pictures, strict=True):
            store = open_targets(folder, one, self.teacher, self.basis, self.looking)
            fill(store, order_of(one, chosen, 1)[:most], self.teacher, self.basis)
            stores.append(store)
        return stores


@pytest.fixture(scope="session")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Mixture:
    work = tmp_path_factory.mktemp("mixture")
    root = work / "repositories" / "somebody"
    root.mkdir(parents=True)
    named = {
        f"train/{name}/{number:02}.jpg": encoded(picture(kind, number))
        for kind, name in enumerate(("across", "Länge", "стрелка"))
        for number in range(12)
    }
    named["train/across/broken.jpg"] = b"\xff\xd8 not a picture"
    named["readme.txt"] = b"Pictures."
    first = commit(root / "stripes.git", named)
    large = {f"{n}.png": encoded(picture(n, n, (200, 320)), "PNG") for n in range(10)}
    second = commit(root / "large.git", large)
    stripes = r"train/(?P<label>[^/]+)/"
    sources = (
        Source("stripes", "somebody/stripes", first, stripes, "directions", crops=2),
        Source("large", "somebody/large", second, "", weight=0.5, crops=2),
    )
    packs = tuple(pack(source, work / "repositories", work / "packed") for source in sources)
    for one in packs:
        drop_twins(one, work / "packed", [])
    pictures = tuple(kept(one, work / "packed") for one in packs)
    teacher, looking = made_teacher(), Looking(32, 2)
    looked = [(one, chosen, looking) for one, chosen in zip(packs, pictures, strict=True)]
    basis = find_basis(looked, teacher, n=40)
    return Mixture(work, sources, packs, pictures, teacher, basis, looking)  # type: ignore[arg-type]
