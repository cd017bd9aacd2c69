"""A head as ONNX, with its extractor where that is an ONNX network, too."""

from __future__ import annotations

import os

from headfit.exports.joining import (
    ONNX,
    AnyHead,
    read_extractor_of,
    refuse_views,
    thresholds_of,
)
from headfit.networks.onnx.appending import behind_network, head_alone
from headfit.privacy.sharing import released


def export_onnx(
    head: AnyHead,
    extractor: str | os.PathLike[str] | None = None,
    *,
    alone: bool = False,
    force: bool = False,
) -> bytes:
    """Return an ONNX file whose output is what ``predict_proba`` returns.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
        `SoftmaxHead.fitted_`, or `MultiLabelHead.fitted_`.
    extractor : name or path, optional
        Of the extractor that the head was fitted on, an ONNX file; by default the one that headfit
        knows. Not looked at if `alone`.
    alone : bool
        Export the head without its extractor: the input is ``embedding`` of shape
        (n_photos, embedding_dim), float32, as any engine gives it. Otherwise the input is the
        extractor's: one photo prepared as the manifest says.
    force : bool
        Export a head that gives single photos away.

    Returns
    -------
    bytes
        Its output is ``probabilities``, float32, in the order of ``classes_``, which the file's
        property "classes" holds as JSON. Those of a multi-label head stand by themselves; a class
        counts as shown from its number of the property "thresholds" on.

    Raises
    ------
    ExtractorMismatchError
        If the head was fitted on another extractor.
    InputError
        If nobody said what the head was fitted on, the extractor is a .tflite, or the head was
        taught with several views of each photo: an extractor in a file sees one.
    UnshareableHeadError
        If a class rests on fewer than three photos: see `SoftmaxHead.share`.
    """
    head = released(head, force=force)
    thresholds, shown_from = thresholds_of(head)
    if alone:
        return head_alone(head.weights, head.bias, thresholds, head.classes, shown_from)
    otherwise = "export the head alone and give it embeddings, or the whole as a .tflite"
    *_, model = read_extractor_of(head, extractor, ONNX, otherwise)
    refuse_views(head, ONNX, ", or export the head alone and give it the mean of their embeddings")
    given = (head.weights, head.bias, thresholds, head.classes, shown_from)
    return behind_network(model, *given)
