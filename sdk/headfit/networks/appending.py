"""A classifier out of an extractor: its pixels scaled in front, a head appended."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorError
from headfit.maths.arrays import FloatArray, shortest
from headfit.maths.bits import n_words, pack
from headfit.networks.lowering import lower_graph
from headfit.networks.tflite import Graph, Operator, Tensor, read_graph, write_graph
from headfit.networks.tflite.metadata import Metadata, labels_archive, metadata_bytes
from headfit.networks.tflite.schema import NO_ACTIVATION, VALID
from headfit.networks.tflite.tables import Table

_FLOAT: Final = np.dtype("<f4")
_MAX_DESCRIPTION: Final = 1 << 25


def append_head(
    model: bytes,
    weights: FloatArray,
    bias: FloatArray,
    thresholds: FloatArray | None,
    classes: Sequence[str],
    *,
    lowered: bool = False,
    shown_from: FloatArray | None = None,
    scaling: tuple[Sequence[float], Sequence[float]] | None = None,
    metadata: Metadata | None = None,
) -> bytes:
    """Return a classifier: the extractor's network, then the head, then softmax or sigmoid.

    Parameters
    ----------
    model : bytes
        The extractor's `.tflite`, LCE or plain.
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head, which becomes one more binary layer: its signs stay single bits.
    classes : sequence of str
        Class names in column order; the file's description holds them as JSON.
    lowered : bool
        Use builtin operators alone, so that any TFLite runtime runs it.
    shown_from : ndarray of shape (n_classes,), dtype float32, optional
        Of a multi-label head: each class gets a sigmoid of its own, and the description holds as
        "thresholds" the probabilities from which on classes count as shown.
    scaling : pair of sequences of 3 floats, optional
        Mean and std. The network takes pixels from 0 to 255 then, and makes its input of them:
        ``(pixel - mean) / std``.
    metadata : Metadata, optional
        What the file says of itself to other programs.

    Returns
    -------
    bytes
        A `.tflite` whose only output, ``probabilities`` of shape (1, n_classes), is float32.

    Raises
    ------
    ExtractorError
        If the network is damaged, or does not return one embedding as wide as the head.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    graph = read_graph(model)
    outputs = [(graph.tensors[i].dtype.name, graph.tensors[i].shape) for i in graph.outputs]
    if [(dtype, math.prod(shape)) for dtype, shape in outputs] != [("float32", len(weights))]:
        found = ", ".join(f"{dtype} of shape {shape}" for dtype, shape in outputs)
        raise ExtractorError(
            f"expected a network that returns {len(weights)} float32 numbers, which this head "
            f"takes, found {found}; give the extractor that the head was fitted on"
        )
    tail = _Tail(graph if scaling is None else _taking_pixels(graph, *scaling))
    n_classes = len(bias)
    if thresholds is None:
        kernel = np.ascontiguousarray(weights.T)
        logits = tail.step("FULLY_CONNECTED", [tail.last, kernel, bias], (1, n_classes))
    else:
        logits = tail.binary_layer(weights, bias, thresholds)
    told: dict[str, Any] = {"classes": list(classes)}
    if shown_from is None:
        tail.step("SOFTMAX", [logits], (1, n_classes), name="probabilities", beta=1.0)
    else:
        tail.step("LOGISTIC", [logits], (1, n_classes), name="probabilities")
        told["thresholds"] = shortest(shown_from)
    classifier = tail.graph()
    written = write_graph(
        lower_graph(classifier) if lowered else classifier,
        description=json.dumps(told, ensure_ascii=False),
        metadata=metadata_bytes(metadata) if metadata else b"",
    )
    return written + labels_archive(metadata) if metadata else written


def is_classifier(model: bytes) -> bool:
    """Return whether a `.tflite` says that `append_head` wrote it: its description has classes."""
    try:
        told = json.loads(Table.root(model).text(3, _MAX_DESCRIPTION))
    except (ExtractorError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and list(told) in (["classes"], ["classes", "thresholds"])


def _taking_pixels(graph: Graph, mean: Sequence[float], std: Sequence[float]) -> Graph:
    """Return the network with operators in front that make its input of pixels."""
    (photo,) = graph.inputs
    shape = graph.tensors[photo].shape
    centre = np.array(mean, _FLOAT)
    spread = np.array(std, _FLOAT)
    pixels = len(graph.tensors)
    new = (
        Tensor("pixels", shape, _FLOAT, None),
        Tensor("pixels/mean", centre.shape, _FLOAT, centre),
        Tensor("pixels/centred", shape, _FLOAT, None),
        Tensor("pixels/std", spread.shape, _FLOAT, spread),
    )
    front = (
        Operator("SUB", (pixels, pixels + 1), (pixels + 2,), {}),
        Operator("DIV", (pixels + 2, pixels + 3), (photo,), {}),
    )
    return replace(
        graph,
        tensors=(*graph.tensors, *new),
        operators=(*front, *graph.operators),
        inputs=(pixels,),
    )


class _Tail:
    """Operators appended to a graph one after the other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tensors = list(graph.tensors)
        self._operators = list(graph.operators)
        self.last = graph.outputs[0]

    def binary_layer(self, weights: FloatArray, bias: FloatArray, thresholds: FloatArray) -> int:
        """Append a binary head as LCE's own operators; `lower_graph` knows those."""
        embedding_dim, n_classes = weights.shape
        above = self.step("SUB", [self.last, thresholds[np.newaxis]], (1, embedding_dim))
        shape = (1, 1, 1, embedding_dim)
        above = self.step("RESHAPE", [above, np.array(shape, "<i4")], shape, new_shape=shape)
        packed = (1, 1, 1, n_words(embedding_dim))
        signs = self.step("LceQuantize", [above], packed, dtype=np.dtype("<i4"))
        # LCE wants its packed filters as (n_classes, height, width, words).
        filters = pack(np.ascontiguousarray(weights.T < 0))[:, np.newaxis, np.newaxis].view("<i4")
        logits = self.step(
            "LceBconv2d",
            [signs, filters, np.abs(weights[0]), bias, -1],
            (1, 1, 1, n_classes),
            channels_in=embedding_dim,
            dilation_height_factor=1,
            dilation_width_factor=1,
            fused_activation_function=NO_ACTIVATION,
            pad_values=0,
            padding=VALID,
            stride_height=1,
            stride_width=1,
        )
        flat = (1, n_classes)
        return self.step("RESHAPE", [logits, np.array(flat, "<i4")], flat, new_shape=flat)

    def step(
        self,
        operator: str,
        inputs: Sequence[int | NDArray[Any]],
        shape: tuple[int, ...],
        *,
        dtype: np.dtype[Any] = _FLOAT,
        name: str | None = None,
        **options: Any,
    ) -> int:
        """Append an operator on tensors and constants, and return its output."""
        indices = [i if isinstance(i, int) else self._tensor(i.shape, i.dtype, i) for i in inputs]
        self.last = self._tensor(shape, dtype, name=name)
        self._operators.append(Operator(operator, tuple(indices), (self.last,), options))
        return self.last

    def graph(self) -> Graph:
        """Return the whole network, which returns what the last operator does."""
        return replace(
            self._graph,
            tensors=tuple(self._tensors),
            operators=tuple(self._operators),
            outputs=(self.last,),
        )

    def _tensor(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        data: NDArray[Any] | None = None,
        name: str | None = None,
    ) -> int:
        name = name or f"head/{len(self._tensors)}"
        self._tensors.append(Tensor(name, shape, dtype, data))
        return len(self._tensors) - 1
