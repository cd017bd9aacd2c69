"""A head in ONNX's operators: behind an extractor's network, or alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import numpy as np

from headfit.errors import ExtractorError
from headfit.maths.arrays import FloatArray, shortest
from headfit.networks.onnx.model import FLOAT, read_onnx
from headfit.networks.onnx.wire import Field, read_fields
from headfit.networks.onnx.writing import PRODUCER, constant, model_file, node, opset, value, whole

_EMBEDDING: Final = "embedding"
_PROBABILITIES: Final = "probabilities"
_VERSION: Final = 8
_OPSET: Final = 13
_OLDEST_OPSET: Final = 7
"""Gemm, Mul and Add stretch their operands by themselves from here on."""


def head_alone(
    weights: FloatArray,
    bias: FloatArray,
    thresholds: FloatArray | None,
    classes: Sequence[str],
    shown_from: FloatArray | None = None,
) -> bytes:
    """Return a head as an ONNX file: embeddings in, probabilities out; see `behind_network`."""
    given = (weights, bias, thresholds, shown_from)
    nodes, constants, last = _head(_EMBEDDING, *given, {_EMBEDDING})
    return model_file(
        _VERSION,
        [opset(_OPSET)],
        nodes,
        constants,
        [value(_EMBEDDING, ("n_photos", len(weights)))],
        [value(last, ("n_photos", len(bias)))],
        _description(classes, shown_from),
    )


def behind_network(
    model: bytes,
    weights: FloatArray,
    bias: FloatArray,
    thresholds: FloatArray | None,
    classes: Sequence[str],
    shown_from: FloatArray | None = None,
) -> bytes:
    """Return a classifier: the extractor's network, then the head, then softmax or sigmoid.

    Parameters
    ----------
    model : bytes
        The extractor's ONNX file, as `cut_onnx` writes it.
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head.
    classes : sequence of str
        Class names in column order; the file's property "classes" holds them as JSON.
    shown_from : ndarray of shape (n_classes,), dtype float32, optional
        Of a multi-label head: each class gets a sigmoid of its own, and the file's property
        "thresholds" holds the probabilities from which on classes count as shown, as JSON.

    Returns
    -------
    bytes
        An ONNX file whose only output, ``probabilities`` of shape (1, n_classes), is float32.

    Raises
    ------
    ExtractorError
        If the network is damaged, uses operators older than of 2017, or has several inputs or
        outputs.
    """
    network = read_onnx(model)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ExtractorError(
            f"expected a network of one input and one output, found {len(network.inputs)} and "
            f"{len(network.outputs)}; cut it with headfit cut"
        )
    oldest = min(map(_own_version, network.opsets))
    if oldest < _OLDEST_OPSET:
        raise ExtractorError(
            f"expected operators of version {_OLDEST_OPSET} or later, found {oldest}; convert the "
            "network to a later version (in Python: onnx.version_converter), cut it and train the "
            "head on it, or export the head alone"
        )
    (photo,) = network.inputs
    taken = {photo.name, *network.weights, *(name for one in network.nodes for name in one.outputs)}
    nodes, constants, last = _head(network.outputs[0], weights, bias, thresholds, shown_from, taken)
    return model_file(
        network.version,
        network.opsets,
        [*(one.raw for one in network.nodes), *nodes],
        [*network.weights.values(), *constants],
        [value(photo.name, [n or "n" for n in photo.shape])],
        [value(last, (1, len(bias)))],
        _description(classes, shown_from),
    )


def is_classifier(model: bytes) -> bool:
    """Return whether an ONNX file says that this module wrote it: by headfit, with classes."""
    names = {2: "", 14: ""}
    try:
        for field in read_fields(model):
            if field.tag == 2:
                names[2] = field.text()
            elif field.tag == 14 and not names[14]:
                names[14] = next(read_fields(field.message())).text()
    except (ExtractorError, StopIteration):
        return False
    return names == {2: PRODUCER, 14: "classes"}


def _head(
    source: str,
    weights: FloatArray,
    bias: FloatArray,
    thresholds: FloatArray | None,
    shown_from: FloatArray | None,
    taken: set[str],
) -> tuple[list[bytes], list[bytes], str]:
    """Return operators from embeddings to probabilities, their constants and the last's output.

    Embeddings of a binary head become 1 where they are at least the threshold, else -1, which is
    1 - 2 * (embedding < threshold). No tensor gets a name that is `taken`.
    """
    nodes: list[bytes] = []
    constants: list[bytes] = []

    def free(name: str) -> str:
        while name in taken:
            name += "_"
        return name

    def hold(name: str, values: FloatArray) -> str:
        constants.append(constant(free(name), values))
        return free(name)

    def step(kind: str, sources: list[str], name: str, *attributes: bytes) -> str:
        nodes.append(node(kind, sources, free(name), *attributes))
        return free(name)

    if thresholds is not None:
        below = step("Less", [source, hold("head/thresholds", thresholds)], "head/below")
        number = step("Cast", [below], "head/below_as_number", whole("to", FLOAT))
        minus_two = hold("head/minus_two", np.array(-2, np.float32))
        product = step("Mul", [number, minus_two], "head/below_times_minus_two")
        one = hold("head/one", np.array(1, np.float32))
        source = step("Add", [product, one], "head/signs")
    operands = [source, hold("head/weights", weights), hold("head/bias", bias)]
    logits = step("Gemm", operands, "head/logits")
    if shown_from is not None:
        return nodes, constants, step("Sigmoid", [logits], _PROBABILITIES)
    return nodes, constants, step("Softmax", [logits], _PROBABILITIES, whole("axis", 1))


def _own_version(operators: bytes) -> int:
    """Return the version of ONNX's own operators, or a large number if these are others'."""
    fields: dict[int, Field] = {field.tag: field for field in read_fields(operators)}
    if 1 in fields and fields[1].text() not in ("", "ai.onnx"):
        return 1 << 31
    return fields[2].whole() if 2 in fields else 1


def _description(classes: Sequence[str], shown_from: FloatArray | None) -> dict[str, str]:
    texts = {"classes": json.dumps(list(classes), ensure_ascii=False)}
    if shown_from is not None:
        texts["thresholds"] = json.dumps(shortest(shown_from))
    return texts
