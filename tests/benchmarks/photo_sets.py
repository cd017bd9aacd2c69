"""The photographs that benchmarks teach and test on: their embeddings, kept in a folder."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headfit import Extractor

DATA = Path(os.environ.get("HEADFIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
DRAWS = 5
DATASETS = ("flowers5-128", "scene15-200", "flowers102-64", "cub200-2010-224")
Made = tuple[list[str], list[bool], np.ndarray]
"""Names of photos, which of them test, and their embeddings."""


def is_test(dataset: str, name: str, index: int) -> bool:
    """Return whether a photo tests: flowers102 as the paper split it, birds every second."""
    if dataset == "flowers5-128":
        return index % 5 == 4
    if dataset == "cub200-2010-224":
        return index % 2 == 1
    return name.startswith("train/" if dataset == "flowers102-64" else "test/")


def embed(dataset: str, extractor: Extractor, cache: Path) -> dict[str, np.ndarray]:
    """Return embeddings, class names and which of them test; from the cache if they are there."""

    def make(archive: zipfile.ZipFile, names: list[str]) -> Made:
        tests = [is_test(dataset, name, index) for index, name in enumerate(names)]
        return names, tests, extractor.embed([archive.read(name) for name in names])

    return cached(cache / f"{dataset}-{extractor.fingerprint[:12]}.npz", dataset, make)


def cached(
    path: Path, dataset: str, make: Callable[[zipfile.ZipFile, list[str]], Made]
) -> dict[str, np.ndarray]:
    """Return what is made of a set's photos, with class names; from the file if it is there."""
    if not path.exists():
        with zipfile.ZipFile(DATA / f"{dataset}.zip") as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
            kept, tests, embeddings = make(
                archive, [name for name in names if not name.startswith("val/")]
            )
        classes = [name.split("/")[-2] for name in kept]
        np.savez(path, embeddings=embeddings, classes=np.array(classes), tests=np.array(tests))
    with np.load(path) as file:
        return dict(file)


def draw(classes: np.ndarray, pool: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Return the rows of ``count`` photos of each class, or of all there are."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(pool[classes[pool] == name])[:count] for name in np.unique(classes)]
    return np.concatenate(chosen)
