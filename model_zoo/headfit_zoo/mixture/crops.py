"""Crops: the same for teacher and student, found by numbers alone."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SMALLEST = 0.35
"""Of a picture's area."""
ASPECTS = (3 / 4, 4 / 3)

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


def number_of(name: str) -> int:
    """Return a number for a name, to seed with; Python's own hash differs between processes."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


def crop_of(
    height: int, width: int, *, seed: int, source: str, picture: int, crop: int
) -> tuple[Box, bool]:
    """Draw a crop of a picture: its box, and whether it is mirrored.

    The area is uniform between `SMALLEST` and all of the picture, the aspect between `ASPECTS` on a
    logarithmic scale (Szegedy et al., "Going deeper with convolutions", 2015).
    """
    rng = np.random.default_rng((seed, number_of(source), picture, crop))
    for _ in range(10):
        area = height * width * rng.uniform(SMALLEST, 1)
        aspect = math.exp(rng.uniform(math.log(ASPECTS[0]), math.log(ASPECTS[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            break
    else:  # a picture so long that no such crop fits
        w = h = min(height, width)
    left, top = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    return (left, top, left + w, top + h), bool(rng.integers(2))


def cut(
    picture: Image.Image, box: Box, mirrored: bool, size: int, *, smooth: bool = False
) -> NDArray[np.uint8]:
    """Cut a crop out and bring it to (size, size, 3); `smooth` by cubics, else linearly."""
    kind = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    pixels = np.asarray(picture.resize((size, size), kind, box=box))
    return pixels[:, ::-1] if mirrored else pixels
