"""The safetensors container of heads, blocks and exported examples.

One JSON header, one run of bytes, one hash over both. ``docs/head-format.md`` is the
specification; this file follows it.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from headfit.errors import FileFormatError
from headfit.files.fields import Fields, canonical_json, parse_json

MAX_HEADER_BYTES: Final = 1 << 23
_METADATA: Final = "__metadata__"
_HASH: Final = "content_sha256"
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
_ITEM_BYTES: Final = {"U8": 1, "I8": 1, "F16": 2, "F32": 4, "U32": 4, "I64": 8, "U64": 8}

Tensors = Mapping[str, Mapping[str, Any]]
"""What a header says of the tensors: dtype, shape and where each lies, by name."""


@dataclass(frozen=True, slots=True)
class Container:
    """A file that was opened: its reader takes all metadata but the hash, then calls `check`.

    Attributes
    ----------
    header : mapping
        As the file has it.
    metadata, tensors : Fields
        What the header says, not yet taken.
    data : memoryview
        Not yet checked.
    """

    header: Mapping[str, Any]
    metadata: Fields
    tensors: Fields
    data: memoryview

    def check(self, tensors: Tensors) -> None:
        """Refuse all but these tensors, in just these bytes, unchanged since they were written.

        Raises
        ------
        FileFormatError
            If the header says anything else or more, or the data are others.
        """
        source = self.tensors.source
        expected_hash = self.metadata.sha256(_HASH)
        self.metadata.done()
        for name, expected in tensors.items():
            found = self.tensors.take(name)
            # What is equal may still be 4.0 for 4, or true for 1.
            if found != expected or any(
                type(number) is not int for number in (*found["shape"], *found["data_offsets"])
            ):
                raise self.tensors.fault(str(expected), found, name)
        self.tensors.done()
        n_bytes = max(tensor["data_offsets"][1] for tensor in tensors.values())
        if len(self.data) != n_bytes:
            raise FileFormatError(
                f"{source}: expected {n_bytes} bytes of tensors, found {len(self.data)}; the file "
                "was cut or something was appended"
            )
        if content_hash(self.header, self.data).hex() != expected_hash:
            raise FileFormatError(
                f"{source}: expected content with SHA-256 {expected_hash}, found other content; "
                "the file is damaged, fetch it again"
            )


def open_container(
    file: bytes,
    source: str,
    name: str,
    version: str,
    *,
    others: Mapping[str, str] = MappingProxyType({}),
    max_header_bytes: int = MAX_HEADER_BYTES,
) -> Container:
    """Read the header of a file and check its format and version.

    Parameters
    ----------
    file : bytes
    source : str
        Names the file in messages.
    name : str
        What its ``format`` must be.
    version : str
        The ``format_version`` that this headfit knows.
    others : mapping of str to str
        As for `Fields.kind`.
    max_header_bytes : int

    Raises
    ------
    UnsupportedVersionError
        If it is of another version.
    FileFormatError
        If it is no such file.
    """
    header, data = unpack(file, source, max_header_bytes=max_header_bytes)
    tensors = Fields(header, source)
    metadata = Fields(tensors.take(_METADATA), f"{source}: {_METADATA}")
    metadata.kind(name, version, others)
    return Container(header, metadata, tensors, data)


def laid_out(shapes: Mapping[str, tuple[str, Sequence[int]]]) -> dict[str, dict[str, Any]]:
    """Return what a header says of tensors that lie in this order, without gap or overlap.

    Parameters
    ----------
    shapes : mapping of str to (str, sequence of int)
        By name, each one's dtype, as safetensors calls it, and its shape.
    """
    tensors: dict[str, dict[str, Any]] = {}
    start = 0
    for name, (dtype, shape) in shapes.items():
        end = start + _ITEM_BYTES[dtype] * math.prod(shape)
        tensors[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
        start = end
    return tensors


def seal(metadata: Mapping[str, str], tensors: Tensors, data: bytes) -> dict[str, Any]:
    """Return the header of a file with these parts, the hash over all of them in it.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot hold it.
    """
    digest = content_hash({_METADATA: metadata, **tensors}, data).hex()
    return {_METADATA: {**metadata, _HASH: digest}, **tensors}


def pack(header: Mapping[str, Any], data: bytes) -> bytes:
    """Return the bytes of a file with this header and data; equal ones give equal bytes."""
    text = canonical_json(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def unpack(
    file: bytes, source: str, *, max_header_bytes: int = MAX_HEADER_BYTES
) -> tuple[dict[str, Any], memoryview]:
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
    if not file.startswith(b"{", 8):
        raise FileFormatError(
            f"{source}: expected a file of headfit, found one that begins with {file[:16]!r}; give "
            "the path of another file"
        )
    (length,) = struct.unpack_from("<Q", file)
    longest = min(max_header_bytes, len(file) - 8)
    if length > longest:
        raise FileFormatError(
            f"{source}: expected a header of at most {longest} bytes, found {length}; the file was "
            "cut: fetch it again"
        )
    text = file[8 : 8 + length]
    # JSON allows tabs and newlines between tokens; one form of white space leaves no byte of the
    # header that could change unnoticed.
    if not text.startswith(b"{") or _CONTROL.search(text):
        raise FileFormatError(
            f"{source}: expected a header of one line that begins with '{{', found "
            f"{text[:16]!r}; this is no file of headfit"
        )
    header: dict[str, Any] = parse_json(text, source)
    return header, memoryview(file)[8 + length :]


def content_hash(
    header: Mapping[str, Any], data: bytes | memoryview, *, without: str | None = None
) -> bytes:
    """Return the SHA-256 of a file's content but for the hash itself and one other metadatum."""
    metadata = {k: v for k, v in header[_METADATA].items() if k not in (_HASH, without)}
    digest = hashlib.sha256(canonical_json({**header, _METADATA: metadata}).encode())
    digest.update(data)
    return digest.digest()
