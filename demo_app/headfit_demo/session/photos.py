"""Photos as they come: files that the user chose, frames of the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from headfit import Extractor, FileFormatError
from headfit.files import read_bounded
from headfit.photos import decode_image
from headfit_demo.session.errors import UnreadableFileError

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


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame of a video that the user chose.

    Attributes
    ----------
    name : str
        What the user knows it by, for messages.
    read : callable
        Returns its pixels, or raises an `ImageError`.
    approach : callable
        Decodes for a moment what comes before it; returns whether it can be read at once now.
    """

    name: str
    read: Callable[[], Pixels]
    approach: Callable[[], bool]


Photo: TypeAlias = PickedFile | VideoFrame | Pixels
"""A file that the user chose, or a frame of a video or of the camera."""


@contextmanager
def may_be_read(file: PickedFile) -> Iterator[None]:
    """Tell a file that may not be read from a place that may not be written to."""
    try:
        yield
    except PermissionError as error:
        raise UnreadableFileError(
            f"{file.name}: expected a file that may be read, found one that may not; allow it"
        ) from error


def content_of(file: PickedFile, max_bytes: int) -> bytes:
    """Return the bytes of a file that the user chose.

    Raises
    ------
    FileFormatError
        If there are more than ``max_bytes``.
    UnreadableFileError
        If the user may not read the file.
    """
    with may_be_read(file):
        if isinstance(file.content, Path):
            return read_bounded(file.content, max_bytes)
        if len(file.content) > max_bytes:
            raise FileFormatError(
                f"{file.name}: expected at most {max_bytes} bytes, found {len(file.content)}; give "
                "another file"
            )
        return file.content


def as_looked_at(extractor: Extractor, photo: Photo) -> Pixels:
    """Return a photo's pixels; of a file, as many as an extractor looks at.

    Raises
    ------
    ImageError
        If it cannot be decoded; the message calls it by the name that the user knows.
    UnreadableFileError
        If the user may not read the file.
    """
    if isinstance(photo, PickedFile):
        with may_be_read(photo):
            return extractor.decode(photo.content, name=photo.name)
    return photo.read() if isinstance(photo, VideoFrame) else photo


def as_pixels(photo: Photo, side: int) -> Pixels:
    """Return a photo's pixels to show, made smaller until no side is longer than ``side``.

    Errors are those of `as_looked_at`.
    """
    if isinstance(photo, PickedFile):
        with may_be_read(photo):
            pixels = decode_image(photo.content, name=photo.name, least_side=side)
    else:
        pixels = photo.read() if isinstance(photo, VideoFrame) else photo
    if max(pixels.shape[:2]) > side:
        smaller = Image.fromarray(pixels)
        smaller.thumbnail((side, side))
        pixels = np.asarray(smaller)
    return pixels
