"""Colours of a picture as the screen of a computer has them: ICC profiles to sRGB."""

from __future__ import annotations

import functools
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

MAX_PROFILE_BYTES: Final = 1 << 22
"""Longest profile that is read: 4 MiB; those of printers take up to 3."""

_MODES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Return a picture in sRGB, by the ICC profile that says what its numbers mean.

    Adobe RGB and Display P3 hold the same colours in other numbers. A profile that is damaged,
    or describes another kind of pixels than these, counts as none.

    Parameters
    ----------
    image : PIL.Image.Image
        In L, RGB, RGBA or CMYK.
    profile : bytes or None
        As the file has it; anything else counts as none.

    Returns
    -------
    PIL.Image.Image
        In RGB, or RGBA as it was; unchanged where there is no profile to go by.
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= MAX_PROFILE_BYTES:
        return image
    cms = _colour_management()
    if cms is None:
        return image
    try:
        opened = cms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES.get(opened.profile.xcolor_space)
        if mode != image.mode.removesuffix("A") or _is_srgb(opened):
            return image
        opaque = image.convert(mode) if image.mode != mode else image
        srgb = cms.profileToProfile(opaque, opened, cms.createProfile("sRGB"), outputMode="RGB")
    except (cms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if srgb is None:
        return image
    if image.mode == "RGBA":
        srgb.putalpha(image.getchannel("A"))
    return srgb


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "sRGB" in (profile.profile.profile_description or "")


@functools.cache
def _colour_management() -> ImageCms | None:  # type: ignore[valid-type]
    """Return Pillow's module, if it was built with LittleCMS."""
    try:
        from PIL import ImageCms, _imagingcms  # noqa: F401
    except ImportError:
        import logging

        logging.getLogger("headfit").warning(
            "this Pillow was built without LittleCMS: colour profiles are not applied"
        )
        return None
    return ImageCms
