"""Lowering: only builtin operators of version 1, the same results, in little time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.support.graphs import FLOAT, INT32, ConvolutionCase, GraphBuilder
from tests.support.networks import Network, assert_same_embedding

from headfit.engines.popcount import PopcountEngine
from headfit.errors import ExtractorError
from headfit.networks.lowering import lower
from headfit.networks.tflite import read_graph


def test_only_builtin_operators_of_version_1(network: Network) -> None:
    """Any runtime with TFLite's operators of 2020 loads the lowered network."""
    for operator in read_graph(lower(network.model)).operators:
        assert not operator.name.startswith("Lce")
        assert operator.version == 1, operator.name


def test_popcount_runs_the_lowered_network_too(network: Network) -> None:
    """Float arithmetic in NumPy on the lowered network gives the same embedding."""
    assert_same_embedding(
        PopcountEngine(lower(network.model)).run(network.image), network.embedding
    )


def test_nothing_of_the_packed_network_is_left(network: Network) -> None:
    """Packed filters are dropped: what int32 constants remain are shapes, axes and paddings."""
    for tensor in read_graph(lower(network.model)).tensors:
        assert tensor.dtype != np.int32 or np.prod(tensor.shape) <= 8


def test_lowering_twice_changes_nothing(network: Network) -> None:
    """A network without LCE's operators passes as it is, and equal input gives equal bytes."""
    once = lower(network.model)
    assert lower(network.model) == once
    assert lower(once) == once


def test_a_network_that_returns_packed_bits() -> None:
    builder = GraphBuilder(1, 2, 2, 32)
    packed = builder.add("LceQuantize", (0,), (1, 2, 2, 1), INT32)
    model = builder.model(packed)
    with pytest.raises(ExtractorError, match="reads packed bits"):
        lower(model)


def test_bits_that_no_operator_has_packed() -> None:
    """An int32 constant or input is no tensor of signs."""
    builder = GraphBuilder(1, 2, 2, 32)
    words = builder.constant(np.zeros((1, 2, 2, 1), INT32))
    bits = builder.add("LceDequantize", (words,), (1, 2, 2, 32), FLOAT)
    total = builder.add("ADD", (0, bits), (1, 2, 2, 32), FLOAT)
    with pytest.raises(ExtractorError, match="packed bits that no operator of LCE has made"):
        lower(builder.model(total))


@pytest.mark.slow
def test_four_megabytes_in_a_second() -> None:
    """A network of 4 MB of packed filters is lowered in less than a second of one core."""
    case = ConvolutionCase((8, 8), 1024, (3, 3), 3640)
    model = case.model()
    assert len(model) > 4 << 20
    durations = []
    for _ in range(3):
        start = time.thread_time()
        lower(model)
        durations.append(time.thread_time() - start)
    assert min(durations) < 1
