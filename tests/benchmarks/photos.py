"""How fast large photos become embeddings: plain decoding, ours, and scaled decoding alone.

``python tests/benchmarks/photos.py [N_PHOTOS]`` makes photos of 12 megapixels, of noise over
enlarged pictures, stored turned as phones store them, and embeds them from the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from headfit import Extractor
from headfit.photos import sample_pictures
from headfit.photos.ahead import default_jobs
from headfit.photos.images import needed_side
from headfit.photos.samples import PICTURES

SIZE = (4032, 3024)
QUALITY = 92
NOISE = 6
TURNED = 6


def make_photos(folder: Path, n_photos: int) -> list[Path]:
    """Write JPEGs of 12 megapixels."""
    rng = np.random.default_rng(0)
    files = [sample_pictures() / name for name in PICTURES.values()]
    exif = Image.Exif()
    exif[0x0112] = TURNED
    paths = []
    for number in range(n_photos):
        with Image.open(files[number % len(files)]) as picture:
            large = picture.convert("RGB")
        pixels = np.asarray(large.resize(SIZE, Image.Resampling.BICUBIC), np.int16)
        noisy = pixels + rng.integers(-NOISE, NOISE + 1, pixels.shape, np.int8)
        paths.append(folder / f"{number}.jpg")
        image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        image.save(paths[-1], quality=QUALITY, exif=exif)
    return paths


def plainly(extractor: Extractor, paths: list[Path]) -> None:
    """Decode every pixel, turn, and leave the resize to the end, as before 0.1.0."""
    preprocessing = extractor.manifest.preprocessing
    for path in paths:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image.convert("RGB"))
        small = ImageOps.fit(
            upright, (preprocessing.width, preprocessing.height), Image.Resampling.BILINEAR
        )
        extractor.embed([np.asarray(small)])


def decode_scaled(path: Path, side: int) -> None:
    """Have libjpeg decode at the scale that we ask for, and no more: the limit."""
    with Image.open(path) as image:
        factor = 8
        while factor > 1 and min(image.size) / factor < side:
            factor //= 2
        image.draft(None, (image.width // factor, image.height // factor))
        image.load()


def timed(work: Callable[[], object], n_photos: int) -> tuple[float, float]:
    """Return photos a second, and milliseconds of processor time a photo."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return n_photos / wall, 1000 * cpu / n_photos


def main() -> None:
    """Print a table."""
    n_photos = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    extractor = Extractor.open()
    side = needed_side(extractor.manifest.preprocessing)
    n_cores = default_jobs()

    def scaled_by(jobs: int, paths: list[Path]) -> None:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda path: decode_scaled(path, side), paths))

    with tempfile.TemporaryDirectory() as folder:
        paths = make_photos(Path(folder), n_photos)
        extractor.embed(paths[:1])
        rows: list[tuple[str, int, Callable[[], object]]] = [
            ("plain decoding", 1, lambda: plainly(extractor, paths)),
            ("headfit", 1, lambda: extractor.embed(paths, jobs=1)),
            ("scaled decoding alone", 1, lambda: scaled_by(1, paths)),
        ]
        if n_cores > 1:
            rows += [
                ("headfit", n_cores, lambda: extractor.embed(paths)),
                ("scaled decoding alone", n_cores, lambda: scaled_by(n_cores, paths)),
            ]
        print(f"{n_photos} photos of {SIZE[0]} x {SIZE[1]}, {extractor.engine_name}, one run")
        print("| | threads | photos a second | processor time, ms a photo |")
        print("|---|---|---|---|")
        for name, jobs, work in rows:
            rate, cpu_ms = timed(work, n_photos)
            print(f"| {name} | {jobs} | {rate:.1f} | {cpu_ms:.1f} |", flush=True)


if __name__ == "__main__":
    main()
