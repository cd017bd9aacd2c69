"""Top-1 of every head by photos per class, on flowers, scenes and birds.

``python tests/benchmarks/photos_per_class.py CACHE [EXTRACTOR]`` needs the zips in the data folder
and keeps the embeddings, and the plot, in the folder CACHE. Five draws of training photos each; all
test photos.

``python tests/benchmarks/photos_per_class.py --candidates CACHE [EXTRACTOR]`` compares "auto" with
every other candidate instead, scikit-learn's included, on everyday objects too: Tiny ImageNet's
validation pictures, as `strangers` finds them or CACHE has them. Ten draws, of all photos one.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from photo_sets import DATASETS, DRAWS, draw, embed
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headfit import Extractor, InputError, SoftmaxHead
from headfit.maths.metrics import calibration_error

COUNTS: tuple[int | None, ...] = (1, 2, 5, 10, 20, None)
METHODS = ("imprint", "lda", "logistic", "auto")


def curve(name: str, data: dict[str, np.ndarray]) -> dict[str, list[tuple[float, float]]]:
    """Print a table of top-1 by photos per class; return mean and standard error by method."""
    embeddings, classes = data["embeddings"], data["classes"]
    pool, test = np.flatnonzero(~data["tests"]), np.flatnonzero(data["tests"])
    columns = np.searchsorted(np.unique(classes), classes)
    print(f"\n{name}: {len(np.unique(classes))} classes, {len(test)} test photos\n")
    print(f"| photos per class | {' | '.join(METHODS)} | auto less the best | auto took |")
    print("| --- |" + " --- |" * (len(METHODS) + 2))
    points: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    for count in COUNTS:
        taken, cells = set(), []
        for method in METHODS:
            scores, errors = [], []
            for seed in range(DRAWS if count else 1):
                rows = draw(classes, pool, count, seed)
                head = SoftmaxHead(method=method).fit(embeddings[rows], classes[rows])
                probabilities = head.predict_proba(embeddings[test])
                scores.append(100 * (probabilities.argmax(axis=1) == columns[test]).mean())
                errors.append(100 * calibration_error(columns[test], probabilities))
                if method == "auto":
                    taken.add(str(head.training_["method"]))
            points[method].append((float(np.mean(scores)), float(np.std(scores))))
            cells.append(f"{np.mean(scores):.1f} ± {np.std(scores):.1f} ({np.mean(errors):.0f})")
        gap = points["auto"][-1][0] - max(points[method][-1][0] for method in METHODS[:-1])
        row = [str(count or "all"), *cells, f"{gap:+.1f}", ", ".join(sorted(taken))]
        print(f"| {' | '.join(row)} |", flush=True)
    return points


def candidates(n_photos: int, n_classes: int) -> dict[str, ClassifierMixin]:
    """Return every way of making a head of so many photos by its name, "auto" the last."""
    theirs = {
        "nearest centroid": NearestCentroid(),
        "5 neighbours": KNeighborsClassifier(min(5, n_photos)),
        "ridge, 100": RidgeClassifier(100.0),
        "logistic, C 1": LogisticRegression(tol=1e-3, max_iter=300),
        "logistic, C 1/50": LogisticRegression(C=0.02, tol=1e-3, max_iter=300),
    }
    if n_photos > n_classes:
        theirs["lda, shrunk"] = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return {
        **{name: make_pipeline(StandardScaler(), each) for name, each in theirs.items()},
        **{method: SoftmaxHead(method=method) for method in METHODS},
    }


def against_candidates(name: str, data: dict[str, np.ndarray]) -> None:
    """Print "auto" beside the best of the others, theirs and headfit's own."""
    embeddings, classes = data["embeddings"], data["classes"]
    pool, test = np.flatnonzero(~data["tests"]), np.flatnonzero(data["tests"])
    n_classes = len(np.unique(classes))
    for count in COUNTS:
        draws = 1 if count is None else 2 * DRAWS
        scores: dict[str, list[float]] = {}
        for seed in range(draws):
            rows = draw(classes, pool, count, seed)
            for way, each in candidates(len(rows), n_classes).items():
                each.fit(embeddings[rows], classes[rows])
                found = 100 * (each.predict(embeddings[test]) == classes[test]).mean()
                scores.setdefault(way, []).append(found)
        means = {way: float(np.mean(found)) for way, found in scores.items()}
        auto = means.pop("auto")
        own = max(METHODS[:-1], key=means.__getitem__)
        best = max(means.keys() - set(METHODS), key=means.__getitem__)
        row = [name, str(count or "all"), str(draws), f"{auto:.1f}", f"{means[own]:.1f} {own}",
               f"{means[best]:.1f} {best}", f"{auto - max(means.values()):+.1f}"]  # fmt: skip
        print(f"| {' | '.join(row)} |", flush=True)


