"""The head file: bytes to arrays and metadata, and back; all is checked before it is used.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import FileFormatError, UnsupportedVersionError
from headfit.fields import Fields, canonical_json, is_writable_text, parse_json
from headfit.files import read_bounded, write_atomically
from headfit.manifest import (
    FINGERPRINT_PATTERN,
    MAX_EMBEDDING_DIM,
    ExtractorReference,
    reference_from_json,
)

FORMAT = "headfit-head"
FORMAT_VERSION = 1
MAX_FILE_BYTES = 1 << 28
MAX_HEADER_BYTES = 1 << 23
MAX_CLASSES = 65_536
MAX_CLASS_NAME_LENGTH = 255
CLASS_NAME_RULE = f"class names of 1 to {MAX_CLASS_NAME_LENGTH} characters, no control characters"

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class HeadData:
    """What a head file holds.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
    classes : tuple of str
        Class names in column order.
    class_counts : tuple of int
        Examples of each class that the head was fitted on.
    extractor : ExtractorReference or None
        None if the caller did not say.
    training : mapping of str to text, number, boolean or None
        How the head was fitted, for people.
    headfit_version : str
        The headfit that wrote the file.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    extractor: ExtractorReference | None
    training: Mapping[str, Scalar]
    headfit_version: str


def is_class_name(name: str) -> bool:
    """Return whether a head file can hold ``name``: see `CLASS_NAME_RULE`."""
    return 1 <= len(name) <= MAX_CLASS_NAME_LENGTH and is_writable_text(name)


def save_head(path: str | os.PathLike[str], head: HeadData) -> None:
    """Write a head file, whole or not at all; see `save_head_bytes`."""
    write_atomically(path, save_head_bytes(head))


def save_head_bytes(head: HeadData) -> bytes:
    """Return the bytes of a head file; equal heads give equal bytes.

    Raises
    ------
    FileFormatError
        If the head breaks the specification.
    """
    embedding_dim, n_classes = head.weights.shape
    data = head.bias.astype("<f4").tobytes() + head.weights.astype("<f4").tobytes()
    try:
        metadata = {
            "format": FORMAT,
            "format_version": str(FORMAT_VERSION),
            "headfit_version": head.headfit_version,
            "embedding_dim": str(embedding_dim),
            "classes": canonical_json(head.classes),
            "class_counts": canonical_json(head.class_counts),
            "extractor": canonical_json(head.extractor and dataclasses.asdict(head.extractor)),
            "training": canonical_json(dict(head.training)),
        }
        header = {"__metadata__": metadata, **_tensors(embedding_dim, n_classes)}
        metadata["content_sha256"] = _content_hash(header, data)
        text = canonical_json(header).encode()
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    text += b" " * (-len(text) % 8)
    file = struct.pack("<Q", len(text)) + text + data
    load_head_bytes(file, "head")  # what could not be read must not be written
    return file


def load_head(path: str | os.PathLike[str]) -> HeadData:
    """Read the head file at ``path``; see `load_head_bytes`."""
    return load_head_bytes(read_bounded(path, MAX_FILE_BYTES), os.fspath(path))


def load_head_bytes(file: bytes, source: str = "head file") -> HeadData:
    """Return what the bytes of a head file hold.

    Parameters
    ----------
    file : bytes
        A head file as docs/head-format.md describes it.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UnsupportedVersionError
        If ``format_version`` is not one this headfit knows.
    FileFormatError
        If anything else breaks the specification.
    """
    text, data = _split(file, source)
    header = parse_json(text, source)
    fields = Fields(header, source)
    metadata = Fields(fields.take("__metadata__"), f"{source}: __metadata__")
    metadata.text("format", pattern=FORMAT, meaning=f"{FORMAT!r}")
    version = metadata.text("format_version", pattern="[1-9][0-9]{0,8}", meaning="an integer")
    if version != str(FORMAT_VERSION):
        raise UnsupportedVersionError(
            f"{source}: expected head format version {FORMAT_VERSION}, found {version}; "
            "install a newer headfit"
        )
    embedding_dim = int(
        metadata.text("embedding_dim", pattern="[1-9][0-9]{0,4}", meaning="a width")
    )
    if embedding_dim > MAX_EMBEDDING_DIM:
        raise metadata.fault(f"at most {MAX_EMBEDDING_DIM}", embedding_dim, "embedding_dim")
    classes = _classes(metadata)
    n_classes = len(classes)
    class_counts = _class_counts(metadata, n_classes)
    extractor = _extractor(metadata)
    training = _training(metadata)
    headfit_version = metadata.text("headfit_version")
    content_hash = metadata.text("content_sha256", pattern=FINGERPRINT_PATTERN)
    metadata.done()

    for name, expected in _tensors(embedding_dim, n_classes).items():
        found = fields.take(name)
        # The second comparison tells 4 from 4.0 and 1 from true.
        if found != expected or canonical_json(found) != canonical_json(expected):
            raise fields.fault(str(expected), found, name)
    fields.done()
    n_bytes = 4 * n_classes * (1 + embedding_dim)
    if len(data) != n_bytes:
        raise FileFormatError(
            f"{source}: expected {n_bytes} bytes of weights, found {len(data)}; the file was cut "
            "or something was appended"
        )
    if _content_hash(header, data) != content_hash:
        raise FileFormatError(
            f"{source}: expected content with SHA-256 {content_hash}, found other content; the "
            "file is damaged, fetch it again"
        )
    values = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise FileFormatError(
            f"{source}: expected finite weights, found NaN or infinity; train again"
        )
    return HeadData(
        weights=values[n_classes:].reshape(embedding_dim, n_classes),
        bias=values[:n_classes],
        classes=classes,
        class_counts=class_counts,
        extractor=extractor,
        training=training,
        headfit_version=headfit_version,
    )


