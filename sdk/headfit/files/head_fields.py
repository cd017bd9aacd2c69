"""What the files of heads of either kind say alike, read and written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from headfit.errors import FileFormatError
from headfit.files.class_names import CLASS_NAME_RULE, MAX_CLASSES, as_class_name
from headfit.files.container import content_hash, unpack
from headfit.files.fields import Fields, canonical_json
from headfit.files.head_parts import Signature
from headfit.files.views import views_from_json, views_text
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import WHOLE, View
from headfit.maths.arrays import MAX_EMBEDDING_DIM

MAX_COUNT = 2**53
_Block = TypeVar("_Block")


def width_from(metadata: Fields) -> int:
    """Return the width of embeddings."""
    width = int(metadata.text("embedding_dim", pattern="[1-9][0-9]{0,4}", meaning="a width"))
    if width > MAX_EMBEDDING_DIM:
        raise metadata.fault(f"at most {MAX_EMBEDDING_DIM}", width, "embedding_dim")
    return width


def classes_from(metadata: Fields, fewest: int) -> tuple[str, ...]:
    """Return class names in normal form, ``fewest`` of them at least, all different."""
    names, _ = metadata.nested("classes")
    if not isinstance(names, list) or not fewest <= len(names) <= MAX_CLASSES:
        raise metadata.fault(f"a list of {fewest} to {MAX_CLASSES} class names", names, "classes")
    classes: dict[str, None] = {}
    for name in names:
        if (class_name := as_class_name(name)) is None:
            raise metadata.fault(CLASS_NAME_RULE, name, "classes")
        classes[class_name] = None
    if len(classes) != len(names):
        raise metadata.fault("different class names", names, "classes")
    return tuple(classes)


def counts_from(metadata: Fields, key: str, n_classes: int) -> tuple[int, ...]:
    """Return a count for each class."""
    counts, _ = metadata.nested(key)
    if not isinstance(counts, list) or len(counts) != n_classes:
        raise metadata.fault(f"a list of {n_classes} counts", counts, key)
    for count in counts:
        if type(count) is not int or not 0 <= count <= MAX_COUNT:
            raise metadata.fault("counts from 0 to 2^53", count, key)
    return tuple(counts)


def block_from(metadata: Fields, name: str, read: Callable[[object, str], _Block]) -> _Block | None:
    """Return what ``read`` makes of an object that may be there."""
    return read(*metadata.nested(name)) if metadata.has(name) else None


def views_from(metadata: Fields) -> tuple[View, ...]:
    """Return how photos were looked at: once, where the file does not say."""
    views = block_from(metadata, "views", views_from_json)
    if views == (WHOLE,):
        raise metadata.fault("no views where the only one is the manifest's", "one", "views")
    return views or (WHOLE,)


def common_metadata(head: FittedHead | FittedMultiLabelHead) -> dict[str, str]:
    """Return what the files of either kind of head say in the same words."""
    metadata = {
        "embedding_dim": str(head.embedding_dim),
        "classes": canonical_json(head.classes),
        "class_counts": canonical_json(head.class_counts),
        "extractor": canonical_json(head.extractor and dataclasses.asdict(head.extractor)),
        "training": canonical_json(dict(head.training)),
    }
    if head.views != (WHOLE,):
        metadata["views"] = views_text(head.views)
    return metadata


def signed_hash(file: bytes, signature: Signature | None, source: str) -> bytes:
    """Return the hash of a file without the signature that was found in it.

    Raises
    ------
    FileFormatError
        If there is none.
    """
    if signature is None:
        raise FileFormatError(f"{source}: expected a signature, found none; sign the file first")
    header, data = unpack(file, source)
    return content_hash(header, data, without="signature")
