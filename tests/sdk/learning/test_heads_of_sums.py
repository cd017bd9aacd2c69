"""Imprinting and discriminant analysis: as others define them, left one out as brute force does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics.pairwise import cosine_similarity

from headfit.errors import TrainingDivergedError
from headfit.head import SoftmaxHead
from headfit.learning.calibration import sharpness
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitting import LOGISTIC_ANYHOW, LOGISTIC_FROM, fit_head
from headfit.learning.held_out import MAX_JUDGED, LeftOut
from headfit.learning.imprint import imprint, imprint_leave_one_out
from headfit.learning.lda import PRIOR_PHOTOS, fit_lda
from headfit.learning.problem import Problem
from headfit.learning.settings import Settings
from headfit.maths.scaling import LEAST_SPREAD
from headfit.maths.softmax import cross_entropy, softmax

FloatArray = npt.NDArray[np.float32]
TargetArray = npt.NDArray[np.intp]


def fitted(
    embeddings: np.ndarray, targets: np.ndarray, n_classes: int, settings: Settings
) -> FittedHead:
    classes = tuple(f"class {column}" for column in range(n_classes))
    return fit_head(Problem(embeddings, targets, classes, settings)).head


def examples(
    counts: tuple[int, ...] = (7, 2, 5, 3), embedding_dim: int = 6, seed: int = 0
) -> tuple[FloatArray, TargetArray]:
    """Return classes of these sizes, whose features have offsets and spreads of their own."""
    rng = np.random.default_rng(seed)
    targets = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    embeddings = rng.normal(size=(len(counts), embedding_dim))[targets]
    embeddings += rng.normal(size=(len(targets), embedding_dim)) + 1
    return (embeddings * np.geomspace(0.1, 10, embedding_dim)).astype(np.float32), targets


def assert_sums_equal(expected: ClassSums, actual: ClassSums) -> None:
    np.testing.assert_array_equal(expected.counts, actual.counts)
    # Sums of some thousands are taken from each other, in float64.
    np.testing.assert_allclose(expected.sums, actual.sums, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(expected.moments, actual.moments, rtol=1e-12, atol=1e-11)


@given(st.integers(0, 10_000), st.integers(1, 16))
def test_what_is_added_and_taken_away_leaves_no_trace(seed: int, n_kept: int) -> None:
    embeddings, targets = examples(seed=seed)
    kept = ClassSums.of(embeddings[:n_kept], targets[:n_kept], 4)
    others = ClassSums.of(embeddings[n_kept:], targets[n_kept:], 4)
    everything = ClassSums.of(embeddings, targets, 4)
    assert_sums_equal(everything, kept.plus(others))
    assert_sums_equal(kept, everything.minus(others))


def test_the_sums_know_means_spread_and_scatter() -> None:
    """As NumPy computes them from the examples; what hardly varies is bounded, as everywhere."""
    embeddings, targets = examples()
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    np.testing.assert_allclose(embeddings.mean(axis=0, dtype=float), mean)
    spread = embeddings.std(axis=0, dtype=float)
    least = LEAST_SPREAD * np.median(spread)
    np.testing.assert_allclose(1 / np.maximum(spread, least), inverse_scale)
    means = np.stack([embeddings[targets == column].mean(axis=0) for column in range(4)])
    np.testing.assert_allclose(means, sums.means(), rtol=1e-6)
    off = embeddings.astype(float) - sums.means()[targets]
    np.testing.assert_allclose(off.T @ off, sums.scatter_within(), atol=1e-9)


def test_a_constant_feature_has_no_say() -> None:
    """Nor one that varies by rounding; in every head of sums it gets the weight of no class."""
    embeddings, targets = examples()
    embeddings[:, 2] = 1000
    embeddings[::2, 2] = np.nextafter(np.float32(1000), np.float32(2000))
    _, inverse_scale = ClassSums.of(embeddings, targets, 4).mean_and_inverse_scale()
    assert inverse_scale[2] == 0
    weights = fitted(embeddings, targets, 4, Settings(method="lda")).weights
    np.testing.assert_array_equal(np.zeros(4), weights[2])


def test_imprinting_ranks_classes_by_cosine() -> None:
    """As scikit-learn's cosine between what is centred and scaled ranks them."""
    embeddings, targets = examples()
    sums = ClassSums.of(embeddings, targets, 4)
    weights, bias = imprint(sums, *sums.mean_and_inverse_scale())
    scaled = (embeddings - embeddings.mean(axis=0)) / np.sqrt(embeddings.std(axis=0))
    means = np.stack([scaled[targets == column].mean(axis=0) for column in range(4)])
    expected = cosine_similarity(scaled, means).argsort(axis=1)
    np.testing.assert_array_equal(expected, (embeddings @ weights + bias).argsort(axis=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_imprinting_left_one_out_is_brute_force(seed: int, embedding_dim: int) -> None:
    """The scale held, as documented; the mean of all and that of its class both without it."""
    embeddings, targets = examples(embedding_dim=embedding_dim, seed=seed)
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    actual = imprint_leave_one_out(sums, mean, inverse_scale, embeddings, LeftOut.singly(targets))
    for i in range(len(targets)):
        rest = sums.minus(ClassSums.of(embeddings[i : i + 1], targets[i : i + 1], 4))
        weights, bias = imprint(rest, rest.sums.sum(axis=0) / rest.counts.sum(), inverse_scale)
        np.testing.assert_allclose(embeddings[i] @ weights + bias, actual[i], atol=1e-6)


@pytest.mark.parametrize("prior_photos", [0.5, 20.0, 1e5])
def test_the_analysis_is_that_of_scikit_learn(prior_photos: float) -> None:
    """Its lsqr solver takes the covariance that ours has: shrunk towards the identity."""
    embeddings, targets = examples((40, 10, 25, 25))
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    nobody = LeftOut.singly(targets[:0])
    analysis = fit_lda(sums, mean, inverse_scale, prior_photos, embeddings[:0], nobody, sums.counts)

    standardised = (embeddings - mean) * inverse_scale
    means = np.stack([standardised[targets == c].mean(axis=0) for c in range(4)])
    off = standardised - means[targets]
    covariance = (off.T @ off + prior_photos * np.eye(6)) / (100 - 4 + prior_photos)

    class Known:
        """The covariance, for an analysis that asks an estimator for each class's."""

        covariance_ = covariance

        def fit(self, centred: npt.NDArray[np.float64]) -> Known:
            return self

    reference = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Known())
    expected = reference.fit(standardised, targets).decision_function(standardised)
    actual = embeddings @ analysis.weights + analysis.bias
    difference = actual - expected
    np.testing.assert_allclose(
        np.broadcast_to(difference[:, :1], difference.shape), difference, atol=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 3.0, 500.0]), st.integers(1, 30))