def _split(file: bytes, source: str) -> tuple[bytes, bytes]:
    """Return the header's text and the data."""
    if len(file) < 8:
        raise FileFormatError(
            f"{source}: expected at least 8 bytes, found {len(file)}; this is no head file"
        )
    (length,) = struct.unpack_from("<Q", file)
    if length > min(MAX_HEADER_BYTES, len(file) - 8):
        raise FileFormatError(
            f"{source}: expected a header of at most {min(MAX_HEADER_BYTES, len(file) - 8)} bytes, "
            f"found {length}; the file was cut or is no head file"
        )
    text = file[8 : 8 + length]
    # JSON allows tabs and newlines between tokens; one form of white space leaves no byte of the
    # header that could change unnoticed.
    if not text.startswith(b"{") or min(text) < 0x20:
        raise FileFormatError(
            f"{source}: expected a header of one line that begins with '{{', found "
            f"{text[:16]!r}; this is no head file"
        )
    return text, file[8 + length :]


def _tensors(embedding_dim: int, n_classes: int) -> dict[str, dict[str, Any]]:
    """Return what the header must say about the tensors: there is one layout."""
    middle, end = 4 * n_classes, 4 * n_classes * (1 + embedding_dim)
    return {
        "bias": {"dtype": "F32", "shape": [n_classes], "data_offsets": [0, middle]},
        "weights": {
            "dtype": "F32",
            "shape": [embedding_dim, n_classes],
            "data_offsets": [middle, end],
        },
    }


def _content_hash(header: Mapping[str, Any], data: bytes) -> str:
    metadata = {k: v for k, v in header["__metadata__"].items() if k != "content_sha256"}
    content = canonical_json({**header, "__metadata__": metadata}).encode() + data
    return hashlib.sha256(content).hexdigest()


def _nested(metadata: Fields, key: str) -> tuple[Any, str]:
    """Return the JSON inside the text ``key``, and a name for it."""
    source = f"{metadata.source}: {key}"
    return parse_json(metadata.text(key).encode(), source), source


def _classes(metadata: Fields) -> tuple[str, ...]:
    names, _ = _nested(metadata, "classes")
    if not isinstance(names, list) or not 2 <= len(names) <= MAX_CLASSES:
        raise metadata.fault(f"a list of 2 to {MAX_CLASSES} class names", names, "classes")
    for name in names:
        if not isinstance(name, str) or not is_class_name(name):
            raise metadata.fault(CLASS_NAME_RULE, name, "classes")
    if len(set(names)) != len(names):
        raise metadata.fault("different class names", names, "classes")
    return tuple(names)


def _class_counts(metadata: Fields, n_classes: int) -> tuple[int, ...]:
    counts, _ = _nested(metadata, "class_counts")
    if not isinstance(counts, list) or len(counts) != n_classes:
        raise metadata.fault(f"a list of {n_classes} counts", counts, "class_counts")
    for count in counts:
        if type(count) is not int or not 0 <= count <= 2**53:
            raise metadata.fault("counts from 0 to 2^53", count, "class_counts")
    return tuple(counts)


def _extractor(metadata: Fields) -> ExtractorReference | None:
    value, source = _nested(metadata, "extractor")
    return None if value is None else reference_from_json(value, source)


def _training(metadata: Fields) -> dict[str, Scalar]:
    value, _ = _nested(metadata, "training")
    if not isinstance(value, dict):
        raise metadata.fault("a JSON object", value, "training")
    for key, item in value.items():
        texts = [text for text in (key, item) if isinstance(text, str)]
        is_scalar = item is None or isinstance(item, (str, int, float))
        is_finite = not isinstance(item, float) or math.isfinite(item)
        if not (is_scalar and is_finite and all(map(is_writable_text, texts))):
            raise metadata.fault("texts, finite numbers, booleans, null", {key: item}, "training")
    return value
