"""SoftmaxHead finds the optimum that scikit-learn finds, to the same bits on every run."""

from __future__ import annotations

import dataclasses
import doctest
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import headfit.head
from headfit.errors import (
    ExtractorMismatchError,
    FileFormatError,
    InputError,
    NotFittedError,
    TrainingDivergedError,
)
from headfit.files.headfile import load_head
from headfit.files.manifest import Manifest, Preprocessing
from headfit.head import SoftmaxHead
from headfit.learning.logistic import fit_logistic
from headfit.learning.origin import WHOLE, View
from headfit.maths.softmax import softmax

FloatArray = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Described:
    """An extractor as far as a head looks at it: its manifest and views."""

    manifest: Manifest
    views: tuple[View, ...] = (WHOLE,)


EXTRACTOR = Described(
    Manifest(
        name="tiny-net",
        version=3,
        fingerprint="0123456789abcdef" * 4,
        size_bytes=1234,
        embedding_dim=12,
        preprocessing=Preprocessing(
            height=8,
            width=8,
            resize="shorter-side",
            resize_to=8,
            interpolation="bilinear",
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
        ),
        description="",
        licence="Apache-2.0",
        golden=None,
    )
)
OTHER = Described(dataclasses.replace(EXTRACTOR.manifest, name="other", fingerprint="f" * 64))


