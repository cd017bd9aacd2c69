"""Ways to tell photos of none of a head's classes, beside what each would add to a head file.

``python tests/benchmarks/strangers.py CACHE [EXTRACTOR]``: discriminant analysis, all training
photos, the classes dealt into five hands of which each is left out once. AUROC of new photos of
known classes against the classes left out, and against another data set.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from certainty import DATASETS, FOLDS, print_header
from photos_per_class import embed

from headfit import Extractor, SoftmaxHead
from headfit.learning.lda import PRIOR_PHOTOS
from headfit.maths.metrics import auroc


class Gaussian:
    """Squared Mahalanobis distances under a covariance, shrunk towards ``prior``."""

    def __init__(self, centred: np.ndarray, prior: float) -> None:
        covariance = centred.T @ centred + prior * np.eye(centred.shape[1])
        covariance /= len(centred) + prior
        self._half = np.linalg.inv(np.linalg.cholesky(covariance)).T

    def distances(self, points: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Return those to the nearest of the means."""
        points, means = points @ self._half, means @ self._half
        cross = points @ means.T
        return ((points**2).sum(1)[:, None] - 2 * cross + (means**2).sum(1)).min(axis=1)


def scores_of(
    head: SoftmaxHead, taught: np.ndarray, targets: np.ndarray, groups: list[np.ndarray]
) -> dict[tuple[str, int], list[np.ndarray]]:
    """Return by way, and the bytes it adds to a file, the scores of each group."""
    n_classes, width = len(head.fitted_.classes), taught.shape[1]
    mean, spread = taught.mean(axis=0), taught.std(axis=0) + 1e-9
    standard = [(group - mean) / spread for group in (taught, *groups)]
    logits = [group @ head.weights_ + head.bias_ for group in (taught, *groups)]
    logits = [each - each.mean(axis=1, keepdims=True) for each in logits]
    leads = [each.max(axis=1) for each in logits]

    def relative(spaces: list[np.ndarray], prior: float) -> list[np.ndarray]:
        points, *rest = spaces
        means = np.stack([points[targets == c].mean(axis=0) for c in range(n_classes)])
        centre = points.mean(axis=0, keepdims=True)
        within = Gaussian(points - means[targets], prior)
        around = Gaussian(points - centre, prior)
        return [around.distances(p, centre) - within.distances(p, means) for p in rest]

    def lead_less(covariance: Gaussian) -> list[np.ndarray]:
        far = [covariance.distances(each, np.zeros((1, width))) for each in standard]
        weight = leads[0].std() / far[0].std()
        return [lead - weight * each for lead, each in zip(leads[1:], far[1:], strict=True)]

    means = np.stack([standard[0][targets == c].mean(axis=0) for c in range(n_classes)])
    within = Gaussian(standard[0] - means[targets], PRIOR_PHOTOS)
    triangle = width * (width + 1) // 2
    return {
        ("largest probability", 0): [head.predict_proba(group).max(axis=1) for group in groups],
        ("Mahalanobis, nearest class", 4 * (triangle + width * n_classes)): [
            -within.distances(each, means) for each in standard[1:]
        ],
        ("relative Mahalanobis", 4 * (2 * triangle + width * n_classes)): relative(
            standard, PRIOR_PHOTOS
        ),
        ("relative Mahalanobis of logits", 4 * 2 * n_classes * n_classes): relative(
            logits, 1e-3 * len(taught)
        ),
        ("lead less distance, full covariance", 4 * (triangle + width)): lead_less(
            Gaussian(standard[0], PRIOR_PHOTOS)
        ),
        ("lead less distance (sureness)", 8 * width): [head.sureness(group) for group in groups],
    }


def main() -> None:
    """Print a Markdown table."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    sets = {name: embed(name, extractor, cache) for name in DATASETS}
    print_header("data", "score", "bytes", "AUROC, classes left out", "AUROC, other data")
    for name, data in sets.items():
        other = sets["flowers5-128" if name == "scene15-200" else "scene15-200"]
        foreign = other["embeddings"][other["tests"]]
        embeddings, classes, tests = data["embeddings"], data["classes"], data["tests"]
        hands = np.searchsorted(np.unique(classes), classes) % FOLDS
        found: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for hand in range(FOLDS):
            kept = hands != hand
            rows = ~tests & kept
            head = SoftmaxHead(method="lda").fit(embeddings[rows], classes[rows])
            targets = np.searchsorted(head.fitted_.classes, classes[rows])
            groups = [embeddings[tests & kept], embeddings[tests & ~kept], foreign]
            for way, (known, *unknown) in scores_of(
                head, embeddings[rows].astype(np.float64), targets, groups
            ).items():
                found.setdefault(way, []).append(
                    (auroc(known, unknown[0]), auroc(known, unknown[1]))
                )
        ways: dict[str, tuple[int, list[tuple[float, float]]]] = {}
        for (way, n_bytes), pairs in found.items():  # the classes of a hand differ by one
            ways[way] = n_bytes, ways.get(way, (0, []))[1] + pairs
        for way, (n_bytes, pairs) in ways.items():
            near, far = np.mean(pairs, axis=0)
            print(f"| {name} | {way} | {n_bytes:,} | {near:.3f} | {far:.3f} |", flush=True)


if __name__ == "__main__":
    main()
