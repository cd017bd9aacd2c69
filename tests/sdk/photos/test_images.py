"""Any picture arrives upright, opaque, in 8-bit RGB, and anything else is refused by name."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from headfit.errors import ImageError, InputError
from headfit.files.manifest import Preprocessing
from headfit.photos.formats import ALWAYS, FORMATS, PHOTO_ENDINGS
from headfit.photos.images import decode_image, prepare_input

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def photo(height: int = 20, width: int = 30) -> np.ndarray:
    """Return a smooth picture that no flip or turn leaves the same."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = 255 * rows / height
    green = 255 * columns / width
    blue = 127 + 60 * np.sin(rows / 5) * np.cos(columns / 7)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that promises a size and holds a few pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def preprocessing(side: int = 8, **changes: Any) -> Preprocessing:
    settings = {
        "height": side,
        "width": side,
        "resize": "shorter-side",
        "resize_to": side,
        "interpolation": "bilinear",
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
    }
    return Preprocessing(**{**settings, **changes})


def test_every_kind_of_source_gives_the_same_pixels(tmp_path: Path) -> None:
    """Path, text, bytes, PIL image and array are one picture."""
    pixels = photo()
    path = tmp_path / "größe 1.png"
    path.write_bytes(encode(Image.fromarray(pixels)))
    for source in (path, str(path), path.read_bytes(), Image.fromarray(pixels), pixels):
        actual = decode_image(source)
        assert actual.dtype == np.uint8
        np.testing.assert_array_equal(pixels, actual)


@pytest.mark.parametrize("kind", ALWAYS)
def test_every_format_is_decoded(kind: str) -> None:
    """The five formats give back a plain colour, near enough where they are lossy."""
    data = encode(Image.new("RGB", (16, 16), (200, 100, 50)), kind)
    assert np.abs(decode_image(data).astype(int) - (200, 100, 50)).max() <= 3


