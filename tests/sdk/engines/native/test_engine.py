"""The native engine: one call for a network, from any thread, with any array."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.graphs import GraphBuilder
from tests.support.networks import DATA, Network, assert_same_embedding

from headfit.engines.native import NativeEngine
from headfit.engines.native.library import Kernels
from headfit.engines.native.memory import Buffer, arrange, round_up
from headfit.errors import ExtractorError, InputError


def test_gives_lces_embedding(network: Network, kernels: Kernels) -> None:
    """Whole networks, in every kind of kernels; twice, for an arena is used again."""
    engine = NativeEngine(network.model, kernels)
    assert kernels.name in engine.version
    first = engine.run(network.image)
    assert_same_embedding(first, network.embedding)
    engine.run(-network.image)
    np.testing.assert_array_equal(engine.run(network.image), first)


def test_kernels_agree_to_the_bit(network: Network, kernels: Kernels) -> None:
    """No processor gives other embeddings than another: float sums have one order."""
    expected = NativeEngine(network.model).run(network.image)
    np.testing.assert_array_equal(NativeEngine(network.model, kernels).run(network.image), expected)


@pytest.mark.parametrize("name", ["bitpacked", "maxpool", "grouped", "zero_padded"])
def test_is_bit_equal_where_hardly_anything_is_float(name: str, kernels: Kernels) -> None:
    network = Network(name)
    actual = NativeEngine(network.model, kernels).run(network.image)
    np.testing.assert_array_equal(actual, network.embedding)


def test_any_array_of_the_right_shape() -> None:
    """Not contiguous, not aligned, read-only: the numbers count."""
    network = Network("maxpool")
    engine = NativeEngine(network.model)
    expected = engine.run(network.image)
    shape = network.image.shape
    strided = np.repeat(network.image, 2, axis=2)[:, :, ::2]
    memory = bytearray(network.image.nbytes + 1)
    unaligned = np.frombuffer(memory, np.float32, network.image.size, offset=1).reshape(shape)
    unaligned[...] = network.image
    frozen = network.image.copy()
    frozen.setflags(write=False)
    for image in (strided, unaligned, frozen, network.image.astype("<f4", order="F")):
        np.testing.assert_array_equal(engine.run(image), expected)
    with pytest.raises(InputError, match="found float64"):
        engine.run(network.image.astype(float))


def test_threads_run_side_by_side() -> None:
    """Each call has memory of its own: no answer is another's."""
    network = Network("residual")
    engine = NativeEngine(network.model)
    rng = np.random.default_rng(0)
    images = [rng.standard_normal(engine.input_shape).astype(np.float32) for _ in range(4)]
    expected = [engine.run(image) for image in images]
    wrong: list[int] = []
    start = threading.Barrier(len(images))

    def embed(i: int) -> None:
        start.wait()
        for _ in range(40):
            if not np.array_equal(engine.run(images[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=embed, args=[i]) for i in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert engine.side_by_side


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork() -> None:
    network = Network("maxpool")
    engine = NativeEngine(network.model)
    expected = engine.run(network.image)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(engine.run(network.image), expected) else 3)
    np.testing.assert_array_equal(engine.run(network.image), expected)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_refuses_what_it_cannot_count() -> None:
    """Counts have 16 bits; popcount goes on to 4 Mi."""
    from tests.support.graphs import ConvolutionCase

    case = ConvolutionCase((4, 4), 1 << 13, (4, 4), 1, padding=1)
    with pytest.raises(ExtractorError, match="counts to 65535"):
        NativeEngine(case.model())


def test_refuses_unknown_operators() -> None:
    builder = GraphBuilder(1, 1, 1, 8)
    y = builder.add("TANH", (0,), (1, 1, 1, 8))
    with pytest.raises(ExtractorError, match="does not know the operators TANH"):
        NativeEngine(builder.flat_graph(y))


def test_refuses_more_memory_than_there_should_be() -> None:
    """A few bytes of file that ask for a gigabyte."""
    builder = GraphBuilder(1, 4, 4, 1)
    widths = np.array([[0, 0], [0, 1 << 14], [0, 1 << 14], [0, 0]], np.int32)
    shape = (1, 4 + (1 << 14), 4 + (1 << 14), 1)
    y = builder.add("PAD", (0, builder.constant(widths)), shape)
    y = builder.add("ABS", (y,), shape)
    axes = builder.constant(np.array([1, 2], np.int32))
    y = builder.add("MEAN", (y, axes), (1, 1), keep_dims=False)
    with pytest.raises(ExtractorError, match="at most 1073741824"):
        NativeEngine(builder.flat_graph(y))


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9), st.integers(0, 4)), max_size=12))
def test_buffers_of_one_time_lie_apart(wanted: list[tuple[int, int, int]]) -> None:
    buffers = [Buffer(size, first, first + length) for size, first, length in wanted]
    arena = arrange(buffers)
    for i, a in enumerate(buffers):
        assert 0 <= a.place <= arena - round_up(a.size)
        assert a.place % 64 == 0
        for b in buffers[:i]:
            apart = a.place + a.size <= b.place or b.place + b.size <= a.place
            assert apart or a.last < b.first or b.last < a.first or not a.size or not b.size


def test_the_library_needs_nothing() -> None:
    """No symbol of a libc, no other library: one file for every Linux and every Android."""
    from headfit.engines.native.library import load_library

    path = load_library().path
    if path.suffix != ".so":
        pytest.skip("not a Linux library")
    content = path.read_bytes()
    assert b"libc.so" not in content
    assert b"GLIBC" not in content
    assert len(content) < 200_000
    assert (DATA / "MAKE.md").is_file()
