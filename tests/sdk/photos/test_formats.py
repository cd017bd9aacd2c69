"""Formats are told by their first bytes; each is decoded, or refused by its name and a remedy."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features
from tests.support.icc import DISPLAY_P3, profile

from headfit.errors import ImageError
from headfit.photos.formats import ALWAYS, FORMATS, VARIABLE, decoded_formats, format_of
from headfit.photos.images import MAX_PIXELS, decode_image

HEIC = (Path(__file__).parents[2] / "data" / "photo.heic").read_bytes()
RED = Image.new("RGB", (16, 16), (200, 100, 50))

Require = Callable[[bool, str], None]


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def boxed(brand: bytes, *others: bytes) -> bytes:
    """Return the first box of a file (ISO 14496-12)."""
    text = b"ftyp" + brand + bytes(4) + b"".join(others)
    return struct.pack(">I", 4 + len(text)) + text + b"\0\0\0\x08free"


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (HEIC, "HEIC"),
        (boxed(b"mif1", b"heic", b"miaf"), "HEIC"),
        (boxed(b"mif1", b"miaf"), "HEIC"),
        (boxed(b"avif", b"mif1"), "AVIF"),
        (boxed(b"mif1", b"avif"), "AVIF"),
        (boxed(b"qt  "), "a video"),
        (boxed(b"isom", b"mp42"), "a video"),
        (boxed(b"crx ", b"isom"), "a camera's raw file"),
        (b"II*\0\x08", "TIFF"),
        (b"MM\0*\0", "TIFF"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\xff\x0a\xfa", "JPEG XL"),
        (b"%PDF-1.7", "PDF"),
        (b"dear diary", None),
        (b"ftyp", None),
        (b"\0\0\0\x18ftyp", "a video"),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_it_is(start: bytes, name: str | None) -> None:
    assert format_of(start) == name


@pytest.mark.parametrize("kind", ALWAYS)
def test_the_name_of_a_file_says_nothing(kind: str, tmp_path: Path) -> None:
    """A PNG called .jpg, and one called .heic, are photos."""
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(encode(RED, kind))
    assert np.abs(decode_image(path).astype(int) - (200, 100, 50)).max() <= 3


def test_heic_without_the_extra_names_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the file is called: many are renamed to .jpg on their way."""
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(HEIC)
    message = r"IMG_1\.jpg: expected .*BMP, found HEIC; pip install 'headfit\[heic\]'"
    with pytest.raises(ImageError, match=message):
        decode_image(path)
    assert "HEIC" not in decoded_formats()


@pytest.mark.parametrize("kind", ["AVIF", "TIFF"])
def test_further_decoders_have_to_be_asked_for(
    kind: str, monkeypatch: pytest.MonkeyPatch, require: Require
) -> None:
    """By the environment, which commands, app and processes of a pool share."""
    require(kind != "AVIF" or features.check("avif"), "a Pillow that reads AVIF (11.3 or later)")
    data = encode(RED, kind)
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ImageError, match=f"found {kind}; set {VARIABLE}={kind.lower()}"):
        decode_image(data)
    monkeypatch.setenv(VARIABLE, "Tiff, AVIF")
    assert kind in decoded_formats()
    assert np.abs(decode_image(data).astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (boxed(b"qt  "), "a video; save the picture as JPEG"),
        (b"%PDF-1.7", "PDF; save"),
        (b"dear diary", "none of these; convert it or leave it out"),
        (b"", "nothing: it is empty"),
    ],
)
def test_what_is_no_photo_is_named(data: bytes, found: str) -> None:
    with pytest.raises(ImageError, match=f"x: expected an image as JPEG, .* found {found}"):
        decode_image(data, name="x")