def objects(extractor: Extractor, cache: Path) -> dict[str, np.ndarray]:
    """Return everyday objects, split as `strangers` splits them."""
    from strangers import load

    return dict(
        zip(("embeddings", "classes", "tests"), load("objects", extractor, cache), strict=True)
    )


def lone_photos(name: str, data: dict[str, np.ndarray]) -> None:
    """Print how often new photos are recognised of classes with one photo among those with many."""
    embeddings, classes = data["embeddings"], data["classes"]
    pool, test = np.flatnonzero(~data["tests"]), np.flatnonzero(data["tests"])
    for count in (5, 8, 12, 20):
        cells = []
        for method in METHODS:
            recalls = []
            for seed in range(2 * DRAWS):
                rng = np.random.default_rng(seed)
                chosen = rng.permutation(np.unique(classes))[:10]
                lone = chosen[::5]
                rows = np.concatenate([
                    rng.permutation(pool[classes[pool] == c])[: 1 if c in lone else count]
                    for c in chosen
                ])  # fmt: skip
                head = SoftmaxHead(method=method).fit(embeddings[rows], classes[rows])
                is_right = {
                    c: (head.predict(embeddings[test][classes[test] == c]) == c).mean()
                    for c in chosen
                }
                recalls.append([np.mean([is_right[c] for c in chosen if (c in lone) == alone])
                                for alone in (True, False)])  # fmt: skip
            alone, others = 100 * np.mean(recalls, axis=0)
            cells.append(f"{alone:.0f} / {others:.0f}")
        print(f"| {name} | {count} | {' | '.join(cells)} |", flush=True)


def plot(curves: dict[str, dict[str, list[tuple[float, float]]]], path: Path) -> None:
    """Draw the curves of all data sets side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(4 * len(curves), 3.6), squeeze=False)
    styles = {"imprint": "o:", "lda": "s--", "logistic": "^-.", "auto": "D-"}
    for axis, (name, points) in zip(axes[0], curves.items(), strict=True):
        for shift, method in enumerate(METHODS):
            means, spreads = np.array(points[method]).T
            axis.errorbar(np.arange(len(COUNTS)) + 0.06 * (shift - 1.5), means, spreads,
                          fmt=styles[method], markersize=4, linewidth=1, capsize=2, label=method,
                          color="black" if method == "auto" else None)  # fmt: skip
        axis.set_xticks(np.arange(len(COUNTS)), [str(count or "all") for count in COUNTS])
        axis.set(title=name, xlabel="photos per class")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("top-1 of new photos, %")
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(f"\n{path}")


def main() -> None:
    """Print a Markdown table per data set, and draw all."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--candidates"]
    cache = Path(arguments[0])
    extractor = Extractor.open(arguments[1] if len(arguments) > 1 else None)
    if "--candidates" in sys.argv:
        warnings.simplefilter("ignore")  # scikit-learn's, of what does not converge in time
        print("| data | photos per class | draws | auto | best of headfit's others | "
              "best of scikit-learn's | auto less the best |")  # fmt: skip
        print("| --- |" + " --- |" * 6)
        for name in DATASETS:
            against_candidates(name, embed(name, extractor, cache))
        try:
            against_candidates("objects", objects(extractor, cache))
        except InputError as error:
            print(f"objects are left out: {error}", file=sys.stderr)
        return
    print(f"{extractor.manifest.name}, {extractor.embedding_dim} wide; top-1 in percent, mean and")
    print(f"standard deviation of {DRAWS} draws; in brackets the calibration error in percent")
    sets = {name: embed(name, extractor, cache) for name in DATASETS}
    curves = {name: curve(name, data) for name, data in sets.items()}
    print("\nTen classes, every fifth with a single photo: new photos of these recognised / of the")
    print(f"others, in percent\n\n| data | photos of the others | {' | '.join(METHODS)} |")
    print("| --- | --- |" + " --- |" * len(METHODS))
    for name, data in sets.items():
        lone_photos(name, data)
    plot(curves, cache / "photos_per_class.png")


if __name__ == "__main__":
    main()
