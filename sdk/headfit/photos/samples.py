"""Sample photos: squares cut from the pictures that lie inside scikit-image's package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from headfit.errors import InputError

# Class name, and the file inside skimage/data that shows it all over.
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
OTHER_PICTURES = (
    "astronaut.png",
    "camera.png",
    "cell.png",
    "clock_motion.png",
    "page.png",
    "text.png",
)
"""Pictures of none of these."""

TRAINING_PER_CLASS = 20
TEST_PER_CLASS = 10
# A picture's fields train and test by turns, as the colours of a chessboard: an odd number of
# columns.
COLUMNS, ROWS = 3, 2
TURN_DEGREES = 20.0
LIGHT = 0.4
"""How much of its light a photo has more or less at most."""


def cut_sample_photos(pictures: Path, into: Path) -> None:
    """Cut the pictures into photos: ``into/train/<class>``, ``into/test/<class>``, ``into/other``.

    A picture's fields train and test by turns, and a photo lies wholly in one field: no pixel is in
    both. Each is another part of its field, turned, lit and perhaps mirrored by chance. Those in
    ``other`` show none of the classes. The same photos are cut every time.
    """
    rng = np.random.default_rng(0)
    for class_name, file_name in PICTURES.items():
        fields = _fields(pictures / file_name)
        for part, seen, count in (
            ("train", fields[::2], TRAINING_PER_CLASS),
            ("test", fields[1::2], TEST_PER_CLASS),
        ):
            _cut(seen, count, into / part / class_name, rng)
    strange = [field for name in OTHER_PICTURES for field in _fields(pictures / name)]
    _cut(strange, len(strange), into / "other", rng)


def _fields(path: Path) -> list[Image.Image]:
    """Return the fields of a picture, row by row."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    xs = [picture.width * column // COLUMNS for column in range(COLUMNS + 1)]
    ys = [picture.height * row // ROWS for row in range(ROWS + 1)]
    return [
        picture.crop((xs[column], ys[row], xs[column + 1], ys[row + 1]))
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]


def _cut(fields: list[Image.Image], count: int, folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        photo = _photo(fields[number % len(fields)], rng)
        photo.save(folder / f"{number + 1:02}.jpg", quality=92)


def _photo(field: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a square of a field as a camera may see it: from 60 % of the shorter side, turned."""
    side = round(min(field.size) * rng.uniform(0.6, 1.0))
    left = int(rng.integers(field.width - side + 1))
    top = int(rng.integers(field.height - side + 1))
    square = field.crop((left, top, left + side, top + side))
    turn = rng.uniform(-TURN_DEGREES, TURN_DEGREES)
    angle = np.radians(abs(turn))
    border = round(side * (1 - 1 / (np.cos(angle) + np.sin(angle))) / 2)  # its corners are empty
    square = square.rotate(turn, Image.Resampling.BICUBIC)
    square = square.crop((border, border, side - border, side - border))
    if rng.random() < 0.5:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ImageEnhance.Brightness(square).enhance(rng.uniform(1 - LIGHT, 1 + LIGHT))


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
