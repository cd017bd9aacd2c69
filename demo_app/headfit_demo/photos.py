"""Photos as they come: files that the user chose, frames of the camera."""

from __future__ import annotations

import time
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from headfit import ImageClassifier
from headfit.photos import decode_image
from headfit_demo.views import PickedFile, Recognition

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""A picture of shape (height, width, 3), upright, red first."""

Photo: TypeAlias = PickedFile | Pixels
"""A file that the user chose, or a frame of the camera."""


def as_pixels(photo: Photo, side: int = 0) -> Pixels:
    """Return a photo's pixels; with ``side``, made smaller until no side is longer.

    Raises
    ------
    ImageError
        If it cannot be decoded; the message calls it by the name that the user knows.
    """
    if isinstance(photo, PickedFile):
        pixels = decode_image(photo.content, name=photo.name)
    else:
        pixels = photo
    if side and max(pixels.shape[:2]) > side:
        smaller = Image.fromarray(pixels)
        smaller.thumbnail((side, side))
        pixels = np.asarray(smaller)
    return pixels


def recognise(classifier: ImageClassifier, photo: Photo) -> Recognition:
    """Say what a photo shows, and how long that took.

    Raises
    ------
    NotFittedError
        If the classifier has no head.
    """
    started = time.perf_counter()
    found = classifier.recognise(as_pixels(photo))
    return Recognition(
        ranking=tuple(found.ranking[:3]),
        is_known=found.is_known,
        milliseconds=1000 * (time.perf_counter() - started),
        engine=classifier.extractor.engine_name,
    )
