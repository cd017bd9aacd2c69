"""What features are standardised by, and which are constant."""

from __future__ import annotations

import numpy as np
import pytest

from headfit.maths.scaling import ROUNDING, mean_and_scale, scale_of


def test_varying_features_get_mean_and_standard_deviation() -> None:
    """As NumPy computes them in float64, far from zero too."""
    embeddings = np.random.default_rng(0).normal((0, 5, 1000), (1, 0.1, 3), (50, 3))
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
