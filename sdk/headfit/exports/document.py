"""A head as plain JSON: docs/exports.md says what it holds; ``page/head.js`` reads it."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Final

import numpy as np

from headfit.exports.joining import AnyHead
from headfit.extractors.finding import read_manifest
from headfit.files.head_parts import block_as_json
from headfit.files.views import views_as_json
from headfit.learning.background import Background
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.maths.arrays import shortest
from headfit.privacy.sharing import released

FORMAT: Final = "headfit-head-json"
MULTI_LABEL_FORMAT: Final = "headfit-multi-label-head-json"
FORMAT_VERSION: Final = 1
STARTS: Final = tuple(f'{{\n"format": "{name}"'.encode() for name in (FORMAT, MULTI_LABEL_FORMAT))
"""What a written head begins with; one that a page saved is a single line."""


def export_json(
    head: AnyHead,
    extractor: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
) -> bytes:
    """Return a head as plain JSON, for programs in other languages.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
        `SoftmaxHead.fitted_`, or `MultiLabelHead.fitted_`.
    extractor : name or path, optional
        Of the extractor that the head was fitted on; by default the one that headfit knows. Only a
        head that compares with a background needs it, and only if it was loaded without.
    force : bool
        Export a head that gives single photos away.

    Returns
    -------
    bytes
        UTF-8, a line for each key. Numbers have the fewest digits that read back as the same
        float32. Equal heads give equal bytes.

    Raises
    ------
    ExtractorMismatchError
        If the head was fitted on another extractor.
    UnshareableHeadError
        If a class rests on fewer than three photos: see `SoftmaxHead.share`.
    """
    head = released(head, force=force)
    if isinstance(head, FittedMultiLabelHead):
        return _written(_of_several(head))
    reference = head.extractor
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "classes": head.classes,
        "class_counts": head.class_counts,
        "embedding_dim": head.embedding_dim,
        "weights": shortest(head.weights.T),
        "bias": shortest(head.bias),
        "thresholds": None if head.thresholds is None else shortest(head.thresholds),
        "calibration": head.calibration and block_as_json(head.calibration),
        "typicality": head.typicality
        and {
            "centre": shortest(head.typicality.centre),
            "inverse_spread": shortest(head.typicality.inverse_spread),
        },
        "likeness": None,
        "views": views_as_json(head.views),
        "extractor": reference and dataclasses.asdict(reference),
        "training": dict(sorted(head.training.items())),
        "privacy": head.privacy and block_as_json(head.privacy),
    }
    if head.likeness is not None:
        background = head.background or _background(head, extractor)
        document["likeness"] = {
            "lead_weight": head.likeness.lead_weight,
            "usual_lead": head.likeness.usual_lead,
            "prototypes": head.likeness.prototypes.tolist(),
            "background": {
                "mean": shortest(np.array(background.mean, np.float32)),
                "factor": background.factor,
            },
        }
    return _written(document)


def _of_several(head: FittedMultiLabelHead) -> dict[str, Any]:
    """Return a multi-label head: a format of its own, for its numbers mean something else."""
    return {
        "format": MULTI_LABEL_FORMAT,
        "format_version": FORMAT_VERSION,
        "classes": head.classes,
        "class_counts": head.class_counts,
        "n_samples": head.n_samples,
        "embedding_dim": head.embedding_dim,
        "weights": shortest(head.weights.T),
        "bias": shortest(head.bias),
        "class_thresholds": shortest(head.thresholds),
        "views": views_as_json(head.views),
        "extractor": head.extractor and dataclasses.asdict(head.extractor),
        "training": dict(sorted(head.training.items())),
    }


def _written(document: dict[str, Any]) -> bytes:
    lines = (f"{json.dumps(key)}: {_text(value)}" for key, value in document.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _background(head: FittedHead, extractor: str | os.PathLike[str] | None) -> Background:
    """Return the background that a head compares with, of its extractor's manifest."""
    manifest = read_manifest(extractor)
    manifest.check_head(head, "this head")
    assert manifest.background is not None  # or its fingerprint would be another
    return manifest.background


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
