"""The safetensors container of heads and blocks: one JSON header, one run of bytes, one hash.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from headfit.errors import FileFormatError
from headfit.fields import canonical_json, parse_json

MAX_HEADER_BYTES = 1 << 23


def pack(header: Mapping[str, Any], data: bytes) -> bytes:
    """Return the bytes of a file with this header and data; equal ones give equal bytes.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot hold the header.
    """
    text = canonical_json(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def unpack(file: bytes, source: str) -> tuple[dict[str, Any], bytes]:
    """Return the header and the data of a file's bytes; ``source`` names it in messages.

    Raises
    ------
    FileFormatError
        If the bytes are no such file.
    """
    if len(file) < 8:
        raise FileFormatError(
            f"{source}: expected at least 8 bytes, found {len(file)}; this is no file of headfit"
        )
    (length,) = struct.unpack_from("<Q", file)
    if length > min(MAX_HEADER_BYTES, len(file) - 8):
        raise FileFormatError(
            f"{source}: expected a header of at most {min(MAX_HEADER_BYTES, len(file) - 8)} bytes, "
            f"found {length}; the file was cut or is no file of headfit"
        )
    text = file[8 : 8 + length]
    # JSON allows tabs and newlines between tokens; one form of white space leaves no byte of the
    # header that could change unnoticed.
    if not text.startswith(b"{") or min(text) < 0x20:
        raise FileFormatError(
            f"{source}: expected a header of one line that begins with '{{', found "
            f"{text[:16]!r}; this is no file of headfit"
        )
    header: dict[str, Any] = parse_json(text, source)
    return header, file[8 + length :]


def content_hash(header: Mapping[str, Any], data: bytes, *, without: tuple[str, ...]) -> bytes:
    """Return the SHA-256 of a file's content, some keys of its metadata left out."""
    metadata = {k: v for k, v in header["__metadata__"].items() if k not in without}
    content = canonical_json({**header, "__metadata__": metadata}).encode() + data
    return hashlib.sha256(content).digest()
