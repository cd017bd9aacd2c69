"""The file of a multi-label head: bytes to arrays and metadata, and back.

``docs/multi-label-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Final

import numpy as np

from headfit.errors import FileFormatError
from headfit.files.container import laid_out, open_container, pack, seal
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.fields import canonical_json
from headfit.files.head_fields import MAX_COUNT, classes_from, counts_from, views_from, width_from
from headfit.files.headfile import FORMAT as HEAD_FORMAT
from headfit.files.headfile import MAX_FILE_BYTES, MAX_WEIGHTS
from headfit.files.manifest import reference_from_json
from headfit.files.views import views_text
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import WHOLE
from headfit.maths.arrays import FloatArray
from headfit.version import __version__

FORMAT: Final = "headfit-multi-label-head"
FORMAT_VERSION: Final = "1"
_OTHERS: Final = {
    HEAD_FORMAT: "a head of one class a photo; open it by headfit.SoftmaxHead or "
    "headfit.ImageClassifier"
}


def save_multi_label(path: str | os.PathLike[str], head: FittedMultiLabelHead) -> None:
    """Write a file, whole or not at all; see `save_multi_label_bytes`."""
    write_atomically(path, save_multi_label_bytes(head))


def save_multi_label_bytes(head: FittedMultiLabelHead, headfit_version: str = __version__) -> bytes:
    """Return the bytes of a file; equal heads give equal bytes.

    Raises
    ------
    FileFormatError
        If the head breaks the specification.
    """
    data = b"".join(
        np.ascontiguousarray(values, "<f4").tobytes()
        for values in (head.bias, head.thresholds, head.weights)
    )
    try:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "headfit_version": headfit_version,
            "embedding_dim": str(head.embedding_dim),
            "n_samples": str(head.n_samples),
            "classes": canonical_json(head.classes),
            "class_counts": canonical_json(head.class_counts),
            "held_out_counts": canonical_json(head.held_out_counts),
            "extractor": canonical_json(head.extractor and dataclasses.asdict(head.extractor)),
            "training": canonical_json(dict(head.training)),
        }
        if head.views != (WHOLE,):
            metadata["views"] = views_text(head.views)
        tensors = _layout(head.embedding_dim, len(head.classes))
        written = pack(seal(metadata, tensors, data), data)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    load_multi_label_bytes(written, "multi-label head")  # what could not be read is not written
    return written


def load_multi_label(path: str | os.PathLike[str]) -> FittedMultiLabelHead:
    """Read the file at ``path``; see `load_multi_label_bytes`."""
    return load_multi_label_bytes(read_bounded(path, MAX_FILE_BYTES), os.fspath(path))


def load_multi_label_bytes(file: bytes, source: str = "multi-label head") -> FittedMultiLabelHead:
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
    metadata.text("headfit_version")
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
    if embedding_dim * n_classes > MAX_WEIGHTS:
        raise metadata.fault(f"at most {MAX_WEIGHTS // n_classes}", embedding_dim, "embedding_dim")
    layout = _layout(embedding_dim, n_classes)
    container.check(layout)
    tensors: dict[str, FloatArray] = {}
    for name, tensor in layout.items():
        start, end = tensor["data_offsets"]
        values = np.frombuffer(container.data[start:end], "<f4").astype(np.float32)
        tensors[name] = values.reshape(tensor["shape"])
        if not np.isfinite(values).all():
            raise FileFormatError(
                f"{source}: expected finite {name}, found NaN or infinity; train again"
            )
    thresholds = tensors["thresholds"]
    if not ((thresholds > 0) & (thresholds <= 1)).all():
        raise FileFormatError(
            f"{source}: expected thresholds above 0 and up to 1, found {thresholds.min():g} to "
            f"{thresholds.max():g}; train again"
        )
    return FittedMultiLabelHead(
        weights=tensors["weights"],
        bias=tensors["bias"],
        thresholds=thresholds,
        classes=classes,
        n_samples=n_samples,
        class_counts=class_counts,
        held_out_counts=held_out_counts,
        training=training,
        extractor=extractor,
        views=views,
    )


def _layout(embedding_dim: int, n_classes: int) -> dict[str, dict[str, Any]]:
    return laid_out(
        {
            "bias": ("F32", [n_classes]),
            "thresholds": ("F32", [n_classes]),
            "weights": ("F32", [embedding_dim, n_classes]),
        }
    )
