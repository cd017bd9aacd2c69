"""Small files that would cost minutes are refused before they are decoded; real ones are not."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from headfit.errors import ImageError
from headfit.photos.bombs import MAX_SCANS, jpeg_scans
from headfit.photos.images import decode_image


def jpeg(side: int = 64, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG", **options)
    return stream.getvalue()


def with_more_scans(data: bytes, count: int) -> bytes:
    """Repeat the header of the last scan with one byte of data: each paints the picture again."""
    start = data.rindex(b"\xff\xda")
    (length,) = struct.unpack(">H", data[start + 2 : start + 4])
    again = data[start : start + 2 + length] + b"\0"
    return data[: data.rindex(b"\xff\xd9")] + again * count + b"\xff\xd9"


def run_length_bitmap(side: int) -> bytes:
    """A bitmap of one pixel per run, as BITMAPINFOHEADER describes it."""
    data = b"\x01\x05" * (side * side)
    start = 14 + 40 + 1024
    file_header = struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(data), 0, 0, 256, 0)
    return file_header + header + bytes(range(256)) * 4 + data


def test_scans_are_counted_as_encoders_make_them() -> None:
    assert jpeg_scans(jpeg()) == 1
    assert 2 <= jpeg_scans(jpeg(progressive=True)) <= 12
    assert jpeg_scans(with_more_scans(jpeg(progressive=True), 500)) > 500


def test_a_jpeg_of_many_scans_is_refused_at_once() -> None:
    """67 million pixels painted 10,000 times in half a megabyte would take two minutes."""
    stream = io.BytesIO()
    Image.new("RGB", (8190, 8190)).save(stream, "JPEG", progressive=True)
    started = time.process_time()
    with pytest.raises(ImageError, match=f"at most {MAX_SCANS} passes over a JPEG"):
        decode_image(with_more_scans(stream.getvalue(), 10_000))
    assert time.process_time() - started < 1


def test_what_lies_behind_the_picture_or_in_its_fields_does_not_count() -> None:
    """A film behind a photo, or a thumbnail in its EXIF, holds scan markers of its own."""
    film = b"\xff\xda\x00\x02" * 500
    plain = jpeg()
    np.testing.assert_array_equal(decode_image(plain), decode_image(plain + film))
    field = b"\xff\xe5" + struct.pack(">H", 2 + len(film)) + film
    np.testing.assert_array_equal(decode_image(plain), decode_image(plain[:2] + field + plain[2:]))


def test_a_progressive_photo_is_decoded() -> None:
    assert decode_image(jpeg(progressive=True)).shape == (64, 64, 3)


def test_a_run_length_bitmap_is_refused() -> None:
    """Pillow unpacks them in Python, half a second per megabyte."""
    with pytest.raises(ImageError, match="expected a plain bitmap"):
        decode_image(run_length_bitmap(16))


def test_a_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headfit.photos.images.MAX_FILE_BYTES", 1000)
    with pytest.raises(ImageError, match="expected at most 1000 bytes"):
        decode_image(jpeg())
