"""Views of a photo: the crop that the manifest describes, and closer, shifted, mirrored ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headfit.errors import InputError

MAX_ZOOM: Final = 64
"""Nearest view: of a picture of 4,096 pixels as many as an extractor takes."""


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

FLIPPED: Final = (WHOLE, View(is_flipped=True))
"""The photo and its mirror image: about one point more of top-1 for twice the work."""

CROPPED: Final = (
    *FLIPPED,
    *(View(1.15, x, y) for x, y in ((0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1))),
)
"""And five nearer views: one to two points more than one view, for seven times the work.

As the paper's crops of 224 out of 256 pixels. Measured on flowers and scenes: docs/results.md.
"""