def test_the_analysis_left_one_out_is_brute_force(
    seed: int, prior_photos: float, embedding_dim: int
) -> None:
    """Standardisation and noise held, as documented; more features than photos or fewer."""
    embeddings, targets = examples(embedding_dim=embedding_dim, seed=seed)
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    analysis = fit_lda(
        sums, mean, inverse_scale, prior_photos, embeddings, LeftOut.singly(targets), sums.counts
    )
    logits = analysis.left_out_logits
    actual = logits - logits[:, :1]
    for i in range(len(targets)):
        rest = sums.minus(ClassSums.of(embeddings[i : i + 1], targets[i : i + 1], 4))
        without = fit_lda(
            rest, mean, inverse_scale, prior_photos, embeddings[:0],
            LeftOut.singly(targets[:0]), rest.counts,
        )  # fmt: skip
        freedom = len(targets) - 1 - 4 + prior_photos
        corrected = without.bias + freedom / 2 * analysis.noise / rest.counts
        expected = embeddings[i] @ without.weights + corrected
        scale = np.abs(logits[i]).max() + 1
        np.testing.assert_allclose(expected - expected[0], actual[i], atol=1e-7 * scale)


def test_the_noise_is_the_distance_that_a_mean_of_few_photos_is_off_by() -> None:
    """Less noise / n, the distance to the mean of ``n`` photos is that to the true mean."""
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(40), 5)
    true_means = rng.normal(size=(40, 6))
    embeddings = (true_means[targets] + rng.normal(size=(200, 6))).astype(np.float32)
    sums = ClassSums.of(embeddings, targets, 40)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    analysis = fit_lda(
        sums, mean, inverse_scale, 1.0, embeddings, LeftOut.singly(targets), sums.counts
    )
    scatter = sums.scatter_within() * inverse_scale * inverse_scale[:, np.newaxis] + np.eye(6)
    off = (sums.means() - true_means) * inverse_scale
    actual = np.einsum("cd,de,ce->c", off, np.linalg.inv(scatter), off).mean()
    assert analysis.noise / 5 == pytest.approx(actual, rel=0.2)


