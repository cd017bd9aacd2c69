"""Views of a photo: the crop that the manifest describes, and closer, shifted, mirrored ones."""

from __future__ import annotations

from typing import Final

from headfit.learning.origin import WHOLE, View

__all__ = ["CROPPED", "FLIPPED", "WHOLE", "View"]

FLIPPED: Final = (WHOLE, View(is_flipped=True))
"""The photo and its mirror image: about one point more of top-1 for twice the work."""

CROPPED: Final = (
    *FLIPPED,
    *(View(1.15, x, y) for x, y in ((0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1))),
)
"""And five nearer views: one to two points more than one view, for seven times the work.

As the paper's crops of 224 out of 256 pixels. Measured on flowers and scenes: docs/results.md.
"""
