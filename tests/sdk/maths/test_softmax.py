"""The mathematics of the head, against derivatives and formulas that others wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import log_softmax as scipy_log_softmax
from sklearn.metrics import log_loss
from tests.support.numeric import numeric_gradient
from tests.support.plain_place import PlainPlace

from headfit.maths.arrays import FloatArray
from headfit.maths.lbfgs import minimise_lbfgs
from headfit.maths.softmax import (
    SoftmaxLoss,
    cross_entropy,
    log_softmax,
    loss_and_gradient,
    softmax,
)

LOGITS = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.floats(-1000, 1000, width=32),
)


def problem(dtype: type = np.float64) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray, npt.NDArray]:
    """Return weights, bias, embeddings, targets: 4 wide, 3 classes, 7 samples, every class."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(4, 3)).astype(dtype)
    bias = rng.normal(size=3).astype(dtype)
    embeddings = rng.normal(size=(7, 4)).astype(dtype)
    return weights, bias, embeddings, np.array([0, 1, 2, 0, 0, 2, 1])


def test_the_numeric_gradient_is_right() -> None:
    """The differentiator is tested before it tests anything."""
    at = np.array([[0.5, -1.0], [2.0, 3.0]])
    actual = numeric_gradient(lambda x: float(np.sin(x[0]).sum() + (x[1] ** 3).sum()), at)
    np.testing.assert_allclose([np.cos(at[0]), 3 * at[1] ** 2], actual, rtol=1e-8)


SAMPLE_WEIGHTS = np.array([0.5, 2.0, 1.0, 0.0, 3.0, 0.25, 1.0])


@pytest.mark.parametrize("sample_weights", [None, SAMPLE_WEIGHTS])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("l2", [0.0, 0.3, 20.0])
def test_the_gradient_is_that_of_the_whole_loss(
    l2: float, label_smoothing: float, sample_weights: npt.NDArray | None
) -> None:
    """Every term on and off; weights and bias both."""
    weights, bias, embeddings, targets = problem()

    def loss_at(w: npt.NDArray, b: npt.NDArray) -> tuple[float, npt.NDArray, npt.NDArray]:
        return loss_and_gradient(
            w,
            b,
            embeddings,
            targets,
            l2,
            label_smoothing=label_smoothing,
            sample_weights=sample_weights,
        )

    _, weights_gradient, bias_gradient = loss_at(weights, bias)
    np.testing.assert_allclose(
        numeric_gradient(lambda w: loss_at(w, bias)[0], weights), weights_gradient, atol=1e-6
    )
    np.testing.assert_allclose(
        numeric_gradient(lambda b: loss_at(weights, b)[0], bias), bias_gradient, atol=1e-6
    )


def test_sample_weights_and_smoothing_are_the_formula() -> None:
    """A weight of 2 is the sample twice; smoothed, the target is a distribution."""
    weights, bias, embeddings, targets = problem()
    twice = np.append(np.arange(7), 3)
    counted, _, _ = loss_and_gradient(weights, bias, embeddings[twice], targets[twice], 0.0)
    weighted, _, _ = loss_and_gradient(
        weights, bias, embeddings, targets, 0.0, sample_weights=1 + (np.arange(7) == 3)
    )
    assert weighted * 7 == pytest.approx(counted * 8)
    smoothed, _, _ = loss_and_gradient(weights, bias, embeddings, targets, 0.0, label_smoothing=0.3)
    wanted = 0.7 * np.eye(3)[targets] + 0.1
    log_probabilities = log_softmax(embeddings @ weights + bias)
    assert smoothed == pytest.approx(-(wanted * log_probabilities).sum(axis=1).mean())


def test_the_loss_is_the_formula() -> None:
    """Mean cross-entropy as scikit-learn has it, plus l2 / (2 n_samples) times the squares."""
    weights, bias, embeddings, targets = problem()
    loss, _, _ = loss_and_gradient(weights, bias, embeddings, targets, 0.7)
    probabilities = softmax(embeddings @ weights + bias)
    expected = log_loss(targets, probabilities) + 0.7 / 14 * (weights**2).sum()
    assert loss == pytest.approx(expected, rel=1e-7)


def test_cross_entropy_is_that_of_scikit_learn() -> None:
    weights, bias, embeddings, targets = problem()
    logits = embeddings @ weights + bias
    expected = log_loss(targets, softmax(logits))
    assert cross_entropy(logits, targets) == pytest.approx(expected, rel=1e-7)


def test_cross_entropy_stays_finite_where_probabilities_vanish() -> None:
    """A wrong answer given with certainty costs the difference of logits, not infinity."""
    logits = np.array([[1000.0, 0.0]], np.float32)
    assert cross_entropy(logits, np.array([1])) == 1000.0


@given(LOGITS)
def test_log_softmax_is_that_of_scipy(logits: npt.NDArray[np.float32]) -> None:
    np.testing.assert_allclose(
        scipy_log_softmax(logits.astype(np.float64), axis=1),
        log_softmax(logits),
        rtol=1e-5,
        atol=1e-5,
    )


