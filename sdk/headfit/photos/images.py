"""Untrusted bytes become the extractor's input; the only home of decoding, resizing, cropping.

Training and prediction both come through here, so a photo looks the same to both.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from headfit.errors import ImageError, InputError
from headfit.learning.origin import Preprocessing
from headfit.maths.arrays import FloatArray
from headfit.photos.bombs import MAX_FILE_BYTES, bomb, is_streamed
from headfit.photos.colours import to_srgb
from headfit.photos.formats import (
    PHOTO_ENDINGS,
    START_BYTES,
    decoded_formats,
    format_of,
    open_format,
    quietly,
    why_not,
)
from headfit.photos.views import WHOLE, View

__all__ = [
    "MAX_PIXELS",
    "PHOTO_ENDINGS",
    "ImageSource",
    "PhotoProgress",
    "decode_image",
    "prepare_input",
]

ImageSource: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Image.Image
    | npt.NDArray[np.uint8]
)
"""A path; an encoded picture, or a file that is open for reading and holds one; or pixels.

A file is read from where it is and need not be able to seek. An array has the shape (h, w),
(h, w, 1), (h, w, 3) or (h, w, 4).
"""

PhotoProgress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(done, total)`` after every photo."""

MAX_PIXELS = 1 << 26
"""Most pixels that are decoded: 67 million, 192 MiB as RGB."""

SCALED_PIXELS: Final = 4
"""A JPEG may have so many times as many if it is decoded at a fraction of its size: 268 million,
of which only a row of blocks is in memory at once. Phones make 200."""

MAX_SIDE = 65_535
"""Longest side that is decoded, in pixels: JPEG's own limit."""

BLANK: Final = 6.0
"""Shades of 255 below which the standard deviation of every channel is where a picture shows
nothing. Of 8,009 photographs of five sets it is 14.7 at least (docs/results.md).
"""

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
    RuntimeError,
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


