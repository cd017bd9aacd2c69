"""Untrusted bytes become the extractor's input; the only home of decoding, resizing, cropping.

Training and prediction both come through here, so a photo looks the same to both.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import IO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from headfit.errors import ImageError, InputError
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

REDUCTION_GAP: Final = 2
"""A photo is halved before it is resized as long as twice the pixels that are needed remain:
Pillow's own advice for ``reducing_gap``."""

# libjpeg decodes at 1/1, 1/2, 1/4 and 1/8 of the size.
_MOST_SCALED = 8

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
    source: ImageSource,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
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
    least_side : int, optional
        Halve the picture while its shorter side remains at least this, 2 pixels or more. A large
        JPEG is then decoded several times as fast. By default it keeps its size.

    Returns
    -------
    ndarray of shape (h, w, 3), dtype uint8

    Raises
    ------
    ImageError
        If this is no usable image.
    InputError
        If ``least_side`` is below 2.
    OSError
        If the file cannot be opened.
    """
    return np.asarray(open_rgb(source, name, max_pixels, least_side))


def needed_side(preprocessing: Preprocessing, views: Sequence[View] = (WHOLE,)) -> int:
    """Return the ``least_side`` of a photo that is to be looked at in these views, in pixels."""
    nearest = max(view.zoom for view in views)
    return math.ceil(REDUCTION_GAP * preprocessing.resize_to * nearest)


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
    least_side = needed_side(preprocessing, (view,))
    return look(open_rgb(source, name, max_pixels, least_side), preprocessing, view)


def look(image: Image.Image, preprocessing: Preprocessing, view: View = WHOLE) -> FloatArray:
    """Return one view of a photo, which was halved for it, as `prepare_input` does."""
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
    source: ImageSource,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
) -> Image.Image:
    """Return what `decode_image` does, as Pillow has it."""
    if least_side is not None and least_side < 2:
        raise InputError(f"expected a least_side of at least 2 pixels, found {least_side}")
    if isinstance(source, Image.Image):
        _check_size(source, name or "image", max_pixels)
        return _decode(source, name or "image", least_side, is_ours=False)
    if isinstance(source, np.ndarray):
        image = _from_array(source, name or "array")
        return _reduce(image, halving(image.size, least_side))
    if isinstance(source, bytes):
        return _read(BytesIO(source), name or "bytes", max_pixels, least_side)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as stream:
            return _read(stream, name or os.fspath(source), max_pixels, least_side)
    raise ImageError(
        f"{name or 'image'}: expected a path, bytes, a PIL image or a uint8 array, "
        f"found {type(source).__name__}"
    )


def is_lasting(source: ImageSource) -> bool:
    """Return whether a picture can be decoded later, in another thread, and still be the same."""
    return isinstance(source, (str, os.PathLike, bytes))


def halving(size: tuple[int, int], least_side: int | None) -> int:
    """Return the power of two that a picture of ``size`` is reduced by.

    It is the largest ``s`` with ``ceil(shorter side / s) >= least_side``. A picture that was
    reduced by it is not reduced again: what an extractor's `decode` returned is its own result.
    """
    factor = 1
    while least_side is not None and -(-min(size) // (2 * factor)) >= least_side:
        factor *= 2
    return factor


def _from_array(pixels: npt.NDArray[np.uint8], name: str) -> Image.Image:
    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_picture or pixels.size == 0:
        raise ImageError(
            f"{name}: expected uint8 of shape (h, w, 3) or (h, w), found {pixels.dtype} of shape "
            f"{pixels.shape}; scale to 0..255 and order the channels red, green, blue"
        )
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image if image.mode == "RGB" else image.convert("RGB")


def _read(stream: IO[bytes], name: str, max_pixels: int, least_side: int | None) -> Image.Image:
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
    return _decode(image, name, least_side, is_ours=True)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"{name}: expected at most {max_pixels} pixels and sides of at most {MAX_SIDE}, found "
            f"{width} x {height}; make the picture smaller"
        )
    if width == 0 or height == 0:
        raise ImageError(f"{name}: expected an image, found {width} x {height} pixels")


def _decode(image: Image.Image, name: str, least_side: int | None, *, is_ours: bool) -> Image.Image:
    try:
        factor = halving(image.size, least_side)
        # A caller's image is not told to decode itself in another size: it would keep that.
        scaled = _decode_scaled(image, min(factor, _MOST_SCALED)) if is_ours else 1
        image.load()
        orientation = _orientation(image)
        image = _opaque(_reduce(_to_whole_bytes(image), factor // scaled))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except _DECODER_FAULTS as error:
        raise _damaged(name, error) from error
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _decode_scaled(image: Image.Image, factor: int) -> int:
    """Have a JPEG decoded at a fraction of its size; return the factor, 1 for other pictures."""
    if factor == 1 or not isinstance(image, JpegImageFile):
        return 1
    width, height = image.size
    image.draft(None, (width // factor, height // factor))
    return factor if image.size != (width, height) else 1


def _reduce(image: Image.Image, factor: int) -> Image.Image:
    """Return a picture in which the mean of ``factor`` x ``factor`` pixels is one pixel."""
    return image if factor == 1 else image.reduce(factor)


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


def _to_whole_bytes(image: Image.Image) -> Image.Image:
    """Return a picture in RGB or RGBA, of which means can be taken."""
    if image.mode == "F":
        raise ImageError("expected integer pixels, found floats; scale to 0..255 as uint8")
    if image.mode.startswith("I"):
        image = _to_8_bit(image)
    wanted = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _opaque(image: Image.Image) -> Image.Image:
    """Return a picture laid over white where it is transparent."""
    if image.mode == "RGB":
        return image
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(image, mask=image)
    return opaque


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
