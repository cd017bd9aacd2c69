"""What networks of our own recipes are trained to see."""

from __future__ import annotations

from headfit.files import Preprocessing

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""Per channel on the 0..255 scale: the usual ImageNet statistics."""


def preprocessing_of(size: int) -> Preprocessing:
    """Return what a network of our own recipes was trained to see, at a size in pixels."""
    return Preprocessing(
        height=size,
        width=size,
        resize="shorter-side",
        resize_to=size,
        interpolation="bilinear",
        mean=MEAN,
        std=STD,
    )
