"""Size and top-1 of heads by how their weights are stored, on flowers and scenes.

``python tests/benchmarks/storage.py CACHE [EXTRACTOR]`` needs the zips in the data folder and keeps
the embeddings in the folder CACHE. All training photos, all test photos.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from photo_sets import embed

from headfit import Extractor, SoftmaxHead
from headfit.maths.metrics import calibration_error


def main() -> None:
    """Print a Markdown table."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"{extractor.manifest.name}, {extractor.embedding_dim} wide\n")
    columns = ("data", "storage", "file, bytes", "weights, bytes", "top-1", "top-5")
    columns += ("calibration error", "s to fit")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for dataset in ("flowers5-128", "scene15-200", "flowers102-64"):
        data = embed(dataset, extractor, cache)
        embeddings, classes, tests = data["embeddings"], data["classes"], data["tests"]
        for method in ("logistic", "binary"):
            started = time.perf_counter()
            head = SoftmaxHead(method=method).fit(
                embeddings[~tests], classes[~tests], extractor=extractor
            )
            seconds = time.perf_counter() - started
            storages = ("binary",) if method == "binary" else ("float32", "float16", "int8")
            for storage in storages:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "stored.head")
                    head.save(path, storage=storage)
                    stored, size = SoftmaxHead.load(path), path.stat().st_size
                width, n_classes = stored.weights_.shape
                bits = {"float32": 32, "float16": 16, "int8": 8, "binary": 1}[storage]
                probabilities = stored.predict_proba(embeddings[tests])
                targets = np.searchsorted(stored.fitted_.classes, classes[tests])
                ranked = np.argsort(-probabilities, axis=1)
                right = ranked == targets[:, None]
                error = calibration_error(targets, probabilities)
                print(
                    f"| {dataset} | {storage} | {size:,} | {-(-width * bits // 8) * n_classes:,} "
                    f"| {right[:, 0].mean():.1%} | {right[:, :5].any(axis=1).mean():.1%} "
                    f"| {error:.1%} | {seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
