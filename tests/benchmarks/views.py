"""Top-1 of heads on several views of each photo: flips, crops, a pyramid of both.

``python tests/benchmarks/views.py CACHE [EXTRACTOR]`` needs the zips in the data folder and keeps
the embeddings in the folder CACHE. Five draws of training photos each, the same for every way.
"""

from __future__ import annotations

import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from photo_sets import Made, cached, draw, is_test

from headfit import Extractor, SoftmaxHead
from headfit.photos.images import decode_image
from headfit.photos.views import CROPPED, View

QUARTERS = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
VIEWS = [*CROPPED, *(View(2.0, x, y) for x, y in QUARTERS)]

WHOLE, FLIPS, CROPS, QUARTER_VIEWS = [0], [0, 1], [0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10]
DRAWS = 5
COUNTS = (1, 5, 20)
PER_CLASS = {"flowers5-128": (60, 100), "scene15-200": (30, 30), "flowers102-64": (20, 5)}
"""Photos of each class that may train, and that test: all of them would take hours of views."""


def chosen(dataset: str, names: list[str]) -> tuple[list[str], list[bool]]:
    """Return some photos of each class, and which of them test."""
    left = {
        is_for_test: Counter({name.split("/")[-2]: count for name in names})
        for is_for_test, count in zip((False, True), PER_CLASS[dataset], strict=True)
    }
    order = np.random.default_rng(0).permutation(len(names))
    kept, tests = [], []
    for index in order:
        is_for_test, name = is_test(dataset, names[index], int(index)), names[index].split("/")[-2]
        if left[is_for_test][name] > 0:
            left[is_for_test][name] -= 1
            kept.append(names[index])
            tests.append(is_for_test)
    return kept, tests


def embed(dataset: str, extractor: Extractor, cache: Path) -> dict[str, np.ndarray]:
    """Return the embedding of every view: (n_samples, n_views, embedding_dim)."""

    def make(archive: zipfile.ZipFile, names: list[str]) -> Made:
        kept, tests = chosen(dataset, names)
        embeddings = np.empty((len(kept), len(VIEWS), extractor.embedding_dim), np.float32)
        for row, name in enumerate(kept):
            pixels = [decode_image(archive.read(name))]
            for column, view in enumerate(VIEWS):
                embeddings[row, column] = extractor.looking([view]).embed(pixels)[0]
        return kept, tests, embeddings

    return cached(cache / f"views-{dataset}-{extractor.fingerprint[:12]}.npz", dataset, make)


def rows_of(embeddings: np.ndarray, views: list[int]) -> np.ndarray:
    """Return every view as a photo of its own, the views of a photo one after the other."""
    return embeddings[:, views].reshape(-1, embeddings.shape[2])


def mean_of(embeddings: np.ndarray, views: list[int]) -> np.ndarray:
    """Return the mean embedding of some views."""
    return embeddings[:, views].mean(axis=1)


def pyramid(embeddings: np.ndarray, views: list[int]) -> np.ndarray:
    """Return the whole photo's embedding beside the others', one after the other."""
    return embeddings[:, [0, *views]].reshape(len(embeddings), -1)


def two_scales(embeddings: np.ndarray, views: list[int]) -> np.ndarray:
    """Return the whole photo's embedding beside the mean of the others."""
    return np.concatenate([embeddings[:, 0], mean_of(embeddings, views)], axis=1)


# What is fitted on, what is tested on, and how many times the network runs for a tested photo.
WAYS = {
    "one view": (mean_of, WHOLE, mean_of, WHOLE),
    "flip averaged": (mean_of, FLIPS, mean_of, FLIPS),
    "flip as a further photo, one view tested": (rows_of, FLIPS, mean_of, WHOLE),
    "flip as a further photo, average tested": (rows_of, FLIPS, mean_of, FLIPS),
    "flip and 5 crops averaged": (mean_of, CROPS, mean_of, CROPS),
    "flip and 5 crops as further photos, one view tested": (rows_of, CROPS, mean_of, WHOLE),
    "flip and 5 crops as further photos, average tested": (rows_of, CROPS, mean_of, CROPS),
    "two scales: whole, mean of quarters": (two_scales, QUARTER_VIEWS, two_scales, QUARTER_VIEWS),
    "pyramid: whole, four quarters": (pyramid, QUARTER_VIEWS, pyramid, QUARTER_VIEWS),
}


def main() -> None:
    """Print a Markdown table per data set."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"{extractor.manifest.name}; top-1 in percent, mean and deviation of {DRAWS} draws")
    for dataset in PER_CLASS:
        data = embed(dataset, extractor, cache)
        embeddings, classes, tests = data["embeddings"], data["classes"], data["tests"]
        pool = np.flatnonzero(~tests)
        print(f"\n{dataset}: {tests.sum()} photos tested, {len(pool)} to draw from\n")
        columns = ["runs", *(f"{count} per class" for count in COUNTS), "all"]
        print(f"| | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}")
        for way, (fitted, fit_views, tested, test_views) in WAYS.items():
            photos = tested(embeddings[tests], test_views)
            cells = [str(len(test_views) + (fitted in (two_scales, pyramid)))]
            for count in (*COUNTS, None):
                scores = []
                for seed in range(DRAWS if count else 1):
                    rows = draw(classes, pool, count, seed)
                    examples = fitted(embeddings[rows], fit_views)
                    names = np.repeat(classes[rows], len(examples) // len(rows))
                    head = SoftmaxHead().fit(examples, names)
                    scores.append(100 * head.score(photos, classes[tests]))
                deviation = f" ± {np.std(scores, ddof=1):.1f}" if count else ""
                cells.append(f"{np.mean(scores):.1f}{deviation}")
            print(f"| {way} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
