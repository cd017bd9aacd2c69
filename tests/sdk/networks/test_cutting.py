"""Cutting: the same numbers, a smaller file, whatever kind of network it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.support.foreign import Foreign
from tests.support.graphs import FLOAT, INT32, GraphBuilder
from tests.support.networks import Network

from headfit.engines import open_engine
from headfit.errors import EngineMissingError, ExtractorError, InputError
from headfit.networks import cut, places, read_graph, write_graph
from headfit.networks.cutting import choose, picture_size
from headfit.networks.tflite import Graph, Operator, Quantization, Tensor

pytest.importorskip("flatbuffers")
NAMES = ["float32", "float16", "dynamic_range", "int8", "uint8", "flattened"]


def test_cut_before_the_classes() -> None:
    """QuickNet cut by itself: softmax and dense of that give the uncut network's output."""
    network = Network("quicknet")
    graph = read_graph(network.model)
    (dense,) = [operator for operator in graph.operators if operator.name == "FULLY_CONNECTED"]
    pooled = graph.tensors[dense.inputs[0]]
    small = cut(network.model)
    assert small == cut(network.model, pooled.name)
    assert len(small) < len(network.model)
    assert {o.name for o in read_graph(small).operators}.isdisjoint({"FULLY_CONNECTED", "SOFTMAX"})
    embedding = open_engine(small, "popcount").run(network.image)
    assert embedding.shape == (64,)
    weights = graph.tensors[dense.inputs[1]].data
    assert weights is not None
    logits = embedding @ weights.T
    powers = np.exp(logits - logits.max())
    np.testing.assert_allclose(powers / powers.sum(), network.embedding, rtol=1e-5)


@pytest.mark.parametrize("engine", ["lce", "litert", "tflite-runtime"])
@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_file_gives_what_keras_gives(name: str, engine: str) -> None:
    """Float, half, quantised in weights alone, and throughout with either kind of 8-bit input."""
    network = Foreign(name)
    small = cut(network.model)
    graph = read_graph(small)
    assert [graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)] == [FLOAT, FLOAT]
    try:
        found = open_engine(small, engine).run(network.image)
    except EngineMissingError as error:
        pytest.skip(str(error))
    assert found.shape == network.embedding.shape
    cosine = found @ network.embedding / np.linalg.norm(found) / np.linalg.norm(network.embedding)
    difference = np.abs(found - network.embedding).max() / np.ptp(network.embedding)
    bounds = {"float16": (0.9999, 0.01), "float32": (0.999999, 1e-5), "flattened": (0.999999, 1e-5)}
    least, most = bounds.get(name, (0.998, 0.05))
    assert cosine >= least
    assert difference <= most


@pytest.mark.parametrize("name", NAMES)
def test_the_place_before_the_classifier_is_found(name: str) -> None:
    """The pooled features, or the map of which a flattening classifier reads every number."""
    graph = read_graph(Foreign(name).model)
    found = places(graph)[choose(graph, None)]
    assert found.embedding_dim == (8 if name == "flattened" else 24)
    assert found.how == ("the mean of 6 x 8" if name == "flattened" else "as they are")


