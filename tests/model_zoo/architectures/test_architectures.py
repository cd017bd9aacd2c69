from __future__ import annotations

import larq_compute_engine as lce
import numpy as np
import pytest
import tensorflow as tf

from headfit.engines import open_engine
from headfit_zoo.architectures import alexnet, residual


@pytest.mark.parametrize("binary", [True, False])
def test_alexnet_computes_alike_in_training_and_when_converted(binary: bool) -> None:
    """The dense layers are a matrix product in one, a convolution in the other."""
    tf.keras.utils.set_random_seed(1)
    settings = {"widths": (8, 8, 16, 8, 8), "dense": (32, 24), "variant": 64, "binary": binary}
    trained, converted = alexnet.build(5, None, **settings), alexnet.build(5, 64, **settings)
    converted.set_weights(trained.get_weights())
    pictures = np.random.default_rng(0).normal(size=(3, 64, 64, 3)).astype(np.float32)
    ours = trained.predict(pictures, verbose=0)
    assert np.ptp(ours) > 0.1
    np.testing.assert_allclose(converted.predict(pictures, verbose=0), ours, rtol=1e-4, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[3,2,3,8\] is not compatible"):
        trained.predict(pictures[:, :48], verbose=0)


@pytest.mark.parametrize("engine", ["lce", "litert", "popcount", "native"])
def test_a_network_that_ends_in_roots_gives_those_of_its_means(engine: str) -> None:
    """In every engine; silent channels, whose root is 0, are among them."""
    tf.keras.utils.set_random_seed(1)
    settings = {"widths": (32, 32), "blocks": (1, 1)}
    plain, ending = (residual.build(2, 32, roots=roots, **settings) for roots in (False, True))
    plain.get_layer("stage2_block1_bn").beta.assign([-100.0, *[0.0] * 31])
    ending.set_weights(plain.get_weights())
    data, expected = (
        lce.convert_keras_model(tf.keras.Model(model.input, model.get_layer("embedding").output))
        for model in (ending, plain)
    )
    picture = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    means = open_engine(expected, engine).run(picture)
    assert (means == 0).any()
    assert np.ptp(means) > 0.1
    np.testing.assert_allclose(open_engine(data, engine).run(picture), np.sqrt(means), 1e-6)
