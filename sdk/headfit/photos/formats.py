"""Formats of photos: told by their first bytes, and opened by one decoder each.

Every decoder is one more door for hostile bytes, so all but five have to be asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import ImageFile, features

from headfit.locks import brief_lock

VARIABLE: Final = "HEADFIT_FORMATS"
"""Names, in the environment, formats that are decoded besides: ``avif,tiff``."""

HEIC_INSTALL: Final = "pip install 'headfit[heic]'"


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be decoded.

    Attributes
    ----------
    name : str
        As Pillow and people call it.
    endings : tuple of str
        How names of such files end.
    decoder : str
        Module and class of its decoder.
    is_asked_for : bool
        Whether it is decoded only where `VARIABLE` names it.
    """

    name: str
    endings: tuple[str, ...]
    decoder: str
    is_asked_for: bool = False


_KNOWN: Final = (
    Format("JPEG", (".jpg", ".jpeg", ".jfif", ".jpe"), "PIL.JpegImagePlugin:JpegImageFile"),
    Format("PNG", (".png",), "PIL.PngImagePlugin:PngImageFile"),
    Format("GIF", (".gif",), "PIL.GifImagePlugin:GifImageFile"),
    Format("WEBP", (".webp",), "PIL.WebPImagePlugin:WebPImageFile"),
    Format("BMP", (".bmp",), "PIL.BmpImagePlugin:BmpImageFile"),
    Format("HEIC", (".heic", ".heif"), "pi_heif:HeifImageFile"),  # asked for by its extra
    Format("AVIF", (".avif",), "PIL.AvifImagePlugin:AvifImageFile", is_asked_for=True),
    Format("TIFF", (".tif", ".tiff"), "PIL.TiffImagePlugin:TiffImageFile", is_asked_for=True),
)
FORMATS: Final = {one.name: one for one in _KNOWN}
"""What can be decoded, by name."""

ALWAYS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
"""What is decoded everywhere."""

PHOTO_ENDINGS: Final = frozenset(ending for one in _KNOWN for ending in one.endings)
"""How the names of photos end, in lower case: to choose files by; what is in one decides."""

# What files begin with. Those that are no format above are named in messages.
_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"8BPS", "Photoshop's PSD"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1aE\xdf\xa3", "a video"),
)
# Of files in boxes (ISO 14496-12) the brands say what is in them.
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
START_BYTES: Final = 64
"""So many bytes tell a format."""

_DECODING: Final = brief_lock()  # a forked child would keep the filters of the moment


def format_of(start: bytes) -> str | None:
    """Return what a file is, by its first `START_BYTES` bytes; None if nobody knows."""
    for beginning, name in _BEGINNINGS:
        if start.startswith(beginning):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), len(start))
        brands = {start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))}
        if brands & _HEIC_BRANDS:
            return "HEIC"
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & {b"mif1", b"msf1"}:
            return "HEIC"
        return "a camera's raw file" if b"crx " in brands else "a video"
    return None


def decoded_formats() -> tuple[str, ...]:
    """Return which formats are decoded here and now."""
    return tuple(name for name in FORMATS if why_not(name) is None)


def why_not(name: str) -> str | None:
    """Return what to do to have a format decoded; None if it is."""
    if name not in FORMATS:
        return "save the picture as JPEG"
    if name == "HEIC":
        return None if _has("pi_heif") else f"{HEIC_INSTALL}, or save the picture as JPEG"
    if name == "AVIF" and not features.check("avif"):
        return "install a Pillow that reads AVIF (11.3 or later), or save the picture as JPEG"
    if FORMATS[name].is_asked_for and name.lower() not in _asked_for():
        return f"set {VARIABLE}={name.lower()} to have it decoded, or save the picture as JPEG"
    return None


def open_format(name: str, data: bytes) -> ImageFile.ImageFile:
    """Return a picture of a format that is decoded, with its header read and no pixel.

    Raises
    ------
    Exception
        Whatever the decoder does about a damaged header.
    """
    module, _, kind = FORMATS[name].decoder.partition(":")
    with quietly():
        image: ImageFile.ImageFile = getattr(importlib.import_module(module), kind)(BytesIO(data))
    return image


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silence Pillow's warnings on odd headers: our own bound and errors say what matters.

    Warning filters belong to the whole process, hence the lock; only header reading runs here.
    """
    with _DECODING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _has(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _asked_for() -> set[str]:
    return {name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",")}