def examples(
    n_samples: int = 120, n_classes: int = 4, embedding_dim: int = 12, seed: int = 0
) -> tuple[FloatArray, list[str]]:
    """Return overlapping classes whose features have offsets and spreads of their own."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n_samples) % n_classes
    centres = rng.normal(size=(n_classes, embedding_dim))
    embeddings = centres[targets] + 1.5 * rng.normal(size=(n_samples, embedding_dim))
    embeddings = embeddings * np.geomspace(0.7, 1.5, embedding_dim) + rng.normal(size=embedding_dim)
    names = ["red", "green", "blue", "grey", "pink", "teal"]
    return embeddings.astype(np.float32), [names[target] for target in targets]


def uncalibrated(head: SoftmaxHead) -> tuple[FloatArray, FloatArray]:
    """Return the weights and bias that the advertised loss is least at."""
    sharpness = head.training_["sharpness"]
    assert isinstance(sharpness, float)
    return head.weights_ / np.float32(sharpness), head.bias_ / np.float32(sharpness)


@pytest.mark.parametrize("l2", [0.5, 100.0])
@pytest.mark.parametrize(
    ("n_samples", "embedding_dim", "bias_within"), [(24, 12, 2e-4), (240, 12, 2e-4), (24, 60, 1e-3)]
)
def test_scikit_learn_finds_the_same_head(
    n_samples: int, embedding_dim: int, bias_within: float, l2: float
) -> None:
    """LogisticRegression on standardised embeddings with C = 1 / l2 minimises the same loss."""
    embeddings, class_names = examples(n_samples, embedding_dim=embedding_dim)
    head = SoftmaxHead(method="logistic", l2=l2, tolerance=1e-6).fit(embeddings, class_names)
    exact = embeddings.astype(np.float64)  # in float32 the library ends too far from the optimum
    scaler = StandardScaler().fit(exact)
    reference = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(
        scaler.transform(exact), class_names
    )
    assert head.fitted_.classes == tuple(reference.classes_)
    # Undo the folding, and a constant in all columns, which changes no probability.
    plain_weights, plain_bias = uncalibrated(head)
    weights = plain_weights * scaler.scale_[:, np.newaxis]
    bias = plain_bias + scaler.mean_ @ plain_weights
    np.testing.assert_allclose(
        reference.coef_.T, weights - weights.mean(axis=1, keepdims=True), atol=2e-4
    )
    np.testing.assert_allclose(
        reference.intercept_ - reference.intercept_.mean(), bias - bias.mean(), atol=bias_within
    )
    new, _ = examples(100, embedding_dim=embedding_dim, seed=1)
    np.testing.assert_allclose(
        reference.predict_proba(scaler.transform(new)),
        softmax(new @ plain_weights + plain_bias),
        atol=2e-4,
    )


def test_many_features_that_are_alike_take_few_steps() -> None:
    """The usual case of a wide network; steps that know no curvature are 89 here."""
    rng = np.random.default_rng(0)
    targets = np.arange(300) % 15
    hidden = 0.4 * rng.normal(size=(15, 60))[targets] + rng.normal(size=(300, 60))
    hidden *= np.geomspace(1, 0.01, 60)
    embeddings = np.maximum(hidden @ rng.normal(size=(60, 2000)), 0).astype(np.float32)
    fit = fit_logistic(embeddings, targets, 15, l2=50.0, tolerance=1e-4, max_iterations=500)
    assert fit.converged
    assert fit.iterations < 50
    scaler = StandardScaler().fit(embeddings.astype(np.float64))
    reference = LogisticRegression(C=1 / 50.0, tol=1e-8, max_iter=10_000).fit(
        scaler.transform(embeddings), targets
    )
    expected = reference.predict_proba(scaler.transform(embeddings))
    found = softmax(embeddings @ fit.weights + fit.bias)
    np.testing.assert_allclose(expected, found, atol=0.01)
    # Begun at the optimum, and anywhere else, it ends there.
    near = fit_logistic(
        embeddings, targets, 15, l2=50.0, tolerance=1e-4, max_iterations=500,
        start=(fit.weights, fit.bias),
    )  # fmt: skip
    assert near.iterations == 0
    far = fit_logistic(
        embeddings, targets, 15, l2=50.0, tolerance=1e-4, max_iterations=500,
        start=(rng.normal(0, 0.1, fit.weights.shape).astype(np.float32), fit.bias),
    )  # fmt: skip
    np.testing.assert_allclose(far.loss, fit.loss, rtol=1e-4)


def test_the_default_tolerance_answers_as_scikit_learn_does() -> None:
    """Same class on nearly every new example; before calibration, the same within a hundredth."""
    embeddings, class_names = examples(400)
    head = SoftmaxHead(method="logistic").fit(embeddings, class_names)
    scaler = StandardScaler().fit(embeddings)
    reference = LogisticRegression(C=1 / head.l2, max_iter=1000).fit(
        scaler.transform(embeddings), class_names
    )
    new, _ = examples(1000, seed=1)
    weights, bias = uncalibrated(head)
    assert (head.predict(new) == reference.predict(scaler.transform(new))).mean() >= 0.999
    np.testing.assert_allclose(
        reference.predict_proba(scaler.transform(new)),
        softmax(new @ weights + bias),
        atol=0.01,
    )


@pytest.mark.parametrize(
    ("n_samples", "noise", "expected"), [(150, 3.0, 500.0), (2000, 1.0, 5.0), (3, 1.0, 50.0)]
)
def test_the_penalty_is_chosen_by_leaving_examples_out(
    n_samples: int, noise: float, expected: float
) -> None:
    """A strong one where much is noise, a weak one of many clear examples; else the default.

    So it is what new examples bid, which are kept apart here.
    """
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(3, 40))
    targets = np.arange(n_samples + 3000) % 3
    photos = (centres[targets] + noise * rng.normal(size=(len(targets), 40))).astype(np.float32)
    names = np.array(["a", "b", "c"])[targets]
    taught, new = photos[:n_samples], photos[n_samples:]
    head = SoftmaxHead(method="logistic", l2=None).fit(taught, names[:n_samples])
    assert head.training_["l2"] == expected
    fixed = SoftmaxHead(method="logistic", l2=expected).fit(taught, names[:n_samples])
    np.testing.assert_allclose(fixed.weights_, head.weights_, rtol=0.01, atol=1e-3)
    losses = {}
    for l2 in (5.0, 50.0, 500.0):
        other = SoftmaxHead(method="logistic", l2=l2).fit(taught, names[:n_samples])
        losses[l2] = log_loss(names[n_samples:], other.predict_proba(new))
    assert n_samples == 3 or min(losses, key=losses.__getitem__) == expected


def test_two_classes_are_scikit_learns_with_half_the_penalty() -> None:
    """Its binary form has one weight vector w where ours has -w/2 and w/2."""
    embeddings, class_names = examples(60, n_classes=2)
    head = SoftmaxHead(method="logistic", l2=3.0, tolerance=1e-6).fit(embeddings, class_names)
    scaler = StandardScaler().fit(embeddings)
    reference = LogisticRegression(C=2 / 3.0, tol=1e-10).fit(
        scaler.transform(embeddings), class_names
    )
    weights, bias = uncalibrated(head)
    np.testing.assert_allclose(
        reference.predict_proba(scaler.transform(embeddings)),
        softmax(embeddings @ weights + bias),
        atol=2e-4,
    )


def test_two_runs_give_the_same_bits() -> None:
    """Whatever the memory order of the embeddings and the kind of the class names."""
    embeddings, class_names = examples()
    first = SoftmaxHead().fit(embeddings, class_names)
    second = SoftmaxHead().fit(np.asfortranarray(embeddings), np.array(class_names))
    assert first.weights_.tobytes() == second.weights_.tobytes()
    assert first.bias_.tobytes() == second.bias_.tobytes()


@pytest.mark.parametrize("factor", [2.0**-6, 2.0**5])
def test_the_unit_of_embeddings_does_not_matter(factor: float) -> None:
    """Scaling by powers of two is exact in float32, so only the weights' scale changes.

    That of one feature among others matters once it hardly varies beside them.
    """
    embeddings, class_names = examples()
    plain = SoftmaxHead().fit(embeddings, class_names)
    scaled = SoftmaxHead().fit(embeddings * np.float32(factor), class_names)
    np.testing.assert_array_equal(plain.weights_, scaled.weights_ * np.float32(factor))
    np.testing.assert_allclose(plain.bias_, scaled.bias_, rtol=1e-5)


@settings(max_examples=25)
@given(st.permutations(range(4)), st.sampled_from([24, 40, 60, 120]))
def test_permuting_classes_permutes_columns(order: list[int], n_samples: int) -> None:
    """By every rule of "auto": no head depends on how its classes are called."""
    embeddings, class_names = examples(n_samples)
    old = ["blue", "green", "grey", "red"]
    renamed = {old[order[i]]: f"class {i}" for i in range(4)}  # new column i is old column order[i]
    head = SoftmaxHead(tolerance=1e-6).fit(embeddings, class_names)
    permuted = SoftmaxHead(tolerance=1e-6).fit(embeddings, [renamed[name] for name in class_names])
    np.testing.assert_allclose(
        head.predict_proba(embeddings)[:, order], permuted.predict_proba(embeddings), atol=1e-4
    )


def test_the_order_of_examples_hardly_matters() -> None:
    """Sums in another order round otherwise, no more."""
    embeddings, class_names = examples()
    order = np.random.default_rng(5).permutation(len(embeddings))
    head = SoftmaxHead().fit(embeddings, class_names)
    shuffled = SoftmaxHead().fit(embeddings[order], np.array(class_names)[order])
    np.testing.assert_allclose(
        head.predict_proba(embeddings), shuffled.predict_proba(embeddings), atol=1e-3
    )


def test_classes_are_sorted_and_counted() -> None:
    """Not in the order in which a folder was walked."""
    embeddings, _ = examples(6)
    head = SoftmaxHead().fit(embeddings, ["pen", "cup", "pen", "Öl", "pen", "cup"])
    assert head.fitted_.classes == ("cup", "pen", "Öl")
    assert head.class_counts_ == (2, 3, 1)
    assert all(type(name) is str for name in head.fitted_.classes)
    assert [type(count) for count in head.class_counts_] == [int] * 3


def test_one_photo_per_class_is_enough() -> None:
    embeddings, _ = examples(3)
    head = SoftmaxHead().fit(embeddings, ["a", "b", "c"])
    assert head.predict(embeddings).tolist() == ["a", "b", "c"]


def test_a_class_with_one_photo_among_many_is_learned() -> None:
    embeddings, class_names = examples(60, n_classes=2)
    alone = np.full((1, 12), 50.0, np.float32) * np.geomspace(0.7, 1.5, 12).astype(np.float32)
    head = SoftmaxHead().fit(np.vstack([embeddings, alone]), [*class_names, "alone"])
    assert head.predict(alone).tolist() == ["alone"]
    assert head.class_counts_[head.fitted_.classes.index("alone")] == 1


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 1e6])
def test_a_constant_feature_is_ignored(value: float) -> None:
    """It gets no weight, even if it changes later."""
    embeddings, class_names = examples()
    embeddings[:, 3] = value
    head = SoftmaxHead().fit(embeddings, class_names)
    np.testing.assert_array_equal(np.zeros(4), head.weights_[3])
    assert np.abs(head.weights_[4]).min() > 0


def test_a_feature_that_varies_by_rounding_only_is_ignored() -> None:
    """Dividing by such a spread would blow rounding up to a signal."""
    embeddings, class_names = examples()
    embeddings[:, 3] = np.float32(1000)
    embeddings[::2, 3] = np.nextafter(np.float32(1000), np.float32(2000))
    head = SoftmaxHead().fit(embeddings, class_names)
    assert np.abs(head.weights_[3]).max() < 1e-3


def test_embeddings_that_are_all_the_same_give_the_class_frequencies() -> None:
    """Nothing to learn from but how common each class is."""
    head = SoftmaxHead(method="logistic").fit(np.ones((200, 4)), ["a"] * 140 + ["b"] * 60)
    np.testing.assert_allclose([[0.7, 0.3]], head.predict_proba(np.ones((1, 4))), atol=1e-3)


def test_a_rare_class_is_not_penalised_for_being_rare() -> None:
    """The bias is free: with a huge penalty the probabilities are the frequencies."""
    embeddings, _ = examples(100)
    head = SoftmaxHead(method="logistic", l2=1e8).fit(embeddings, ["a"] * 90 + ["b"] * 10)
    np.testing.assert_allclose([[0.9, 0.1]] * 100, head.predict_proba(embeddings), atol=1e-3)


def test_predictions_agree_with_each_other() -> None:
    """predict, predict_proba and top_k tell one story, in float32."""
    embeddings, class_names = examples()
    head = SoftmaxHead().fit(embeddings, class_names)
    probabilities = head.predict_proba(embeddings)
    assert probabilities.dtype == head.weights_.dtype == head.bias_.dtype == np.float32
    assert head.weights_.shape == (12, 4)
    assert head.bias_.shape == (4,)
    np.testing.assert_allclose(np.ones(120), probabilities.sum(axis=1), rtol=1e-6)
    best = head.top_k(embeddings, 2)
    assert head.predict(embeddings).tolist() == [row[0][0] for row in best]
    for row, ranked in zip(probabilities, best, strict=True):
        assert [probability for _, probability in ranked] == sorted(row.tolist(), reverse=True)[:2]
        assert ranked[0][1] == row[head.fitted_.classes.index(ranked[0][0])]
    assert [len(row) for row in head.top_k(embeddings[:2], 9)] == [4, 4]


def test_no_embeddings_give_no_predictions() -> None:
    embeddings, class_names = examples()
    head = SoftmaxHead().fit(embeddings, class_names)
    assert head.predict_proba(embeddings[:0]).shape == (0, 4)
    assert head.predict(embeddings[:0]).shape == (0,)


def test_inputs_are_never_written_to() -> None:
    embeddings, class_names = examples()
    before = embeddings.copy()
    embeddings.flags.writeable = False
    names = tuple(class_names)
    head = SoftmaxHead().fit(embeddings, names)
    head.predict(embeddings)
    head.predict_proba(embeddings)
    np.testing.assert_array_equal(before, embeddings)


def test_other_number_types_are_taken_as_float32() -> None:
    embeddings, class_names = examples()
    whole = np.rint(embeddings)
    expected = SoftmaxHead().fit(whole, class_names).weights_
    for given_as in (whole.astype(np.float64), whole.astype(np.int64), whole.tolist()):
        np.testing.assert_array_equal(expected, SoftmaxHead().fit(given_as, class_names).weights_)


@pytest.mark.parametrize(
    ("embeddings", "class_names", "reason"),
    [
        (np.zeros((0, 4)), [], "2 to 65536 classes, found 0"),
        (np.zeros((3, 4)), ["a", "a", "a"], "found one class: 'a'; add examples of something else"),
        (np.zeros((3, 4)), ["a", "b"], "found 2 names and 3 embeddings"),
        (np.zeros(4), ["a", "b", "a", "b"], r"found float64 of shape \(4,\)"),
        (np.zeros((2, 2, 2)), ["a", "b"], r"shape \(2, 2, 2\)"),
        (np.zeros((2, 0)), ["a", "b"], "width 1 to 65536, found 0"),
        ([[1.0, 2.0], [1.0]], ["a", "b"], "expected embeddings of one width"),
        (np.zeros((2, 4), complex), ["a", "b"], "found complex128"),
        (np.array([["1"], ["2"]]), ["a", "b"], "expected numbers"),
        (np.array([[0.0], [np.nan]]), ["a", "b"], "NaN or infinity in 1 of 2, the first at row 1"),
        (np.array([[np.inf], [0.0]]), ["a", "b"], "in 1 of 2, the first at row 0"),
        (np.array([[1e39], [0.0]]), ["a", "b"], "in 1 of 2, the first at row 0"),
        (np.zeros((2, 4)), "ab", "class names, one per example"),
        (np.zeros((2, 4)), [0.5, 1], "a class name per example"),
        (np.zeros((2, 4)), ["a", ""], "found ''; choose another"),
        (np.zeros((2, 4)), ["a", "b\n"], "no control characters"),
        (np.zeros((2, 4)), ["a", "b\udcff"], "no control characters"),
        (np.zeros((2, 4)), ["a", "b" * 256], "1 to 255 characters"),
    ],
)
def test_unusable_examples_are_refused(
    embeddings: object, class_names: object, reason: str
) -> None:
    """With what was expected, what was found, and what to do."""
    with pytest.raises(InputError, match=reason):
        SoftmaxHead().fit(embeddings, class_names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("l2", -1.0),
        ("l2", float("nan")),
        ("l2", 1e10),
        ("tolerance", -1e-3),
        ("tolerance", 1.0),
        ("tolerance", float("nan")),
        ("max_iterations", 0),
        ("method", "best"),
        ("class_weight", "even"),
        ("label_smoothing", -0.1),
        ("label_smoothing", 1.0),
    ],
)
def test_unusable_settings_are_refused(setting: str, value: object) -> None:
    embeddings, class_names = examples()
    with pytest.raises(InputError, match=setting):
        SoftmaxHead(**{setting: value}).fit(embeddings, class_names)


@settings(max_examples=50)
@given(st.integers(-45, 38), st.integers(0, 100))
def test_embeddings_of_any_size_fit_or_are_refused(exponent: int, seed: int) -> None:
    """From denormal to near overflow: a head that answers, or an error; no NaN, no warning."""
    rng = np.random.default_rng(seed)
    embeddings = rng.uniform(-3, 3, (20, 4)) * 10.0**exponent
    try:
        head = SoftmaxHead().fit(embeddings, ["a", "b"] * 10)
    except (InputError, TrainingDivergedError):
        return
    assert np.isfinite(head.weights_).all()
    assert np.isfinite(head.predict_proba(embeddings)).all()


def test_a_failed_fit_leaves_the_head_as_it_was() -> None:
    embeddings, class_names = examples()
    head = SoftmaxHead().fit(embeddings, class_names)
    before = head.weights_.copy()
    with pytest.raises(InputError):
        head.fit(embeddings * np.float32(np.nan), class_names)
    with pytest.raises(TrainingDivergedError):
        head.fit(embeddings * np.float32(1e-44), ["x", "y"] * 60)
    np.testing.assert_array_equal(before, head.weights_)
    assert head.fitted_.classes == ("blue", "green", "grey", "red")


def test_a_second_fit_forgets_the_first() -> None:
    embeddings, class_names = examples()
    fresh = SoftmaxHead().fit(embeddings[:60], class_names[:60])
    again = SoftmaxHead().fit(embeddings, class_names).fit(embeddings[:60], class_names[:60])
    assert fresh.weights_.tobytes() == again.weights_.tobytes()


def test_running_out_of_iterations_is_said(caplog: pytest.LogCaptureFixture) -> None:
    embeddings, class_names = examples()
    head = SoftmaxHead(l2=0.1, max_iterations=2).fit(embeddings, class_names)
    assert head.training_["converged"] is False
    assert "stopped after 2 iterations" in caplog.text


def test_a_new_head_says_that_it_is_not_fitted(tmp_path: Path) -> None:
    embeddings, _ = examples()
    for use in (
        lambda: SoftmaxHead().predict(embeddings),
        lambda: SoftmaxHead().predict_proba(embeddings),
        lambda: SoftmaxHead().save(tmp_path / "mine.head"),
    ):
        with pytest.raises(NotFittedError, match="call fit or load first"):
            use()
    assert os.listdir(tmp_path) == []


def test_unusable_embeddings_are_refused_at_prediction() -> None:
    embeddings, class_names = examples()
    head = SoftmaxHead().fit(embeddings, class_names)
    with pytest.raises(InputError, match="expected embeddings of width 12, found width 11"):
        head.predict(embeddings[:, :11])
    with pytest.raises(InputError, match=r"write embedding\[None\]"):
        head.predict(embeddings[0])
    with pytest.raises(InputError, match="NaN or infinity"):
        head.predict(np.full((1, 12), np.nan))
    with pytest.raises(InputError, match="which overflow"):
        head.predict(np.full((1, 12), 3e38))
    with pytest.raises(InputError, match="k to be a whole number"):
        head.top_k(embeddings, 0)


def test_save_then_load_is_identity(tmp_path: Path) -> None:
    """The loaded head answers with the same bits and saves to the same bytes."""
    embeddings, class_names = examples()
    head = SoftmaxHead(l2=7.0).fit(embeddings, class_names, extractor=EXTRACTOR)
    path = tmp_path / "größe 1.head"
    head.save(path)
    loaded = SoftmaxHead.load(path, extractor=EXTRACTOR)
    assert loaded.fitted_.classes == head.fitted_.classes
    assert loaded.class_counts_ == head.class_counts_
    assert loaded.fingerprint_ == head.fingerprint_ == EXTRACTOR.manifest.fingerprint
    assert loaded.training_ == head.training_
    expected = head.predict_proba(embeddings)
    assert loaded.predict_proba(embeddings).tobytes() == expected.tobytes()
    loaded.save(tmp_path / "again.head")
    assert path.read_bytes() == (tmp_path / "again.head").read_bytes()


def test_the_file_says_what_was_fitted(tmp_path: Path) -> None:
    embeddings, class_names = examples()
    SoftmaxHead(l2=7.0).fit(embeddings, class_names, extractor=EXTRACTOR).save(tmp_path / "a")
    file = load_head(tmp_path / "a")
    assert file.headfit_version == headfit.__version__
    data = file.head
    assert data.class_counts == (30, 30, 30, 30)
    assert data.training["l2"] == 7.0
    assert data.training["converged"] is True
    assert data.extractor is not None
    assert data.extractor.name == "tiny-net"
    assert data.extractor.preprocessing == EXTRACTOR.manifest.preprocessing
    # Weights and little else.
    assert (tmp_path / "a").stat().st_size < 4 * 13 * 4 + 2500


def test_a_head_for_another_extractor_is_refused(tmp_path: Path) -> None:
    """Both fingerprints stand in the message."""
    embeddings, class_names = examples()
    SoftmaxHead().fit(embeddings, class_names, extractor=EXTRACTOR).save(tmp_path / "a")
    with pytest.raises(ExtractorMismatchError) as error:
        SoftmaxHead.load(tmp_path / "a", extractor=OTHER)
    assert EXTRACTOR.manifest.fingerprint in str(error.value)
    assert OTHER.manifest.fingerprint in str(error.value)


def test_a_head_of_unknown_origin_must_have_the_right_width(tmp_path: Path) -> None:
    """Fitted on bare embeddings, it can only be checked by width."""
    embeddings, class_names = examples()
    head = SoftmaxHead().fit(embeddings, class_names)
    head.save(tmp_path / "a")
    assert head.fingerprint_ is None
    assert SoftmaxHead.load(tmp_path / "a", extractor=EXTRACTOR).fingerprint_ is None
    wide = Described(dataclasses.replace(EXTRACTOR.manifest, embedding_dim=13))
    with pytest.raises(ExtractorMismatchError, match="width 12, found an extractor of width 13"):
        SoftmaxHead.load(tmp_path / "a", extractor=wide)


def test_embeddings_of_another_width_than_the_extractors_are_refused() -> None:
    embeddings, class_names = examples(embedding_dim=11)
    with pytest.raises(InputError, match="width 12 as tiny-net makes them, found width 11"):
        SoftmaxHead().fit(embeddings, class_names, extractor=EXTRACTOR)


def test_the_example_in_the_documentation_is_true() -> None:
    assert doctest.testmod(headfit.head) == doctest.TestResults(failed=0, attempted=5)


def test_a_cut_head_file_is_refused(tmp_path: Path) -> None:
    embeddings, class_names = examples()
    path = tmp_path / "a"
    SoftmaxHead().fit(embeddings, class_names).save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=str(path)):
        SoftmaxHead.load(path)
