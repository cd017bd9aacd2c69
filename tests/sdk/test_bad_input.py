"""Every way to pass something unusable is answered by a sentence: expected, found, remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from headfit.classifier import ImageClassifier
from headfit.errors import FileFormatError, InputError, TrainingDivergedError
from headfit.exports import export_coreml, export_json, export_onnx, export_tflite, export_web
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.learning.settings import MAX_L2
from headfit.multi_label_head import MultiLabelHead

from .test_head import examples

EMBEDDINGS, NAMES = examples(40)
SENTENCE = re.compile(r"expected .+, found .+; .+")


def fit(embeddings: Any, names: Any) -> object:
    return SoftmaxHead().fit(embeddings, names)


def partial_fit(embeddings: Any, names: Any) -> object:
    return SoftmaxHead().partial_fit(embeddings, names)


def add(embeddings: Any, names: Any) -> object:
    learner = HeadLearner()
    learner.add_examples(EMBEDDINGS, NAMES)
    learner.add_examples(embeddings, names)
    return learner.fit()


def predict(embeddings: Any, names: Any) -> object:
    return SoftmaxHead().fit(EMBEDDINGS, NAMES).predict(embeddings)


def calibrate(embeddings: Any, names: Any) -> object:
    return SoftmaxHead().fit(EMBEDDINGS, NAMES).calibrate(embeddings, names)


def several(embeddings: Any, names: Any) -> object:
    return MultiLabelHead().fit(embeddings, [[name] for name in names])


def changed(row: int, value: float) -> np.ndarray:
    embeddings = EMBEDDINGS.copy()
    embeddings[row, 3] = value
    return embeddings


TEACH = [fit, partial_fit, add]


@pytest.mark.parametrize("door", [*TEACH, predict])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_embeddings_that_are_not_finite(door: Callable[..., object], value: float) -> None:
    refused(door, changed(7, value), NAMES, "NaN or infinity in 1 of 40, the first at row 7")


@pytest.mark.parametrize("door", [fit, partial_fit, calibrate, several])
def test_embeddings_out_of_all_proportion(door: Callable[..., object]) -> None:
    """One made a head that was right half as often, without a word."""
    wild = EMBEDDINGS.copy()
    wild[[7, 31]] *= 1e10
    refused(door, wild, NAMES, r"about one size, .* in row 7, 31 \(2 of 40\); leave out")


def test_a_learner_names_examples_out_of_all_proportion_by_number() -> None:
    learner = HeadLearner()
    learner.add_examples(EMBEDDINGS, NAMES)
    learner.forget_examples([0, 1])
    (number,) = learner.add_examples(1e10 * EMBEDDINGS[:1], NAMES[:1])
    refused(learner.fit, reason=rf"in example {number} \(1 of 39\)")
    learner.forget_examples([number])
    assert learner.fit().is_fitted


@pytest.mark.parametrize("door", [*TEACH, predict])
def test_what_an_array_would_lose(door: Callable[..., object]) -> None:
    """NumPy forgets a mask, and wraps a sparse matrix."""
    is_masked = np.zeros(EMBEDDINGS.shape, bool)
    is_masked[3, 4] = True
    refused(door, np.ma.masked_array(EMBEDDINGS, is_masked), NAMES, "found 1 masked")
    refused(door, csr_matrix(EMBEDDINGS), NAMES, "found the sparse csr_matrix; make a dense")
    door(np.ma.masked_array(EMBEDDINGS), NAMES)


def test_masked_names_and_weights() -> None:
    is_masked = np.arange(40) == 5
    masked = np.ma.masked_array(NAMES, is_masked)
    for door in TEACH:
        refused(door, EMBEDDINGS, masked, "found 1 masked")
    weights = np.ma.masked_array(np.ones(40), is_masked)
    refused(SoftmaxHead().fit, EMBEDDINGS, NAMES, weights, "found 1 masked")


@pytest.mark.parametrize(
    "setting", [{"l2": "x"}, {"tolerance": None}, {"max_iterations": "9"}, {"method": ["lda"]}]
)
def test_settings_of_another_type(setting: dict[str, Any]) -> None:
    refused(SoftmaxHead(**setting).fit, EMBEDDINGS, NAMES, "leave it out for the default")


def test_a_head_of_another_kind(tmp_path: Path, extractor_path: Path) -> None:
    """Whatever takes another kind of head names the kind that it found, and the way out."""
    other = MultiLabelHead().fit(EMBEDDINGS, [[name] for name in NAMES])
    other.save(tmp_path / "several.head")
    one = SoftmaxHead().fit(EMBEDDINGS, NAMES)
    one.save(tmp_path / "one.head")
    for head in (other, one.fitted_):
        refused(
            lambda head=head: ImageClassifier(extractor_path, head=head), reason="a SoftmaxHead"
        )
        refused(lambda head=head: HeadLearner(head), reason="expected a SoftmaxHead")
    for export in (export_json, export_coreml, export_onnx, export_tflite, export_web):
        for head in (other, one):
            refused(export, head, reason="pass SoftmaxHead.fitted_ or MultiLabelHead.fitted_")
    with pytest.raises(FileFormatError, match="several classes; .*headfit.MultiLabelHead"):
        SoftmaxHead.load(tmp_path / "several.head")
    with pytest.raises(FileFormatError, match="one class a photo; .*headfit.SoftmaxHead"):
        MultiLabelHead.load(tmp_path / "one.head")


@pytest.mark.parametrize("door", [add, predict])
def test_another_width(door: Callable[..., object]) -> None:
    refused(door, EMBEDDINGS[:, :5], NAMES, "width 12.*found width 5")


@pytest.mark.parametrize("door", [fit, partial_fit])
def test_one_class(door: Callable[..., object]) -> None:
    refused(door, EMBEDDINGS, ["red"] * 40, "found one class: 'red'")


def test_one_class_of_a_learner() -> None:
    learner = HeadLearner()
    learner.add_examples(EMBEDDINGS, ["red"] * 40)
    refused(learner.fit, reason="at least 2 classes, found 1")


@pytest.mark.parametrize("door", [fit, partial_fit])
def test_zero_examples(door: Callable[..., object]) -> None:
    refused(door, EMBEDDINGS[:0], [], "found (0|none)")


def test_zero_examples_of_a_learner() -> None:
    refused(HeadLearner().fit, reason="at least 2 classes, found 0")


def test_duplicate_names() -> None:
    """A class cannot take another's name, be announced twice, nor an example another's number."""
    head, learner = SoftmaxHead().fit(EMBEDDINGS, NAMES), HeadLearner()
    learner.add_examples(EMBEDDINGS, NAMES)
    for each in (head, learner):
        refused(each.rename_class, "red", "blue", "found 'blue', which is another class")
    announced = {"classes": ["red", "pink", "pink"]}
    with pytest.raises(InputError, match="found 3 of which 2 are different; name each class once"):
        SoftmaxHead().partial_fit(EMBEDDINGS, NAMES, **announced)
    with pytest.raises(InputError, match=SENTENCE):
        learner.add_examples(EMBEDDINGS[:2], NAMES[:2], numbers=[100, 100])


@pytest.mark.parametrize("door", TEACH)
@pytest.mark.parametrize("target", [-1, 0, 4, 0.5, None])
def test_targets_in_the_place_of_names(door: Callable[..., object], target: object) -> None:
    """So no target can be out of range: classes go by name."""
    kind = type(target).__name__
    refused(door, EMBEDDINGS, [*NAMES[:-1], target], f"each a str, found {kind}; pass a list")


@pytest.mark.parametrize("door", TEACH)
def test_more_names_than_embeddings(door: Callable[..., object]) -> None:
    refused(door, EMBEDDINGS, [*NAMES, "red"], "found 41 names and 40 embeddings")


def test_a_class_that_nobody_taught() -> None:
    head, learner = SoftmaxHead().fit(EMBEDDINGS, NAMES), HeadLearner()
    learner.add_examples(EMBEDDINGS, NAMES)
    refused(head.rename_class, "mauve", "pink", "found 'mauve'; name a class that was taught")
    refused(learner.rename_class, "mauve", "pink", "found 'mauve'")
    refused(learner.remove_class, "mauve", reason="found 'mauve'")


def test_a_class_that_loses_its_last_photo() -> None:
    """It is forgotten with it."""
    learner = HeadLearner()
    numbers = learner.add_examples(EMBEDDINGS, NAMES)
    red = [number for number, name in zip(numbers, NAMES, strict=True) if name == "red"]
    learner.forget_examples(red)
    assert "red" not in learner.class_counts


def test_a_huge_l2() -> None:
    """Up to the largest one heads are finite; beyond it they are refused."""
    head = SoftmaxHead(method="logistic", l2=MAX_L2).fit(EMBEDDINGS, NAMES)
    assert np.isfinite(head.predict_proba(EMBEDDINGS)).all()
    for l2 in (np.nextafter(MAX_L2, np.inf), np.inf, np.nan, -1.0):
        refused(SoftmaxHead(l2=l2).fit, EMBEDDINGS, NAMES, "l2 of None or from 0 to 1e\\+09, found")


@pytest.mark.parametrize("method", ["imprint", "lda", "logistic", "binary", "auto"])
def test_what_diverges_raises_and_returns_nothing(method: str) -> None:
    """Embeddings at the edge of float32 overflow, or give a head that is finite."""
    head = SoftmaxHead(method=method)
    huge = (EMBEDDINGS / np.abs(EMBEDDINGS).max() * 3e38).astype(np.float32)
    message = ""
    try:
        head.fit(huge, NAMES)
    except (InputError, TrainingDivergedError) as error:
        message = str(error)
    if message:
        assert SENTENCE.search(message)
        assert not hasattr(head, "weights_")
    else:
        assert np.isfinite(head.weights_).all()
        assert np.isfinite(head.bias_).all()


def refused(door: Callable[..., object], *arguments: Any, reason: str = "") -> None:
    """Check that a call is refused by a whole sentence; the last argument may be the reason."""
    if not reason:
        *arguments, reason = arguments  # type: ignore[assignment]
    with pytest.raises(InputError, match=reason) as found:
        door(*arguments)
    assert SENTENCE.search(str(found.value)), str(found.value)