@given(st.integers(0, 1000), st.floats(0.05, 20))
def test_sharpness_is_the_factor_with_the_lowest_loss(seed: int, true_factor: float) -> None:
    """Found again, where many logits tell it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4000, 3))
    probabilities = softmax((true_factor * logits).astype(np.float32)).astype(float)
    targets = (rng.random((4000, 1)) > probabilities.cumsum(axis=1)[:, :2]).sum(axis=1)
    (found,) = sharpness([logits], targets, [1.0], np.ones(len(targets)))
    best = cross_entropy(found * logits, targets)
    assert best <= cross_entropy(1.05 * found * logits, targets) + 1e-4
    assert best <= cross_entropy(0.95 * found * logits, targets) + 1e-4


def test_sharpness_without_evidence_is_the_expected() -> None:
    (found,) = sharpness([np.zeros((0, 3))], np.zeros(0, np.intp), [15.0], np.zeros(0))
    assert found == pytest.approx(15.0, rel=0.01)


def test_a_few_photos_all_right_do_not_make_a_head_certain() -> None:
    """The best factor alone would be infinite."""
    (found,) = sharpness([np.eye(3)], np.arange(3), [1.0], np.ones(3))
    assert 1 < found < 10


def method_of(n_per_class: int, n_classes: int = 4, **parameters: object) -> str:
    rng = np.random.default_rng(0)
    names = [f"class {i % n_classes}" for i in range(n_classes * n_per_class)]
    embeddings = rng.random((len(names), 8)).astype(np.float32)
    head = SoftmaxHead(**parameters).fit(embeddings, names)  # type: ignore[arg-type]
    assert head.training_["asked_for"] == parameters.get("method", "auto")
    return str(head.training_["method"])


def method_of_copies(spread: float) -> str:
    """Of one picture a class in five versions."""
    rng = np.random.default_rng(0)
    embeddings = np.repeat(rng.normal(size=(4, 100)), 5, axis=0)
    embeddings += spread * rng.normal(size=embeddings.shape)
    head = SoftmaxHead().fit(embeddings, np.repeat([*"abcd"], 5))
    assert head.calibration_ is not None
    assert head.calibration_.n_held_out == 0
    return str(head.training_["method"])


def test_auto_goes_by_the_number_of_photos() -> None:
    """Of the smallest class; and says which head it took."""
    assert method_of(1) == "imprint"
    assert method_of_copies(0.05) == "imprint+lda"
    assert method_of_copies(0) == "imprint"  # the very same ones are one
    assert method_of(2) == method_of(LOGISTIC_FROM - 1) == "imprint+lda"
    assert method_of(LOGISTIC_FROM) == "logistic-regression+lda"
    assert method_of(1, method="lda") == "lda"
    assert method_of(30, method="imprint") == "imprint"
    assert method_of(1, method="logistic") == "logistic-regression"
    for counts in ((1, 3, 3, 3), (2, 5, 3, 3)):  # where some have more, logistic regression
        few = fitted(*examples(counts), 4, Settings())  # hardly ever recognises the others
        assert few.training["method"] == "imprint+lda"
    for least, expected in (
        (LOGISTIC_ANYHOW - 1, "imprint+lda"),
        (LOGISTIC_ANYHOW, "logistic-regression+lda"),
    ):
        embeddings, targets = examples((40, 40, 40, least))
        assert fitted(embeddings, targets, 4, Settings()).training["method"] == expected
    wide = np.random.default_rng(0).normal(size=(80, 120)).astype(np.float32)
    training = fitted(wide, np.arange(80) % 4, 4, Settings()).training
    assert training["method"] == "logistic-regression+lda"  # however many features there are


def test_few_photos_hardly_change_the_ratio_of_two_heads() -> None:
    """What both have in common follows the held-out photos: here logits are ten times too small."""
    rng = np.random.default_rng(0)
    targets = np.arange(30) % 3
    right = np.eye(3)[targets]
    one = 0.1 * (right + 0.3 * rng.normal(size=(30, 3)))
    other = 0.1 * (right + 0.9 * rng.normal(size=(30, 3)))
    given = [one, other], targets, [1.0, 1.0], np.ones(30)
    free, tied = sharpness(*given), sharpness(*given, tied=True)
    assert 1 <= tied[0] / tied[1] < free[0] / free[1] / 2
    assert min(tied) > 2


def test_auto_trusts_each_head_as_leaving_photos_out_bids() -> None:
    """Only lengths tell, which imprinting cannot see; or only directions."""
    lengths = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 4)[:, np.newaxis] * np.ones(5)
    lengths += 0.01 * np.random.default_rng(1).normal(size=(20, 5))
    names = list("abcde") * 4
    assert (SoftmaxHead().fit(lengths, names).predict(lengths) == names).all()
    assert not (SoftmaxHead(method="imprint").fit(lengths, names).predict(lengths) == names).all()
    rng = np.random.default_rng(1)
    directions = np.vstack([np.eye(8), -np.eye(8)])
    any_length = np.tile(directions, (4, 1)) * rng.choice([0.01, 10], (64, 1))
    names = [f"class {i % 16}" for i in range(64)]
    right = {
        method: np.mean(SoftmaxHead(method=method).fit(any_length, names).predict(any_length)
                        == names)
        for method in ("auto", "imprint")
    }  # fmt: skip
    assert right["auto"] >= right["imprint"]


def test_a_class_of_one_photo_is_recognised_among_classes_of_many() -> None:
    """New photos of it, nearly as often as those of the others: its mean is off, and that is known.

    Without that the analysis recognised 1 % of them here.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(8, 40))

    def photos(counts: list[int]) -> tuple[FloatArray, TargetArray]:
        targets = np.repeat(np.arange(8), counts)
        spread = 1.2 * rng.normal(size=(len(targets), 40))
        return (centres[targets] + spread).astype(np.float32), targets

    embeddings, targets = photos([1, *[15] * 7])
    new, new_targets = photos([200] * 8)
    fit = fitted(embeddings, targets, 8, Settings())
    is_right = (new @ fit.weights + fit.bias).argmax(axis=1) == new_targets
    assert is_right[new_targets == 0].mean() >= 0.4
    assert is_right[new_targets > 0].mean() >= 0.8


