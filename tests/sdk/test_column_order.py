"""A head's classes need not be sorted: what is said of a head is said by name, not by column."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from headfit import HeadLearner, SoftmaxHead
from headfit.learning.evaluation import evaluate_head
from headfit.learning.fitted_head import FittedHead
from headfit.maths.arrays import FloatArray
from headfit.photos.folders import FolderExamples
from headfit.privacy.leakage import measure_leakage
from headfit.report import measure_head

NAMES = ("a", "b", "c")
ORDER = [2, 0, 1]


def photos(n_per_class: int, seed: int) -> FolderExamples:
    """Return embeddings of three classes that overlap a little."""
    centres = np.random.default_rng(7).normal(size=(3, 12))
    embeddings = np.repeat(centres, n_per_class, axis=0)
    embeddings += np.random.default_rng(seed).normal(scale=1.3, size=embeddings.shape)
    names = [str(name) for name in np.repeat(NAMES, n_per_class)]
    paths = [Path("gone", f"{row}.jpg") for row in range(len(names))]
    return FolderExamples(embeddings.astype(np.float32), names, paths, ())


def reordered(fitted: FittedHead) -> FittedHead:
    """Return the same head with its classes as c, a, b."""
    return dataclasses.replace(
        fitted,
        weights=np.ascontiguousarray(fitted.weights[:, ORDER]),
        bias=fitted.bias[ORDER],
        classes=tuple(fitted.classes[column] for column in ORDER),
        class_counts=tuple(fitted.class_counts[column] for column in ORDER),
    )


@pytest.fixture(params=["auto", "binary"])
def heads(request: pytest.FixtureRequest) -> tuple[SoftmaxHead, SoftmaxHead]:
    """A head, and the same with other columns."""
    taught = photos(20, 0)
    head = SoftmaxHead(method=request.param).fit(taught.embeddings, taught.class_names)
    return head, SoftmaxHead.of(reordered(head.fitted_))


def test_answers_are_the_same_by_name(heads: tuple[SoftmaxHead, SoftmaxHead]) -> None:
    head, other = heads
    embeddings = photos(10, 1).embeddings
    assert other.fitted_.classes == ("c", "a", "b")
    assert list(head.predict(embeddings)) == list(other.predict(embeddings))
    # Sums over columns in another order round otherwise.
    np.testing.assert_allclose(
        head.predict_proba(embeddings)[:, ORDER], other.predict_proba(embeddings), rtol=1e-5
    )
    np.testing.assert_allclose(head.sureness(embeddings), other.sureness(embeddings), atol=1e-4)
    assert head.predict_sets(embeddings) == other.predict_sets(embeddings)
    for one, two in zip(head.top_k(embeddings, 3), other.top_k(embeddings, 3), strict=True):
        assert [name for name, _ in one] == [name for name, _ in two]


def test_a_report_is_the_same(heads: tuple[SoftmaxHead, SoftmaxHead]) -> None:
    """A head of classes c, a, b once had a calibration error of 0.67 and 24 false mistakes."""
    one, two = (measure_head(head, photos(30, 1)) for head in heads)
    assert one.evaluation.top1 == two.evaluation.top1
    assert one.calibration_error == pytest.approx(two.calibration_error, abs=1e-5)
    assert [(each.path, each.taken_for) for each in one.mistakes] == [
        (each.path, each.taken_for) for each in two.mistakes
    ]
    for mistake in two.mistakes:
        assert mistake.class_name != mistake.taken_for
    assert [(each.n_samples, each.accuracy) for each in one.bins] == [
        (each.n_samples, each.accuracy) for each in two.bins
    ]


def test_an_evaluation_is_the_same(heads: tuple[SoftmaxHead, SoftmaxHead]) -> None:
    held = photos(30, 2)
    one, two = (evaluate_head(head.fitted_, held.embeddings, held.class_names) for head in heads)
    assert sorted(one.most_confused(9)) == sorted(two.most_confused(9))
    assert dict(zip(one.classes, one.recall, strict=True)) == dict(
        zip(two.classes, two.recall, strict=True)
    )


def test_a_head_that_goes_on_learning_keeps_its_classes(
    heads: tuple[SoftmaxHead, SoftmaxHead],
) -> None:
    """Its columns are sorted then; a learner that is given it teaches the same."""
    more = photos(10, 3)
    learners = [HeadLearner(head.copy().set_params(method="lda")) for head in heads]
    for learner in learners:
        learner.add_examples(more.embeddings, more.class_names)
    one, two = (learner.fit() for learner in learners)
    assert one.weights_.tobytes() == two.weights_.tobytes()
    if heads[0].thresholds_ is not None:
        return
    streamed = [head.copy().partial_fit(more.embeddings, more.class_names) for head in heads]
    assert streamed[0].fitted_.classes == streamed[1].fitted_.classes == NAMES
    np.testing.assert_allclose(streamed[0].weights_, streamed[1].weights_, rtol=1e-4, atol=1e-5)


def test_renaming_keeps_what_is_known_of_each_class(
    heads: tuple[SoftmaxHead, SoftmaxHead],
) -> None:
    embeddings = photos(10, 1).embeddings
    for head in heads:
        head.rename_class("a", "z")
    assert heads[0].fitted_.classes == heads[1].fitted_.classes == ("b", "c", "z")
    assert list(heads[0].predict(embeddings)) == list(heads[1].predict(embeddings))


def test_an_attack_finds_as_much() -> None:
    def fit(embeddings: FloatArray, names: list[str]) -> FittedHead:
        return SoftmaxHead(method="lda").fit(embeddings, names).fitted_

    taught = photos(5, 0)
    found = [
        measure_leakage(taught.embeddings, taught.class_names, made, n_heads=24)
        for made in (fit, lambda embeddings, names: reordered(fit(embeddings, names)))
    ]
    assert found[0].auc == pytest.approx(found[1].auc, abs=1e-3)
