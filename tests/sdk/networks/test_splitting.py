"""A network in two halves gives what the whole gives, in every engine, and takes other blocks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.support.networks import NETWORKS, Network, assert_same_embedding

from headfit.engines.retrained import TunedEngine, open_front, replace_blocks
from headfit.errors import EngineMissingError, ExtractorError, InputError
from headfit.files.blockfile import PackedBlock
from headfit.networks.splitting import split
from headfit.networks.tflite import Graph, read_graph

ENGINES = ["lce", "litert", "tflite-runtime", "popcount"]


def blocks_of(tail: Graph) -> list[PackedBlock]:
    blocks = []
    for operator in tail.operators:
        if operator.name == "LceBconv2d":
            filters, multiplier, bias = (tail.tensors[i].data for i in operator.inputs[1:4])
            blocks.append(PackedBlock(filters.view("<u4"), multiplier, bias))
    return blocks


@pytest.mark.parametrize("n_blocks", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_halves_are_the_whole(name: str, engine: str, n_blocks: int) -> None:
    """Whatever is at the border: floats, packed bits, a shortcut, the pooled stage before."""
    network = Network(name)
    try:
        front, tail = open_front(network.model, n_blocks, engine)
    except EngineMissingError as error:
        pytest.skip(str(error))
    tuned = TunedEngine(front, tail)
    assert tuned.input_shape == network.image.shape
    assert tuned.embedding_dim == network.embedding.size
    assert_same_embedding(tuned.run(network.image), network.embedding)


def test_the_embedded_extractor_is_cut_where_it_should_be() -> None:
    """The last block sees 7 x 7 x 256 numbers, once; the embedding needs 128 more."""
    from headfit.extractors.finding import find_extractor

    halves = split(find_extractor().read_bytes())
    shapes = [halves.tail.tensors[i].shape for i in halves.tail.inputs]
    assert shapes == [(1, 128), (1, 7, 7, 256)]
    names = [operator.name for operator in halves.tail.operators]
    assert names == ["LceQuantize", "LceBconv2d", "ADD", "MEAN", "CONCATENATION", "SQRT"]


def test_other_blocks_change_the_embedding_as_they_should() -> None:
    """A multiplier of zero leaves the bias: the convolution has no say any more."""
    network = Network("maxpool")  # ends with LceQuantize, LceBconv2d, MEAN
    front, tail = open_front(network.model, 1, "popcount")
    (block,) = blocks_of(tail)
    bias = np.arange(len(block.bias), dtype=np.float32)
    silent = dataclasses.replace(block, multiplier=np.zeros_like(block.multiplier), bias=bias)
    embedding = TunedEngine(front, replace_blocks(tail, [silent])).run(network.image)
    np.testing.assert_allclose(embedding, bias, rtol=1e-6)
    assert blocks_of(tail)[0] is not silent  # the tail itself stays as it was


@pytest.mark.parametrize("n_blocks", [0, -1, 100])
def test_no_such_block(n_blocks: int) -> None:
    with pytest.raises(InputError, match="expected 1 to 2 blocks"):
        split(Network("maxpool").model, n_blocks)


def test_blocks_of_another_network_are_refused() -> None:
    """Too few, of other shapes, or with bits where no channel is."""
    tail = split(Network("zero_padded").model).tail
    (block,) = blocks_of(tail)
    with pytest.raises(ExtractorError, match="expected 1 binary blocks, found 2"):
        replace_blocks(tail, [block, block])
    with pytest.raises(ExtractorError, match="another network"):
        replace_blocks(tail, [dataclasses.replace(block, bias=block.bias[:-1])])
    with pytest.raises(ExtractorError, match="another network"):
        replace_blocks(tail, [dataclasses.replace(block, filters=block.filters[:, :, :, :1])])
    filters = block.filters.copy()  # 70 channels: 26 bits of the third word are none
    filters[0, 0, 0, 2] |= 1 << 31
    with pytest.raises(ExtractorError, match="26 zero bits"):
        replace_blocks(tail, [dataclasses.replace(block, filters=filters)])


def test_reading_does_not_depend_on_the_cut() -> None:
    """Both halves hold what the whole held, and nothing twice."""
    graph = read_graph(Network("residual").model)
    halves = split(Network("residual").model, 3)
    inner = [o.name for half in (halves.front, halves.tail) for o in half.operators]
    assert sorted(inner) == sorted([o.name for o in graph.operators] + added(halves.front))


def added(front: Graph) -> list[str]:
    """The operators that flatten and join what the tail needs."""
    names = [operator.name for operator in front.operators]
    return names[names.index("RESHAPE") :]
