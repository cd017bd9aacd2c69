"""The popcount engine: the same embeddings from NumPy alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.support.graphs import INT32, ConvolutionCase, convolution_model
from tests.support.networks import DATA, Network, assert_same_embedding

from headfit.engines.popcount import PopcountEngine, counting
from headfit.errors import InputError
from headfit.maths import bits


def test_gives_lces_embedding(network: Network) -> None:
    """Counting bits in NumPy gives what LCE's reference kernels gave."""
    engine = PopcountEngine(network.model)
    assert engine.input_shape == network.image.shape
    assert engine.embedding_dim == len(network.embedding)
    assert_same_embedding(engine.run(network.image), network.embedding)


@pytest.mark.parametrize("name", ["bitpacked", "maxpool", "grouped", "zero_padded"])
def test_is_bit_equal_where_hardly_anything_is_float(name: str) -> None:
    """Networks of binary operators behind one small convolution agree to the last bit."""
    network = Network(name)
    np.testing.assert_array_equal(
        PopcountEngine(network.model).run(network.image), network.embedding
    )


@pytest.fixture(params=["counted", "added", "multiplied"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's count, NumPy 1's sums, the matrix product in turn, whatever is fastest."""
    monkeypatch.setattr(counting, "_MULTIPLIES", request.param == "multiplied")
    monkeypatch.setattr(counting, "_MANY_PLACES", 1)
    if request.param == "added":
        monkeypatch.setattr(bits, "count_bits", bits._added_count)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["bitpacked", "maxpool", "grouped", "zero_padded"])
def test_every_way_of_counting(name: str) -> None:
    """Each gives the same bits."""
    network = Network(name)
    np.testing.assert_array_equal(
        PopcountEngine(network.model).run(network.image), network.embedding
    )


@pytest.mark.parametrize("way", ["multiplied"], indirect=True)
@pytest.mark.usefixtures("way")
def test_the_longest_products_are_exact() -> None:
    """One value out of 4 Mi, the most that are accepted, is seen in a sum of floats."""
    case = ConvolutionCase((4, 4), 1 << 18, (4, 4), 3, padding=1)
    filters = np.zeros((3, 4, 4, 1 << 13), INT32)
    filters[1, 3, 3, -1] = 1
    filters[2] = -1
    ones = np.ones(3, np.float32)
    model = convolution_model(case, filters, ones, 0 * ones, np.zeros(3, INT32))
    image = np.ones((1, 4, 4, 1 << 18), np.float32)
    assert PopcountEngine(model).run(image).tolist() == [1 << 22, (1 << 22) - 2, -1 << 22]


def test_neither_changes_its_input_nor_remembers_it(network: Network) -> None:
    """A second run gives the same, and the picture is untouched."""
    engine = PopcountEngine(network.model)
    image = network.image.copy()
    first = engine.run(image)
    engine.run(-image)
    np.testing.assert_array_equal(image, network.image)
    np.testing.assert_array_equal(engine.run(image), first)


def test_refuses_other_inputs() -> None:
    engine = PopcountEngine((DATA / "maxpool.tflite").read_bytes())
    with pytest.raises(InputError, match=r"takes shape \(1, 24, 24, 3\), found \(24, 24, 3\)"):
        engine.run(np.zeros((24, 24, 3), np.float32))
    with pytest.raises(InputError, match="found float64"):
        engine.run(np.zeros((1, 24, 24, 3)))


def test_needs_numpy_only() -> None:
    """One embedding in a fresh process imports no flatbuffers and no native runtime."""
    code = f"""
import sys
from pathlib import Path
import numpy as np
from headfit.engines import open_engine
engine = open_engine(Path({str(DATA / "maxpool.tflite")!r}).read_bytes(), "popcount")
assert np.isfinite(engine.run(np.ones(engine.input_shape, np.float32))).all()
others = {{"flatbuffers", "larq_compute_engine", "tflite_runtime", "ai_edge_litert"}}
assert not others & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
