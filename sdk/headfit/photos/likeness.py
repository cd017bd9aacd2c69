"""Perceptual hashes, thumbnails and digests: what may be kept of a photo."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO

import numpy as np
from PIL import Image

from headfit.files.fields import canonical_json
from headfit.files.views import views_as_json
from headfit.learning.origin import Preprocessing, View
from headfit.photos.images import ImageSource, open_rgb

_BLOCK_BYTES = 1 << 20

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
    # Across, then down, whatever the version of Pillow: as `headfit.photos.images.look`.
    narrow = grey.resize((9, grey.height), Image.Resampling.BOX)
    areas = np.asarray(narrow.resize((9, 8), Image.Resampling.BOX), np.int16)
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


def photo_digest(
    path: str | os.PathLike[str], preprocessing: Preprocessing, views: Sequence[View]
) -> bytes:
    """Return by what a store knows a photo again: a hash of its bytes and of how it is prepared.

    The same photo under another name has the same digest. docs/store-format.md says how it is made.

    Parameters
    ----------
    path : path
    preprocessing : Preprocessing
        `headfit.files.Manifest.preprocessing` of the extractor.
    views : sequence of View
        Of the extractor.

    Returns
    -------
    bytes of length 32

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    prepared = {"preprocessing": asdict(preprocessing), "views": views_as_json(views)}
    digest = hashlib.sha256(canonical_json(prepared).encode() + b"\n")
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.digest()
