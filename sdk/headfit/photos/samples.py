"""Sample photos: squares cut from the pictures that lie inside scikit-image's package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headfit.errors import InputError

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
    from importlib.util import find_spec

    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise InputError(
            "the demo's photos come with scikit-image, and it is not installed: "
            "pip install 'headfit[demo]'"
        )
    return Path(package.origin).parent / "data"
