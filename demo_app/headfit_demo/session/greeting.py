"""The head that greets, and the pictures it is shown; ``make heads`` trains it again.

Some are cut from the pictures of scikit-image, as in ``headfit demo``; others are drawn here, so
that there is something to show where scikit-image is not installed. No photo is part of the app.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from headfit import InputError
from headfit.photos import sample_pictures as skimage_pictures
from headfit_demo.session.photos import Pixels

GREETING_HEAD: Final = Path(__file__).parents[1] / "assets" / "greeting.head"
"""The head that the app brings along, for when no project is open."""

# The name of the class, and the picture inside scikit-image.
PHOTOS: Final = {
    "bricks": "brick.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
}
_SIDE: Final = 320


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture to try, and the class it belongs to."""

    class_name: str
    frame: Pixels


def sample_pictures() -> tuple[Sample, ...]:
    """Return pictures that the head has not seen: drawn ones, and photos where there are some."""
    rng = np.random.default_rng(1000)
    samples = [Sample(name, draw(rng)) for name, draw in DRAWINGS.items()]
    folder = photo_folder()
    if folder is not None:
        samples[0:0] = [
            Sample(name, cut_square(folder / file, rng, is_training=False))
            for name, file in PHOTOS.items()
        ]
    return tuple(samples)


def photo_folder() -> Path | None:
    """Return the folder of scikit-image's pictures, None where they are not installed."""
    try:
        folder = skimage_pictures()
    except InputError:
        return None
    return folder if all((folder / file).is_file() for file in PHOTOS.values()) else None


def cut_square(path: Path, rng: np.random.Generator, *, is_training: bool) -> Pixels:
    """Cut a square from the left part of a picture to train, from the right part to try."""
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    border = round(whole.width * 0.6)
    part = whole.crop((0, 0, border, whole.height) if is_training else (border, 0, *whole.size))
    side = round(min(part.size) * rng.uniform(0.6, 0.95))
    left = int(rng.integers(part.width - side + 1))
    top = int(rng.integers(part.height - side + 1))
    square = part.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))


def _balloon(rng: np.random.Generator) -> Pixels:
    """Draw a hot-air balloon over hills."""
    canvas, pen = _sky(rng, (96, 165, 225), (214, 234, 246))
    width = canvas.width
    for height, colour in ((0.78, (126, 160, 120)), (0.88, (88, 128, 88))):
        points = [
            (
                x,
                width
                * (height + 0.05 * math.sin(x / width * 6 + 9 * height + rng.uniform(0, 0.6))),
            )
            for x in range(0, width + 40, 40)
        ]
        pen.polygon([*points, (width, width), (0, width)], colour)
    x, y = width * rng.uniform(0.35, 0.65), width * rng.uniform(0.28, 0.42)
    radius = width * rng.uniform(0.17, 0.25)
    first, second = _two_colours(rng)
    basket = y + radius * 1.75
    for side in (-0.5, 0.5):
        pen.line(
            (x + side * radius, y + radius * 0.8, x + side * radius * 0.35, basket), (70, 50, 40), 4
        )
    pen.polygon(
        [
            (x - radius * 0.93, y + radius * 0.35),
            (x + radius * 0.93, y + radius * 0.35),
            (x + radius * 0.3, y + radius * 1.3),
            (x - radius * 0.3, y + radius * 1.3),
        ],
        first,
    )
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), first)
    for share in (0.68, 0.25):
        wide = radius * share
        pen.ellipse((x - wide, y - radius, x + wide, y + radius), second if share > 0.5 else first)
        pen.polygon(
            [
                (x - wide * 0.95, y + radius * 0.3),
                (x + wide * 0.95, y + radius * 0.3),
                (x + wide * 0.32, y + radius * 1.3),
                (x - wide * 0.32, y + radius * 1.3),
            ],
            second if share > 0.5 else first,
        )
    pen.rounded_rectangle(
        (x - radius * 0.22, basket - 4, x + radius * 0.22, basket + radius * 0.3), 8, (122, 82, 48)
    )
    return _finish(canvas, rng)


def _sailboat(rng: np.random.Generator) -> Pixels:
    """Draw a sailing boat on the sea."""
    canvas, pen = _sky(rng, (120, 170, 220), (250, 226, 196))
    width = canvas.width
    shore = width * rng.uniform(0.55, 0.65)
    pen.rectangle((0, shore, width, width), (38, 106, 150))
    for _ in range(26):
        x, y = rng.uniform(0, width), rng.uniform(shore + 8, width)
        pen.line((x, y, x + rng.uniform(30, 110), y), (92, 156, 194), 5)
    x, size = width * rng.uniform(0.38, 0.62), width * rng.uniform(0.2, 0.28)
    deck = shore + size * 0.35
    first, second = _two_colours(rng)
    pen.line((x, deck, x, deck - size * 2), (80, 56, 40), 8)
    pen.polygon(
        [(x + 10, deck - size * 1.95), (x + 10, deck - 20), (x + size, deck - 20)], (248, 246, 240)
    )
    pen.polygon(
        [(x - 10, deck - size * 1.7), (x - 10, deck - 20), (x - size * 0.7, deck - 20)], first
    )
    pen.polygon(
        [
            (x - size * 1.1, deck),
            (x + size * 1.1, deck),
            (x + size * 0.75, deck + size * 0.4),
            (x - size * 0.75, deck + size * 0.4),
        ],
        second,
    )
    return _finish(canvas, rng)


