"""The export of a store: its examples in one file, to back them up or move them to another device.

``docs/store-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headfit.errors import FileFormatError
from headfit.files.class_names import CLASS_NAME_RULE, MAX_CLASSES, as_class_name
from headfit.files.container import laid_out, open_container, pack, seal
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.fields import Fields, canonical_json, parse_json
from headfit.files.views import views_from_json, views_text
from headfit.learning.origin import View
from headfit.maths.arrays import MAX_EMBEDDING_DIM
from headfit.store.rows import DTYPES, Examples

FORMAT = "headfit-examples"
FORMAT_VERSION = "1"
DIGEST_BYTES = 32
NO_DIGEST = bytes(DIGEST_BYTES)
MAX_FILE_BYTES = 1 << 31
MAX_HEADER_BYTES = 1 << 25
_NUMBER = "0|[1-9][0-9]{0,9}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where examples come from, as an export says; a store can be made of it.

    Attributes
    ----------
    fingerprint : str
        Of the extractor.
    embedding_dim : int
    views : tuple of View
    dtype : str
    """

    fingerprint: str
    embedding_dim: int
    views: tuple[View, ...]
    dtype: str


def save_examples(
    path: str | os.PathLike[str],
    examples: Examples,
    digests: Mapping[int, bytes],
    origin: Origin,
) -> str:
    """Write examples to a file, whole or not at all; equal examples give equal bytes.

    Parameters
    ----------
    path : path
    examples : Examples
    digests : mapping of int to bytes
        By the ids of the examples that have one.
    origin : Origin

    Returns
    -------
    str
        The content hash, 64 hex digits.
    """
    classes = sorted(set(examples.class_names))
    columns = {name: column for column, name in enumerate(classes)}
    targets = np.array([columns[name] for name in examples.class_names], "<i8")
    n_samples, embedding_dim = examples.embeddings.shape
    dtype = origin.dtype
    data = b"".join(
        (
            examples.added_at.astype("<i8").tobytes(),
            examples.photo_hashes.astype("<u8").tobytes(),
            targets.tobytes(),
            examples.embeddings.astype(DTYPES[dtype]).tobytes(),
            *(digests.get(example_id, NO_DIGEST) for example_id in examples.ids.tolist()),
        )
    )
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fingerprint": origin.fingerprint,
        "views": views_text(origin.views),
        "dtype": dtype,
        "n_samples": str(n_samples),
        "embedding_dim": str(embedding_dim),
        "classes": canonical_json(classes),
    }
    if examples.feature_names is not None:
        metadata["columns"] = json.dumps(examples.feature_names, separators=(",", ":"))
    header = seal(metadata, _tensors(n_samples, embedding_dim, dtype), data)
    write_atomically(path, pack(header, data), owner_only=True)
    content_hash: str = header["__metadata__"]["content_sha256"]
    return content_hash


def load_examples(path: str | os.PathLike[str]) -> tuple[Examples, list[bytes | None], Origin]:
    """Return the examples of a file, their digests, and where they come from.

    The ids count from 0; a store gives its own.

    Raises
    ------
    UnsupportedVersionError
        If a newer headfit wrote the file.
    FileFormatError
        If it is not such a file, or damaged.
    """
    source = os.fspath(path)
    file = read_bounded(path, MAX_FILE_BYTES)
    container = open_container(
        file, source, FORMAT, FORMAT_VERSION, max_header_bytes=MAX_HEADER_BYTES
    )
    metadata, data = container.metadata, container.data
    fingerprint = metadata.sha256("fingerprint")
    views = views_from_json(*metadata.nested("views"))
    dtype = metadata.text("dtype", pattern="|".join(DTYPES), meaning="float16 or float32")
    n_samples = int(metadata.text("n_samples", pattern=_NUMBER, meaning="a number"))
    embedding_dim = int(metadata.text("embedding_dim", pattern=_NUMBER, meaning="a number"))
    if not 1 <= embedding_dim <= MAX_EMBEDDING_DIM:
        raise metadata.fault(f"1 to {MAX_EMBEDDING_DIM}", embedding_dim, "embedding_dim")
    classes = _classes(metadata)
    feature_names = _columns(metadata, embedding_dim) if metadata.has("columns") else None
    container.check(_tensors(n_samples, embedding_dim, dtype))
    width = 8 * n_samples
    targets = np.frombuffer(data[2 * width : 3 * width], "<i8")
    end = len(data) - DIGEST_BYTES * n_samples
    embeddings = np.frombuffer(data[3 * width : end], DTYPES[dtype]).astype(np.float32)
    digests = [bytes(data[i : i + DIGEST_BYTES]) for i in range(end, len(data), DIGEST_BYTES)]
    if not np.isfinite(embeddings).all():
        raise FileFormatError(f"{source}: expected finite embeddings, found NaN or infinity")
    if n_samples and not 0 <= targets.min() <= targets.max() < len(classes):
        raise FileFormatError(
            f"{source}: expected targets below {len(classes)}, found {targets.min()} to "
            f"{targets.max()}; the file was not written by headfit"
        )
    examples = Examples(
        embeddings=embeddings.reshape(n_samples, embedding_dim),
        class_names=tuple([classes[target] for target in targets]),
        ids=np.arange(n_samples),
        added_at=np.frombuffer(data[:width], "<i8").astype("datetime64[us]"),
        photo_hashes=np.frombuffer(data[width : 2 * width], "<u8").astype(np.uint64),
        feature_names=feature_names,
    )
    known = [None if digest == NO_DIGEST else digest for digest in digests]
    return examples, known, Origin(fingerprint, embedding_dim, views, dtype)


def _classes(metadata: Fields) -> list[str]:
    names = parse_json(metadata.text("classes").encode(), f"{metadata.source}: classes")
    if not isinstance(names, list) or len(names) > MAX_CLASSES:
        raise metadata.fault(f"a list of at most {MAX_CLASSES} class names", names, "classes")
    classes = []
    for name in names:
        if (class_name := as_class_name(name)) is None:
            raise metadata.fault(CLASS_NAME_RULE, name, "classes")
        classes.append(class_name)
    return classes


def _columns(metadata: Fields, embedding_dim: int) -> tuple[str, ...]:
    names, _ = metadata.nested("columns")
    is_list = isinstance(names, list) and len(names) == embedding_dim
    if not is_list or not all(isinstance(name, str) for name in names):
        raise metadata.fault(f"a list of {embedding_dim} names of columns", names, "columns")
    return tuple(names)


def _tensors(n_samples: int, embedding_dim: int, dtype: str) -> dict[str, dict[str, Any]]:
    """Return what the header must say about the tensors: there is one layout."""
    return laid_out(
        {
            "added_at_us": ("I64", [n_samples]),
            "photo_hashes": ("U64", [n_samples]),
            "targets": ("I64", [n_samples]),
            "embeddings": (
                {"float16": "F16", "float32": "F32"}[dtype],
                [n_samples, embedding_dim],
            ),
            "digests": ("U8", [n_samples, DIGEST_BYTES]),
        }
    )
