"""The head of signs: the gradient it follows, how it predicts, what it learns."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.numeric import numeric_gradient
from tests.support.plain_place import PlainPlace

from headfit import Extractor, SoftmaxHead
from headfit.learning.binary import binary_logits, fit_binary, signs_loss_and_gradient
from headfit.maths.lbfgs import minimise_lbfgs


def test_the_gradient_is_that_of_the_whole_loss() -> None:
    """By signs taken for any numbers, by scales and by biases, the penalty on."""
    rng = np.random.default_rng(0)
    signs, log_scales, bias = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)
    features = np.sign(rng.normal(size=(7, 5)))
    wanted = rng.dirichlet(np.ones(3), size=7)

    def loss(*parameters: np.ndarray) -> float:
        return signs_loss_and_gradient(*parameters, features, wanted, 0.3)[0]

    _, gradients = signs_loss_and_gradient(signs, log_scales, bias, features, wanted, 0.3)
    for index, found in enumerate(gradients):

        def loss_by_one(part: np.ndarray, index: int = index) -> float:
            parameters = [signs, log_scales, bias]
            parameters[index] = part
            return loss(*parameters)

        expected = numeric_gradient(loss_by_one, (signs, log_scales, bias)[index])
        np.testing.assert_allclose(expected, found, rtol=1e-6, atol=1e-9)


def test_the_penalty_is_on_the_squared_weights() -> None:
    signs = np.array([[1, -1], [-1, -1], [1, 1]], np.float32)
    log_scales = np.log(np.array([0.5, 2], np.float32))
    features = np.array([[1, -1, 1], [-1, -1, 1]], np.float32)
    arguments = (signs, log_scales, np.zeros(2), features, np.eye(2))
    difference = (
        signs_loss_and_gradient(*arguments, 0.7)[0] - signs_loss_and_gradient(*arguments, 0.0)[0]
    )
    weights = signs * np.exp(log_scales)
    assert difference == pytest.approx(0.7 / 2 * np.square(weights).sum())


@given(st.integers(1, 200), st.integers(2, 9), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_counting_bits_is_the_float_formula(
    embedding_dim: int, n_classes: int, n_samples: int, seed: int
) -> None:
    """To the bit: sums of signs are whole numbers."""
    rng = np.random.default_rng(seed)
    embeddings = rng.integers(-2, 3, (n_samples, embedding_dim)).astype(np.float32)
    thresholds = rng.integers(-2, 3, embedding_dim).astype(np.float32)
    signs = rng.choice(np.array([-1, 1], np.float32), (embedding_dim, n_classes))
    scales = rng.random(n_classes).astype(np.float32) + np.float32(0.01)
    bias = rng.normal(size=n_classes).astype(np.float32)
    expected = np.where(embeddings >= thresholds, 1, -1).astype(np.float32) @ signs * scales + bias
    found = binary_logits(embeddings, signs * scales, bias, thresholds)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(expected, found)


def examples(n_per_class: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return embeddings of three classes that overlap a little, and their names."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(3, 40))
    embeddings = np.repeat(centres, n_per_class, axis=0) + rng.normal(size=(3 * n_per_class, 40))
    return embeddings.astype(np.float32), list(np.repeat(["a", "b", "c"], n_per_class))


def test_a_binary_head_learns_and_its_file_brings_it_back(tmp_path: Path) -> None:
    embeddings, names = examples(100)
    others, expected = examples(100, seed=1)
    kept = embeddings.copy()
    head = SoftmaxHead(method="binary").fit(embeddings, names)
    np.testing.assert_array_equal(kept, embeddings)
    assert (head.predict(others) == expected).mean() > 0.95
    for column in head.weights_.T:
        assert len(np.unique(np.abs(column))) == 1
    head.save(tmp_path / "mine.head")
    loaded = SoftmaxHead.load(tmp_path / "mine.head")
    assert (loaded.storage_, loaded.training_) == ("binary", head.training_)
    np.testing.assert_array_equal(head.predict_proba(others), loaded.predict_proba(others))


def test_training_signs_beats_rounding_to_them() -> None:
    """Where features are correlated, as real ones; even with the scales of the latter at best."""
    plain, names = examples(100)
    mixing = np.random.default_rng(5).normal(size=(40, 6)) @ np.random.default_rng(6).normal(
        size=(6, 40)
    )
    embeddings = (plain @ mixing / np.sqrt(6)).astype(np.float32)
    head = SoftmaxHead(method="logistic").fit(embeddings, names)
    wanted = np.eye(3, dtype=np.float32)[np.unique(names, return_inverse=True)[1]]
    fit = fit_binary(embeddings, wanted, head.weights_, head.bias_, 50.0)
    features = np.where(embeddings >= fit.thresholds, 1, -1).astype(np.float32)
    rounded = np.where(head.weights_ < 0, -1, 1).astype(np.float32)

    def loss_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, (_, *parts) = signs_loss_and_gradient(
            rounded, x[:3], x[3:], features, wanted, 50 / len(wanted)
        )
        return loss, np.concatenate(parts)

    start = np.array([-2, -2, -2, 0, 0, 0], np.float32)
    best = minimise_lbfgs(PlainPlace(loss_and_gradient, start), tolerance=1e-4, max_iterations=200)
    assert fit.loss < 0.99 * best.loss


def test_the_same_examples_give_the_same_bits() -> None:
    embeddings, names = examples(120)
    first, second = (SoftmaxHead(method="binary").fit(embeddings, names) for _ in range(2))
    np.testing.assert_array_equal(first.weights_, second.weights_)
    np.testing.assert_array_equal(first.bias_, second.bias_)


def test_one_example_per_class_and_constant_features_are_enough() -> None:
    """A feature that never varies has a sign like any other, and tells nothing."""
    embeddings = np.array([[1, 5, 0], [2, 5, 0]], np.float32)
    head = SoftmaxHead(method="binary").fit(embeddings, ["a", "b"])
    assert np.isfinite(head.predict_proba(embeddings)).all()
    assert (head.weights_ != 0).all()


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e25])
def test_embeddings_of_any_size_make_a_head_that_can_be_saved(size: float, tmp_path: Path) -> None:
    """Those that are all alike, too: every scale stays above zero."""
    embeddings, names = examples(20)
    head = SoftmaxHead(method="binary").fit(embeddings * np.float32(size), names)
    head.save(tmp_path / "mine.head")
    assert np.isfinite(SoftmaxHead.load(tmp_path / "mine.head").predict_proba(embeddings)).all()


def test_features_that_hardly_ever_wake_do_no_harm() -> None:
    """As real networks have them: nearly always on one side, they tell no class from another."""
    rng = np.random.default_rng(0)
    targets = np.arange(400) % 20
    informative = rng.normal(size=(20, 64))[targets] + rng.normal(size=(400, 64))
    asleep = rng.random((400, 192)) < 0.01
    embeddings = np.hstack([informative, asleep]).astype(np.float32)
    names = [f"class {target:02}" for target in targets]
    head = SoftmaxHead(method="binary", l2=10.0).fit(embeddings[:200], names[:200])
    assert head.score(embeddings[200:], names[200:]) > 0.9  # 0.3 where signs are not centred


def test_float32_stays_float32() -> None:
    embeddings, _ = examples(5)
    wanted = np.full((15, 3), 1 / 3, np.float32)
    fit = fit_binary(embeddings, wanted, np.ones((40, 3), np.float32), np.zeros(3, np.float32), 1.0)
    assert {fit.weights.dtype, fit.bias.dtype, fit.thresholds.dtype} == {np.dtype(np.float32)}


def test_on_real_flowers_signs_cost_some_points(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """As in the paper: less accurate than float weights, far better than chance, far smaller."""
    with zipfile.ZipFile(shared_data("flowers5-128.zip")) as archive:
        photos = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::8]
        embeddings = Extractor.open().embed([archive.read(name) for name in photos])
    names = np.array([name.split("/")[-2] for name in photos])
    accuracies = {}
    for method in ("logistic", "binary"):
        head = SoftmaxHead(method=method).fit(embeddings[::2], names[::2])
        accuracies[method] = (head.predict(embeddings[1::2]) == names[1::2]).mean()
        head.save(tmp_path / method)
    assert 0.45 < accuracies["binary"] <= accuracies["logistic"] + 0.03