def _flower(rng: np.random.Generator) -> Pixels:
    """Draw a flower before leaves."""
    width = _SIDE * 2
    canvas = Image.new("RGB", (width, width), (52, 96, 50))
    pen = ImageDraw.Draw(canvas)
    for _ in range(60):
        x, y, long = rng.uniform(0, width), rng.uniform(0, width), rng.uniform(50, 130)
        shade = int(rng.integers(-22, 30))
        pen.ellipse((x, y, x + long * 0.45, y + long), (58 + shade, 112 + shade, 52 + shade))
    canvas = canvas.filter(ImageFilter.GaussianBlur(7))
    pen = ImageDraw.Draw(canvas)
    x, y = width * rng.uniform(0.42, 0.58), width * rng.uniform(0.38, 0.5)
    radius, turn = width * rng.uniform(0.22, 0.29), rng.uniform(0, 1)
    pen.line((x, y, x + rng.uniform(-40, 40), width), (70, 140, 60), 18)
    petal = ((247, 244, 236), (244, 196, 214), (250, 214, 92), (226, 120, 160))[
        int(rng.integers(4))
    ]
    count = int(rng.integers(9, 14))
    for layer in (1.0, 0.8):
        for number in range(count):
            angle = 2 * math.pi * (number + turn + layer) / count
            shape = [
                (
                    x + radius * layer * (share * math.cos(angle) - side * math.sin(angle)),
                    y + radius * layer * (share * math.sin(angle) + side * math.cos(angle)),
                )
                for share, side in (
                    (0, 0),
                    (0.45, 0.17),
                    (0.85, 0.15),
                    (1, 0),
                    (0.85, -0.15),
                    (0.45, -0.17),
                )
            ]
            pen.polygon(shape, tuple(round(c * (0.9 if layer == 1 else 1)) for c in petal))
    heart = radius * 0.3
    pen.ellipse((x - heart, y - heart, x + heart, y + heart), (196, 132, 28))
    for _ in range(60):
        angle, far = rng.uniform(0, 2 * math.pi), heart * math.sqrt(rng.uniform(0, 0.8))
        dot = (x + far * math.cos(angle), y + far * math.sin(angle))
        pen.ellipse((dot[0] - 4, dot[1] - 4, dot[0] + 4, dot[1] + 4), (140, 86, 18))
    return _finish(canvas, rng)


DRAWINGS: Final[dict[str, Callable[[np.random.Generator], Pixels]]] = {
    "balloon": _balloon,
    "sailing boat": _sailboat,
    "flower": _flower,
}


def _sky(
    rng: np.random.Generator, top: tuple[int, int, int], bottom: tuple[int, int, int]
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a sky that pales towards the horizon, with some clouds, and a pen for it."""
    width = _SIDE * 2
    share = np.linspace(0, 1, width)[:, None, None]
    rows = np.array(top) * (1 - share) + np.array(bottom) * share + rng.uniform(-12, 12)
    sky = np.broadcast_to(rows.clip(0, 255).astype(np.uint8), (width, width, 3))
    canvas = Image.fromarray(np.ascontiguousarray(sky))
    clouds = Image.new("L", canvas.size)
    pen = ImageDraw.Draw(clouds)
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0, width), rng.uniform(0, width * 0.4)
        for _ in range(5):
            left, size = x + rng.uniform(-70, 70), rng.uniform(30, 60)
            pen.ellipse((left, y - size / 2, left + size * 1.6, y + size / 2), 190)
    canvas.paste((255, 255, 255), mask=clouds.filter(ImageFilter.GaussianBlur(9)))
    return canvas, ImageDraw.Draw(canvas)


def _two_colours(rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    colours = ((206, 62, 52), (240, 178, 58), (42, 110, 140), (120, 62, 130), (232, 226, 214))
    first, second = rng.choice(len(colours), 2, replace=False)
    return colours[first], colours[second]


def _finish(canvas: Image.Image, rng: np.random.Generator) -> Pixels:
    """Return a drawing at its final size, with a little grain as a camera has."""
    small = np.asarray(canvas.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), np.float32)
    return (small + rng.normal(0, 4, small.shape)).clip(0, 255).astype(np.uint8)
