"""The head file: bytes to arrays and metadata, and back; all is checked before it is used.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from headfit.errors import FileFormatError
from headfit.files.container import open_container, pack, seal
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.fields import canonical_json
from headfit.files.head_fields import (
    block_from,
    classes_from,
    common_metadata,
    counts_from,
    signed_hash,
    views_from,
    width_from,
)
from headfit.files.head_parts import (
    Block,
    LikenessBlock,
    Signature,
    block_as_json,
    calibration_from_json,
    likeness_from_json,
    privacy_from_json,
    signature_from_json,
)
from headfit.files.manifest import reference_from_json
from headfit.files.tensors import decode, encode, layout, storage_of
from headfit.learning.fitted_head import FittedHead
from headfit.learning.likeness import Likeness
from headfit.version import __version__

FORMAT = "headfit-head"
FORMAT_VERSION = "1"
MAX_FILE_BYTES = 1 << 28
MAX_WEIGHTS = 1 << 26
_OTHERS: Final = {
    "headfit-multi-label-head": "a head that gives a photo several classes; this takes heads of "
    "one class a photo, train one so, or open it by headfit.MultiLabelHead"
}
_SIGNED_TEXT: Final = b"headfit head "


@dataclass(frozen=True, slots=True, eq=False)
class HeadFile:
    """What a head file holds.

    Attributes
    ----------
    head : FittedHead
    signature : Signature or None
        Of the form it must have; whether it is right is not checked here.
    headfit_version : str
        The headfit that wrote the file.
    """

    head: FittedHead
    signature: Signature | None = None
    headfit_version: str = __version__


def save_head(path: str | os.PathLike[str], head: FittedHead) -> None:
    """Write a head file, whole or not at all; see `save_head_bytes`."""
    write_atomically(path, save_head_bytes(HeadFile(head)))


def save_head_bytes(file: HeadFile) -> bytes:
    """Return the bytes of a head file; equal heads give equal bytes.

    Raises
    ------
    FileFormatError
        If the head breaks the specification.
    """
    head = file.head
    data = encode(head)
    blocks: dict[str, Block | None] = {
        "calibration": head.calibration,
        "likeness": _likeness_block(head.likeness),
        "privacy": head.privacy,
        "signature": file.signature,
    }
    try:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "headfit_version": file.headfit_version,
            **common_metadata(head),
            **{
                name: canonical_json(block_as_json(block))
                for name, block in blocks.items()
                if block is not None
            },
        }
        score = None if head.calibration is None else head.calibration.score
        tensors = layout(head.storage, head.embedding_dim, len(head.classes), score)
        written = pack(seal(metadata, tensors, data), data)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    load_head_bytes(written, "head")  # what could not be read must not be written
    return written


def signed_message(file: bytes, source: str = "head file") -> bytes:
    """Return what the signature of a head file signs.

    To sign, write the head with any `Signature`, sign this message, and write it again with the
    right one: the message does not depend on the signature.

    Raises
    ------
    FileFormatError
        If this is no head file, or it has no signature.
    """
    return _SIGNED_TEXT + signed_hash(file, load_head_bytes(file, source).signature, source)


def load_head(path: str | os.PathLike[str]) -> HeadFile:
    """Read the head file at ``path``; see `load_head_bytes`."""
    return load_head_bytes(read_bounded(path, MAX_FILE_BYTES), os.fspath(path))


def load_head_bytes(file: bytes, source: str = "head file") -> HeadFile:
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
    container = open_container(file, source, FORMAT, FORMAT_VERSION, others=_OTHERS)
    metadata = container.metadata
    embedding_dim = width_from(metadata)
    classes = classes_from(metadata, 2)
    n_classes = len(classes)
    class_counts = counts_from(metadata, "class_counts", n_classes)
    reference, where = metadata.nested("extractor")
    extractor = None if reference is None else reference_from_json(reference, where)
    training = metadata.scalars("training")
    headfit_version = metadata.text("headfit_version")
    calibration = block_from(metadata, "calibration", calibration_from_json)
    privacy = block_from(metadata, "privacy", privacy_from_json)
    signature = block_from(metadata, "signature", signature_from_json)
    views = views_from(metadata)
    storage = storage_of(container)
    score = None if calibration is None else calibration.score
    block = block_from(metadata, "likeness", likeness_from_json)
    if (block is not None) != (score == "likeness"):
        raise metadata.fault("likeness if and only if the score says so", score, "likeness")
    if embedding_dim * n_classes > MAX_WEIGHTS:
        raise metadata.fault(f"at most {MAX_WEIGHTS // n_classes}", embedding_dim, "embedding_dim")
    container.check(layout(storage, embedding_dim, n_classes, score))
    arrays = decode(container.data, storage, embedding_dim, n_classes, score, source)
    likeness = None
    if block is not None and arrays.prototypes is not None:
        likeness = Likeness(
            block.background, arrays.prototypes, block.lead_weight, block.usual_lead
        )
    head = FittedHead(
        weights=arrays.weights,
        bias=arrays.bias,
        classes=classes,
        class_counts=class_counts,
        training=training,
        extractor=extractor,
        storage=storage,
        thresholds=arrays.thresholds,
        calibration=calibration,
        typicality=arrays.typicality,
        likeness=likeness,
        privacy=privacy,
        views=views,
    )
    return HeadFile(head, signature, headfit_version)


def _likeness_block(likeness: Likeness | None) -> LikenessBlock | None:
    if likeness is None:
        return None
    return LikenessBlock(likeness.background, likeness.lead_weight, likeness.usual_lead)
