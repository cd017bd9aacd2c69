"""Photos as they come: files that the user chose, frames of the camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from headfit import Extractor
from headfit.photos import decode_image

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""A picture of shape (height, width, 3), upright, red first."""


@dataclass(frozen=True, slots=True)
class PickedFile:
    """A file that the user chose.

    Attributes
    ----------
    name : str
        What the user knows it by, for messages.
    content : Path or bytes
        A desktop gives the path, a phone the bytes.
    """

    name: str
    content: Path | bytes


Photo: TypeAlias = PickedFile | Pixels
"""A file that the user chose, or a frame of the camera."""


def as_looked_at(extractor: Extractor, photo: Photo) -> Pixels:
    """Return a photo's pixels; of a file, as many as an extractor looks at.

    Raises
    ------
    ImageError
        If it cannot be decoded; the message calls it by the name that the user knows.
    """
    if isinstance(photo, PickedFile):
        return extractor.decode(photo.content, name=photo.name)
    return photo


def as_pixels(photo: Photo, side: int) -> Pixels:
    """Return a photo's pixels to show, made smaller until no side is longer than ``side``.

    Errors are those of `as_looked_at`.
    """
    if isinstance(photo, PickedFile):
        pixels = decode_image(photo.content, name=photo.name, least_side=side)
    else:
        pixels = photo
    if max(pixels.shape[:2]) > side:
        smaller = Image.fromarray(pixels)
        smaller.thumbnail((side, side))
        pixels = np.asarray(smaller)
    return pixels
