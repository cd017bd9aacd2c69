"""How often a camera names what is not there, frame by frame and with a `headfit.Watcher`.

``python tests/benchmarks/frames.py`` plays the app's camera (`FolderCamera`) through what
the page "Recognise" does, at its pace. Three classes of a set are taught, 20 photos each; the
camera then shows new photos of these and of strangers in turn, each for two seconds by a hand that
shakes: every frame is cut, turned and lit a little differently. A false naming is a name that
appears and is wrong: of a stranger, or of another class. Sets that are missing are named and left
out.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from certainty import print_header
from photo_sets import DATA
from PIL import Image, ImageEnhance

from headfit import Extractor, ImageClassifier, Watcher
from headfit_demo.platforms.camera import FolderCamera
from headfit_demo.sight import EVERY_S

SHOWN_S = 2.0
N_TAUGHT, N_SHOWN, SEED = 20, 60, 0


def shaken(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return what a hand-held camera sees of a picture in one frame."""
    side = min(picture.size)
    cut = round(side * rng.uniform(0.8, 0.95))
    left, top = (int(rng.integers(0, length - cut + 1)) for length in picture.size)
    turned = picture.rotate(rng.uniform(-6, 6), Image.Resampling.BILINEAR)
    frame = turned.crop((left, top, left + cut, top + cut)).resize((160, 160))
    return ImageEnhance.Brightness(frame).enhance(rng.uniform(0.8, 1.2))


def read(name: str) -> dict[str, list[bytes]]:
    """Return the photos of a set by class."""
    photos: dict[str, list[bytes]] = {}
    with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
        for path in sorted(archive.namelist()):
            if path.lower().endswith((".jpg", ".jpeg")):
                photos.setdefault(path.split("/")[-2], []).append(archive.read(path))
    return photos


def play(taught: str, strangers: str, extractor: Extractor, folder: Path) -> None:
    """Print a row: false and right namings per minute, and how long a thing waits for its name."""
    rng = np.random.default_rng(SEED)
    known = read(taught)
    names = [str(name) for name in rng.permutation(sorted(known))[:3]]
    chosen = {name: [known[name][i] for i in rng.permutation(len(known[name]))] for name in names}
    classifier = ImageClassifier(extractor)
    for name in names:
        for photo in chosen[name][:N_TAUGHT]:
            classifier.add(photo, name)
    classifier.fit()
    others = [photo for photos in read(strangers).values() for photo in photos]
    truths: list[str | None] = []
    for number in range(N_SHOWN):
        truth = names[number // 2 % 3] if number % 2 == 0 else None
        source = others[int(rng.integers(len(others)))]
        if truth is not None:
            source = chosen[truth][N_TAUGHT + number % (len(chosen[truth]) - N_TAUGHT)]
        with Image.open(io.BytesIO(source)) as opened:
            picture = opened.convert("RGB")
        for _ in range(round(SHOWN_S / EVERY_S)):
            path = folder / f"{len(truths):05}.png"
            shaken(picture, rng).save(path)
            truths.append(truth)
    camera = FolderCamera(folder, EVERY_S)
    camera.start()
    watcher = Watcher()
    single: list[str | None] = []
    watched: list[str | None] = []
    for number in range(len(truths)):
        # As if the time of half a frame more than all before had passed since it began.
        camera._started_at = time.monotonic() - (number + 0.5) * EVERY_S
        frame = camera.read()
        found = classifier.recognise(frame)
        single.append(found.ranking[0][0] if found.is_known else None)
        watched.append(watcher.see(found).class_name)
    minutes = len(truths) * EVERY_S / 60
    for way, said in (("frame by frame", single), ("watcher", watched)):
        begins = [
            i for i, name in enumerate(said) if name is not None and (i == 0 or said[i - 1] != name)
        ]
        false = sum(said[i] != truths[i] for i in begins)
        strange = sum(truths[i] is None for i in begins)
        waits, missed = [], 0
        each = round(SHOWN_S / EVERY_S)
        for start in range(0, len(truths), each):
            if truths[start] is not None:
                hits = [i for i in range(each) if said[start + i] == truths[start]]
                waits += [hits[0] * EVERY_S] if hits else []
                missed += not hits
        print(
            f"| {taught} | {strangers} | {way} | {false / minutes:.1f} | {strange / minutes:.1f} "
            f"| {np.mean(waits):.2f} s | {missed} of {N_SHOWN // 2} |",
            flush=True,
        )


def main() -> None:
    """Print a Markdown table."""
    extractor = Extractor.open()
    columns = ("taught", "strangers", "way", "false namings a minute", "of strangers")
    print_header(*columns, "a name comes after", "never named")
    for taught, strangers in (
        ("flowers5-128", "scene15-200"),
        ("flowers5-128", "imagenet-sample-256"),
        ("scene15-200", "imagenet-sample-256"),
        ("cub200-2010-224", "imagenet-sample-256"),
    ):
        missing = [name for name in (taught, strangers) if not (DATA / f"{name}.zip").exists()]
        if missing:
            print(f"{', '.join(missing)} not in {DATA}: left out", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            play(taught, strangers, extractor, Path(folder))


if __name__ == "__main__":
    main()
