"""Multi-label heads beside scikit-learn's one against the rest, on mosaics and on names of birds.

    python tests/benchmarks/multi_label.py CACHE

Needs the zips in the data folder and keeps embeddings in the folder CACHE. Of a mosaic each half,
left and right, is the middle of a photo of a class, or (three of ten) of an ImageNet photo that
shows none of them: it shows two classes, one or none. A bird shows the words of its species' name
that four species or more have, such as "Warbler" or "Yellow". Settings were chosen on part of the
training halves (docs/results.md).
"""

from __future__ import annotations

import io
import re
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from photo_sets import DATA
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headfit import Extractor, MultiLabelHead
from headfit.maths.arrays import BoolArray, FloatArray

TASKS = {"scenes": (100, 1200), "flowers": (100, 800), "birds": (300, 1509)}
Photo = tuple[str, zipfile.ZipFile, str]
Task = tuple[FloatArray, BoolArray, np.ndarray, list[str]]


def names(archive: zipfile.ZipFile) -> list[str]:
    """Return the photos in a zip."""
    return sorted(name for name in archive.namelist() if re.search(r"\.(jpe?g|png)$", name, re.I))


def opened(archive: zipfile.ZipFile, name: str) -> Image.Image:
    """Return a photo out of a zip."""
    return Image.open(io.BytesIO(archive.read(name))).convert("RGB")


def half_of(photo: Image.Image) -> Image.Image:
    """Return the middle of a photo, twice as high as wide."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.crop((left, top, left + side, top + side)).resize((128, 128))
    return square.crop((32, 0, 96, 128))


def mosaics(extractor: Extractor, halves: list[list[Photo]], n: int, seed: int) -> Task:
    """Return embeddings of ``n`` mosaics of training photos and ``n`` of test photos."""
    rng = np.random.default_rng(seed)
    classes = sorted({photo[0] for half in halves for photo in half})
    strangers = zipfile.ZipFile(DATA / "imagenet-sample-256.zip")
    rows, shown = [], []
    for which, photos in enumerate(halves):
        others = names(strangers)[which::2]
        for _ in range(n):
            canvas = Image.new("RGB", (128, 128))
            is_shown = np.zeros(len(classes), np.bool_)
            for side in (0, 1):
                if rng.random() < 0.3:
                    photo = opened(strangers, others[rng.integers(len(others))])
                else:
                    class_name, archive, name = photos[rng.integers(len(photos))]
                    photo = opened(archive, name)
                    is_shown[classes.index(class_name)] = True
                canvas.paste(half_of(photo), (64 * side, 0))
            rows.append(extractor.embed([np.asarray(canvas)])[0])
            shown.append(is_shown)
    return np.stack(rows), np.array(shown), np.repeat([0, 1], n), classes


def task(name: str, extractor: Extractor) -> Task:
    """Return embeddings, what each shows, its half (0 to train, 1 to test) and the classes."""
    halves: list[list[Photo]] = [[], []]
    if name == "scenes":
        archive = zipfile.ZipFile(DATA / "scene15-200.zip")
        for photo in names(archive):
            parts = photo.split("/")
            halves["train" not in parts].append((parts[-2], archive, photo))
        return mosaics(extractor, halves, 1200, 0)
    if name == "flowers":
        archive = zipfile.ZipFile(DATA / "flowers5-128.zip")
        for number, photo in enumerate(names(archive)):
            halves[number % 2].append((photo.split("/")[-2], archive, photo))
        return mosaics(extractor, halves, 800, 1)
    archive = zipfile.ZipFile(DATA / "cub200-2010-224.zip")
    species: dict[str, set[str]] = {}
    for photo in names(archive):
        for word in words(photo):
            species.setdefault(word, set()).add(photo.split("/")[-2])
    classes = sorted(word for word, found in species.items() if len(found) >= 4)
    chosen = [(number, photo) for number, photo in enumerate(names(archive)) if number % 4 < 2]
    rows = [extractor.embed([np.asarray(opened(archive, photo))])[0] for _, photo in chosen]
    shown = [[word in words(photo) for word in classes] for _, photo in chosen]
    return np.stack(rows), np.array(shown), np.array([n % 2 for n, _ in chosen]), classes


def words(photo: str) -> set[str]:
    """Return the words of a species' name."""
    return set(re.findall(r"[A-Z][a-z]+", photo.split("/")[-2].replace("_", " ").title()))


def main() -> None:
    """Print a row for each task, number of photos and head."""
    extractor = Extractor.open()
    print("| photos | head | mean AP | mean F1 | all right | log-loss | fit |")
    print("|---|---|---|---|---|---|---|")
    for name, counts in TASKS.items():
        path = Path(sys.argv[1]) / f"multi-label-{name}-{extractor.fingerprint[:12]}.npz"
        if not path.exists():
            e, y, half, classes = task(name, extractor)
            np.savez(path, embeddings=e, shown=y, half=half, classes=classes)
        with np.load(path) as file:
            embeddings, shown, half = file["embeddings"], file["shown"], file["half"]
            classes = file["classes"].tolist()
        order = np.random.default_rng(0).permutation(np.flatnonzero(half == 0))
        test, truth = embeddings[half == 1], shown[half == 1]
        for count in counts:
            rows = order[:count]
            taught, sets = embeddings[rows], shown[rows]
            has = sets.any(axis=0) & truth.any(axis=0)
            sets, known = sets[:, has], truth[:, has]
            here = [one for one, is_there in zip(classes, has, strict=True) if is_there]
            times = [time.process_time()]
            head = MultiLabelHead().fit(taught, sets, classes=here)
            times.append(time.process_time())
            other = make_pipeline(
                StandardScaler(), OneVsRestClassifier(LogisticRegression(C=1 / 25, max_iter=1000))
            ).fit(taught, sets)
            usual = make_pipeline(
                StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=1000))
            )
            times.append(time.process_time())
            usual.fit(taught, sets)
            times.append(time.process_time())
            spent = np.diff(times) / (times[2] - times[1])
            said = np.array([[one in shows for one in here] for shows in head.predict(test)])
            for label, probabilities, answer, ratio in (
                ("headfit", head.predict_proba(test), said, spent[0]),
                ("scikit-learn, C = 1/25", other.predict_proba(test), None, spent[1]),
                ("scikit-learn, C = 1", usual.predict_proba(test), None, spent[2]),
            ):
                is_said = probabilities > 0.5 if answer is None else answer
                clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
                loss = -np.where(known, np.log(clipped), np.log(1 - clipped)).mean()
                print(
                    f"| {len(rows)} {name} | {label} | "
                    f"{average_precision_score(known, probabilities, average='macro'):.3f} | "
                    f"{f1_score(known, is_said, average='macro', zero_division=0):.3f} | "
                    f"{(is_said == known).all(axis=1).mean():.1%} | {loss:.4f} | {ratio:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
