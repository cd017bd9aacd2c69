"""Pictures in which hardly anything varies, before heads of six sets: which pass for known.

``python tests/benchmarks/blank.py CACHE [EXTRACTOR]``: heads and CACHE are those of strangers.py.
By embeddings alone, and with the rule for such pictures; and what photographs vary at least.
"""

from __future__ import annotations

import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from certainty import print_header
from photo_sets import DATA, DATASETS
from strangers import ZIPS, cases, load

from headfit import Extractor, SoftmaxHead
from headfit.learning.prediction import Prediction
from headfit.photos.images import prepare_input

SHAPE = (160, 200, 3)


def noise(rng: np.random.Generator, mean: float, spread: float) -> np.ndarray:
    """Return what a camera makes of one grey."""
    return np.clip(rng.normal(mean, spread, SHAPE), 0, 255).round().astype(np.uint8)


def slope(start: int, rise: int) -> np.ndarray:
    """Return a picture that grows lighter to the right."""
    row = np.linspace(start, start + rise, SHAPE[1]).round().astype(np.uint8)
    return np.broadcast_to(row[:, None], SHAPE).copy()


def pictures() -> dict[str, list[np.ndarray]]:
    """Return pictures of nothing, by kind."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (30, 3))
    return {
        "black": [np.zeros(SHAPE, np.uint8)],
        "white": [np.full(SHAPE, 255, np.uint8)],
        "grey": [np.full(SHAPE, shade, np.uint8) for shade in range(32, 225, 32)],
        "one colour": [np.full(SHAPE, colour, np.uint8) for colour in colours],
        "dark, with noise": [noise(rng, mean, s) for mean in (0, 5, 10, 20) for s in (1, 2, 4)],
        "grey, with noise": [noise(rng, mean, s) for mean in (64, 128, 192) for s in (1, 2, 4, 8)],
        "a slope of 5 to 20": [slope(a, rise) for a in (0, 60, 120, 180) for rise in (5, 10, 20)],
        "a slope of 40": [slope(a, 40) for a in (0, 60, 120, 180)],
        "strong noise": [noise(rng, 128, spread) for spread in (20, 40, 80)]
        + [rng.integers(0, 256, SHAPE).astype(np.uint8) for _ in range(5)],
    }


def least_spread(dataset: str, extractor: Extractor) -> tuple[int, float]:
    """Return how many photos were looked at, every third, and how much the plainest varies."""
    preprocessing = extractor.manifest.preprocessing
    with zipfile.ZipFile(DATA / f"{dataset}.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][::3]
        views = (prepare_input(archive.read(name), preprocessing) for name in names)
        spreads = [(view.std(axis=(0, 1, 2)) * preprocessing.std).max() for view in views]
    return len(spreads), float(min(spreads))


def main() -> None:
    """Print a Markdown table, and how much photographs vary."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    sets = {name: load(name, extractor, cache) for name in (*ZIPS, "objects", "clothing")}
    kinds = pictures()
    seen = [extractor.embed_telling_blank(made) for made in kinds.values()]
    found = defaultdict(list)
    for name in sets:
        for case in cases(sets, name):
            head = SoftmaxHead().fit(case.taught, case.classes, extractor=extractor)
            row = []
            for embeddings, are_blank in seen:
                answers = Prediction.of(head.fitted_, embeddings)
                row.append((answers.are_known().mean(), answers.are_known(are_blank).mean()))
            found[name, case.n_photos].append(row)
    print_header("taught", "photos a class", *kinds)
    for (name, n_photos), rows in found.items():
        shares = [f"{before:.0%}, {after:.0%}" for before, after in np.mean(rows, axis=0)]
        print(f"| {name} | {n_photos} | {' | '.join(shares)} |")
    for dataset in (*DATASETS, "imagenet-sample-256"):
        count, spread = least_spread(dataset, extractor)
        print(f"{dataset}: {count} photos, the plainest varies by {spread:.1f} shades")


if __name__ == "__main__":
    main()
