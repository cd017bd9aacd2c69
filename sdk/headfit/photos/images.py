"""Untrusted bytes become the extractor's input; the only home of decoding, resizing, cropping.

Training and prediction both come through here, so a photo looks the same to both.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import IO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from headfit.errors import ImageError
from headfit.learning.origin import Preprocessing
from headfit.maths.arrays import FloatArray
from headfit.photos.bombs import bomb
from headfit.photos.views import WHOLE, View

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[np.uint8]

PhotoProgress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(done, total)`` after every photo."""

MAX_PIXELS = 1 << 26
"""Largest picture that is decoded: 67 million pixels, 192 MiB as RGB."""

MAX_SIDE = 65_535
"""Longest side that is decoded, in pixels: JPEG's own limit."""

FORMATS: Final = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
}
"""What is decoded, by Pillow's name, with the endings of such files. Every further decoder is one
more door for hostile bytes.
"""

PHOTO_ENDINGS: Final = frozenset(ending for endings in FORMATS.values() for ending in endings)
"""How the names of photos end, in lower case: to choose files by; what is in one decides."""

# What Pillow's decoders were seen to raise on damaged bytes.
_DECODER_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

# EXIF orientation -> what turns the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_EIGHT_OF_SIXTEEN = ((np.arange(65_536) + 128) // 257).astype(np.uint8)

_WARNINGS_LOCK = threading.Lock()


def decode_image(
    source: ImageSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> npt.NDArray[np.uint8]:
    """Return a picture upright, opaque, in 8-bit RGB.

    EXIF orientation is applied; transparent pixels lie over white; 16-bit grey is scaled, not
    clipped; of an animation the first frame counts.

    Parameters
    ----------
    source : path, bytes, PIL image, or ndarray of shape (h, w, 3) or (h, w), dtype uint8
        The picture. It is not written to.
    name : str, optional
        Names the picture in messages; by default its path.
    max_pixels : int
        A picture with more pixels is refused by its header, before it is decoded.

    Returns
    -------
    ndarray of shape (h, w, 3), dtype uint8

    Raises
    ------
    ImageError
        If this is no usable image.
    OSError
        If the file cannot be opened.
    """
    return np.asarray(open_rgb(source, name, max_pixels))


def prepare_input(
    source: ImageSource,
    preprocessing: Preprocessing,
    *,
    view: View = WHOLE,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> FloatArray:
    """Return a picture as the extractor's input, as docs/manifest-format.md defines it.

    Parameters
    ----------
    source, name, max_pixels
        As for `decode_image`.
    preprocessing : Preprocessing
        What the extractor expects.
    view : View
        Which part of the picture.

    Returns
    -------
    ndarray of shape (1, height, width, 3), dtype float32

    Raises
    ------
    ImageError
        If this is no usable image.
    OSError
        If the file cannot be opened.
    """
    image = open_rgb(source, name, max_pixels)
    height, width = preprocessing.height, preprocessing.width
    scale = min(image.size) / preprocessing.resize_to / view.zoom
    # One step instead of resize, then crop: the same pixels, and a picture of 1 x 60,000 never
    # grows to 64 x 3,840,000 on the way.
    left = max(0.0, (image.width - width * scale) * view.x)
    top = max(0.0, (image.height - height * scale) * view.y)
    right = min(float(image.width), left + width * scale)
    bottom = min(float(image.height), top + height * scale)
    resized = image.resize(
        (width, height), _FILTERS[preprocessing.interpolation], (left, top, right, bottom)
    )
    if view.is_flipped:
        resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mean = np.array(preprocessing.mean, np.float32)
    std = np.array(preprocessing.std, np.float32)
    return ((np.asarray(resized, np.float32) - mean) / std)[np.newaxis]


def open_rgb(
    source: ImageSource, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Return what `decode_image` does, as Pillow has it; pixels are not decoded again."""
    if isinstance(source, Image.Image):
        _check_size(source, name or "image", max_pixels)
        return _decode(source, name or "image")
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "array")
    if isinstance(source, bytes):
        return _read(BytesIO(source), name or "bytes", max_pixels)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as stream:
            return _read(stream, name or os.fspath(source), max_pixels)
    raise ImageError(
        f"{name or 'image'}: expected a path, bytes, a PIL image or a uint8 array, "
        f"found {type(source).__name__}"
    )


def _from_array(pixels: npt.NDArray[np.uint8], name: str) -> Image.Image:
    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_picture or pixels.size == 0:
        raise ImageError(
            f"{name}: expected uint8 of shape (h, w, 3) or (h, w), found {pixels.dtype} of shape "
            f"{pixels.shape}; scale to 0..255 and order the channels red, green, blue"
        )
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")


def _read(stream: IO[bytes], name: str, max_pixels: int) -> Image.Image:
    # Without this plugin Image.open would load all fifty; the other four it loads itself.
    from PIL import WebPImagePlugin  # noqa: F401

    try:
        with _quietly():
            image = Image.open(stream, formats=list(FORMATS))
    except UnidentifiedImageError as error:
        *others, last = FORMATS
        raise ImageError(
            f"{name}: expected an image as {', '.join(others)} or {last}, found none of these, "
            "or a damaged header; convert it or leave it out"
        ) from error
    except Image.DecompressionBombError as error:  # Pillow's own bound lies above ours
        raise ImageError(
            f"{name}: expected at most {max_pixels} pixels, found many more: {error} Make the "
            "picture smaller"
        ) from error
    except _DECODER_FAULTS as error:
        raise _damaged(name, error) from error
    _check_size(image, name, max_pixels)
    if reason := bomb(image, stream):
        raise ImageError(f"{name}: {reason}; save the picture anew or leave it out")
    return _decode(image, name)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"{name}: expected at most {max_pixels} pixels and sides of at most {MAX_SIDE}, found "
            f"{width} x {height}; make the picture smaller"
        )
    if width == 0 or height == 0:
        raise ImageError(f"{name}: expected an image, found {width} x {height} pixels")


def _decode(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
        orientation = _orientation(image)
        image = _to_rgb(image)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except _DECODER_FAULTS as error:
        raise _damaged(name, error) from error
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _damaged(name: str, error: BaseException) -> ImageError:
    reason = str(error) or type(error).__name__
    return ImageError(
        f"{name}: expected a whole image, found a fault: {reason}; copy the picture again or "
        "leave it out"
    )


def _orientation(image: Image.Image) -> object:
    """Return the EXIF orientation; a picture with damaged EXIF counts as upright."""
    with _quietly(), contextlib.suppress(*_DECODER_FAULTS):
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ImageError("expected integer pixels, found floats; scale to 0..255 as uint8")
    if image.mode.startswith("I"):
        image = _to_8_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(rgba, mask=rgba)
        return opaque
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit: ``round(v / 257)``, so that 65,535 becomes 255."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint16 and (pixels.min() < 0 or pixels.max() > 65_535):
        raise ImageError(
            f"expected 16-bit grey, found values from {pixels.min()} to {pixels.max()}"
        )
    return Image.fromarray(_EIGHT_OF_SIXTEEN[pixels])


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Silence Pillow's warnings on odd headers: our own bound and errors say what matters.

    Warning filters belong to the whole process, hence the lock; only header reading runs here.
    """
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
