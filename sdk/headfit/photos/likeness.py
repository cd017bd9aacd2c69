"""Perceptual hashes and thumbnails: what may be kept of how a photo looks."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from headfit.photos.images import ImageSource, open_rgb

THUMBNAIL_SIDE = 96
"""Longer side of a thumbnail in pixels, unless another is asked for."""

# Shorter side from which on a photo is halved before its areas are compared.
_HASHED_SIDE = 64


def perceptual_hash(image: ImageSource) -> int:
    """Return 64 bits that change little when a photo is scaled, re-encoded or brightened.

    Each bit says whether one of 8 x 8 areas of the grey picture is darker than its right
    neighbour: the difference hash (dHash) of Neal Krawetz, "Kind of Like That", 2013. Two photos
    look alike if few bits differ. A picture of one colour has the hash 0, which means none.

    Raises
    ------
    ImageError
        If this is no usable image.
    """
    grey = open_rgb(image, least_side=_HASHED_SIDE).convert("L")
    areas = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = areas[:, 1:] > areas[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def thumbnail(image: ImageSource, side: int = THUMBNAIL_SIDE) -> bytes:
    """Return a small JPEG made from the pixels alone: no EXIF, no place, no time.

    Parameters
    ----------
    image : path, bytes, PIL image or ndarray
    side : int
        Maximum length of the longer side, in pixels; a smaller picture keeps its size.

    Raises
    ------
    ImageError
        If this is no usable image.
    """
    photo = open_rgb(image, least_side=2 * max(side, 1))
    small = Image.fromarray(np.asarray(photo))  # without what came with the picture
    small.thumbnail((side, side))
    stream = BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()
