"""What signed roots of embeddings, ``sign(x) * sqrt(abs(x))``, change at each number of photos.

``python tests/benchmarks/signed_roots.py CACHE [EXTRACTOR]``: top-1 of "auto" on embeddings as they
are and on their signed roots, of discriminant analysis on the roots, and of that one of the first
two whose held-out examples are the more believable. Embeddings lie in the folder CACHE as
`photos_per_class` keeps them; sets that are not there and not in the data folder are left out.
Four draws of training photos each, two of sets with many classes, one of all; 700 test photos at
most.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from photo_sets import DATA, DATASETS, draw, embed

from headfit import Extractor
from headfit.learning import Problem, Settings, fit_head

FloatArray = np.ndarray
COUNTS: tuple[int | None, ...] = (2, 5, 10, 20, None)
MANY_CLASSES = 50
MOST_TESTS = 700


def roots(embeddings: FloatArray) -> FloatArray:
    """Return signed roots."""
    return np.sign(embeddings) * np.sqrt(np.abs(embeddings))


def accuracy_and_loss(
    taught: FloatArray, targets: np.ndarray, tests: FloatArray, truth: np.ndarray, method: str
) -> tuple[float, float]:
    """Return top-1 of test photos in percent, and the mean loss of held-out examples in nats."""
    classes = tuple(f"{column:03}" for column in range(int(targets.max()) + 1))
    fit = fit_head(Problem(taught, targets, classes, Settings(method=method)))
    right = ((tests @ fit.head.weights + fit.head.bias).argmax(axis=1) == truth).mean()
    told = fit.held_out.probabilities[np.arange(len(fit.held_out.rows)), fit.held_out.targets]
    return 100 * float(right), -float(np.log(np.maximum(told, 1e-9)).mean())


def row(data: dict[str, np.ndarray], count: int | None) -> FloatArray:
    """Return the four accuracies, the mean of a few draws."""
    embeddings, classes = data["embeddings"], data["classes"]
    names, columns = np.unique(classes, return_inverse=True)
    pool, test = np.flatnonzero(~data["tests"]), np.flatnonzero(data["tests"])
    draws = 1 if count is None else 2 if len(names) > MANY_CLASSES else 4
    found = []
    for seed in range(draws):
        rows = draw(classes, pool, count, seed)
        tests = np.random.default_rng(seed).permutation(test)[:MOST_TESTS]
        results = []
        for change, method in ((np.asarray, "auto"), (roots, "auto"), (roots, "lda")):
            taught, shown = change(embeddings[rows]), change(embeddings[tests])
            results.append(accuracy_and_loss(taught, columns[rows], shown, columns[tests], method))
        (plain, plain_loss), (rooted, rooted_loss), (analysis, _) = results
        found.append([plain, rooted, analysis, plain if plain_loss < rooted_loss else rooted])
    return np.mean(found, axis=0)


def main() -> None:
    """Print a Markdown table."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print("| data | photos per class | auto | auto, roots | lda, roots | the more believable |")
    print("| --- |" + " --- |" * 5)
    for name in (*DATASETS, "clothing"):
        is_cached = (cache / f"{name}-{extractor.fingerprint[:12]}.npz").exists()
        if not is_cached and not (DATA / f"{name}.zip").exists():
            continue
        data = embed(name, extractor, cache)
        for count in COUNTS:
            cells = " | ".join(f"{value:.1f}" for value in row(data, count))
            print(f"| {name} | {count or 'all'} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
