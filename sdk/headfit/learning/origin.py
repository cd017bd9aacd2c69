"""Where embeddings come from: what a head remembers of the extractor that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a photo becomes the extractor's input.

    The picture is halved while its shorter side remains at least twice ``resize_to`` pixels, then
    resized so that it is ``resize_to``; its centre of ``height`` x ``width`` is cut out, and
    ``input = (pixel - mean) / std`` per channel in RGB.

    Attributes
    ----------
    height, width : int
        Size of the input in pixels, each at most ``resize_to``.
    resize : str
        ``"shorter-side"``, the only kind.
    resize_to : int
        Length of the shorter side after resizing, in pixels.
    interpolation : str
        ``"bilinear"`` or ``"bicubic"``, antialiased as Pillow does it.
    mean, std : tuple of 3 floats
        Red, green, blue, on the scale of 0 to 255.
    """

    height: int
    width: int
    resize: str
    resize_to: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ExtractorReference:
    """What names one extractor; the fields are those of its manifest."""

    name: str
    version: int
    fingerprint: str
    preprocessing: Preprocessing
