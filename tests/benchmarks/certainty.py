"""Whether heads know how sure they may be, on flowers and scenes that they have not seen.

``python tests/benchmarks/certainty.py CACHE [EXTRACTOR]`` needs the zips in the data folder and
keeps the embeddings in the folder CACHE. All training photos, or five draws of 5 or 20 of each
class; all test photos. Percent but for AUROC and the size of sets.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from photo_sets import DRAWS, draw, embed

from headfit import Extractor, SoftmaxHead
from headfit.maths.metrics import auroc, calibration_error
from headfit.maths.softmax import softmax

DATASETS = ("flowers5-128", "scene15-200", "flowers102-64")
METHODS = ("imprint", "lda", "logistic", "binary")
COVERAGE = 0.9
FOLDS = 5


def calibration(name: str, data: dict[str, np.ndarray], count: int | None) -> None:
    """Print a row per method: the error with the temperature and without, sets, known photos."""
    embeddings, classes, tests = data["embeddings"], data["classes"], data["tests"]
    targets = np.searchsorted(np.unique(classes), classes[tests])
    for method in METHODS:
        numbers = []
        for seed in range(DRAWS if count else 1):
            rows = draw(classes, np.flatnonzero(~tests), count, seed)
            head = SoftmaxHead(method=method).fit(embeddings[rows], classes[rows])
            after = head.predict_proba(embeddings[tests])
            # The factor is folded into the weights, so dividing by it gives what was fitted.
            logits = np.log(np.maximum(after, np.finfo(np.float32).tiny))
            before = softmax(logits / np.float32(head.training_["sharpness"]))
            sets = head.predict_sets(embeddings[tests], COVERAGE)
            covered = [c in found for c, found in zip(classes[tests], sets, strict=True)]
            known = head.is_known(embeddings[tests])
            errors = [calibration_error(targets, each) for each in (before, after)]
            numbers.append([*errors, np.mean(covered), known.mean(), np.mean([*map(len, sets)])])
        means, spreads = np.mean(numbers, axis=0), np.std(numbers, axis=0)
        cells = [
            f"{100 * mean:.1f} ± {100 * spread:.1f}" if count else f"{100 * mean:.1f}"
            for mean, spread in zip(means[:4], spreads[:4], strict=True)
        ]
        row = [name, str(count or "all"), method, *cells, f"{means[4]:.1f}"]
        print(f"| {' | '.join(row)} |", flush=True)


def strangers(name: str, data: dict[str, np.ndarray], foreign: np.ndarray) -> None:
    """Print a row per method: how well known classes are told from left out and foreign photos.

    The classes are dealt into five hands; each is left out once. The mean over the hands.
    """
    embeddings, classes, tests = data["embeddings"], data["classes"], data["tests"]
    hands = np.searchsorted(np.unique(classes), classes) % FOLDS
    for method in METHODS:
        numbers = []
        for hand in range(FOLDS):
            kept = hands != hand
            head = SoftmaxHead(method=method).fit(embeddings[~tests & kept], classes[~tests & kept])
            known, others = embeddings[tests & kept], embeddings[tests & ~kept]
            scores = [head.sureness(e) for e in (known, others, foreign)]
            numbers.append(
                [
                    *(auroc(scores[0], unknown) for unknown in scores[1:]),
                    head.is_known(known).mean(),
                    *(1 - head.is_known(unknown).mean() for unknown in (others, foreign)),
                ]
            )
        others_auroc, auroc_foreign, passed, refused, refused_foreign = np.mean(numbers, axis=0)
        print(f"| {name} | {method} | {others_auroc:.3f} | {auroc_foreign:.3f} | {passed:.1%} "
              f"| {refused:.1%} | {refused_foreign:.1%} |", flush=True)  # fmt: skip


def print_header(*columns: str) -> None:
    """Print the head of a Markdown table."""
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")


def main() -> None:
    """Print two Markdown tables."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"{extractor.manifest.name}, {extractor.embedding_dim} wide\n")
    sets = {name: embed(name, extractor, cache) for name in DATASETS}
    columns = ("data", "photos per class", "method", "calibration error before", "after")
    print_header(*columns, "in the set of 90 %", "known", "classes in a set")
    for name, data in sets.items():
        for count in (5, 20, None):
            calibration(name, data, count)
    print()
    columns = ("data", "method", "AUROC, classes left out", "AUROC, other data", "known passed")
    print_header(*columns, "left out refused", "other data refused")
    for name, data in sets.items():
        other = sets["flowers5-128" if name == "scene15-200" else "scene15-200"]
        strangers(name, data, other["embeddings"][other["tests"]])


if __name__ == "__main__":
    main()
