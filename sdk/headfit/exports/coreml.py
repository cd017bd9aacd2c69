"""A head as a Core ML model of embeddings, written by the package coremltools."""

from __future__ import annotations

import json
from typing import Final

from headfit.errors import InputError, MissingExtraError
from headfit.exports.joining import AnyHead, thresholds_of
from headfit.maths.arrays import shortest
from headfit.privacy.sharing import released

DESCRIBED: Final = "A head of headfit"
"""What the description of a written model begins with."""


def export_coreml(head: AnyHead, *, force: bool = False) -> bytes:
    """Return a head alone as a `.mlmodel`: embeddings in, class label and probabilities out.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
        `SoftmaxHead.fitted_`, or `MultiLabelHead.fitted_`.
    force : bool
        Export a head that gives single photos away.

    Returns
    -------
    bytes
        A neural network classifier. Its input ``embedding`` has ``embedding_dim`` numbers; its
        outputs are ``classLabel`` and ``probabilities``, by class name. Of a multi-label head it
        is no classifier, as Core ML's name one class: ``probabilities`` is an array then, and the
        metadata hold ``classes`` and ``thresholds`` as JSON. They name the extractor, if the head
        does.

    Raises
    ------
    InputError
        If the head is binary: its signs are more than this kind of model says.
    UnshareableHeadError
        If a class rests on fewer than three photos: see `SoftmaxHead.share`.
    MissingExtraError
        If the package `coremltools` is not installed.
    """
    head = released(head, force=force)
    thresholds, shown_from = thresholds_of(head)
    if thresholds is not None:
        raise InputError(
            "expected a head of float weights, found a binary one, which Core ML has no layer for; "
            "fit it by another method, or export it as ONNX"
        )
    try:
        from coremltools.models import datatypes
        from coremltools.models.neural_network import NeuralNetworkBuilder
    except ImportError as error:
        raise MissingExtraError(
            "writing Core ML needs the package coremltools: pip install 'headfit[coreml]'"
        ) from error
    width, n_classes = head.weights.shape
    builder = NeuralNetworkBuilder(
        [("embedding", datatypes.Array(width))],
        [("probabilities", datatypes.Array(n_classes))],
        mode="classifier" if shown_from is None else None,
    )
    builder.add_inner_product(
        "head", head.weights.T, head.bias, width, n_classes, True, "embedding", "logits"
    )
    description = builder.spec.description.metadata
    if shown_from is None:
        builder.add_softmax("softmax", "logits", "probabilities")
        builder.set_class_labels(
            list(head.classes), predicted_feature_name="classLabel", prediction_blob="probabilities"
        )
        description.shortDescription = f"{DESCRIBED}: an embedding's class"
    else:
        builder.add_activation("sigmoid", "SIGMOID", "logits", "probabilities")
        description.shortDescription = f"{DESCRIBED}: which classes an embedding shows"
        description.userDefined["classes"] = json.dumps(list(head.classes), ensure_ascii=False)
        description.userDefined["thresholds"] = json.dumps(shortest(shown_from))
    if head.extractor is not None:
        made = {"name": head.extractor.name, "fingerprint": head.extractor.fingerprint}
        description.userDefined["extractor"] = json.dumps(made)
    written: bytes = builder.spec.SerializeToString(deterministic=True)
    return written