@pytest.mark.parametrize("method", ["imprint", "lda"])
def test_the_leave_one_out_accuracy_is_reported(method: str) -> None:
    """Of those that are not alone in their class; None if all are."""
    embeddings, targets = examples()
    training = fitted(embeddings, targets, 4, Settings(method=method)).training
    sums = ClassSums.of(embeddings, targets, 4)
    spread = sums.mean_and_inverse_scale()
    if method == "imprint":
        logits = imprint_leave_one_out(sums, *spread, embeddings, LeftOut.singly(targets))
    else:
        analysis = fit_lda(
            sums, *spread, PRIOR_PHOTOS, embeddings, LeftOut.singly(targets), sums.counts
        )
        logits = analysis.left_out_logits
    assert training["leave_one_out_accuracy"] == (logits.argmax(axis=1) == targets).mean()
    alone = fitted(embeddings[:2], np.array([0, 1]), 2, Settings(method=method))
    assert alone.training["leave_one_out_accuracy"] is None


@pytest.mark.parametrize("method", ["imprint", "lda"])
def test_many_photos_are_judged_by_some(method: str) -> None:
    """Near what all of them say."""
    embeddings, targets = examples((MAX_JUDGED, MAX_JUDGED))
    some = fitted(embeddings, targets, 2, Settings(method=method)).training
    every = (
        (embeddings @ fitted(embeddings, targets, 2, Settings(method=method)).weights)
        + fitted(embeddings, targets, 2, Settings(method=method)).bias
    ).argmax(axis=1) == targets
    assert some["leave_one_out_accuracy"] == pytest.approx(every.mean(), abs=0.03)


@pytest.mark.parametrize("method", ["imprint", "lda", "logistic"])
def test_balanced_classes_do_not_count_their_photos(method: str) -> None:
    """Where nothing tells two classes apart, both are as probable; else the common one is more."""
    rng = np.random.default_rng(0)
    embeddings, names = rng.normal(size=(200, 3)) + 5, ["a"] * 160 + ["b"] * 40
    balanced = SoftmaxHead(method=method, class_weight="balanced").fit(embeddings, names)
    assert balanced.predict_proba(embeddings)[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    plain = SoftmaxHead(method=method).fit(embeddings, names)
    expected = 0.5 if method == "imprint" else 0.8
    assert plain.predict_proba(embeddings)[:, 0].mean() == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("method", ["imprint", "lda"])
@pytest.mark.parametrize("exponent", [-44, -30, 0, 30, 37])
def test_embeddings_of_any_size_fit_or_are_refused(method: str, exponent: int) -> None:
    embeddings, targets = examples()
    sized = (embeddings.astype(float) * 10.0**exponent / 10).astype(np.float32)
    try:
        fit = fitted(sized, targets, 4, Settings(method=method))
    except TrainingDivergedError:
        return
    assert np.isfinite(fit.weights).all()
    assert np.isfinite(fit.bias).all()


@pytest.mark.parametrize("method", ["imprint", "lda"])
def test_embeddings_that_are_all_the_same_give_a_head_that_cannot_tell(method: str) -> None:
    head = SoftmaxHead(method=method).fit(np.ones((4, 3)), ["a", "b", "a", "b"])
    np.testing.assert_allclose([[0.5, 0.5]], head.predict_proba(np.ones((1, 3))), atol=1e-6)
    zeros = SoftmaxHead(method=method).fit(np.zeros((4, 3)), ["a", "b", "a", "b"])
    np.testing.assert_allclose([[0.5, 0.5]], zeros.predict_proba(np.ones((1, 3))), atol=1e-6)
