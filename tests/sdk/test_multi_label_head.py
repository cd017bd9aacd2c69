"""MultiLabelHead: what it promises, and what it refuses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headfit import (
    FileFormatError,
    InputError,
    MultiLabelHead,
    NotFittedError,
    UnshareableHeadError,
)
from headfit.commands.main import main
from headfit.files.tensors import rounded
from headfit.learning.multi_label import believable, best_threshold
from headfit.maths.arrays import BoolArray, FloatArray
from headfit.maths.sigmoid import sigmoid

CLASSES = ["cup", "pen", "tree"]
WIDTH = 8


def examples(n_samples: int, seed: int = 0, noise: float = 0.6) -> tuple[FloatArray, BoolArray]:
    """Embeddings that are sums of what they show, and noise; all combinations, none of them too."""
    rng = np.random.default_rng(seed)
    is_shown = rng.random((n_samples, 3)) < [0.5, 0.3, 0.2]
    is_shown[:4] = [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 1]]
    directions = np.random.default_rng(99).normal(size=(3, WIDTH))
    embeddings = is_shown @ directions + noise * rng.normal(size=(n_samples, WIDTH))
    return embeddings.astype(np.float32), is_shown


def names(is_shown: BoolArray) -> list[list[str]]:
    return [[CLASSES[column] for column in np.flatnonzero(row)] for row in is_shown]


def everything(head: MultiLabelHead) -> tuple[object, ...]:
    fitted = head.fitted_
    return (
        fitted.weights.tobytes(),
        fitted.bias.tobytes(),
        fitted.thresholds.tobytes(),
        fitted.classes,
        fitted.n_samples,
        fitted.class_counts,
        fitted.held_out_counts,
        dict(fitted.training),
    )


def test_it_finds_what_photos_show_several_things_one_or_none() -> None:
    embeddings, is_shown = examples(300, noise=0.2)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    new, truth = examples(200, seed=1, noise=0.2)
    evaluation = head.evaluate(new, names(truth))
    assert evaluation.mean_average_precision > 0.9
    assert evaluation.subset_accuracy > 0.6
    assert [head.predict(new)[row] for row in range(4)] == [
        (),
        tuple(CLASSES),
        ("cup",),
        ("pen", "tree"),
    ]


def test_probabilities_stand_by_themselves() -> None:
    embeddings, is_shown = examples(100)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    probabilities = head.predict_proba(embeddings)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (100, 3)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.sum(axis=1).max() > 1.5
    assert probabilities.sum(axis=1).min() < 0.5
    logits = head.decision_function(embeddings)
    np.testing.assert_array_equal(sigmoid(logits), probabilities)
    np.testing.assert_array_equal(
        [[name in shown for name in CLASSES] for shown in head.predict(embeddings)],
        probabilities >= head.thresholds_,
    )


def test_each_class_is_the_optimum_of_its_logistic_regression() -> None:
    """As scikit-learn finds it on standardised features, but for factor and shift."""
    embeddings, is_shown = examples(400)
    head = MultiLabelHead(l2=3.0, tolerance=1e-6).fit(embeddings, is_shown, classes=CLASSES)
    scaled = StandardScaler().fit_transform(embeddings.astype(np.float64))
    for column in range(3):
        other = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=10_000)
        expected = other.fit(scaled, is_shown[:, column]).decision_function(scaled)
        found = head.decision_function(embeddings)[:, column]
        factor, shift = np.polyfit(expected, found, 1)
        assert 0.3 < factor < 3
        np.testing.assert_allclose(
            found, factor * expected + shift, atol=2e-3 * np.abs(found).max()
        )


@pytest.mark.parametrize("l2", [25.0, 300.0])
def test_probabilities_of_new_photos_are_about_as_often_right_as_they_say(l2: float) -> None:
    """Whatever the penalty makes of them; a factor without a shift was wrong by 0.11 and 0.34."""
    embeddings, is_shown = examples(400, noise=1.0)
    head = MultiLabelHead(l2=l2).fit(embeddings, names(is_shown))
    new, truth = examples(4000, seed=1, noise=1.0)
    probabilities = head.predict_proba(new)
    for low, high in [(0.05, 0.3), (0.3, 0.7), (0.7, 0.95)]:
        here = (probabilities > low) & (probabilities < high)
        assert here.sum() > 100
        assert abs(truth[here].mean() - probabilities[here].mean()) < 0.06


@settings(max_examples=15)
@given(n_samples=st.integers(8, 60), seed=st.integers(0, 2**32 - 1), weighted=st.booleans())
def test_the_order_of_examples_does_not_matter(n_samples: int, seed: int, weighted: bool) -> None:
    """To the bit; nor does the order of names in a set, or its kind."""
    embeddings, is_shown = examples(n_samples, seed)
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 4, n_samples) / 2 if weighted else None
    groups = rng.integers(0, n_samples, n_samples).tolist()
    order = rng.permutation(n_samples)
    one = MultiLabelHead().fit(embeddings, names(is_shown), weights, groups=groups)
    two = MultiLabelHead().fit(
        embeddings[order],
        [frozenset(shown) for shown in names(is_shown[order])],
        None if weights is None else weights[order],
        groups=[groups[row] for row in order],
    )
    assert everything(one) == everything(two)


def test_a_weight_of_two_is_the_example_twice_and_of_zero_is_none() -> None:
    embeddings, is_shown = examples(40)
    weights = np.ones(40)
    weights[5], weights[7] = 2, 0
    kept = [row for row in range(40) if row != 7] + [5]
    one = MultiLabelHead().fit(embeddings, names(is_shown), weights).fitted_
    two = MultiLabelHead().fit(embeddings[kept], names(is_shown[kept])).fitted_
    np.testing.assert_allclose(one.weights, two.weights, rtol=1e-4, atol=1e-6)
    assert (one.n_samples, two.n_samples) == (39, 40)


def test_copies_are_no_evidence() -> None:
    """Noise, each photo twenty times: what is held out has no copy among what is learned."""
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(30, 100)).astype(np.float32)
    labels = [["cup"], []] * 15
    copies = np.repeat(photos, 20, axis=0) + 1e-3 * rng.normal(size=(600, 100))
    head = MultiLabelHead(l2=1.0).fit(copies, [shown for shown in labels for _ in range(20)])
    assert head.fitted_.held_out_counts == (15,)
    new = rng.normal(size=(500, 100))
    assert np.abs(head.predict_proba(new) - 0.5).mean() < 0.3  # 0.41 without a look for copies
    singly = MultiLabelHead(l2=1.0).fit(
        copies[:, :], [shown for shown in labels for _ in range(20)], groups=np.arange(600) // 20
    )
    assert singly.fitted_.held_out_counts == (15,)


def test_groups_count_as_one_whatever_their_photos_show() -> None:
    embeddings, is_shown = examples(60)
    head = MultiLabelHead().fit(embeddings, names(is_shown), groups=np.arange(60) // 2)
    for column, counted in enumerate(head.fitted_.held_out_counts):
        pairs = is_shown[:, column].reshape(-1, 2)
        assert counted == pairs.any(axis=1).sum()


def test_classes_keep_the_order_they_are_given_in() -> None:
    embeddings, is_shown = examples(60)
    turned = ["tree", "cup", "pen"]
    columns = [2, 0, 1]
    one = MultiLabelHead().fit(embeddings, names(is_shown))
    two = MultiLabelHead().fit(embeddings, is_shown[:, columns], classes=turned)
    three = MultiLabelHead().fit(embeddings, is_shown[:, columns].astype(float), classes=turned)
    assert (one.classes_.tolist(), two.classes_.tolist()) == (CLASSES, turned)
    np.testing.assert_array_equal(
        one.predict_proba(embeddings)[:, columns], two.predict_proba(embeddings)
    )
    assert everything(two) == everything(three)
    for head in (one, two):  # an array is read by the names of its columns, whatever the head's
        for kind in (names(is_shown), is_shown):
            given = CLASSES if kind is is_shown else None
            assert head.evaluate(embeddings, kind, classes=given).class_counts == tuple(
                is_shown[:, [CLASSES.index(name) for name in head.classes_]].sum(axis=0)
            )


def test_one_class_alone_is_enough() -> None:
    """A cup or not: there is no other class to set it against, as a softmax needs."""
    embeddings, is_shown = examples(60)
    head = MultiLabelHead().fit(embeddings, [["cup"] if row[0] else [] for row in is_shown])
    assert head.predict_proba(embeddings).shape == (60, 1)
    assert set(head.predict(embeddings)) == {(), ("cup",)}


def test_few_photos_leave_the_threshold_at_a_half() -> None:
    """One photo of a class is enough to begin; with five held out it is chosen."""
    embeddings, is_shown = examples(30)
    is_shown[:, 2] = False
    is_shown[0, 2] = True
    fitted = MultiLabelHead().fit(embeddings, names(is_shown)).fitted_
    assert fitted.thresholds[2] == 0.5
    assert fitted.held_out_counts[2] == 0
    assert fitted.held_out_counts[0] == is_shown[:, 0].sum() > 5
    assert fitted.thresholds[0] != 0.5


def test_factor_and_shift_are_the_most_believable() -> None:
    """As a general optimiser finds them for the loss that the docstring says."""
    rng = np.random.default_rng(0)
    logits, shares = rng.normal(-1.5, 1.0, 50), rng.random(50)
    targets = (rng.random(50) < sigmoid(3 * logits + 3)).astype(np.intp)
    middle = np.average(logits, weights=shares)

    def loss(place: Any) -> float:
        found = np.exp(place[0]) * (logits - middle) + middle + place[1]
        signs = np.where(targets == 1, 1, -1)
        return float(
            (shares * np.log1p(np.exp(-signs * found))).sum()
            + (np.square(place) / (2 * np.log(4) ** 2)).sum()
        )

    best = minimize(loss, np.zeros(2), tol=1e-10).x
    factor, shift = believable(logits, targets, shares)
    assert factor == pytest.approx(np.exp(best[0]), rel=1e-3)
    assert factor * logits + shift == pytest.approx(
        factor * (logits - middle) + middle + best[1], rel=1e-3
    )


def test_the_threshold_is_half_of_the_highest_expected_f1() -> None:
    """Against all subsets: of the most probable ones F1 is expected highest."""
    probabilities = np.array([0.1, 0.9, 0.3, 0.6, 0.3])
    shares = np.array([1.0, 1.0, 0.5, 1.0, 0.5])
    total = (shares * probabilities).sum()
    expected = 0.0
    for chosen in range(1, 32):
        rows = [row for row in range(5) if chosen >> row & 1]
        taken = shares[rows]
        right = 2 * (taken * probabilities[rows]).sum() / (taken.sum() + total)
        expected = max(expected, right)
    assert best_threshold(probabilities, shares) == pytest.approx(expected / 2)
    assert best_threshold(np.zeros(3), np.ones(3)) > 0


def test_evaluation_is_scikit_learns() -> None:
    embeddings, is_shown = examples(60, noise=2.0)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    new, truth = examples(90, seed=1, noise=2.0)
    said = np.array([[name in shown for name in CLASSES] for shown in head.predict(new)])
    found = head.evaluate(new, names(truth))
    np.testing.assert_allclose(found.precision, precision_score(truth, said, average=None))
    np.testing.assert_allclose(found.recall, recall_score(truth, said, average=None))
    np.testing.assert_allclose(found.f1, f1_score(truth, said, average=None))
    probabilities = head.predict_proba(new)
    np.testing.assert_allclose(
        found.average_precision, average_precision_score(truth, probabilities, average=None)
    )
    assert (
        found.subset_accuracy == (said == truth).all(axis=1).mean() == head.score(new, names(truth))
    )
    assert found.mean_precision == pytest.approx(found.precision.mean())
    assert found.mean_recall == pytest.approx(found.recall.mean())
    assert found.mean_f1 == pytest.approx(found.f1.mean())
    assert found.mean_average_precision == pytest.approx(found.average_precision.mean())


@pytest.mark.parametrize("threshold", [0.2, 1, np.float32(0.7), [0.1, 0.5, 0.9], (1, 1, 1)])
def test_another_threshold_is_taken_for_answers_and_figures(threshold: Any) -> None:
    embeddings, is_shown = examples(120)
    label_sets = names(is_shown)
    head = MultiLabelHead().fit(embeddings, label_sets)
    is_named = head.predict_proba(embeddings) >= np.asarray(threshold, np.float32)
    named = head.predict(embeddings, threshold=threshold)
    assert named == [tuple(head.classes_[row].tolist()) for row in is_named]
    is_right = [set(one) == set(other) for one, other in zip(named, label_sets, strict=True)]
    assert head.score(embeddings, label_sets, threshold=threshold) == np.mean(is_right)
    assert head.predict(embeddings) == head.predict(embeddings, threshold=head.thresholds_)


@pytest.mark.parametrize(
    "threshold", [0, -0.5, 1.01, np.nan, "high", [0.5], [0.5, 0.5], [[0.5, 0.5, 0.5]], {"cup": 0.5}]
)
def test_thresholds_that_are_no_probabilities_are_refused(threshold: Any) -> None:
    embeddings, is_shown = examples(60)
    label_sets = names(is_shown)
    head = MultiLabelHead().fit(embeddings, label_sets)
    for ask in (head.predict, lambda rows, **k: head.score(rows, label_sets, **k)):
        with pytest.raises(InputError, match="threshold"):
            ask(embeddings, threshold=threshold)


def test_classes_that_no_photo_shows_are_told_apart_from_bad_ones() -> None:
    embeddings, is_shown = examples(60)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    found = head.evaluate(embeddings[:1], [[]])
    assert np.isnan(found.recall).all()
    assert np.isnan(found.average_precision).all()
    assert np.isnan(found.mean_recall)
    assert found.class_counts == (0, 0, 0)


def test_nothing_is_written_to_and_wide_types_are_taken() -> None:
    embeddings, is_shown = examples(40)
    wide = embeddings.astype(np.float64)
    for array in (wide, is_shown):
        array.flags.writeable = False
    head = MultiLabelHead().fit(wide, is_shown, classes=CLASSES)
    assert everything(head) == everything(MultiLabelHead().fit(embeddings, names(is_shown)))
    assert everything(head) == everything(
        MultiLabelHead().fit(embeddings, (iter(shown) for shown in names(is_shown)))
    )


BAD: list[tuple[Any, Any, str]] = [
    (["cup", "pen", "cup", "pen"], None, "found 'cup' at example 0; write \\['cup'\\]"),
    ([["cup"], None, [], []], None, "found None at example 1; write \\[\\] for none"),
    ([["cup"], [3], [], []], None, "each a str, found int at example 1"),
    ([["cup"], [""], [], []], None, "class names of 1 to 255"),
    ([["cup"], []], None, "found 2 sets and 4 embeddings"),
    ("cups", None, "found str"),
    ({"a": ["cup"]}, None, "found dict"),
    ([{"cup": 1}, {}, {}, {}], None, "found {'cup': 1} at example 0"),
    ([[], [], [], []], None, "expected 1 to 65536 classes, found 0"),
    ([["cup"]] * 4, None, "all of them show 'cup'"),
    ([["cup"], [], [], []], ["cup", "pen"], "none show 'pen'"),
    ([["cup"], ["dog"], [], []], ["cup", "pen"], "found also dog at example 1"),
    ([["cup"], [], [], []], "cup", "found str"),
    ([["cup"], [], [], []], ["cup", "cup"], "found cup twice"),
    (np.eye(4), None, "expected classes="),
    (np.eye(4), ["a", "b"], "shape \\(4, 2\\)"),
    (2 * np.eye(4) - 1, list("abcd"), "found -1.0 for 'b' at example 0"),
    (np.full((4, 1), np.nan), ["a"], "found nan for 'a' at example 0"),
    (np.zeros((4, 1, 1)), ["a"], "found float64 of shape \\(4, 1, 1\\)"),
    ([[1], [0], [0], [0]], ["a"], "use numpy.array"),
    (np.array([1, 0, 0, 1]), ["a"], "found int64 of shape \\(4,\\)"),
    (csr_matrix(np.eye(4)), list("abcd"), "the sparse csr_matrix; make a dense"),
    (np.ma.masked_array(np.eye(4), np.eye(4) == 1), list("abcd"), "found 4 masked"),
]


@pytest.mark.parametrize(("label_sets", "classes", "words"), BAD)
def test_label_sets_that_cannot_be_meant_are_refused(
    label_sets: Any, classes: Any, words: str
) -> None:
    embeddings = np.random.default_rng(0).normal(size=(4, 3))
    head = MultiLabelHead()
    with pytest.raises(InputError, match=words):
        head.fit(embeddings, label_sets, classes=classes)
    assert not head.is_fitted


class Table:
    """What headfit sees of a data frame, whichever library it is of."""

    def __init__(self, array: BoolArray, columns: list[Any]) -> None:
        self.array, self.columns, self.ndim = array, columns, 2

    def __array__(self, dtype: Any = None, copy: Any = None) -> BoolArray:
        return self.array


def test_a_table_names_its_own_columns() -> None:
    embeddings, is_shown = examples(60)
    turned = Table(is_shown[:, ::-1], CLASSES[::-1])
    head = MultiLabelHead().fit(embeddings, turned)
    assert head.fitted_.classes == tuple(CLASSES[::-1])
    assert head.score(embeddings, turned) == head.score(embeddings, names(is_shown))
    with pytest.raises(InputError, match=r"names its columns \(tree, pen, cup\), found cup, pen"):
        head.fit(embeddings, turned, classes=CLASSES)
    unnamed = Table(is_shown, [0, 1, 2])
    assert head.fit(embeddings, unnamed, classes=CLASSES).fitted_.classes == tuple(CLASSES)
    with pytest.raises(InputError, match="expected classes="):
        head.fit(embeddings, unnamed)


def test_it_is_searched_over_by_its_probabilities() -> None:
    embeddings, is_shown = examples(90)
    search = GridSearchCV(MultiLabelHead(), {"l2": [1.0, 50.0]}, cv=3, scoring="average_precision")
    assert search.fit(embeddings, is_shown, classes=CLASSES).best_score_ > 0.5


def test_a_refused_fit_leaves_the_head_as_it_was_and_so_does_a_cancelled_one() -> None:
    embeddings, is_shown = examples(40)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    before = everything(head)
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head.fit(embeddings[:20], names(is_shown[:20]), progress=stop)
    assert seen == [(1, 3), (2, 3)]
    for wrong in (embeddings * np.nan, embeddings[:0], embeddings[0]):
        with pytest.raises(InputError):
            head.fit(wrong, names(is_shown))
    with pytest.raises(InputError, match="weight"):
        head.fit(embeddings, names(is_shown), [1.0])
    assert everything(head) == before


@pytest.mark.parametrize(
    "parameters", [{"l2": -1}, {"l2": None}, {"tolerance": 1}, {"max_iterations": 0}]
)
def test_settings_that_make_no_sense_are_refused(parameters: dict[str, Any]) -> None:
    embeddings, is_shown = examples(40)
    with pytest.raises(InputError, match="leave it out"):
        MultiLabelHead(**parameters).fit(embeddings, names(is_shown))


def test_what_the_head_does_not_know_is_refused() -> None:
    embeddings, is_shown = examples(40)
    head = MultiLabelHead()
    with pytest.raises(NotFittedError):
        head.predict(embeddings)
    head.fit(embeddings, names(is_shown))
    with pytest.raises(InputError, match="width 8, found width 3"):
        head.predict(embeddings[:, :3])
    with pytest.raises(InputError, match="overflow"):
        head.predict(np.full((1, WIDTH), 3e38) * np.where(head.weights_[:, 0] > 0, 1, -1))
    with pytest.raises(InputError, match="found also dog"):
        head.evaluate(embeddings[:1], [["dog"]])
    with pytest.raises(InputError, match="found none for tree"):
        head.evaluate(embeddings, is_shown[:, :2], classes=CLASSES[:2])
    with pytest.raises(InputError, match="expected classes="):
        head.evaluate(embeddings, is_shown)
    with pytest.raises(InputError, match="found none; give at least one"):
        head.evaluate(embeddings[:0], [])


def test_a_head_that_gives_single_photos_away_is_not_shared(tmp_path: Path) -> None:
    """Nor one of whose photos all but two show a class: its weights are theirs, turned."""
    embeddings, is_shown = examples(40)
    path = tmp_path / "labels.head"
    MultiLabelHead().fit(embeddings, names(is_shown)).share(path)
    shared = path.read_bytes()
    few = is_shown.copy()
    few[:, 1] = False
    few[:2, 1] = True
    for columns, found in ((few, "'pen' \\(2\\)"), (~few, "'not pen' \\(2\\)")):
        head = MultiLabelHead().fit(embeddings, columns, classes=CLASSES)
        with pytest.raises(UnshareableHeadError, match=found) as caught:
            head.share(path)
        assert "privacy" not in str(caught.value)  # which these heads do not have
        assert path.read_bytes() == shared
        head.share(tmp_path / "forced", force=True)
        assert everything(MultiLabelHead.load(tmp_path / "forced")) == everything(head)
    with pytest.raises(FileFormatError):
        MultiLabelHead.load(__file__)


@pytest.mark.parametrize(("storage", "tolerance"), [("float16", 0.005), ("int8", 0.03)])
def test_it_is_stored_smaller(storage: str, tolerance: float, tmp_path: Path) -> None:
    """By the command and by `save` alike; thresholds stay, and answers hardly move."""
    embeddings, is_shown = examples(60)
    head = MultiLabelHead().fit(embeddings, names(is_shown))
    path, output, other = (tmp_path / name for name in ("a.head", "b.head", "c.head"))
    head.save(path)
    convert = ["convert-head", str(path), "--dtype", storage, "-o", str(output)]
    assert main(convert) == 0
    head.save(other, storage=storage)
    assert output.read_bytes() == other.read_bytes()
    small = MultiLabelHead.load(output)
    assert (head.storage_, small.storage_) == ("float32", storage)
    assert small.thresholds_.tobytes() == head.thresholds_.tobytes()
    np.testing.assert_array_equal(small.weights_, rounded(head.weights_, storage))
    found, expected = small.predict_proba(embeddings), head.predict_proba(embeddings)
    np.testing.assert_allclose(found, expected, atol=tolerance)
    small.share(other)
    assert other.read_bytes() == output.read_bytes()
    assert main(["convert-head", str(output), "--dtype", "float32", "-o", str(other)]) == 0
    np.testing.assert_array_equal(MultiLabelHead.load(other).weights_, small.weights_)
    with pytest.raises(InputError, match="float32, float16 or int8"):
        head.save(other, storage="binary")


def test_it_keeps_scikit_learns_contract() -> None:
    embeddings, is_shown = examples(60)
    head = MultiLabelHead(l2=5.0)
    assert repr(head) == "MultiLabelHead(l2=5.0)"
    assert repr(clone(head)) == repr(head)
    assert is_classifier(head)
    assert head.set_params(l2=7.0).get_params()["l2"] == 7.0
    with pytest.raises(InputError, match="found method"):
        head.set_params(method="lda")
    piped = make_pipeline(StandardScaler(), head).fit(embeddings, names(is_shown))
    assert len(piped.predict(embeddings)) == 60
    assert everything(pickle.loads(pickle.dumps(head))) == everything(head)
