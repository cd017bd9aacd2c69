"""What a head may be joined with in one file: the extractor that it was fitted on, of one kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from headfit.errors import InputError
from headfit.extractors.finding import read_extractor
from headfit.files.manifest import Manifest
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import WHOLE
from headfit.maths.arrays import FloatArray
from headfit.networks.onnx import is_onnx

TFLITE: Final = "a .tflite"
ONNX: Final = "an ONNX file"

AnyHead: TypeAlias = "FittedHead | FittedMultiLabelHead"


def thresholds_of(head: AnyHead) -> tuple[FloatArray | None, FloatArray | None]:
    """Return what numbers of embeddings, and what probabilities of classes, are compared with.

    The first of a binary head, shape (embedding_dim,); the second of a multi-label head, shape
    (n_classes,). None for what a head does not have.
    """
    if isinstance(head, FittedMultiLabelHead):
        return None, head.thresholds
    return head.thresholds, None


def read_extractor_of(
    head: AnyHead, extractor: str | os.PathLike[str] | None, kind: str, otherwise: str
) -> tuple[Path, Manifest, bytes]:
    """Return what a head is joined with: its path, its manifest and the network.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
    extractor : name or path, optional
        By default the one that headfit knows, if the head says that it was fitted on it.
    kind : str
        `TFLITE` or `ONNX`: what the network must be.
    otherwise : str
        What to do where it is the other.

    Raises
    ------
    InputError
        If neither the caller nor the head says what the head was fitted on; if the network is of
        the other kind.
    ExtractorMismatchError
        If the head was fitted on another extractor.
    """
    if extractor is None and head.extractor is None:
        raise InputError(
            "expected a head that remembers its extractor, found one that does not; name the one "
            "that it was fitted on, or fit it with extractor="
        )
    path, manifest, model = read_extractor(extractor)
    manifest.check_head(head, "this head")
    found = ONNX if is_onnx(model) else TFLITE
    if found != kind:
        raise InputError(
            f"expected an extractor that is {kind}, found {manifest.name}, {found}; {otherwise}"
        )
    return path, manifest, model


def refuse_views(head: AnyHead, kind: str, otherwise: str = "") -> None:
    """Refuse a head of several views of each photo, of which a network in a file sees one."""
    if head.views != (WHOLE,):
        raise InputError(
            f"expected a head of one view of each photo, found one of {len(head.views)}, which "
            f"{kind} cannot look at; train it again without views{otherwise}"
        )
