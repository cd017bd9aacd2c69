"""Top-1 of `headfit train` on five kinds of flowers, beside scikit-learn on the same embeddings.

``python tests/benchmarks/flowers5.py [EXTRACTOR]`` needs ``flowers5-128.zip`` in the data folder.
Every fifth photo of a class, by sorted name, is kept apart and tested on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headfit import Extractor, SoftmaxHead

DATA = Path(os.environ.get("HEADFIT_DATA", Path(__file__).parents[3] / "shared" / "data"))


def split(source: Path, root: Path) -> None:
    """Unpack the photos into ``train/`` and ``test/``, a folder per class in each."""
    with zipfile.ZipFile(source) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for class_name in sorted({name.split("/")[0] for name in names}):
            of_class = [name for name in names if name.startswith(f"{class_name}/")]
            for index, name in enumerate(of_class):
                archive.extract(name, root / ("test" if index % 5 == 4 else "train"))


def headfit(*arguments: object) -> dict[str, float]:
    """Run the command and return its JSON."""
    command = [sys.executable, "-m", "headfit", *map(str, arguments), "--json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    parsed: dict[str, float] = json.loads(result.stdout)
    return parsed


def embed(extractor: Extractor, root: Path) -> tuple[np.ndarray, list[str]]:
    """Embed a folder per class in sorted order."""
    photos = sorted(root.glob("*/*.jpg"))
    return extractor.embed(photos), [photo.parent.name for photo in photos]


def main() -> None:
    """Print a Markdown table."""
    if not (DATA / "flowers5-128.zip").is_file():
        print(f"flowers5-128.zip is not in {DATA}: not measured")
        return
    name = sys.argv[1] if len(sys.argv) > 1 else None
    chosen = ["--extractor", name] if name else []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        split(DATA / "flowers5-128.zip", root)
        training = headfit("train", root / "train", "-o", root / "flowers.head", *chosen)
        tested = headfit("evaluate", root / "flowers.head", root / "test", *chosen)
        extractor = Extractor.open(name)
        x_train, y_train = embed(extractor, root / "train")
        x_test, y_test = embed(extractor, root / "test")
    rows = [("`headfit train`", tested["top1"], training["fit_s"])]
    # The head minimises what scikit-learn minimises with C = 1 / l2 on standardised embeddings.
    for label, c in (
        ("scikit-learn, the same penalty", 1 / SoftmaxHead().l2),
        ("scikit-learn, C = 1", 1.0),
    ):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000))
        started = time.perf_counter()
        model.fit(x_train, y_train)
        seconds = time.perf_counter() - started
        rows.append((label, float(model.score(x_test, y_test)), seconds))
    print(
        f"{extractor.manifest.name}, engine {extractor.engine_name}: {training['n_samples']} photos"
        f" trained on, {tested['n_samples']} tested on, head of {training['size_bytes']:,} bytes, "
        f"{training['embed_s'] / training['n_samples'] * 1e3:.1f} ms per photo\n"
    )
    print("| head | top-1 | seconds to fit |\n| --- | --- | --- |")
    for label, top1, seconds in rows:
        print(f"| {label} | {top1:.1%} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
