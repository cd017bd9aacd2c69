"""Whether a longer binary code brings a head of signs, (a), near to one of floats, (b).

``python tests/benchmarks/binary_codes.py CACHE [EXTRACTOR]``: three-fold top-1 of photos that teach
(1,500 of a set at most), by "auto" on embeddings and on their roots, and by ``method="binary"`` on
embeddings, on four bits of each number (it against its quintiles), and on random sums of all
standardised roots, each with the sign + or - (Charikar, "Similarity Estimation Techniques from
Rounding Algorithms", 2002), 1,024 and 2,048 of them. Embeddings lie in CACHE.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from photo_sets import DATASETS, embed
from signed_roots import roots

from headfit import Extractor, SoftmaxHead

FloatArray = np.ndarray
FOLDS, MOST = 3, 1500


def thermometer(taught: FloatArray, x: FloatArray) -> FloatArray:
    """Return -1 or 1 for each number and each quintile of those that teach."""
    bounds = np.quantile(taught, (0.2, 0.4, 0.6, 0.8), axis=0)
    return np.concatenate([np.where(x >= bound, 1, -1) for bound in bounds], 1).astype(np.float32)


def random_sums(n: int) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return what makes `n` sums."""

    def make(taught: FloatArray, x: FloatArray) -> FloatArray:
        signs = np.random.default_rng(0).choice([-1, 1], (x.shape[1], n)).astype(np.float32)
        known = roots(taught)
        return (roots(x) - known.mean(0)) / np.maximum(known.std(0), 1e-6) @ signs

    return make


WAYS: dict[str, tuple[str, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "(b)": ("auto", lambda _, x: x),
    "(b), roots": ("auto", lambda _, x: roots(x)),
    "(a)": ("binary", lambda _, x: x),
    "(a), 4 bits a number": ("binary", thermometer),
    "(a), 1,024 sums": ("binary", random_sums(1024)),
    "(a), 2,048 sums": ("binary", random_sums(2048)),
}


def main() -> None:
    """Print a Markdown table."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print("| data | " + " | ".join(WAYS) + " |")
    print("| --- |" + " --- |" * len(WAYS))
    for name in DATASETS:
        data = embed(name, extractor, cache)
        pool = np.flatnonzero(~data["tests"])
        pool = np.random.default_rng(0).permutation(pool)[:MOST]
        x, classes = data["embeddings"][pool], data["classes"][pool]
        cells = []
        for method, change in WAYS.values():
            right = 0
            for fold in range(FOLDS):
                tests = np.arange(len(pool)) % FOLDS == fold
                taught = x[~tests]
                head = SoftmaxHead(method=method).fit(change(taught, taught), classes[~tests])
                right += int((head.predict(change(taught, x[tests])) == classes[tests]).sum())
            cells.append(f"{100 * right / len(pool):.1f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
