"""Top-1 of private heads by epsilon, on scenes and flowers.

``python tests/benchmarks/privacy.py CACHE [PLOT.png]`` needs the zips in the data folder and keeps
embeddings in the folder CACHE. The public view is made of 1,000 pictures of ImageNet. Settings are
the defaults; `expected_samples` is a round guess. Five draws of the noise each.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
from photo_sets import DATA, draw, embed

from headfit import Extractor, Privacy, PublicView, SoftmaxHead
from headfit.privacy.noise import METHODS, fit_private

DELTA = 1e-5
EPSILONS = (1.0, 3.0, 8.0)
DRAWS = 5
EXPECTED = {"scene15-200": 1500, "flowers102-64": 6000}
FEW = 20


def public_embeddings(extractor: Extractor, cache: Path) -> np.ndarray:
    """Return embeddings of pictures that have nothing to do with scenes or flowers."""
    path = cache / f"public-{extractor.fingerprint[:12]}.npy"
    if not path.exists():
        with zipfile.ZipFile(DATA / "imagenet-sample-256.zip") as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg")))
            np.save(path, extractor.embed([archive.read(name) for name in names]))
    embeddings: np.ndarray = np.load(path)
    return embeddings


def curves(
    data: dict[str, np.ndarray], rows: np.ndarray, views: dict[str, PublicView], expected: int
) -> dict[str, list[float]]:
    """Return top-1 in percent by method and view: one for each epsilon, then without noise."""
    embeddings, classes = data["embeddings"], data["classes"]
    test = np.flatnonzero(data["tests"])
    names, targets = np.unique(classes, return_inverse=True)

    def top1(weights: np.ndarray, bias: np.ndarray) -> float:
        logits = embeddings[test] @ weights + bias
        return 100 * float((logits.argmax(axis=1) == targets[test]).mean())

    plain = SoftmaxHead().fit(embeddings[rows], classes[rows])
    best = top1(plain.weights_, plain.bias_)
    found: dict[str, list[float]] = {}
    for method in METHODS:
        for view_name, view in views.items():
            line = []
            for epsilon in EPSILONS:
                privacy = Privacy(epsilon, DELTA, method=method, expected_samples=expected)
                fits = (
                    fit_private(
                        embeddings[rows], targets[rows], tuple(names), privacy, view,
                        np.random.default_rng(seed),
                    )
                    for seed in range(DRAWS)
                )  # fmt: skip
                line.append(float(np.mean([top1(fit.weights, fit.bias) for fit in fits])))
            found[f"{method}, {view_name}"] = [*line, best]
            cells = " | ".join(f"{value:.1f}" for value in found[f"{method}, {view_name}"])
            print(f"| {method} | {view_name} | {cells} |", flush=True)
    return found


def plot(path: str, results: dict[str, dict[str, list[float]]]) -> None:
    """Draw a panel for each data set."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(11, 4.2), sharey=True)
    labels = [f"{epsilon:g}" for epsilon in EPSILONS] + ["∞"]
    for panel, (title, lines) in zip(panels, results.items(), strict=True):
        for index, (name, values) in enumerate(lines.items()):
            style = "-o" if "public" in name else "--o"
            panel.plot(labels, values, style, color=f"C{index // 2}", label=name, markersize=4)
        panel.set(title=title, xlabel=f"epsilon (delta = {DELTA:g}); ∞: the ordinary head")
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="top-1 of new photos, percent", ylim=(0, None))
    panels[0].legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Print a Markdown table per data set and number of photos, and draw what all photos give."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open()
    golden = extractor.manifest.golden
    assert golden is not None
    views = {
        "as they are": PublicView.plain(
            extractor.embedding_dim, float(np.linalg.norm(golden.embedding))
        ),
        "public view": PublicView.of(public_embeddings(extractor, cache)),
    }
    results = {}
    for dataset, expected in EXPECTED.items():
        data = embed(dataset, extractor, cache)
        pool = np.flatnonzero(~data["tests"])
        for count in (None, FEW):
            rows = draw(data["classes"], pool, count, 0)
            title = f"{dataset}: {len(rows)} photos of {len(np.unique(data['classes']))} classes"
            print(f"\n{title}\n")
            print(f"| method | embeddings | {' | '.join(f'{e:g}' for e in EPSILONS)} | ∞ |")
            print("| --- | --- |" + " --- |" * (len(EPSILONS) + 1))
            lines = curves(data, rows, views, expected if count is None else len(rows) // 100 * 100)
            if count is None:
                results[title] = lines
    if len(sys.argv) > 2:
        plot(sys.argv[2], results)


if __name__ == "__main__":
    main()
