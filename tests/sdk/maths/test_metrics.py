"""The metrics agree with scikit-learn's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from headfit.maths.arrays import FloatArray
from headfit.maths.metrics import (
    accuracy,
    auroc,
    calibration_error,
    confusion,
    recall,
    top_k_accuracy,
)

Case = tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Targets of at least two classes, and probabilities without ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_samples, n_classes = draw(st.integers(3, 60)), draw(st.integers(3, 8))
    probabilities = rng.dirichlet(np.full(n_classes, 0.4), n_samples).astype(np.float32)
    return rng.integers(0, n_classes, n_samples), probabilities


@given(cases())
def test_accuracy_is_that_of_scikit_learn(case: Case) -> None:
    targets, probabilities = case
    expected = accuracy_score(targets, probabilities.argmax(axis=1))
    assert accuracy(targets, probabilities) == expected


@given(cases(), st.integers(1, 12))
def test_top_k_accuracy_is_that_of_scikit_learn(case: Case, k: int) -> None:
    targets, probabilities = case
    n_classes = probabilities.shape[1]
    expected = 1.0
    if k < n_classes:  # scikit-learn warns beyond
        expected = top_k_accuracy_score(targets, probabilities, k=k, labels=range(n_classes))
    assert top_k_accuracy(targets, probabilities, k) == expected


def test_of_equal_classes_the_first_counts() -> None:
    """top-1 is accuracy, ties or not."""
    targets = np.array([0, 1, 2])
    probabilities = np.full((3, 3), 1 / 3, np.float32)
    assert accuracy(targets, probabilities) == 1 / 3
    assert [top_k_accuracy(targets, probabilities, k) for k in (1, 2, 3)] == [1 / 3, 2 / 3, 1]


@given(cases())
def test_confusion_and_recall_are_those_of_scikit_learn(case: Case) -> None:
    targets, probabilities = case
    labels = range(probabilities.shape[1])
    predictions = probabilities.argmax(axis=1)
    actual = confusion(targets, probabilities)
    np.testing.assert_array_equal(confusion_matrix(targets, predictions, labels=labels), actual)
    expected = recall_score(targets, predictions, labels=labels, average=None, zero_division=np.nan)
    np.testing.assert_array_equal(expected, recall(actual))


@given(cases(), st.integers(1, 20))
def test_calibration_error_is_that_of_scikit_learns_curve(case: Case, n_bins: int) -> None:
    targets, probabilities = case
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == targets
    edges = np.linspace(0, 1, n_bins + 1)
    fraction_right, mean_confidence = calibration_curve(is_right, confidence, n_bins=n_bins)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence))
    weights = counts[counts > 0] / len(targets)
    expected = (weights * np.abs(fraction_right - mean_confidence)).sum()
    assert calibration_error(targets, probabilities, n_bins) == pytest.approx(expected)


def test_certain_and_wrong_is_the_worst_calibration() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert calibration_error(np.array([0, 1]), probabilities) == 0
    assert calibration_error(np.array([1, 0]), probabilities) == 1


SCORES = npst.arrays(
    np.float32, st.integers(1, 12), elements=st.sampled_from([-0.5, 0.0, 0.25, 1.0])
)


@given(SCORES, SCORES)
def test_auroc_is_that_of_scikit_learn(positive: FloatArray, negative: FloatArray) -> None:
    """Ties count half."""
    targets = np.repeat([1, 0], [len(positive), len(negative)])
    expected = roc_auc_score(targets, np.concatenate([positive, negative]))
    assert auroc(positive, negative) == pytest.approx(expected)


@given(SCORES, SCORES, st.data())
def test_what_counts_more_is_there_more_often(
    positive: FloatArray, negative: FloatArray, data: st.DataObject
) -> None:
    counts = [
        np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(each), max_size=len(each))))
        for each in (positive, negative)
    ]
    expected = auroc(np.repeat(positive, counts[0]), np.repeat(negative, counts[1]))
    assert auroc(positive, negative, *counts) == pytest.approx(expected)


@given(cases(), st.data())
def test_weighed_calibration_is_that_of_repeated_samples(case: Case, data: st.DataObject) -> None:
    targets, probabilities = case
    n_samples = len(targets)
    counts = data.draw(st.lists(st.integers(1, 4), min_size=n_samples, max_size=n_samples))
    expected = calibration_error(np.repeat(targets, counts), np.repeat(probabilities, counts, 0))
    found = calibration_error(targets, probabilities, weights=np.array(counts))
    assert found == pytest.approx(expected)