@given(LOGITS)
def test_softmax_gives_probabilities(logits: npt.NDArray[np.float32]) -> None:
    """Rows sum to one, nothing is negative, and it is exp(log_softmax)."""
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    np.testing.assert_allclose(np.ones(len(logits)), probabilities.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), probabilities, rtol=1e-4, atol=1e-7)


@given(LOGITS, st.integers(-1000, 1000))
def test_a_constant_added_to_the_logits_changes_nothing(
    logits: npt.NDArray[np.float32], constant: int
) -> None:
    """Whole logits make the sum exact, so the probabilities are equal to the bit."""
    logits = np.rint(logits)
    np.testing.assert_array_equal(softmax(logits), softmax(logits + np.float32(constant)))


@given(LOGITS, st.randoms(use_true_random=False))
def test_permuting_classes_permutes_columns(
    logits: npt.NDArray[np.float32], random: object
) -> None:
    order = np.arange(logits.shape[1])
    random.shuffle(order)  # type: ignore[attr-defined]
    np.testing.assert_allclose(softmax(logits)[:, order], softmax(logits[:, order]), rtol=1e-5)


def test_float32_stays_float32_and_inputs_are_not_written_to() -> None:
    arrays = problem(np.float32)
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    weights, bias, embeddings, targets = arrays
    loss, weights_gradient, bias_gradient = loss_and_gradient(*arrays, 0.5)
    logits = embeddings @ weights + bias
    assert type(loss) is type(cross_entropy(logits, targets)) is float
    for result in (weights_gradient, bias_gradient, softmax(logits), log_softmax(logits)):
        assert result.dtype == np.float32
    for expected, actual in zip(before, arrays, strict=True):
        np.testing.assert_array_equal(expected, actual)


SAMPLE_WEIGHTS = np.linspace(0, 3, 30).astype(np.float32)


def lines_problem(label_smoothing: float, sample_weights: FloatArray | None) -> SoftmaxLoss:
    """Return 30 samples, 4 wide, of 3 classes that overlap; nothing may be written to."""
    rng = np.random.default_rng(5)
    targets = np.arange(30) % 3
    embeddings = (rng.normal(size=(3, 4))[targets] + rng.normal(size=(30, 4))).astype(np.float32)
    embeddings.flags.writeable = targets.flags.writeable = False
    return SoftmaxLoss(embeddings, targets, 3, 2.0, label_smoothing, sample_weights)


def plainly(loss: SoftmaxLoss, parameters: npt.NDArray) -> tuple[float, npt.NDArray]:
    """Return loss and gradient as `loss_and_gradient` has them, of the parameters' type."""
    rows = parameters.reshape(5, 3)
    value, weights, bias = loss_and_gradient(
        rows[:-1],
        rows[-1],
        loss.embeddings.astype(parameters.dtype),
        loss.targets,
        loss.l2,
        label_smoothing=loss.label_smoothing,
        sample_weights=loss.sample_weights,
    )
    return value, np.concatenate([weights.ravel(), bias])


@pytest.mark.parametrize("sample_weights", [None, SAMPLE_WEIGHTS])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_a_place_on_a_line_is_the_place_itself(
    label_smoothing: float, sample_weights: FloatArray | None
) -> None:
    """Its loss, slope and gradient are those of the whole loss there, every term on and off."""
    loss = lines_problem(label_smoothing, sample_weights)
    origin, direction = np.random.default_rng(6).normal(size=(2, 15)).astype(np.float32)
    origin.flags.writeable = direction.flags.writeable = False
    along = loss.at(origin).towards(direction)
    for step in (0.0, 0.7, -2.0):
        place, slope = along(step)
        exact = origin.astype(np.float64) + step * direction.astype(np.float64)
        expected, gradient = plainly(loss, exact)
        ahead, behind = (plainly(loss, exact + h * direction)[0] for h in (1e-6, -1e-6))
        assert place.loss == pytest.approx(expected, rel=1e-6)
        assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-4)
        np.testing.assert_allclose(gradient, place.gradient(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(exact, place.parameters, rtol=1e-6)


def test_lines_lead_to_the_same_optimum() -> None:
    """By way of many places, none of whose logits was computed from its weights."""
    loss = lines_problem(0.1, SAMPLE_WEIGHTS)
    start = np.zeros(15, np.float32)
    by_lines = minimise_lbfgs(
        loss.at(start), tolerance=1e-5, max_iterations=99, first_curvature=0.25
    )
    plain = PlainPlace(lambda x: plainly(loss, x), start)
    by_points = minimise_lbfgs(plain, tolerance=1e-5, max_iterations=99)
    assert by_lines.converged
    assert by_lines.loss == pytest.approx(by_points.loss, rel=1e-6)
    np.testing.assert_allclose(by_points.parameters, by_lines.parameters, atol=1e-3)
    # What was walked along is still true of where it ended.
    assert by_lines.loss == pytest.approx(plainly(loss, by_lines.parameters)[0], rel=1e-6)
