"""Top-1 of every head by photos per class, on flowers and scenes.

``python tests/benchmarks/photos_per_class.py CACHE [EXTRACTOR]`` needs the zips in the data folder
and keeps the embeddings in the folder CACHE. Five draws of training photos each; all test photos.
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from headfit import Extractor, SoftmaxHead
from headfit.metrics import calibration_error

DATA = Path(os.environ.get("HEADFIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
DRAWS = 5
COUNTS: tuple[int | None, ...] = (1, 2, 5, 10, 20, None)
METHODS = ("imprint", "lda", "logistic", "auto")


def is_test(dataset: str, name: str, index: int) -> bool:
    """Return whether a photo tests: flowers102 as the paper split it, flowers5 every fifth."""
    if dataset == "flowers5-128":
        return index % 5 == 4
    return name.startswith("train/" if dataset == "flowers102-64" else "test/")


def embed(dataset: str, extractor: Extractor, cache: Path) -> dict[str, np.ndarray]:
    """Return embeddings, class names and which of them test; from the cache if they are there."""
    path = cache / f"{dataset}-{extractor.fingerprint[:12]}.npz"
    if not path.exists():
        with zipfile.ZipFile(DATA / f"{dataset}.zip") as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
            kept = [name for name in names if not name.startswith("val/")]
            embeddings = extractor.embed([archive.read(name) for name in kept])
        tests = [is_test(dataset, name, index) for index, name in enumerate(kept)]
        classes = [name.split("/")[-2] for name in kept]
        np.savez(path, embeddings=embeddings, classes=np.array(classes), tests=np.array(tests))
    with np.load(path) as file:
        return dict(file)


def draw(classes: np.ndarray, pool: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Return the rows of ``count`` photos of each class, or of all there are."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(pool[classes[pool] == name])[:count] for name in np.unique(classes)]
    return np.concatenate(chosen)


def main() -> None:
    """Print a Markdown table per data set."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"{extractor.manifest.name}, {extractor.embedding_dim} wide; top-1 in percent, mean and")
    print(f"standard deviation of {DRAWS} draws; in brackets the calibration error in percent")
    for dataset in ("flowers5-128", "scene15-200", "flowers102-64"):
        data = embed(dataset, extractor, cache)
        embeddings, classes = data["embeddings"], data["classes"]
        pool, test = np.flatnonzero(~data["tests"]), np.flatnonzero(data["tests"])
        columns = np.searchsorted(np.unique(classes), classes)
        print(f"\n{dataset}: {len(test)} test photos\n")
        print(f"| photos per class | {' | '.join(METHODS)} | auto took | seconds of auto |")
        print("| --- |" + " --- |" * (len(METHODS) + 2))
        for count in COUNTS:
            cells, taken, seconds = [], set(), 0.0
            for method in METHODS:
                scores, errors = [], []
                for seed in range(DRAWS if count else 1):
                    rows = draw(classes, pool, count, seed)
                    started = time.perf_counter()
                    head = SoftmaxHead(method=method).fit(embeddings[rows], classes[rows])
                    seconds = time.perf_counter() - started
                    probabilities = head.predict_proba(embeddings[test])
                    scores.append(100 * (probabilities.argmax(axis=1) == columns[test]).mean())
                    errors.append(100 * calibration_error(columns[test], probabilities))
                    if method == "auto":
                        taken.add(str(head.training_["method"]))
                cells.append(
                    f"{np.mean(scores):.1f} ± {np.std(scores):.1f} ({np.mean(errors):.0f})"
                )
            row = [str(count or "all"), *cells, ", ".join(sorted(taken)), f"{seconds:.3f}"]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
