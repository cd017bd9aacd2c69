"""A head and its extractor as one classifier for TFLite, where headfit itself is not installed."""

from __future__ import annotations

import os

from headfit.exports.joining import (
    TFLITE,
    AnyHead,
    read_extractor_of,
    refuse_views,
    thresholds_of,
)
from headfit.learning.fitted_head import FittedHead
from headfit.networks.appending import append_head
from headfit.networks.tflite.metadata import Metadata
from headfit.privacy.sharing import released


def export_tflite(
    head: AnyHead,
    extractor: str | os.PathLike[str] | None = None,
    *,
    lowered: bool = False,
    force: bool = False,
) -> bytes:
    """Return a self-contained `.tflite` whose output is what ``predict_proba`` returns.

    Its input is a photo's pixels in RGB, from 0 to 255 as float32, resized as the manifest says.
    Its description holds the class names as JSON. TFLite metadata tell other programs, MediaPipe
    among them, that pixels go in as they are, which class each probability is of, and below which
    largest probability a photo shows none, if that is how the head tells.

    The probabilities of a multi-label head stand by themselves, and the description holds the
    thresholds of its classes too. The metadata know one threshold for all and say none then.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
        `SoftmaxHead.fitted_`, or `MultiLabelHead.fitted_`.
    extractor : name or path, optional
        Of the extractor that the head was fitted on; by default the one that headfit knows, if the
        head names it.
    lowered : bool
        Use TFLite's own operators alone; otherwise those of Larq Compute Engine stay, and the file
        is smaller and runs in its interpreter.
    force : bool
        Export a head that gives single photos away.

    Raises
    ------
    ExtractorMismatchError
        If the head was fitted on another extractor.
    InputError
        If the head was taught with several views of each photo: a .tflite sees one. If nobody said
        what the head was fitted on, or the extractor is an ONNX file.
    UnshareableHeadError
        If a class rests on fewer than three photos: see `SoftmaxHead.share`.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    head = released(head, force=force)
    otherwise = "convert that network to a .tflite, cut it, and train the head on it"
    _, manifest, model = read_extractor_of(head, extractor, TFLITE, otherwise)
    refuse_views(head, TFLITE)
    prepared = manifest.preprocessing
    told = head.calibration if isinstance(head, FittedHead) else None
    thresholds, shown_from = thresholds_of(head)
    metadata = Metadata(
        name=manifest.name,
        licence=manifest.licence,
        mean=(0.0,),
        std=(1.0,),
        labels=head.classes,
        threshold=told.threshold if told and told.score == "max_probability" else None,
    )
    return append_head(
        model,
        head.weights,
        head.bias,
        thresholds,
        head.classes,
        lowered=lowered,
        shown_from=shown_from,
        scaling=(prepared.mean, prepared.std),
        metadata=metadata,
    )
