from __future__ import annotations

import larq as lq
import larq_compute_engine as lce
import numpy as np
import pytest
import tensorflow as tf
from tests.model_zoo.conftest import SMALL

from headfit.errors import ExtractorError
from headfit_zoo.architectures import residual
from headfit_zoo.architectures.top import cut_top
from headfit_zoo.conversion.recovering import recover

PICTURES = np.random.default_rng(0).normal(0, 1, (16, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def original() -> tf.keras.Model:
    """A network whose batch norms do something, as after a training."""
    model = residual.build(3, 64, **SMALL)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            gamma, _, mean, _ = layer.get_weights()
            n = len(gamma)
            layer.set_weights(
                [rng.uniform(0.5, 2, n), rng.normal(0, 0.3, n), mean, rng.uniform(0.5, 9, n)]
            )
    return model


@pytest.fixture(scope="module")
def flatbuffer(original: tf.keras.Model) -> bytes:
    data: bytes = lce.convert_keras_model(cut_top(original))
    return data


def test_what_was_converted_comes_back(original: tf.keras.Model, flatbuffer: bytes) -> None:
    """The recovered network has every sign and the same embeddings, and so has its conversion."""
    recovered = residual.build(3, 64, **SMALL)
    recover(flatbuffer, recovered, PICTURES)
    for ours, theirs in zip(recovered.layers, original.layers, strict=True):
        if isinstance(ours, lq.layers.QuantConv2D):
            assert np.array_equal(np.sign(ours.get_weights()[0]), np.sign(theirs.get_weights()[0]))
    expected, found = (
        cut_top(model).predict(PICTURES, verbose=0) for model in (original, recovered)
    )
    # A sign may turn where an activation is within rounding of zero: see docs/results.md.
    near = np.abs(found - expected).max(1) < 1e-3 * np.abs(expected).max()
    assert near.mean() >= 0.9
    again = lce.testing.Interpreter(lce.convert_keras_model(cut_top(recovered)), num_threads=1)
    through = again.predict(PICTURES)
    assert (np.abs(through - found).max(1) < 1e-3 * np.abs(expected).max()).mean() >= 0.9


def test_batch_statistics_are_those_of_the_pictures(flatbuffer: bytes) -> None:
    """Training mode, which normalises by the batch, gives the function that inference gives."""
    recovered = residual.build(3, 64, **SMALL)
    recover(flatbuffer, recovered, PICTURES)
    for layer in recovered.layers:
        if layer.name == "stem_conv_bn":
            x = recovered.get_layer("stem_conv")(PICTURES).numpy()
            _, _, mean, variance = layer.get_weights()
            assert mean == pytest.approx(x.mean((0, 1, 2)), abs=1e-4)
            assert variance == pytest.approx(x.var((0, 1, 2)), rel=1e-3)
            assert layer(x, training=True).numpy() == pytest.approx(
                layer(x, training=False).numpy(), abs=1e-3
            )


def test_another_network_is_refused(flatbuffer: bytes) -> None:
    """A file of other widths, and a damaged one, leave a sentence."""
    with pytest.raises(ExtractorError, match="this is another network"):
        recover(flatbuffer, residual.build(3, 64), PICTURES)
    with pytest.raises(ExtractorError):
        recover(flatbuffer[:100], residual.build(3, 64, **SMALL), PICTURES)
