"""What features are standardised by, and which are constant."""

from __future__ import annotations

import numpy as np
import pytest

from headfit import SoftmaxHead
from headfit.files.tensors import rounded
from headfit.maths.scaling import LEAST_SPREAD, ROUNDING, mean_and_scale, scale_of


def test_varying_features_get_mean_and_standard_deviation() -> None:
    """As NumPy computes them in float64, far from zero too."""
    embeddings = np.random.default_rng(0).normal((0, 5, 1000), (1, 0.8, 3), (50, 3))
    embeddings = embeddings.astype(np.float32)
    mean, scale = mean_and_scale(embeddings)
    assert mean.dtype == scale.dtype == np.float32
    exact = embeddings.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(scale, exact.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e6, 0.1])
def test_a_constant_feature_is_zero_once_standardised(value: float) -> None:
    """Its scale is infinite, though float32 rounds its mean."""
    embeddings = np.full((7, 1), value, np.float32)
    mean, scale = mean_and_scale(embeddings)
    assert scale[0] == np.inf
    assert ((embeddings - mean) / scale == 0).all()


def test_what_float32_cannot_hold_is_constant() -> None:
    """A spread that float64 tells from 0 and float32 does not would divide by 0."""
    variance = np.array([1e-100])
    assert scale_of(variance, np.zeros(1, np.float32))[0] == np.inf
    assert scale_of(variance, np.zeros(1))[0] == 1e-50


def test_a_variance_below_zero_counts_as_none() -> None:
    """A difference of sums may come out so; beside it what just varies keeps its scale."""
    mean = np.array([1.0, 1.0, 1.0])
    variance = np.array([-1e-17, ROUNDING**2 * 0.99, ROUNDING**2 * 1.01])
    scale = scale_of(variance, mean)
    assert np.isinf(scale).tolist() == [True, True, False]


def test_a_feature_that_hardly_varies_is_not_blown_up() -> None:
    """It is divided by a share of what the others vary by; constant ones do not count there."""
    variance = np.array([4.0, 1.0, 9.0, 1e-8, 0.0])
    scale = scale_of(variance, np.ones(5))
    np.testing.assert_allclose(scale, [2, 1, 3, 1.5 * LEAST_SPREAD, np.inf])


def test_int8_keeps_a_head_on_a_feature_that_hardly_varies() -> None:
    """Weights of that feature alone would set the scale, and the others would be rounded away."""
    rng = np.random.default_rng(0)
    targets = np.arange(90) % 3
    embeddings = rng.normal(size=(90, 8)) + 2 * np.eye(3, 8)[targets]
    embeddings[:, 7] = 1e-4 * (embeddings[:, 7] + targets)
    head = SoftmaxHead().fit(embeddings.astype(np.float32), targets.astype(str))
    new = (rng.normal(size=(300, 8)) + 2 * np.eye(3, 8)[np.arange(300) % 3]).astype(np.float32)
    new[:, 7] = 0
    stored = new @ rounded(head.weights_, "int8") + head.bias_
    agreeing = (stored.argmax(axis=1) == head.predict_proba(new).argmax(axis=1)).mean()
    assert agreeing > 0.98
