"""Cutting: the same numbers, a smaller file."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.networks import Network

from headfit.engines import open_engine
from headfit.errors import EngineMissingError, ExtractorError, InputError
from headfit.networks.cutting import cut, cuttable_tensors
from headfit.networks.tflite import read_graph


def test_cut_before_the_classes() -> None:
    """QuickNet cut at its pooling: softmax and dense of that give the uncut network's output."""
    network = Network("quicknet")
    graph = read_graph(network.model)
    (dense,) = [operator for operator in graph.operators if operator.name == "FULLY_CONNECTED"]
    pooled = graph.tensors[dense.inputs[0]]
    assert (pooled.name, pooled.shape) in cuttable_tensors(network.model)
    small = cut(network.model, pooled.name)
    assert len(small) < len(network.model)
    assert {o.name for o in read_graph(small).operators}.isdisjoint({"FULLY_CONNECTED", "SOFTMAX"})
    embedding = open_engine(small, "popcount").run(network.image)
    assert embedding.shape == (64,)
    weights = graph.tensors[dense.inputs[1]].data
    assert weights is not None
    logits = embedding @ weights.T
    powers = np.exp(logits - logits.max())
    np.testing.assert_allclose(powers / powers.sum(), network.embedding, rtol=1e-5)


def test_native_engines_read_what_was_cut() -> None:
    """The file that cutting writes is good for LCE's and Google's interpreters."""
    network = Network("quicknet")
    name, _ = next(pair for pair in cuttable_tensors(network.model) if pair[1] == (1, 64))
    small = cut(network.model, name)
    expected = open_engine(small, "popcount").run(network.image)
    compared = 0
    for engine in ("lce", "litert", "tflite-runtime"):
        try:
            found = open_engine(small, engine).run(network.image)
        except EngineMissingError:
            continue
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        compared += 1
    if not compared:
        pytest.skip("no native engine is installed")


def test_unneeded_tensors_go(network: Network) -> None:
    """Cut anywhere, every tensor that is left is read or written by what is left."""
    for name, _ in cuttable_tensors(network.model)[::3]:
        graph = read_graph(cut(network.model, name))
        used = {*graph.inputs, *graph.outputs}
        for operator in graph.operators:
            used |= {i for i in (*operator.inputs, *operator.outputs) if i >= 0}
        assert used == set(range(len(graph.tensors)))
        assert graph.tensors[graph.outputs[0]].name == name


def test_tensors_that_cannot_be_cut_at() -> None:
    network = Network("quicknet")
    with pytest.raises(InputError, match=r"found 0 named 'nowhere'; the last ones are "):
        cut(network.model, "nowhere")
    graph = read_graph(network.model)
    (packed, *_) = [o for o in graph.operators if o.name == "LceQuantize"]
    with pytest.raises(ExtractorError, match="expected a float32 tensor"):
        cut(network.model, graph.tensors[packed.outputs[0]].name)
