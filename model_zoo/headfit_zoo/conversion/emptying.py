"""A network whose weights others publish is converted, and its weights are taken out again.

Which weights went where is found by comparing: everything that `headfit_zoo.graphs.FOLDS` makes of
the network's weights with every constant of the converted file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import larq_compute_engine as lce
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from headfit import ExtractorError
from headfit.networks import read_graph
from headfit_zoo.architectures import cut_top
from headfit_zoo.graphs import FOLDS, Fill, Folding, Graph, Weights, rounded_rsqrt


def shapes_of(model: tf.keras.Model) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight by layer and part, in the network's order."""
    return {name: tuple(weight.shape) for name, weight in _named(model)}


def set_weights(model: tf.keras.Model, weights: Weights) -> None:
    """Give every weight of a network its value."""
    for name, weight in _named(model):
        weight.assign(weights[name])


def random_weights(model: tf.keras.Model, seed: int) -> dict[str, NDArray[np.float32]]:
    """Return a different number for every weight: for want of published ones."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes_of(model).items():
        spread = (
            rng.uniform(0.5, 2, shape) if name.endswith("_variance") else rng.normal(size=shape)
        )
        weights[name] = spread.astype(np.float32)
    return weights


def empty(model: tf.keras.Model, *, keep_last_bits: bool) -> tuple[Graph, bytes]:
    """Convert a network and take its weights out.

    Parameters
    ----------
    model : tf.keras.Model
        At a fixed input size, with a layer ``embedding``, in the state to convert.
    keep_last_bits : bool
        Keep what this processor's ``rsqrt`` had more than the rounded one: the graph belongs to
        these very weights then.

    Returns
    -------
    graph : Graph
        Without a golden embedding.
    flatbuffer : bytes
        The converted network, which the graph gives back when filled.

    Raises
    ------
    ExtractorError
        If the converter made something else of the weights than `FOLDS` does.
    """
    flatbuffer = bytes(lce.convert_keras_model(cut_top(model)))
    weights = {name: weight.numpy() for name, weight in _named(model)}
    norms = [x for x in model.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
    epsilon = {norm.name: float(norm.epsilon) for norm in norms}
    last_bits = {
        name: bits for name in epsilon if any(bits := _last_bits(Folding(weights, epsilon), name))
    }
    made: dict[tuple[str, bytes], tuple[str, tuple[str, ...]]] = {}
    for fold, of in _candidates(model):
        content = FOLDS[fold](Folding(weights, epsilon, last_bits), *of)
        made.setdefault((content.dtype.str, content.tobytes()), (fold, of))
    file = bytearray(flatbuffer)
    fills = []
    for at, name, constant in _constants(flatbuffer):
        known = made.get((constant.dtype.str, constant.tobytes()))
        if known is not None and len(np.unique(constant)) > 1:
            file[at : at + constant.nbytes] = bytes(constant.nbytes)
            fills.append(Fill(at, *known))
        elif len(np.unique(constant)) > 1 and constant.size > 8:
            raise ExtractorError(
                f"expected in {name}, of shape {constant.shape}, what a fold makes of a layer's "
                "weights, found something else: another version of the converter needs a fold more"
            )
    graph = Graph(bytes(file), shapes_of(model), epsilon, tuple(fills), last_bits)
    if graph.filled(weights) != flatbuffer:
        raise ExtractorError(
            "expected the emptied graph to give the converted file back when it is filled, found "
            "another; a fold in headfit_zoo.graphs is wrong"
        )
    return graph if keep_last_bits else replace(graph, last_bits={}), flatbuffer


def _named(model: tf.keras.Model) -> Iterator[tuple[str, tf.Variable]]:
    for layer in model.layers:
        for weight in layer.weights:
            part = weight.name.removesuffix(":0").rpartition("/")[2]
            yield f"{layer.name}/{part}", weight


def _last_bits(folding: Folding, norm: str) -> tuple[int, ...]:
    """Return by how many units of the last bit TensorFlow's ``rsqrt`` exceeds the rounded one."""
    shifted = folding.shifted_variance(norm)
    theirs = tf.math.rsqrt(shifted).numpy().view(np.int32)
    return tuple((theirs - rounded_rsqrt(shifted).view(np.int32)).tolist())


def _candidates(model: tf.keras.Model) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every fold of every layer, and of every layer with the batch norm behind it."""
    for layer in model.layers:
        after = [node.layer for node in layer.outbound_nodes]
        norms = [x for x in after if isinstance(x, tf.keras.layers.BatchNormalization)]
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            yield "scale", (layer.name,)
            yield "offset", (layer.name,)
        elif isinstance(layer, tf.keras.layers.DepthwiseConv2D):
            yield "depthwise", (layer.name,)
            for norm in norms:
                yield "depthwise", (layer.name, norm.name)
        elif getattr(layer, "kernel_quantizer", None) is not None:
            yield "bits", (layer.name,)
            for norm in norms:
                yield "turned_bits", (layer.name, norm.name)
                yield "thresholds", (layer.name, norm.name)
        elif isinstance(layer, tf.keras.layers.Conv2D):
            for norm in norms:
                yield "kernel", (layer.name, norm.name)


def _constants(flatbuffer: bytes) -> Iterator[tuple[int, str, NDArray[np.generic]]]:
    """Yield where each constant lies in the file, its name and its value."""
    first = np.frombuffer(flatbuffer, np.uint8).__array_interface__["data"][0]
    for tensor in read_graph(flatbuffer).tensors:
        if tensor.data is not None:
            yield tensor.data.__array_interface__["data"][0] - first, tensor.name, tensor.data
