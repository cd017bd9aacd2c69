"""Whatever people hold a photo in, it is read as the same photo, or refused by name."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from tests.support.icc import ADOBE_RGB, DISPLAY_P3, profile

from headfit.errors import ImageError, InputError
from headfit.extractor import Extractor
from headfit.photos import colours
from headfit.photos.images import decode_image

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 18, 3)).astype(np.uint8)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


PNG = encode(Image.fromarray(PIXELS))


class Pipe(io.RawIOBase):
    """Gives three bytes at a time and cannot seek, as a socket or a pipe."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        """Return few bytes, however many are asked for."""
        return self._data.read(min(size, 3))


def test_files_and_buffers(tmp_path: Path) -> None:
    """Bytes of any kind, files from where they are, a real pipe."""
    path = tmp_path / "a.png"
    path.write_bytes(b"before" + PNG)
    with path.open("rb") as stream:
        stream.seek(6)
        np.testing.assert_array_equal(PIXELS, decode_image(stream))
    for source in (bytearray(PNG), memoryview(PNG), io.BytesIO(PNG), Pipe(PNG)):
        np.testing.assert_array_equal(PIXELS, decode_image(source))
    out, into = os.pipe()

    def write() -> None:
        with os.fdopen(into, "wb") as end:
            end.write(PNG)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(out, "rb") as stream:
        np.testing.assert_array_equal(PIXELS, decode_image(stream))
    writer.join()


def test_a_buffer_is_left_as_it_was() -> None:
    data = bytearray(PNG)
    decode_image(data)
    assert data == PNG
    data.clear()  # nothing holds on to it: that would be a BufferError


def test_a_file_of_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    with (tmp_path / "a.txt").open() as stream, pytest.raises(ImageError, match="mode 'rb'"):
        decode_image(stream)


def test_a_file_is_one_image_not_a_list_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    extractor = Extractor.open()
    with (tmp_path / "a.png").open("rb") as stream:
        with pytest.raises(InputError, match=r"into a list: \[image\]"):
            extractor.embed(stream)
        assert extractor.embed([stream]).shape == (1, extractor.embedding_dim)
    with pytest.raises(InputError, match=r"into a list: \[image\]"):
        extractor.embed(bytearray(PNG))


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_arrays_of_every_kind(channels: str) -> None:
    """Grey, colour, and colour with opacity over white."""
    order = [0, 1, 2] if channels == "rgb" else [2, 1, 0]
    colour = PIXELS[..., order]
    np.testing.assert_array_equal(PIXELS, decode_image(colour, channels=channels))
    opaque = np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(PIXELS, decode_image(opaque, channels=channels))
    opaque[..., 3] = 0
    assert (decode_image(opaque, channels=channels) == 255).all()
    for grey in (PIXELS[..., 0], PIXELS[..., :1]):
        expected = np.repeat(PIXELS[..., :1], 3, -1)
        np.testing.assert_array_equal(expected, decode_image(grey, channels=channels))


def test_channels_are_those_of_arrays_alone() -> None:
    """A file and a PIL image know their own."""
    for source in (PNG, Image.fromarray(PIXELS)):
        np.testing.assert_array_equal(PIXELS, decode_image(source, channels="bgr"))
    with pytest.raises(InputError, match="'rgb' or 'bgr', found 'RGB'"):
        decode_image(PIXELS, channels="RGB")


def test_frames_of_opencv_are_embedded_as_photos() -> None:
    """Everywhere a photo goes in."""
    extractor = Extractor.open()
    frame = np.ascontiguousarray(PIXELS[..., ::-1])
    expected = extractor.embed([PIXELS])
    assert (extractor.embed([frame]) != expected).any()
    np.testing.assert_array_equal(expected, extractor.embed([frame], channels="bgr"))
    np.testing.assert_array_equal(PIXELS, extractor.decode(frame, channels="bgr"))
    (streamed,) = extractor.embed_stream([frame], channels="bgr")
    np.testing.assert_array_equal(expected[0], streamed)


# EXIF


def turned_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(Image.fromarray(PIXELS), "JPEG", exif=exif)


def test_a_picture_that_the_caller_turned_is_not_turned_again() -> None:
    """It still carries the orientation of the file; only what nobody touched goes by it."""
    data = turned_jpeg()
    expected = decode_image(data)
    assert expected.shape == (18, 12, 3)
    opened = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(expected, decode_image(opened))
    by_hand = opened.transpose(Image.Transpose.ROTATE_270)
    assert by_hand.getexif().get(0x0112) == 6
    np.testing.assert_array_equal(expected, decode_image(by_hand))
    np.testing.assert_array_equal(expected, decode_image(ImageOps.exif_transpose(opened)))


# Colours


def stored_in(pixels: np.ndarray, name: str, icc: bytes, kind: str = "PNG") -> bytes:
    """Return a picture whose numbers are those of another colour space."""
    space = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    image = Image.fromarray(pixels)
    stored = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), space)
    assert stored is not None
    return encode(stored, kind, icc_profile=icc, **({"quality": 100} if kind == "JPEG" else {}))


ADOBE = profile("Adobe RGB (1998)", ADOBE_RGB)
P3 = profile("Display P3", DISPLAY_P3)


@pytest.mark.parametrize(("name", "icc"), [("Adobe RGB", ADOBE), ("Display P3", P3)])
def test_colours_of_cameras_and_phones_become_srgb(name: str, icc: bytes) -> None:
    """What was stored in a wider space has the numbers it would have on a screen."""
    data = stored_in(PIXELS, name, icc)
    raw = np.asarray(Image.open(io.BytesIO(data)), int)
    assert np.abs(raw - PIXELS).max() > 20
    assert np.abs(decode_image(data).astype(int) - PIXELS).max() <= 6
    opened = Image.open(io.BytesIO(data))
    assert np.abs(decode_image(opened).astype(int) - PIXELS).max() <= 6
    smooth = np.broadcast_to(np.uint8([180, 60, 90]), (100, 100, 3))
    large = stored_in(np.ascontiguousarray(smooth), name, icc, "JPEG")
    assert np.abs(decode_image(large, least_side=20).astype(int) - (180, 60, 90)).max() <= 3


def test_adobe_green_is_a_known_number() -> None:
    """The purest green of sRGB is (144, 255, 60) in Adobe RGB."""
    data = encode(Image.new("RGB", (4, 4), (144, 255, 60)), icc_profile=ADOBE)
    assert np.abs(decode_image(data).astype(int) - (0, 255, 0)).max() <= 2


def test_opacity_stays_with_its_pixels() -> None:
    image = Image.new("RGBA", (2, 1), (144, 255, 60, 255))
    image.putpixel((1, 0), (144, 255, 60, 0))
    actual = decode_image(encode(image, icc_profile=ADOBE)).astype(int)
    assert np.abs(actual[0] - [(0, 255, 0), (255, 255, 255)]).max() <= 2


@pytest.mark.parametrize(
    "icc",
    [
        b"no profile",
        ADOBE[:100],
        ADOBE[:200],
        bytes(1 << 12),
        ADOBE.replace(b"RGB ", b"CMYK"),
        ADOBE.replace(b"RGB ", b"GRAY"),
    ],
)
def test_a_profile_that_means_nothing_counts_as_none(icc: bytes) -> None:
    np.testing.assert_array_equal(
        PIXELS, decode_image(encode(Image.fromarray(PIXELS), icc_profile=icc))
    )


def test_a_profile_without_end_is_not_read() -> None:
    image = Image.fromarray(PIXELS)
    image.info["icc_profile"] = ADOBE + bytes(colours.MAX_PROFILE_BYTES)
    np.testing.assert_array_equal(PIXELS, decode_image(image))


def test_srgb_is_left_to_the_bit() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(Image.fromarray(PIXELS), icc_profile=icc)
    np.testing.assert_array_equal(PIXELS, decode_image(data))


def test_without_littlecms_colours_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once in the log; nothing is refused."""
    monkeypatch.setattr(colours, "_colour_management", lambda: None)
    data = encode(Image.fromarray(PIXELS), icc_profile=ADOBE)
    np.testing.assert_array_equal(PIXELS, decode_image(data))


def test_premultiplied_grey_is_as_grey() -> None:
    grey = Image.new("LA", (4, 4), (90, 255))
    assert np.array_equal(decode_image(grey.convert("La")), decode_image(grey))


def test_nothing_is_called_empty() -> None:
    with pytest.raises(ImageError, match="it is empty"):
        decode_image(b"")