@pytest.mark.parametrize("engine", ["popcount", "lce", "litert"])
def test_pooling_is_what_numpy_computes(engine: str) -> None:
    """Mean, largest, and every number of a map, in the graph."""
    network = Foreign("flattened")
    try:
        every = open_engine(cut(network.model, pool="none"), engine).run(network.image)
        mean = open_engine(cut(network.model), engine).run(network.image)
        largest = open_engine(cut(network.model, pool="max"), engine).run(network.image)
    except EngineMissingError as error:
        pytest.skip(str(error))
    per_place = every.reshape(6 * 8, 8)
    np.testing.assert_allclose(mean, per_place.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(largest, per_place.max(axis=0))
    with pytest.raises(InputError, match="out of mean, max, none, found 'sum'"):
        cut(network.model, pool="sum")


def test_unneeded_tensors_go(network: Network) -> None:
    """Cut anywhere, every tensor that is left is read or written by what is left."""
    for number, one in list(enumerate(places(read_graph(network.model)), 1))[::3]:
        if one.embedding_dim is None:
            continue
        graph = read_graph(cut(network.model, str(number)))
        used = {*graph.inputs, *graph.outputs}
        for operator in graph.operators:
            used |= {i for i in (*operator.inputs, *operator.outputs) if i >= 0}
        assert used == set(range(len(graph.tensors)))
        assert graph.tensors[graph.outputs[0]].shape == (1, one.embedding_dim)


def test_tensors_that_cannot_be_cut_at() -> None:
    network = Network("quicknet")
    with pytest.raises(InputError, match=r"found 0 named 'nowhere'; the last ones are "):
        cut(network.model, "nowhere")
    graph = read_graph(network.model)
    (packed, *_) = [o for o in graph.operators if o.name == "LceQuantize"]
    with pytest.raises(ExtractorError, match="packed bits; cut it after the next float operator"):
        cut(network.model, graph.tensors[packed.outputs[0]].name)


def test_two_tensors_of_one_name_are_told_apart_by_number() -> None:
    builder = GraphBuilder(1, 4, 4, 3)
    first = builder.add("RELU", (0,), (1, 4, 4, 3))
    second = builder.add("ABS", (first,), (1, 4, 4, 3))
    builder.tensors[first] = replace(builder.tensors[first], name="same")
    builder.tensors[second] = replace(builder.tensors[second], name="same")
    model = write_graph(builder.graph(second))
    with pytest.raises(InputError, match="found 2 named 'same', with numbers 1, 2; give a number"):
        cut(model, "same")
    assert [o.name for o in read_graph(cut(model, "1")).operators] == ["RELU", "MEAN"]


def test_channels_first_are_exchanged() -> None:
    """What a conversion from PyTorch takes, (1, 3, height, width), takes pictures as others do."""
    builder = GraphBuilder(1, 3, 4, 5)
    last = builder.constant(np.array([0, 2, 3, 1], "<i4"))
    moved = builder.add("TRANSPOSE", (0, last), (1, 4, 5, 3))
    graph = builder.graph(builder.add("ABS", (moved,), (1, 4, 5, 3)))
    assert picture_size(graph) == (4, 5)
    image = np.random.default_rng(0).normal(size=(1, 4, 5, 3)).astype(np.float32)
    engine = open_engine(cut(write_graph(graph), "2", pool="none"), "popcount")
    np.testing.assert_array_equal(engine.run(image), np.abs(image).ravel())


@pytest.mark.parametrize("pool", ["mean", "max", "none"])
def test_maps_whose_axes_were_exchanged_are_pooled_over_their_places(pool: str) -> None:
    """As a conversion from PyTorch leaves them, before it flattens them for its classifier."""
    builder = GraphBuilder(1, 4, 5, 3)
    widths = builder.constant(np.array([[0, 0], [0, 0], [0, 0], [0, 5]], "<i4"))
    wide = builder.add("PAD", (0, widths), (1, 4, 5, 8))
    first = builder.constant(np.array([0, 3, 1, 2], "<i4"))
    moved = builder.add("TRANSPOSE", (wide, first), (1, 8, 4, 5))
    active = builder.add("ABS", (moved,), (1, 8, 4, 5))
    flat = builder.constant(np.array([1, 160], "<i4"))
    flattened = builder.add("RESHAPE", (active, flat), (1, 160), new_shape=(1, 160))
    weights = builder.constant(np.ones((5, 160), np.float32))
    options = dict.fromkeys(("fused_activation_function", "weights_format"), 0)
    logits = builder.add("FULLY_CONNECTED", (flattened, weights), (1, 5), **options)
    model = write_graph(builder.graph(logits))
    assert choose(read_graph(model), None) == 2
    image = np.random.default_rng(0).normal(size=(1, 4, 5, 3)).astype(np.float32)
    found = open_engine(cut(model, pool=pool), "popcount").run(image)
    channels = np.abs(np.pad(image, [(0, 0), (0, 0), (0, 0), (0, 5)]))[0]
    expected = {
        "mean": channels.mean(axis=(0, 1)),
        "max": channels.max(axis=(0, 1)),
        "none": channels.transpose(2, 0, 1).ravel(),
    }
    np.testing.assert_allclose(found, expected[pool], rtol=1e-5)


def test_of_a_map_of_few_channels_every_number_is_kept() -> None:
    """A mean of each would leave too little."""
    builder = GraphBuilder(1, 4, 5, 3)
    map_ = builder.add("ABS", (0,), (1, 4, 5, 3))
    flat = builder.constant(np.array([1, 60], "<i4"))
    flattened = builder.add("RESHAPE", (map_, flat), (1, 60), new_shape=(1, 60))
    weights = builder.constant(np.ones((5, 60), np.float32))
    options = dict.fromkeys(("fused_activation_function", "weights_format"), 0)
    graph = builder.graph(builder.add("FULLY_CONNECTED", (flattened, weights), (1, 5), **options))
    assert places(graph)[choose(graph, None)].embedding_dim == 60


def test_what_comes_after_the_cut_need_not_be_known() -> None:
    """A detector's own operators are cut off with the rest, and refused where they stay."""
    builder = GraphBuilder(1, 4, 4, 3)
    map_ = builder.add("RELU", (0,), (1, 4, 4, 3))
    boxes = builder.add("LceQuantize", (map_,), (1, 4, 4, 1), INT32)
    model = write_graph(builder.graph(boxes)).replace(b"LceQuantize", b"MyDetection")
    assert [o.name for o in read_graph(cut(model, "1")).operators] == ["RELU", "MEAN"]
    with pytest.raises(ExtractorError, match="custom operator 'MyDetection' is not known"):
        read_graph(model)


def test_what_a_delegate_runs_is_kept_to_the_byte() -> None:
    """An operator that Google's compiler made for the Edge TPU, with what it holds."""
    picture = Tensor("picture", (1, 4, 4, 3), np.dtype("u1"), None, Quantization((0.5,), (128,)))
    made = Tensor("made", (1, 1, 1, 32), np.dtype("u1"), None, Quantization((0.25,), (3,)))
    operator = Operator("edgetpu-custom-op", (0,), (1,), {"data": b"\0compiled\xff"})
    model = write_graph(Graph((picture, made), (operator,), (0,), (1,)))
    names = {o.name: o.options for o in read_graph(cut(model)).operators}
    assert list(names) == ["QUANTIZE", "edgetpu-custom-op", "DEQUANTIZE", "RESHAPE"]
    assert names["edgetpu-custom-op"] == {"data": b"\0compiled\xff"}
    with pytest.raises(ExtractorError, match="does not know the operator"):
        open_engine(cut(model), "popcount")


def _of(shape: tuple[int, ...], dtype: np.dtype[np.generic] = FLOAT) -> Graph:
    builder = GraphBuilder(*shape)
    builder.tensors[0] = replace(builder.tensors[0], dtype=dtype)
    return builder.graph(builder.add("RELU", (0,), shape, dtype))


def _two_inputs() -> Graph:
    graph = _of((1, 4, 4, 32))
    other = Tensor("other", (1, 4, 4, 3), FLOAT)
    return replace(graph, tensors=(*graph.tensors, other), inputs=(0, 2))


def _two_outputs() -> Graph:
    graph = _of((1, 4, 4, 3))
    return replace(graph, outputs=(1, 1))


def _with_nan() -> Graph:
    builder = GraphBuilder(1, 4, 4, 3)
    nan = builder.constant(np.array([1, np.nan, 1], np.float32))
    map_ = builder.add("MUL", (0, nan), (1, 4, 4, 3), fused_activation_function=0)
    return builder.graph(
        builder.add("TILE", (map_, builder.constant(np.array([1, 1, 1, 8], "<i4"))), (1, 4, 4, 24))
    )


REFUSED: dict[str, tuple[Callable[[], Graph], str]] = {
    "text": (lambda: _of((1, 128), INT32), "takes int32 of shape .*as those of texts"),
    "grey": (lambda: _of((1, 8, 8, 1)), "takes pictures in red, green and blue, found"),
    "batch": (lambda: _of((2, 8, 8, 3)), "convert it with batch size 1"),
    "inputs": (_two_inputs, "with one input, the picture, found 2"),
    "outputs": (_two_outputs, "with one output, found 2, as detectors have"),
    "few": (lambda: _of((1, 4, 4, 3)), "found an output 'RELU1' of shape .*as detectors have"),
    "nan": (_with_nan, "weights that are finite numbers, found 1 of 3 in 'constant1'"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_networks_that_are_not_for_pictures(fault: str) -> None:
    make, message = REFUSED[fault]
    with pytest.raises(ExtractorError, match=message):
        cut(write_graph(make()))


def test_one_number_is_no_embedding() -> None:
    builder = GraphBuilder(1, 4, 4, 3)
    axes = builder.constant(np.array([1, 2, 3], "<i4"))
    model = write_graph(builder.graph(builder.add("MEAN", (0, axes), (1, 1, 1, 1), keep_dims=True)))
    with pytest.raises(ExtractorError, match="it becomes one number, which tells no classes apart"):
        cut(model)
