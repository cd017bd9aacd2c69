"""The file of a multi-label head: bytes to arrays and metadata, and back.

``docs/multi-label-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from headfit.errors import FileFormatError
from headfit.files.container import laid_out, open_container, pack, seal
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.fields import canonical_json
from headfit.files.head_fields import (
    MAX_COUNT,
    block_from,
    classes_from,
    common_metadata,
    counts_from,
    signed_hash,
    views_from,
    width_from,
)
from headfit.files.head_parts import Signature, block_as_json, signature_from_json
from headfit.files.headfile import FORMAT as HEAD_FORMAT
from headfit.files.headfile import MAX_FILE_BYTES, MAX_WEIGHTS
from headfit.files.manifest import reference_from_json
from headfit.files.tensors import (
    DTYPES,
    decoded_int8,
    encode_weights,
    read_tensors,
    storage_of,
)
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.version import __version__

FORMAT: Final = "headfit-multi-label-head"
FORMAT_VERSION: Final = "1"
STORAGES: Final = ("float32", "float16", "int8")
_OTHERS: Final = {
    HEAD_FORMAT: "a head of one class a photo; open it by headfit.SoftmaxHead or "
    "headfit.ImageClassifier"
}
_SIGNED_TEXT: Final = b"headfit multi-label head "


@dataclass(frozen=True, slots=True, eq=False)
class MultiLabelFile:
    """What the file of a multi-label head holds.

    Attributes
    ----------
    head : FittedMultiLabelHead
    signature : Signature or None
        Of the form it must have; whether it is right is not checked here.
    headfit_version : str
        The headfit that wrote the file.
    """

    head: FittedMultiLabelHead
    signature: Signature | None = None
    headfit_version: str = __version__


def save_multi_label(path: str | os.PathLike[str], head: FittedMultiLabelHead) -> None:
    """Write a file, whole or not at all; see `save_multi_label_bytes`."""
    write_atomically(path, save_multi_label_bytes(MultiLabelFile(head)))


def save_multi_label_bytes(file: MultiLabelFile) -> bytes:
    """Return the bytes of a file; equal heads give equal bytes.

    Raises
    ------
    FileFormatError
        If the head breaks the specification.
    """
    head = file.head
    if head.storage not in STORAGES:
        raise FileFormatError(f"expected a storage of {', '.join(STORAGES)}, found {head.storage}")
    scales, weights = encode_weights(head.weights, head.storage)
    bias, thresholds = (
        np.ascontiguousarray(values, "<f4").tobytes() for values in (head.bias, head.thresholds)
    )
    data = bias + scales + thresholds + weights
    try:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "headfit_version": file.headfit_version,
            **common_metadata(head),
            "n_samples": str(head.n_samples),
            "held_out_counts": canonical_json(head.held_out_counts),
        }
        if file.signature is not None:
            metadata["signature"] = canonical_json(block_as_json(file.signature))
        tensors = _layout(head.storage, head.embedding_dim, len(head.classes))
        written = pack(seal(metadata, tensors, data), data)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    load_multi_label_bytes(written, "multi-label head")  # what could not be read is not written
    return written


def signed_message(file: bytes, source: str = "multi-label head") -> bytes:
    """Return what the signature of a file signs; as `headfit.files.headfile.signed_message`.

    Raises
    ------
    FileFormatError
        If this is no multi-label head, or it has no signature.
    """
    return _SIGNED_TEXT + signed_hash(file, load_multi_label_bytes(file, source).signature, source)


def load_multi_label(path: str | os.PathLike[str]) -> MultiLabelFile:
    """Read the file at ``path``; see `load_multi_label_bytes`."""
    return load_multi_label_bytes(read_bounded(path, MAX_FILE_BYTES), os.fspath(path))


def load_multi_label_bytes(file: bytes, source: str = "multi-label head") -> MultiLabelFile:
    """Return what the bytes of a file hold.

    Parameters
    ----------
    file : bytes
        As docs/multi-label-format.md describes it.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UnsupportedVersionError
        If ``format_version`` is not one this headfit knows.
    FileFormatError
        If anything else breaks the specification; if it is a head of one class a photo.
    """
    container = open_container(file, source, FORMAT, FORMAT_VERSION, others=_OTHERS)
    metadata = container.metadata
    headfit_version = metadata.text("headfit_version")
    embedding_dim = width_from(metadata)
    n_samples = int(metadata.text("n_samples", pattern="[1-9][0-9]{0,15}", meaning="a count"))
    if n_samples > MAX_COUNT:
        raise metadata.fault("a count up to 2^53", n_samples, "n_samples")
    classes = classes_from(metadata, 1)
    n_classes = len(classes)
    class_counts = counts_from(metadata, "class_counts", n_classes)
    if max(class_counts) > n_samples:
        raise metadata.fault(f"counts up to {n_samples}", class_counts, "class_counts")
    held_out_counts = counts_from(metadata, "held_out_counts", n_classes)
    if any(held > count for held, count in zip(held_out_counts, class_counts, strict=True)):
        raise metadata.fault("counts up to class_counts", held_out_counts, "held_out_counts")
    reference, where = metadata.nested("extractor")
    extractor = None if reference is None else reference_from_json(reference, where)
    training = metadata.scalars("training")
    views = views_from(metadata)
    signature = block_from(metadata, "signature", signature_from_json)
    storage = storage_of(container)
    if storage not in STORAGES:
        raise container.tensors.fault(
            f"a dtype of {', '.join(DTYPES[one] for one in STORAGES)}", DTYPES[storage], "weights"
        )
    if embedding_dim * n_classes > MAX_WEIGHTS:
        raise metadata.fault(f"at most {MAX_WEIGHTS // n_classes}", embedding_dim, "embedding_dim")
    layout = _layout(storage, embedding_dim, n_classes)
    container.check(layout)
    tensors = read_tensors(container.data, layout, source)
    weights = tensors["weights"]
    if storage == "int8":
        weights = decoded_int8(weights, tensors["scales"], source)
    thresholds = tensors["thresholds"].astype(np.float32)
    if not ((thresholds > 0) & (thresholds <= 1)).all():
        raise FileFormatError(
            f"{source}: expected thresholds above 0 and up to 1, found {thresholds.min():g} to "
            f"{thresholds.max():g}; train again"
        )
    head = FittedMultiLabelHead(
        weights=weights.astype(np.float32),
        bias=tensors["bias"].astype(np.float32),
        thresholds=thresholds,
        classes=classes,
        n_samples=n_samples,
        class_counts=class_counts,
        held_out_counts=held_out_counts,
        training=training,
        extractor=extractor,
        views=views,
        storage=storage,
    )
    return MultiLabelFile(head, signature, headfit_version)


def _layout(storage: str, embedding_dim: int, n_classes: int) -> dict[str, dict[str, Any]]:
    shapes: dict[str, tuple[str, list[int]]] = {"bias": ("F32", [n_classes])}
    if storage == "int8":
        shapes["scales"] = ("F32", [n_classes])
    shapes["thresholds"] = ("F32", [n_classes])
    shapes["weights"] = (DTYPES[storage], [embedding_dim, n_classes])
    return laid_out(shapes)
