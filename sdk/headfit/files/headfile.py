"""The head file: bytes to arrays and metadata, and back; all is checked before it is used.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.errors import FileFormatError
from headfit.files.container import Container, content_hash, open_container, pack, seal, unpack
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.fields import Fields, canonical_json, is_writable_text
from headfit.files.head_parts import (
    Block,
    Calibration,
    PrivacyGuarantee,
    Signature,
    block_as_json,
    calibration_from_json,
    privacy_from_json,
    signature_from_json,
)
from headfit.files.manifest import (
    MAX_EMBEDDING_DIM,
    ExtractorReference,
    reference_from_json,
)
from headfit.files.tensors import DTYPES, decode, encode, layout
from headfit.learning.typicality import Typicality
from headfit.maths.arrays import Scalar

FORMAT = "headfit-head"
VERSIONS = ("1", "2", "3")
MAX_FILE_BYTES = 1 << 28
MAX_WEIGHTS = 1 << 26
MAX_CLASSES = 65_536
MAX_CLASS_NAME_LENGTH = 255
CLASS_NAME_RULE = f"class names of 1 to {MAX_CLASS_NAME_LENGTH} characters, no control characters"

_BLOCKS: Final[dict[str, Callable[[object, str], Block]]] = {
    "calibration": calibration_from_json,
    "privacy": privacy_from_json,
    "signature": signature_from_json,
}
_SIGNED_TEXT: Final = b"headfit head "


@dataclass(frozen=True, slots=True, eq=False)
class HeadData:
    """What a head file holds.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
        However they are stored.
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
    storage : str
        "float32", "float16", "int8" or "binary"; it must hold the weights exactly, see
        `headfit.files.tensors.rounded`.
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        For "binary" alone: embeddings become +1 where they are at least this, else -1.
    calibration : Calibration or None
    typicality : Typicality or None
        There if and only if the calibration's score is "typicality".
    privacy : PrivacyGuarantee or None
    signature : Signature or None
        Of the form it must have; whether it is right is not checked here.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    extractor: ExtractorReference | None
    training: Mapping[str, Scalar]
    headfit_version: str
    storage: str = "float32"
    thresholds: npt.NDArray[np.float32] | None = None
    calibration: Calibration | None = None
    typicality: Typicality | None = None
    privacy: PrivacyGuarantee | None = None
    signature: Signature | None = None


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
    data = encode(head.weights, head.bias, head.storage, head.thresholds, head.typicality)
    blocks = {name: getattr(head, name) for name in _BLOCKS}
    blocks = {name: block for name, block in blocks.items() if block is not None}
    try:
        metadata = {
            "format": FORMAT,
            "format_version": _least_version(head.storage, blocks),
            "headfit_version": head.headfit_version,
            "embedding_dim": str(embedding_dim),
            "classes": canonical_json(head.classes),
            "class_counts": canonical_json(head.class_counts),
            "extractor": canonical_json(head.extractor and dataclasses.asdict(head.extractor)),
            "training": canonical_json(dict(head.training)),
            **{name: canonical_json(block_as_json(block)) for name, block in blocks.items()},
        }
        tensors = layout(head.storage, embedding_dim, n_classes, head.typicality is not None)
        file = pack(seal(metadata, tensors, data), data)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    load_head_bytes(file, "head")  # what could not be read must not be written
    return file


def signed_message(file: bytes, source: str = "head file") -> bytes:
    """Return what the signature of a head file signs.

    To sign, write the head with any `Signature`, sign this message, and write it again with the
    right one: the message does not depend on the signature.

    Raises
    ------
    FileFormatError
        If this is no head file, or it has no signature.
    """
    if load_head_bytes(file, source).signature is None:
        raise FileFormatError(f"{source}: expected a signature, found none; sign the file first")
    header, data = unpack(file, source)
    return _SIGNED_TEXT + content_hash(header, data, without="signature")


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
    container = open_container(file, source, FORMAT, VERSIONS)
    metadata, version = container.metadata, container.version
    embedding_dim = int(
        metadata.text("embedding_dim", pattern="[1-9][0-9]{0,4}", meaning="a width")
    )
    if embedding_dim > MAX_EMBEDDING_DIM:
        raise metadata.fault(f"at most {MAX_EMBEDDING_DIM}", embedding_dim, "embedding_dim")
    classes = _classes(metadata)
    n_classes = len(classes)
    class_counts = _class_counts(metadata, n_classes)
    reference, where = metadata.nested("extractor")
    extractor = None if reference is None else reference_from_json(reference, where)
    training = metadata.scalars("training")
    headfit_version = metadata.text("headfit_version")
    blocks = {
        name: read(*metadata.nested(name))
        for name, read in _BLOCKS.items()
        if version != "1" and metadata.has(name)
    }

    storage = "float32" if version == "1" else _storage(container)
    least = _least_version(storage, blocks)
    if version != least:
        raise metadata.fault(f"{least} for what is in the file", version, "format_version")
    has_typicality = least == "3"
    if embedding_dim * n_classes > MAX_WEIGHTS:
        raise metadata.fault(f"at most {MAX_WEIGHTS // n_classes}", embedding_dim, "embedding_dim")
    container.check(layout(storage, embedding_dim, n_classes, has_typicality))
    weights, bias, thresholds, typicality = decode(
        container.data, storage, embedding_dim, n_classes, has_typicality, source
    )
    return HeadData(
        weights=weights,
        bias=bias,
        classes=classes,
        class_counts=class_counts,
        extractor=extractor,
        training=training,
        headfit_version=headfit_version,
        storage=storage,
        thresholds=thresholds,
        typicality=typicality,
        **blocks,  # type: ignore[arg-type]  # each is of the kind that its name says
    )


def _least_version(storage: str, blocks: Mapping[str, Block]) -> str:
    """Return the one version that a head is written as: the first that can hold it."""
    calibration = blocks.get("calibration")
    if isinstance(calibration, Calibration) and calibration.score == "typicality":
        return "3"
    return "2" if blocks or storage != "float32" else "1"


def _storage(container: Container) -> str:
    """Return how the weights are stored, which their dtype says."""
    weights = container.header.get("weights")
    storages = {dtype: storage for storage, dtype in DTYPES.items()}
    dtype = weights.get("dtype") if isinstance(weights, dict) else None
    if not isinstance(dtype, str) or dtype not in storages:
        raise container.tensors.fault(f"a dtype of {', '.join(storages)}", weights, "weights")
    return storages[dtype]


def _classes(metadata: Fields) -> tuple[str, ...]:
    names, _ = metadata.nested("classes")
    if not isinstance(names, list) or not 2 <= len(names) <= MAX_CLASSES:
        raise metadata.fault(f"a list of 2 to {MAX_CLASSES} class names", names, "classes")
    for name in names:
        if not isinstance(name, str) or not is_class_name(name):
            raise metadata.fault(CLASS_NAME_RULE, name, "classes")
    if len(set(names)) != len(names):
        raise metadata.fault("different class names", names, "classes")
    return tuple(names)


def _class_counts(metadata: Fields, n_classes: int) -> tuple[int, ...]:
    counts, _ = metadata.nested("class_counts")
    if not isinstance(counts, list) or len(counts) != n_classes:
        raise metadata.fault(f"a list of {n_classes} counts", counts, "class_counts")
    for count in counts:
        if type(count) is not int or not 0 <= count <= 2**53:
            raise metadata.fault("counts from 0 to 2^53", count, "class_counts")
    return tuple(counts)