def test_the_endings_are_those_that_pillow_knows() -> None:
    """Each is an ending of its format, none of another."""
    registered = Image.registered_extensions()
    for kind in ALWAYS:
        assert {registered[ending] for ending in FORMATS[kind].endings} == {kind}
    assert {".jpg", ".jpeg", ".jfif", ".webp", ".heic"} <= PHOTO_ENDINGS


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA"])
def test_other_formats_are_refused(kind: str) -> None:
    """Every further decoder would be one more door for hostile bytes."""
    data = encode(Image.new("RGB", (16, 16)), kind)
    with pytest.raises(ImageError, match=r"as JPEG, .* or .*, found none of these"):
        decode_image(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    """A phone's photo stands upright, as Pillow's own exif_transpose makes it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(photo()), kind, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(expected, decode_image(data))


def test_damaged_exif_is_no_reason_to_refuse() -> None:
    """A picture whose EXIF is noise counts as upright."""
    data = encode(Image.fromarray(photo()), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff1234")
    assert decode_image(data).shape == (20, 30, 3)


def test_alpha_lies_over_white() -> None:
    """Transparent is white, opaque stays, half is half way."""
    image = Image.new("RGBA", (3, 1))
    image.putpixel((0, 0), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (255, 0, 0, 127))
    actual = decode_image(encode(image))[0]
    np.testing.assert_array_equal([WHITE, RED, (255, 128, 128)], actual)


def test_grey_with_alpha_lies_over_white() -> None:
    image = Image.new("LA", (2, 1), (40, 255))
    image.putpixel((0, 0), (0, 0))
    np.testing.assert_array_equal([WHITE, (40, 40, 40)], decode_image(encode(image))[0])


def test_a_transparent_palette_lies_over_white() -> None:
    """GIF and palette PNG mark one colour as transparent."""
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    for kind in ("GIF", "PNG"):
        actual = decode_image(encode(image, kind, transparency=0))[0]
        np.testing.assert_array_equal([WHITE, BLUE], actual)


def test_a_colour_marked_transparent_lies_over_white() -> None:
    """PNG may call one RGB colour transparent."""
    image = Image.fromarray(np.array([[RED, BLUE]], np.uint8))
    actual = decode_image(encode(image, transparency=RED))[0]
    np.testing.assert_array_equal([WHITE, BLUE], actual)


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "HSV", "CMYK", "RGBX"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    """White stays white whatever the mode."""
    image = Image.new("RGB", (4, 4), "white").convert(mode)
    np.testing.assert_array_equal(np.full((4, 4, 3), 255), decode_image(image))


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    """Print files are no negatives."""
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(decode_image(encode(image, "JPEG")).astype(int) - RED).max() <= 3


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    """65,535 becomes 255 and the middle stays in the middle."""
    values = np.array([[0, 257, 385, 386, 32_768, 65_535]], np.uint16)
    expected = np.rint(values / 257)
    actual = decode_image(encode(Image.fromarray(values)))
    np.testing.assert_array_equal(np.repeat(expected[..., np.newaxis], 3, axis=-1), actual)
    np.testing.assert_array_equal(actual, decode_image(Image.fromarray(values)))


@pytest.mark.parametrize("value", [200, -1, 65_536])
def test_32_bit_grey_is_refused(value: int) -> None:
    """0 to 255 would look black as 16 bits; which is meant, nobody knows."""
    with pytest.raises(ImageError, match=r"8 or 16 bits, found 32 .* convert them to uint8"):
        decode_image(Image.fromarray(np.full((2, 2), value, np.int32)))


def test_float_pictures_are_refused() -> None:
    """Nobody knows what range they have."""
    with pytest.raises(ImageError, match="found floats"):
        decode_image(Image.new("F", (2, 2)))


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(decode_image(data).astype(int) - RED).max() <= 3


def test_grey_arrays_become_rgb() -> None:
    grey = photo()[:, :, 0]
    np.testing.assert_array_equal(np.repeat(grey[..., np.newaxis], 3, -1), decode_image(grey))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="expected uint8 of shape"):
        decode_image(array)


@pytest.mark.parametrize("shape", [(0, 5, 3), (0, 5), (5, 0, 4), (0, 0, 1)])
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    """It was told to be scaled to 0..255."""
    found = f"at least one pixel, found {shape[1]} x {shape[0]} pixels; leave it out"
    with pytest.raises(ImageError, match=found):
        decode_image(np.zeros(shape, np.uint8))


def test_other_objects_are_refused() -> None:
    with pytest.raises(ImageError, match="found int"):
        decode_image(7)  # type: ignore[arg-type]


def test_inputs_are_never_written_to() -> None:
    """Arrays and PIL images come back as they were, and share no memory with the result."""
    pixels = photo()
    image = Image.fromarray(pixels)
    before = pixels.copy()
    for source in (pixels, image, pixels[:, ::-1]):
        decoded = decode_image(source).copy()
        decoded[:] = 0
        prepare_input(source, preprocessing())
    np.testing.assert_array_equal(before, pixels)
    np.testing.assert_array_equal(before, np.asarray(image))


def test_a_text_file_called_jpg_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("dear diary " * 100)
    with pytest.raises(ImageError, match=r"note\.jpg: expected an image"):
        decode_image(path)


def test_a_truncated_jpeg_is_refused_by_name() -> None:
    data = encode(Image.fromarray(photo(200, 300)), "JPEG")
    with pytest.raises(ImageError, match=r"cat\.jpg: expected a whole image.*truncated"):
        decode_image(data[: len(data) // 2], name="cat.jpg")


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (10_000, 10_000), (2**31 - 1, 1), (65_536, 1)]
)
def test_a_huge_picture_is_refused_by_its_header(width: int, height: int) -> None:
    """Nothing is decoded, and no warning of Pillow leaks out (warnings are errors here)."""
    message = r"huge\.png: expected at most .* pixels.*ake the picture smaller"
    with pytest.raises(ImageError, match=message):
        decode_image(png_header(width, height), name="huge.png")


def test_a_pixel_bound_can_be_chosen() -> None:
    assert decode_image(photo(20, 30), max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(ImageError, match=r"at most 599 pixels.*found 30 x 20"):
        decode_image(encode(Image.fromarray(photo(20, 30))), max_pixels=599)


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    """Standard errors pass untouched."""
    with pytest.raises(FileNotFoundError):
        decode_image(tmp_path / "none.png")
    with pytest.raises((IsADirectoryError, PermissionError)):
        decode_image(tmp_path)


def test_the_input_is_resized_then_cropped() -> None:
    """One step gives the pixels of Pillow's resize followed by a centre crop."""
    pixels = photo(180, 300)
    for interpolation, filter_ in (("bilinear", 2), ("bicubic", 3)):
        whole = Image.fromarray(pixels).resize((80, 48), filter_)
        expected = np.asarray(whole.crop((24, 8, 56, 40)), np.float32)
        wanted = preprocessing(32, resize_to=48, interpolation=interpolation)
        actual = prepare_input(pixels, wanted)
        assert actual.shape == (1, 32, 32, 3)
        assert actual.dtype == np.float32
        np.testing.assert_array_equal(expected, actual[0])


@pytest.mark.parametrize("size", [(97, 131), (131, 97), (30, 3100)])
def test_a_picture_is_resized_across_then_down(size: tuple[int, int]) -> None:
    """Whatever Pillow does by itself, which for tall pictures changed in versions 12.2 and 13."""
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    wanted = preprocessing(24, resize_to=24, interpolation="bicubic")
    actual = prepare_input(pixels, wanted)[0] * np.array(wanted.std) + np.array(wanted.mean)
    photo = Image.fromarray(pixels).reduce(2 if min(size) > 95 else 1)
    side = min(photo.size)
    left, top = (photo.width - side) / 2, (photo.height - side) / 2
    box = (left, 0, left + side, photo.height)
    across = photo.resize((24, photo.height), Image.Resampling.BICUBIC, box)
    lines = np.ascontiguousarray(np.asarray(across).transpose(1, 0, 2))  # down becomes across
    down = Image.fromarray(lines).resize(
        (24, 24), Image.Resampling.BICUBIC, (top, 0, top + side, 24)
    )
    np.testing.assert_allclose(np.asarray(down).transpose(1, 0, 2), actual, atol=1e-3)


def test_resizing_is_antialiased() -> None:
    """A fine chequer becomes grey, never a random pick of black and white."""
    chequer = np.indices((256, 256)).sum(axis=0) % 2 * np.uint8(255)
    actual = prepare_input(chequer.astype(np.uint8), preprocessing(16))
    assert np.abs(actual - 127.5).max() < 2


def test_height_and_width_may_differ() -> None:
    actual = prepare_input(photo(40, 40), preprocessing(16, height=8, resize_to=16))
    assert actual.shape == (1, 8, 16, 3)
    expected = Image.fromarray(photo(40, 40)).resize((16, 16), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(np.asarray(expected, np.float32)[4:12], actual[0])


def test_the_input_is_normalised_per_channel() -> None:
    """The input is (pixel - mean) / std, in float32."""
    pixels = photo(8, 8)
    mean, std = (127.5, 100.0, 3.0), (127.5, 50.0, 0.1)
    expected = (pixels.astype(np.float32) - np.float32(mean)) / np.float32(std)
    actual = prepare_input(pixels, preprocessing(8, mean=mean, std=std))
    np.testing.assert_array_equal(expected, actual[0])


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (1, 65_535), (2, 3), (65_535, 2)])
def test_tiny_and_thin_pictures_work(size: tuple[int, int]) -> None:
    """No picture is too small or too thin, and none grows beyond the input on the way."""
    actual = prepare_input(np.full((*size, 3), 77, np.uint8), preprocessing(64))
    np.testing.assert_array_equal(np.full((1, 64, 64, 3), 77), actual)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    """Pillow's draft at the stated scale, then one resize: nothing else touches the pixels."""
    data = encode(Image.fromarray(photo(805, 1203)), "JPEG", quality=95)
    drafted = Image.open(io.BytesIO(data))
    drafted.draft(None, (1203 // 8, 805 // 8))
    assert drafted.size == (151, 101)
    expected = prepare_input(np.asarray(drafted), preprocessing(32))
    np.testing.assert_array_equal(expected, prepare_input(data, preprocessing(32)))


def test_other_large_pictures_are_averaged() -> None:
    """Means of 8 x 8 pixels, those of transparent ones weighted by their opacity."""
    pixels = photo(800, 1200)
    means = pixels.reshape(100, 8, 150, 8, 3).mean(axis=(1, 3))
    data = encode(Image.fromarray(pixels))
    for source in (pixels, data, Image.fromarray(pixels)):
        assert np.abs(decode_image(source, least_side=64) - means).max() <= 0.5
    transparent = np.dstack([pixels, np.full((800, 1200), 255, np.uint8)])
    transparent[:, 1::2] = (255, 0, 0, 0)
    actual = decode_image(encode(Image.fromarray(transparent)), least_side=400)
    expected = np.dstack([pixels[:, ::2].reshape(400, 2, 600, 3).mean(1), np.full((400, 600), 128)])
    half = (expected[..., :3] + 255) / 2
    assert np.abs(actual - half).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_photo_is_turned_after_it_was_halved(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(photo(500, 805)), "JPEG", exif=exif, quality=95)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    actual = decode_image(data, least_side=60)
    assert actual.shape[:2] == (-(-turned.height // 8), -(-turned.width // 8))
    small = turned.resize(actual.shape[1::-1], Image.Resampling.BOX)
    assert np.abs(np.asarray(small, int) - actual).mean() < 4


@settings(max_examples=50)
@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    least_side=st.integers(2, 130),
    kind=st.sampled_from(["JPEG", "PNG"]),
)
def test_what_was_halved_is_not_halved_again(
    width: int, height: int, least_side: int, kind: str
) -> None:
    """So pixels that were decoded once give the input that the photo gives, to the bit."""
    data = encode(Image.fromarray(photo(height, width)), kind)
    halved = decode_image(data, least_side=least_side)
    np.testing.assert_array_equal(halved, decode_image(halved, least_side=least_side))
    shorter = min(halved.shape[:2])
    assert shorter == min(width, height) or least_side <= shorter < 2 * least_side
    if least_side % 2 == 0:
        wanted = preprocessing(least_side // 2)
        np.testing.assert_array_equal(prepare_input(data, wanted), prepare_input(halved, wanted))


def test_a_callers_image_keeps_its_size() -> None:
    """Opened and not loaded, it could be told to decode itself smaller; it is the caller's."""
    data = encode(Image.fromarray(photo(400, 600)), "JPEG")
    image = Image.open(io.BytesIO(data))
    assert decode_image(image, least_side=50).shape == (50, 75, 3)
    assert image.size == (600, 400)
    np.testing.assert_array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("least_side", [1, 0, -5])
def test_no_picture_is_halved_to_nothing(least_side: int) -> None:
    with pytest.raises(InputError, match="at least 2 pixels"):
        decode_image(photo(), least_side=least_side)


def test_threads_decode_at_once_and_leave_warnings_alone() -> None:
    """Eight threads get the right pixels; the process's warning filters are as before."""
    data = encode(Image.fromarray(photo()))
    filters = list(warnings.filters)
    wrong: list[int] = []

    def work() -> None:
        for _ in range(20):
            if not np.array_equal(decode_image(data), photo()):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(warnings.filters) == filters


SEEDS = [
    encode(Image.fromarray(photo()), "JPEG", exif=Image.Exif()),
    encode(Image.fromarray(photo())),
    encode(Image.fromarray(photo()).convert("P"), transparency=1),
    encode(Image.fromarray(photo()), "GIF"),
    encode(Image.fromarray(photo()), "WEBP"),
    encode(Image.fromarray(photo()), "WEBP", lossless=True),
    encode(Image.fromarray(photo()), "BMP"),
    encode(Image.fromarray(photo()[:, :, 0].astype(np.uint16) * 257)),
]


@settings(max_examples=300)
@given(
    data=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=6)), max_size=5),
    length=st.integers(0, 4000),
)
def test_damaged_pictures_are_decoded_or_refused(
    data: bytes, edits: list[tuple[int, bytes]], length: int
) -> None:
    """No damage raises anything but ImageError."""
    damaged = bytearray(data)
    for start, new in edits:
        damaged[start % len(data) : start % len(data) + len(new)] = new
    try:
        actual = decode_image(bytes(damaged[:length]), max_pixels=1 << 20)
    except ImageError:
        return
    assert actual.dtype == np.uint8
    assert actual.shape[2:] == (3,)


def test_only_the_wanted_decoders_are_loaded() -> None:
    """A text file must not make Pillow load its fifty plugins: a fresh process shows it."""
    code = (
        "import sys, headfit.photos.images as images\n"
        "try:\n    images.decode_image(b'no picture at all, only words')\n"
        "except images.ImageError:\n    print('PIL.FliImagePlugin' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
