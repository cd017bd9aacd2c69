from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from headfit_zoo.architectures import alexnet


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