def test_a_photo_of_an_iphone(require: Require) -> None:
    """Turned once, and its colours, which are Display P3, in sRGB."""
    require(find_spec("pi_heif") is not None, "pip install 'headfit[heic]'")
    rows, columns = np.mgrid[0:48, 0:64]
    pixels = np.stack([4 * columns, 5 * rows, 255 - 4 * columns], -1).astype(np.uint8)
    upright = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, -1)))
    expected = decode_image(encode(upright, "PNG", icc_profile=profile("P3", DISPLAY_P3)))
    actual = decode_image(HEIC)
    assert actual.shape == (64, 48, 3)
    assert np.abs(actual.astype(int) - expected).mean() < 3
    assert decode_image(HEIC, least_side=20).shape == (32, 24, 3)


def test_damaged_heic_is_refused(require: Require) -> None:
    """Cut anywhere, and with a header that promises more than may be decoded."""
    require(find_spec("pi_heif") is not None, "pip install 'headfit[heic]'")
    for length in range(64, len(HEIC), 97):
        with pytest.raises(ImageError, match="x: "):
            decode_image(HEIC[:length], name="x")
    at = HEIC.index(b"ispe") + 8
    for side in (60_000, 2**31 - 1):
        huge = HEIC[:at] + struct.pack(">2I", side, side) + HEIC[at + 8 :]
        with pytest.raises(ImageError, match="x: "):
            decode_image(huge, name="x")


def with_size(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG that says it has another size."""
    at = next(data.index(code) for code in (b"\xff\xc0", b"\xff\xc2") if code in data)
    return data[: at + 5] + struct.pack(">2H", height, width) + data[at + 9 :]


def test_photos_of_200_megapixels_are_read_at_reduced_scale() -> None:
    """The bound is on what is decoded; at full size it is refused."""
    image = Image.new("L", (16_320, 12_240), 77)
    image.paste(200, (0, 0, 8160, 12_240))
    data = encode(image, "JPEG", quality=50)
    del image
    decoded = decode_image(data, least_side=128)
    assert decoded.shape == (192, 255, 3)
    assert np.abs(decoded[100, [10, 240], 0].astype(int) - (200, 77)).max() <= 2
    with pytest.raises(ImageError, match=f"at most {MAX_PIXELS} pixels.*found 16320 x 12240"):
        decode_image(data)


@pytest.mark.parametrize(("width", "height"), [(20_000, 15_000), (65_500, 65_500)])
def test_but_not_without_end(width: int, height: int) -> None:
    """268 million pixels take a second to pass over."""
    data = with_size(encode(RED, "JPEG"), width, height)
    with pytest.raises(ImageError, match="at most 268435456 pixels"):
        decode_image(data, least_side=128)


def test_a_large_progressive_jpeg_is_refused() -> None:
    """All its coefficients are in memory, at whatever scale it is decoded."""
    data = with_size(encode(RED, "JPEG", progressive=True), 16_320, 12_240)
    with pytest.raises(ImageError, match=f"at most {MAX_PIXELS} pixels"):
        decode_image(data, least_side=128)


@pytest.mark.parametrize("kind", ["TIFF", "AVIF"])
def test_damage_of_further_formats_is_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch, require: Require
) -> None:
    require(kind != "AVIF" or features.check("avif"), "a Pillow that reads AVIF (11.3 or later)")
    monkeypatch.setenv(VARIABLE, kind.lower())
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    data = encode(Image.fromarray(noise), kind, **options)
    for length in range(12, len(data) - 200, max(1, len(data) // 20)):
        with contextlib.suppress(ImageError):
            decode_image(data[:length], name="x", max_pixels=1 << 20)


def test_tiffs_of_unknown_range_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 32 bits or floats; 16 bits are read as those of PNG are."""
    monkeypatch.setenv(VARIABLE, "tiff")
    for mode in ("F", "I"):
        with pytest.raises(ImageError, match="found (floats|32)"):
            decode_image(encode(Image.new(mode, (4, 4), 7), "TIFF"))
    values = np.array([[0, 257, 65_535]], np.uint16)
    actual = decode_image(encode(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(actual[0, :, 0], [0, 1, 255])


def test_every_format_says_how_its_files_end() -> None:
    assert set(ALWAYS) < set(FORMATS)
    assert all(ending.startswith(".") for one in FORMATS.values() for ending in one.endings)
