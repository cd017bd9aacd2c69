"""Where embeddings come from: what a head remembers of the extractor that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headfit.errors import InputError

MAX_ZOOM: Final = 64
"""Nearest view: of a picture of 4,096 pixels as many as an extractor takes."""

MAX_VIEWS: Final = 64
"""Of one photo; each is a run of the network."""


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at a photo; the default is the one that the manifest describes.

    Attributes
    ----------
    zoom : float
        How much nearer than that: at 1.15 the window is that much smaller. At least 1.
    x, y : float
        Where the window lies in the photo: 0 is left and top, 1 right and bottom, 0.5 the middle.
    is_flipped : bool
        Left and right exchanged.
    """

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5
    is_flipped: bool = False

    def __post_init__(self) -> None:
        if not (1 <= self.zoom <= MAX_ZOOM and 0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise InputError(
                f"expected a zoom from 1 to {MAX_ZOOM} and x and y from 0 to 1, found {self}"
            )


WHOLE: Final = View()


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
