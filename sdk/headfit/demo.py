"""The demo: trains a head on sample photos and shows what it can do (``python -m headfit.demo``).

The photos are cut from the pictures that lie inside scikit-image's package.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headfit import terminal
from headfit.classifier import ImageClassifier
from headfit.errors import HeadfitError, InputError

# Class name, and the file inside skimage/data that shows it in its left and in its right part.
PICTURES = {
    "bricks": "brick.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "galaxies": "hubble_deep_field.jpg",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "moon": "moon.png",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
    "tissue": "ihc.png",
}
TRAINING_PER_CLASS = 20
TEST_PER_CLASS = 10
# The left part of a picture trains, the right part tests.
TRAINING_PART = 0.6


def cut_sample_photos(pictures: Path, into: Path) -> None:
    """Cut every picture into photos: ``into/train/<class>`` and ``into/test/<class>``.

    A training photo lies wholly in the left part of its picture and a test photo wholly in the
    right part, so no pixel is in both. The same photos are cut every time.
    """
    rng = np.random.default_rng(0)
    for class_name, file_name in PICTURES.items():
        with Image.open(pictures / file_name) as picture:
            picture.load()
        border = round(picture.width * TRAINING_PART)
        parts = {
            "train": (picture.crop((0, 0, border, picture.height)), TRAINING_PER_CLASS),
            "test": (picture.crop((border, 0, *picture.size)), TEST_PER_CLASS),
        }
        for part, (view, count) in parts.items():
            folder = into / part / class_name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, count + 1):
                _random_square(view, rng).save(folder / f"{number:02}.jpg", quality=92)


def _random_square(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a square of 60 to 95 % of the shorter side, as a camera turned at random sees it."""
    side = round(min(view.size) * rng.uniform(0.6, 0.95))
    left = int(rng.integers(view.width - side + 1))
    top = int(rng.integers(view.height - side + 1))
    return view.crop((left, top, left + side, top + side))


def sample_pictures() -> Path:
    """Return the folder of scikit-image's pictures, without importing scikit-image.

    Raises
    ------
    InputError
        If scikit-image is not installed.
    """
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise InputError(
            "the demo's photos come with scikit-image, and it is not installed: "
            "pip install 'headfit[demo]'"
        )
    return Path(package.origin).parent / "data"


def run(into: Path, console: Console, extractor: str | None = None) -> None:
    """Cut the photos, train, evaluate, predict, and say what happened.

    Parameters
    ----------
    into : Path
        Folder for the photos and the head file.
    console : Console
        Where to say it.
    extractor : str, optional
        Name or path of another extractor than the one that came with headfit.
    """
    console.print("[bold]headfit[/] learns new classes of photos on this machine.\n")
    photos, head_file = into / "photos", into / "sample.head"
    cut_sample_photos(sample_pictures(), photos)
    console.print(f"Sample photos: squares cut from {len(PICTURES)} pictures, now in {photos}")

    classifier = ImageClassifier(extractor)
    started = time.perf_counter()
    with terminal.progress(console, "Embedding photos to train on") as progress:
        classifier.add_folder(photos / "train", strict=True, progress=progress)
    embedded = time.perf_counter()
    classifier.fit()
    fitted = time.perf_counter()
    classifier.save(head_file)
    with terminal.progress(console, "Classifying photos never seen") as progress:
        evaluation = classifier.evaluate(photos / "test", strict=True, progress=progress)

    manifest = classifier.extractor.manifest
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_row(
        "Trained on", f"{classifier.n_samples} photos of {len(evaluation.classes)} classes"
    )
    table.add_row(
        "Time per photo",
        f"{terminal.duration((embedded - started) / classifier.n_samples)} "
        f"(engine {classifier.extractor.engine_name})",
    )
    table.add_row("Training the head", terminal.duration(fitted - embedded))
    table.add_row(
        "Right on new photos",
        f"[bold green]{evaluation.top1:.1%}[/] of {evaluation.n_samples} (top-1)",
    )
    table.add_row("The head", f"{terminal.size(head_file.stat().st_size)}, {head_file}")
    table.add_row(
        "The extractor",
        f"{terminal.size(manifest.size_bytes)}, {manifest.name}, shared by all heads",
    )
    console.print()
    console.print(Panel(table, title="What came out", expand=False, padding=(1, 2)))
    console.print(
        "\nThe photos that train come from the left part of each picture, those that test from the "
        "right part, which training never sees. Photos of one picture are alike, so this set is an "
        "easy one: expect less on photos of your own."
    )

    photo = photos / "test" / "cat" / "01.jpg"
    console.print(f"\nWhat is in {photo}?\n")
    console.print(terminal.probability_table(classifier.predict(photo)[:3]))

    headfit = command()
    console.print("\nNow with photos of your own, in a folder per class:\n")
    console.print(Text(f"  {headfit} train photos -o mine.head", style=terminal.ACCENT))
    console.print(Text(f"  {headfit} predict mine.head new.jpg", style=terminal.ACCENT))


def command() -> str:
    """Return what to type for ``headfit`` in the environment that runs this."""
    script = Path(os.path.relpath(Path(sys.executable).with_name("headfit")))
    return str(script) if ".." not in script.parts else "headfit"


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headfit.demo", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path("headfit-demo"), help="folder to write")
    parser.add_argument("--extractor", help="name or path of another extractor")
    arguments = parser.parse_args()
    try:
        run(arguments.into, Console(highlight=False), arguments.extractor)
    except (HeadfitError, OSError) as error:
        print(f"headfit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
