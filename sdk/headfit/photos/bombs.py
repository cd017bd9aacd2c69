"""Decompression bombs: pictures that take minutes to decode, recognised before that.

A bound on pixels is not enough: a JPEG may paint the same pixels again and again, and Pillow
unpacks run-length encoded bitmaps in Python, run by run.
"""

from __future__ import annotations

import re
import struct

from PIL import Image

MAX_FILE_BYTES = 1 << 28
"""Longest file that is decoded, 268 MB: a bitmap of the largest picture is 201 MB."""

MAX_SCANS = 64
"""Most passes over a JPEG; cameras and encoders make 1 to 12, at most 10 more by refinement."""

# A marker is 0xFF and a code; 0xFF00 is data, 0xFF01 and 0xFFD0 to D7 stand alone (T.81, B.1.1).
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_END, _SCAN = b"\xd9", b"\xda"
_RUN_LENGTH_8, _RUN_LENGTH_4 = 1, 2


def bomb(image: Image.Image, data: bytes) -> str | None:
    """Return why a picture, of which only the header was read, is a bomb; None if it is not.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened and not loaded.
    data : bytes
        What it was opened from.
    """
    if image.format == "BMP" and image.info.get("compression") in (_RUN_LENGTH_8, _RUN_LENGTH_4):
        return "expected a plain bitmap, found a run-length encoded one"
    if image.format == "JPEG" and (scans := jpeg_scans(data)) > MAX_SCANS:
        return f"expected at most {MAX_SCANS} passes over a JPEG, found {scans}"
    return None


def is_streamed(image: Image.Image, data: bytes) -> bool:
    """Return whether a JPEG is decoded row by row; else all of it is in memory, at any scale."""
    return not image.info.get("progressive") and jpeg_scans(data) <= 1


def jpeg_scans(data: bytes) -> int:
    """Return how many scans a JPEG has up to its end marker, found as libjpeg finds them."""
    at, scans = 2, 0
    while (found := _MARKER.search(data, at)) and found[1] != _END:
        scans += found[1] == _SCAN
        length = data[found.end() : found.end() + 2]
        if len(length) < 2:
            break
        at = found.end() + struct.unpack(">H", length)[0]
    return scans