def decode_image(
    source: ImageSource,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
    channels: str = "rgb",
) -> npt.NDArray[np.uint8]:
    """Return a picture upright, opaque, in 8-bit sRGB.

    EXIF orientation is applied to what is decoded here, and to an image that Pillow opened and
    nobody changed; any other PIL image and every array is taken to be upright. Colours of an ICC
    profile become sRGB; transparent pixels lie over white; 16-bit grey is scaled, not clipped; of
    an animation the first frame counts.

    Parameters
    ----------
    source : path, bytes, bytearray, memoryview, binary file, PIL image or uint8 array
        The picture: see `ImageSource`. It is not written to; a file is read to its end.
    name : str, optional
        Names the picture in messages; by default its path.
    max_pixels : int
        A picture of which more pixels would be decoded is refused by its header.
    least_side : int, optional
        Halve the picture while its shorter side remains at least this, 2 pixels or more. A large
        JPEG is then decoded several times as fast. By default it keeps its size.
    channels : str
        The order of an array's channels: "rgb", or "bgr" as OpenCV has frames. With a fourth,
        opacity comes last. Other sources know their own.

    Returns
    -------
    ndarray of shape (h, w, 3), dtype uint8

    Raises
    ------
    ImageError
        If this is no usable image.
    InputError
        If ``least_side`` is below 2, or ``channels`` neither of the two.
    OSError
        If the file cannot be opened.
    """
    return np.asarray(open_rgb(source, name, max_pixels, least_side, channels))


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
    channels: str = "rgb",
) -> FloatArray:
    """Return a picture as the extractor's input, as docs/manifest-format.md defines it.

    Parameters
    ----------
    source, name, max_pixels, channels
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
    return look(open_rgb(source, name, max_pixels, least_side, channels), preprocessing, view)


def look(image: Image.Image, preprocessing: Preprocessing, view: View = WHOLE) -> FloatArray:
    """Return one view of a photo, which was halved for it, as `prepare_input` does."""
    height, width = preprocessing.height, preprocessing.width
    scale = min(image.size) / preprocessing.resize_to / view.zoom
    # By a box instead of resize, then crop: the same pixels, and a picture of 1 x 60,000 never
    # grows to 64 x 3,840,000 on the way.
    left = max(0.0, (image.width - width * scale) * view.x)
    top = max(0.0, (image.height - height * scale) * view.y)
    right = min(float(image.width), left + width * scale)
    bottom = min(float(image.height), top + height * scale)
    # Across, then down: Pillow itself goes down first since its version 13 where the picture is
    # tall, and a pass rounds to whole numbers.
    kernel = _FILTERS[preprocessing.interpolation]
    narrow = image.resize((width, image.height), kernel, (left, 0, right, image.height))
    resized = narrow.resize((width, height), kernel, (0, top, width, bottom))
    if view.is_flipped:
        resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # In rows as wide as the picture: over rows of three NumPy takes far longer.
    pixels = np.array(resized, np.float32).reshape(height, width * 3)
    pixels -= np.tile(np.array(preprocessing.mean, np.float32), width)
    pixels /= np.tile(np.array(preprocessing.std, np.float32), width)
    return pixels.reshape(1, height, width, 3)


def is_blank(prepared: FloatArray, preprocessing: Preprocessing) -> bool:
    """Return whether hardly anything varies in a view of `look`: a covered lens, a white wall.

    The standard deviation of each channel is below `BLANK` shades of 255.
    """
    rows = prepared[0].reshape(prepared.shape[1], -1)  # over rows of three NumPy takes far longer
    means = rows.mean(axis=0).reshape(-1, 3).mean(axis=0)
    squares = np.einsum("yx,yx->x", rows, rows).reshape(-1, 3).mean(axis=0) / len(rows)
    variance = (squares - np.square(means)) * np.square(preprocessing.std)
    return bool((variance < BLANK**2).all())


def open_rgb(
    source: ImageSource,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    least_side: int | None = None,
    channels: str = "rgb",
) -> Image.Image:
    """Return what `decode_image` does, as Pillow has it."""
    if least_side is not None and least_side < 2:
        raise InputError(f"expected a least_side of at least 2 pixels, found {least_side}")
    if channels not in ("rgb", "bgr"):
        raise InputError(f"expected channels 'rgb' or 'bgr', found {channels!r}")
    if isinstance(source, Image.Image):
        return _decode(source, name or "image", max_pixels, least_side)
    if isinstance(source, np.ndarray):
        image = _from_array(source, name or "array", channels)
        return _opaque(_reduce(image, halving(image.size, least_side)))
    if isinstance(source, (bytes, bytearray, memoryview)):
        called = name or type(source).__name__
        return _read(BytesIO(source), called, max_pixels, least_side)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as stream:
            return _read(stream, name or os.fspath(source), max_pixels, least_side)
    if hasattr(source, "read"):
        called = name or str(getattr(source, "name", "file"))
        return _read(source, called, max_pixels, least_side)
    raise ImageError(
        f"{name or 'image'}: expected a path, bytes, a file, a PIL image or a uint8 array, "
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


def _from_array(pixels: npt.NDArray[np.uint8], name: str, channels: str) -> Image.Image:
    """Return an array as RGB, or RGBA if it has opacity."""
    n_channels = pixels.shape[2] if pixels.ndim == 3 else 1
    is_picture = pixels.ndim in (2, 3) and n_channels in (1, 3, 4)
    if is_picture and pixels.size == 0:
        raise _empty(name, pixels.shape[1], pixels.shape[0])
    if isinstance(pixels, np.ma.MaskedArray) and np.any(pixels.mask):
        raise ImageError(
            f"{name}: expected pixels that are all there, found masked ones; fill them"
        )
    if pixels.dtype != np.uint8 or not is_picture:
        raise ImageError(
            f"{name}: expected uint8 of shape (h, w), (h, w, 3) or (h, w, 4), found {pixels.dtype} "
            f"of shape {pixels.shape}; scale to 0..255 and put the channels last"
        )
    if n_channels == 1:
        return Image.fromarray(np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))).convert(
            "RGB"
        )
    if channels == "bgr":
        pixels = pixels[..., [2, 1, 0, 3][:n_channels]]
    return Image.fromarray(np.ascontiguousarray(pixels))


def _empty(name: str, width: int, height: int) -> ImageError:
    return ImageError(
        f"{name}: expected an image of at least one pixel, found {width} x {height} pixels; "
        "leave it out"
    )


def _read(stream: Any, name: str, max_pixels: int, least_side: int | None) -> Image.Image:
    data = _read_up_to(stream, START_BYTES, name)
    found = format_of(data)
    if found is None or (remedy := why_not(found)):
        *others, last = decoded_formats()
        unknown = "none of these; convert it" if data else "nothing: it is empty; copy it again"
        raise ImageError(
            f"{name}: expected an image as {', '.join(others)} or {last}, found "
            + (f"{found}; {remedy}" if found else f"{unknown} or leave it out")
        )
    # By its first bytes it is a picture: only now is it read as a whole.
    data += _read_up_to(stream, MAX_FILE_BYTES + 1 - len(data), name)
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(
            f"{name}: expected at most {MAX_FILE_BYTES} bytes, found more; save the picture anew "
            "or leave it out"
        )
    try:
        image = open_format(found, data)
    except _DECODER_FAULTS as error:
        raise _damaged(name, error) from error
    if reason := bomb(image, data):
        raise ImageError(f"{name}: {reason}; save the picture anew or leave it out")
    return _decode(image, name, max_pixels, least_side, data)


def _read_up_to(stream: Any, n_bytes: int, name: str) -> bytes:
    """Read so many bytes, or to the end: a pipe gives them in pieces."""
    data = bytearray()
    while len(data) < n_bytes and (piece := stream.read(min(n_bytes - len(data), 1 << 20))):
        if not isinstance(piece, bytes):
            raise ImageError(
                f"{name}: expected a file open for reading bytes, found {type(piece).__name__}; "
                "open it in mode 'rb'"
            )
        data += piece
    return bytes(data)


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"{name}: expected at most {max_pixels} pixels and sides of at most {MAX_SIDE}, found "
            f"{width} x {height}; make the picture smaller"
        )
    if width == 0 or height == 0:
        raise _empty(name, width, height)


def _decode(
    image: Image.Image,
    name: str,
    max_pixels: int,
    least_side: int | None,
    data: bytes | None = None,
) -> Image.Image:
    """Return a picture as `open_rgb` does; ``data`` is what it was opened from, if it was here."""
    width, height = image.size
    factor = halving(image.size, least_side)
    # A caller's image is not told to decode itself in another size: it would keep that.
    scale = min(factor, _MOST_SCALED) if data is not None and image.format == "JPEG" else 1
    if scale > 1 and width * height > max_pixels and data is not None and is_streamed(image, data):
        max_pixels *= SCALED_PIXELS
    _check_size(image, name, max_pixels)
    try:
        scaled = _decode_scaled(image, scale)
        image.load()
        if scaled == 1 and image.size != (width, height):
            raise ImageError(
                f"expected {width} x {height} pixels as the header says, found {image.width} x "
                f"{image.height}; leave the picture out"
            )
        # Whoever turns an image gets one that is no file's any more; its EXIF stays as it was.
        orientation = _orientation(image) if isinstance(image, ImageFile.ImageFile) else None
        profile = image.info.get("icc_profile")
        image = _reduce(_to_whole_bytes(image, profile), factor // scaled)
        image = _opaque(to_srgb(image, profile))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except _DECODER_FAULTS as error:
        raise _damaged(name, error) from error
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _decode_scaled(image: Image.Image, factor: int) -> int:
    """Have a JPEG decoded at a fraction of its size; return the factor, 1 for other pictures."""
    if factor == 1:
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
    with quietly(), contextlib.suppress(*_DECODER_FAULTS):
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _to_whole_bytes(image: Image.Image, profile: object) -> Image.Image:
    """Return a picture in RGB, RGBA, or what else a profile describes: means can be taken of it."""
    if image.mode == "F":
        raise ImageError("expected integer pixels, found floats; scale to 0..255 as uint8")
    if image.mode == "I" and image.format != "PNG":  # Pillow's own name for 16-bit PNG, once
        raise ImageError(
            "expected pixels of 8 or 16 bits, found 32 (mode I), whose range nobody knows; convert "
            "them to uint8, or to mode I;16"
        )
    if image.mode.startswith("I"):
        image = _to_8_bit(image)
    if image.mode == "La":  # Pillow converts it to nothing else
        image = image.convert("LA")
    if image.has_transparency_data:
        wanted = "RGBA"
    else:
        wanted = image.mode if profile and image.mode in ("L", "CMYK") else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _opaque(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, laid over white where it is transparent."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
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
