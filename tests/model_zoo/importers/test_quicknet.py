from __future__ import annotations

import io
from pathlib import Path

import h5py
import larq as lq
import larq_compute_engine as lce
import numpy as np
import pytest
import tensorflow as tf

from headfit.errors import FileFormatError
from headfit_zoo.architectures import quicknet
from headfit_zoo.architectures.summary import summarise
from headfit_zoo.architectures.top import cut_top
from headfit_zoo.conversion.emptying import random_weights, set_weights, shapes_of
from headfit_zoo.importers.quicknet import read

TINY = {"widths": (32, 32, 64, 64), "blocks": (1, 1, 1, 1)}
PUBLISHED_PARAMETERS = {
    "quicknet": 13_234_088,
    "quicknet_small": 12_655_688,
    "quicknet_large": 23_342_248,
}
"""With the classifier, from Larq Zoo's documentation."""


def tiny(seed: int) -> tf.keras.Model:
    model = quicknet.build(7, 64, **TINY)
    set_weights(model, random_weights(model, seed))
    return model


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Random weights in the form in which Larq Zoo publishes them."""
    path = tmp_path_factory.mktemp("weights") / "quicknet.h5"
    tiny(3).save_weights(path)
    return path.read_bytes()


def test_random_weights_come_through_to_the_engine(weights: bytes) -> None:
    """From the file to Keras every number is kept, and LCE computes the same embedding."""
    source, model = tiny(3), tiny(4)
    set_weights(model, read(weights, "quicknet.h5", shapes_of(model)))
    for ours, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    picture = np.random.default_rng(1).normal(0, 1, (1, 64, 64, 3)).astype(np.float32)
    expected = cut_top(source).predict(picture, verbose=0)
    flatbuffer = lce.convert_keras_model(cut_top(model))
    actual = lce.testing.Interpreter(flatbuffer, num_threads=1).predict(picture)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(actual, expected, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("name", list(quicknet.SIZES))
def test_the_networks_have_the_published_size(name: str) -> None:
    """Parameters, counted as Larq does, are those that Larq Zoo documents."""
    _, whole = summarise(quicknet.build(1000, 224, name=name, **quicknet.SIZES[name]))
    assert whole.parameters + 513 * 1000 == PUBLISHED_PARAMETERS[name]
    assert whole.shape == (512,)


def test_only_the_blocks_are_binary() -> None:
    """Sixteen binary convolutions; stem, transitions and classifier are float."""
    model = quicknet.build(1000, 224)
    binary = [layer for layer in model.layers if isinstance(layer, lq.layers.QuantConv2D)]
    assert len(binary) == 16


def test_other_files_are_refused(weights: bytes, tmp_path: Path) -> None:
    """A cut file, other layers, other shapes and no Keras file at all each get a sentence."""
    shapes = shapes_of(quicknet.build(7, 64, **TINY))
    with pytest.raises(FileFormatError, match=r"net\.h5: expected a Keras weight file"):
        read(weights[:1000], "net.h5", shapes)
    more = shapes_of(quicknet.build(7, 64, widths=(32, 32, 64, 64), blocks=(1, 1, 1, 2)))
    with pytest.raises(FileFormatError, match=rf"{len(more)} arrays, found {len(shapes)}"):
        read(weights, "net.h5", more)
    other = quicknet.build(7, 64, widths=(32, 64, 64, 64), blocks=(1, 1, 1, 1))
    with pytest.raises(FileFormatError, match="of another network"):
        read(weights, "net.h5", shapes_of(other))
    empty = io.BytesIO()
    with h5py.File(empty, "w"):
        pass
    with pytest.raises(FileFormatError, match="layer_names"):
        read(empty.getvalue(), "net.h5", shapes)
