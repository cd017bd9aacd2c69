"""A head on its network in Keras gives the probabilities that it gives on the device."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from headfit import (
    InputError,
    MultiLabelHead,
    NotFittedError,
    SoftmaxHead,
    UnshareableHeadError,
)
from headfit_zoo.architectures import residual
from headfit_zoo.architectures.top import cut_top
from headfit_zoo.conversion.heads import with_head


@pytest.fixture(scope="module")
def model() -> tf.keras.Model:
    tf.keras.utils.set_random_seed(0)
    return residual.build(4, 32)


@pytest.mark.parametrize("method", ["logistic", "binary"])
def test_keras_gives_the_probabilities_of_the_head(model: tf.keras.Model, method: str) -> None:
    """To float32 rounding, on pictures that the head was not fitted on."""
    pictures = np.random.default_rng(0).normal(size=(40, 32, 32, 3)).astype(np.float32)
    embeddings = cut_top(model).predict(pictures, verbose=0)
    head = SoftmaxHead(method=method, l2=1).fit(embeddings[:20], np.tile(["a", "b", "c", "d"], 5))
    classifier = with_head(model, head)
    expected = head.predict_proba(embeddings)
    assert np.ptp(expected) > 0.3
    np.testing.assert_allclose(classifier.predict(pictures, verbose=0), expected, atol=1e-5)
    assert classifier.output_shape == (None, 4)


def test_a_multi_label_head_gets_a_sigmoid_per_class(model: tf.keras.Model) -> None:
    pictures = np.random.default_rng(0).normal(size=(40, 32, 32, 3)).astype(np.float32)
    embeddings = cut_top(model).predict(pictures, verbose=0)
    is_shown = np.random.default_rng(1).random((20, 3)) < 0.5
    head = MultiLabelHead(l2=1).fit(embeddings[:20], is_shown, classes=["a", "b", "c"])
    classifier = with_head(model, head)
    expected = head.predict_proba(embeddings)
    assert np.ptp(expected.sum(axis=1)) > 0.3
    np.testing.assert_allclose(classifier.predict(pictures, verbose=0), expected, atol=1e-5)
    is_shown[:, 2] = np.arange(20) < 2
    few = MultiLabelHead().fit(embeddings[:20], is_shown, classes=["a", "b", "c"])
    with pytest.raises(UnshareableHeadError, match=r"'c' \(2\)"):
        with_head(model, few)


def test_what_does_not_fit_is_refused(model: tf.keras.Model) -> None:
    with pytest.raises(NotFittedError):
        with_head(model, SoftmaxHead())
    other = SoftmaxHead().fit(np.eye(4), ["a", "b", "a", "b"])
    with pytest.raises(InputError, match=r"4 wide as the head is, found \d+"):
        with_head(model, other)


def test_a_head_of_single_photos_is_refused_unless_forced(model: tf.keras.Model) -> None:
    width = cut_top(model).output_shape[-1]
    few = SoftmaxHead().fit(np.eye(4, width), ["a", "a", "a", "b"])
    with pytest.raises(UnshareableHeadError, match=r"'b' \(1\)"):
        with_head(model, few)
    assert with_head(model, few, force=True).output_shape == (None, 2)
