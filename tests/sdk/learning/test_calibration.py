"""What a head says of how sure it is holds for photos that it has not seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.learning.calibration import QUANTILES, calibrate, least_probability, sharpness
from headfit.learning.fitting import fit_head
from headfit.learning.held_out import HeldOut, LeftOut
from headfit.learning.logistic import FEW_PHOTOS, fit_logistic, leverage
from headfit.learning.problem import Problem
from headfit.learning.settings import Settings
from headfit.maths.metrics import calibration_error
from headfit.maths.softmax import cross_entropy, softmax

FloatArray = npt.NDArray[np.float32]
METHODS = ["imprint", "lda", "logistic"]
EVERY_METHOD = [*METHODS, "binary"]


def examples(n_samples: int, seed: int, n_classes: int = 5) -> tuple[FloatArray, list[str]]:
    """Return overlapping classes, the same whatever the seed of their examples."""
    centres = np.random.default_rng(0).normal(size=(n_classes, 20))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, n_classes, n_samples)
    embeddings = centres[targets] + 2 * rng.normal(size=(n_samples, 20))
    return embeddings.astype(np.float32), [f"class {target}" for target in targets]


def held_out(probabilities: npt.ArrayLike, targets: list[int]) -> HeldOut:
    """Return examples of which each is a photo by itself."""
    columns = np.array(targets, np.intp)
    return HeldOut(
        np.arange(len(targets)), columns, np.array(probabilities), np.ones(len(targets)),
        np.bincount(columns, minlength=2),
    )  # fmt: skip


def test_the_threshold_and_the_scores_are_those_of_conformal_prediction() -> None:
    """With 39 examples 5 % are two, and the set of 90 % takes the 36th score."""
    best = np.linspace(0.5, 0.88, 39)
    calibration = calibrate(held_out(np.stack([best, 1 - best], axis=1), [0] * 39))
    assert calibration.threshold == best[1]
    assert calibration.n_held_out == 39
    np.testing.assert_allclose(np.sort(1 - best), calibration.set_scores, atol=1e-4)
    assert least_probability(calibration, 0.9) == pytest.approx(1 - np.sort(1 - best)[35], abs=1e-4)


@pytest.mark.parametrize("n_samples", [0, 1, 18])
def test_too_few_examples_tell_nothing(n_samples: int) -> None:
    calibration = calibrate(held_out(np.full((n_samples, 2), 0.5), [0] * n_samples))
    assert calibration.threshold is None
    assert least_probability(calibration, 0.99) == 0


@given(st.integers(QUANTILES + 1, 3000), st.floats(0.01, 0.98))
def test_quantiles_keep_at_least_the_coverage_of_all_scores(
    n_samples: int, coverage: float
) -> None:
    own = np.random.default_rng(n_samples).random(n_samples)
    calibration = calibrate(held_out(np.stack([own, 1 - own], axis=1), [0] * n_samples))
    assert len(calibration.set_scores) == QUANTILES
    assert (own >= least_probability(calibration, coverage)).mean() >= coverage - 1e-9


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_sets_cover_and_known_photos_pass(method: str, coverage: float) -> None:
    """On new examples, within three standard deviations of both samples."""
    head = SoftmaxHead(method=method).fit(*examples(400, seed=1))
    new, names = examples(4000, seed=2)
    sets = head.predict_sets(new, coverage)
    covered = np.mean(
        [name in names_in_set for name, names_in_set in zip(names, sets, strict=True)]
    )
    doubt = 3 * np.sqrt(coverage * (1 - coverage) * (1 / 400 + 1 / 4000))
    assert covered >= coverage - doubt
    assert np.mean([len(names_in_set) for names_in_set in sets]) < 4.5
    assert head.is_known(new).mean() == pytest.approx(0.95, abs=3 * np.sqrt(0.0475 * 1.1 / 400))


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_between_the_classes_is_unknown(method: str) -> None:
    """Of embeddings around the middle of all fewer pass than of known ones."""
    head = SoftmaxHead(method=method).fit(*examples(400, seed=1))
    known, _ = examples(4000, seed=2)
    noise = 2 * np.random.default_rng(3).normal(size=(4000, 20))
    middle = known.mean(axis=0) + noise.astype(np.float32)
    refused = [1 - head.is_known(embeddings).mean() for embeddings in (known, middle)]
    assert refused[1] > 1.5 * refused[0]


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_what_lies_far_off_on_one_side_is_unknown(method: str) -> None:
    """The further off, the surer float heads are of a class; yet it is no photo like others."""
    head = SoftmaxHead(method=method).fit(*examples(400, seed=1))
    known, _ = examples(400, seed=2)
    far = known.mean(axis=0) + 5 * (known - known.mean(axis=0))
    sure = [head.predict_proba(embeddings).max(axis=1).mean() for embeddings in (known, far)]
    assert sure[1] > (0.9 if method in METHODS[1:] else 0.9 * sure[0])
    assert not head.is_known(far).any()


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_feature_that_one_photo_alone_has_hides_no_stranger(method: str) -> None:
    """Left out, that photo lies enormously far from all others; others are judged as before."""
    embeddings, classes = examples(400, seed=1)
    rare = np.random.default_rng(3).normal(scale=1e-3, size=(400, 1)).astype(np.float32)
    rare[0] = 5
    head = SoftmaxHead(method=method).fit(np.hstack([embeddings, rare]), classes)
    known, _ = examples(400, seed=2)
    known = np.hstack([known, rare])[1:]
    far = known.mean(axis=0) + 5 * (known - known.mean(axis=0))
    assert not head.is_known(far).any()
    assert head.is_known(known).mean() > 0.9


def test_a_set_is_never_empty_and_begins_with_the_best() -> None:
    head = SoftmaxHead(method="lda").fit(*examples(400, seed=1))
    new, _ = examples(500, seed=2)
    for names, best in zip(head.predict_sets(new, 0.05), head.predict(new), strict=True):
        assert names[0] == best


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0, float("nan")])
def test_an_impossible_coverage_is_refused(coverage: float) -> None:
    head = SoftmaxHead().fit(*examples(40, seed=1))
    with pytest.raises(InputError, match="coverage above 0 and below 1"):
        head.predict_sets(np.zeros((1, 20)), coverage)


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_few_photos_accept_everything(method: str) -> None:
    """Ten photos cannot tell what the worst twentieth of photos looks like."""
    embeddings, _ = examples(10, seed=3)
    head = SoftmaxHead(method=method).fit(embeddings, ["a", "b"] * 5)
    assert head.is_known(100 * embeddings).all()
    assert head.predict_sets(embeddings, 0.95) == [
        tuple(name for name, _ in ranking) for ranking in head.top_k(embeddings, 2)
    ]


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_it_is_in_the_head_file(method: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("head") / "mine.head"
    head = SoftmaxHead(method=method).fit(*examples(400, seed=1))
    head.save(path)
    loaded = SoftmaxHead.load(path)
    new, _ = examples(200, seed=2)
    assert loaded.calibration_ == head.calibration_
    np.testing.assert_array_equal(head.sureness(new), loaded.sureness(new))
    np.testing.assert_array_equal(head.is_known(new), loaded.is_known(new))
    assert loaded.predict_sets(new) == head.predict_sets(new)


@pytest.mark.parametrize(("n_samples", "l2"), [(60, 5.0), (60, 50.0), (400, 50.0)])
def test_logistic_regression_left_one_out_is_near_brute_force(n_samples: int, l2: float) -> None:
    """The mean loss and the class of nearly every example, against fits without each.

    The estimate holds the bias; scikit-learn, without the example, finds its class rarer.
    """
    embeddings, names = examples(n_samples, seed=4)
    targets = np.unique(names, return_inverse=True)[1].astype(np.intp)
    some = np.arange(0, n_samples, n_samples // 60)
    fit = fit_logistic(
        embeddings, targets, 5, l2=l2, tolerance=1e-5, max_iterations=500,
        left_out=LeftOut.singly(targets, some),
    )  # fmt: skip
    mean, scale = embeddings.mean(axis=0), embeddings.std(axis=0)
    standardised = (embeddings - mean) / scale
    exact = np.empty((len(some), 5))
    for row, i in enumerate(some):
        rest = np.arange(n_samples) != i
        model = LogisticRegression(C=1 / l2, tol=1e-6, max_iter=1000)
        model.fit(standardised[rest], targets[rest])
        exact[row] = model.decision_function(standardised[i : i + 1])
    before = embeddings[some] @ fit.weights + fit.bias
    losses = [cross_entropy(logits.astype(np.float32), targets[some])
              for logits in (exact, fit.left_out_logits, before)]  # fmt: skip
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert abs(losses[1] - losses[0]) < abs(losses[2] - losses[0]) / 3
    assert (exact.argmax(axis=1) == fit.left_out_logits.argmax(axis=1)).mean() >= 0.9


@pytest.mark.parametrize("shape", [(7, 30), (30, 7)])
def test_leverage_is_the_diagonal_of_the_hat_matrix(shape: tuple[int, int]) -> None:
    """From the smaller of the two matrices, as from the formula."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=shape).astype(np.float32)
    curvature = rng.uniform(0.1, 1, shape[0]).astype(np.float32)
    rows = np.sqrt(curvature)[:, np.newaxis] * features
    hat = rows @ np.linalg.inv(rows.T @ rows + 2.5 * np.eye(shape[1])) @ rows.T
    chosen = np.array([5, 0, 3])
    one_by_one = LeftOut.singly(np.zeros(len(rows), np.intp), chosen)
    diagonal, among_groups = leverage(features, curvature, 2.5, one_by_one)
    np.testing.assert_allclose(np.diagonal(hat)[chosen], diagonal, rtol=1e-4)
    assert not among_groups
    together = LeftOut(chosen, one_by_one.targets, np.array([0, 1, 0]), np.ones(3))
    _, ((places, block),) = leverage(features, curvature, 2.5, together)
    np.testing.assert_array_equal([0, 2], places)
    np.testing.assert_allclose(hat[np.ix_([5, 3], [5, 3])], block, rtol=1e-4, atol=1e-6)


def test_every_term_counts_when_an_example_is_left_out() -> None:
    """Weights and smoothing move the estimate as they move the fit without the example."""
    embeddings, names = examples(60, seed=5)
    targets = np.unique(names, return_inverse=True)[1].astype(np.intp)
    weights = np.random.default_rng(0).uniform(0.5, 2, 60).astype(np.float32)

    def fit(rows: npt.NDArray[np.intp], left_out: npt.NDArray[np.intp]) -> FloatArray:
        done = fit_logistic(
            embeddings[rows], targets[rows], 5, l2=20.0, tolerance=1e-5, max_iterations=500,
            label_smoothing=0.2, sample_weights=weights[rows],
            left_out=LeftOut.singly(targets[rows], left_out),
        )  # fmt: skip
        if len(left_out):
            return done.left_out_logits.astype(np.float32)
        return embeddings @ done.weights + done.bias

    every = np.arange(60)
    estimate = fit(every, every)
    exact = np.stack([fit(np.delete(every, i), every[:0])[i] for i in range(60)])
    centred = [logits - logits.mean(axis=1, keepdims=True) for logits in (exact, estimate)]
    gap = np.abs(centred[0] - centred[1]).mean()
    before = fit(every, every[:0])
    moved = np.abs(centred[0] - (before - before.mean(axis=1, keepdims=True))).mean()
    assert gap < moved / 3


def test_probabilities_of_logistic_regression_are_calibrated() -> None:
    """Nearer to how often they are right than without, where the penalty makes them too modest."""
    embeddings, names = examples(150, seed=6)
    head = SoftmaxHead(method="logistic", l2=200.0).fit(embeddings, names)
    new, new_names = examples(4000, seed=7)
    targets = np.searchsorted(head.fitted_.classes, new_names)
    after = calibration_error(targets, head.predict_proba(new))
    sharpness = head.training_["sharpness"]
    assert isinstance(sharpness, float)
    logits = (new @ head.weights_ + head.bias_) / np.float32(sharpness)
    before = calibration_error(targets, softmax(logits))
    assert after < before / 2


@pytest.mark.parametrize("n_photos", [2, 3, FEW_PHOTOS])
def test_logistic_regression_on_few_photos_of_many_classes_knows_how_sure_it_is(
    n_photos: int,
) -> None:
    """Leaving single photos out makes their class rarer than the others, and all very unsure.

    On the mean of several draws: of one, chance moves the error between 0.02 and 0.14.
    """
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        centres = 0.5 * rng.normal(size=(60, 40))
        targets = np.repeat(np.arange(60), n_photos + 20)
        photos = (centres[targets] + rng.normal(size=(len(targets), 40))).astype(np.float32)
        is_taught = np.arange(len(targets)) % (n_photos + 20) < n_photos
        head = SoftmaxHead(method="logistic").fit(
            photos[is_taught], [f"{t:02}" for t in targets[is_taught]]
        )
        probabilities = head.predict_proba(photos[~is_taught])
        errors.append(calibration_error(targets[~is_taught], probabilities))
    assert np.mean(errors) < 0.08


def test_a_line_search_that_looks_too_far_comes_back() -> None:
    """Logits on which factors of more than e^100 were tried, and training called diverged."""
    rng = np.random.default_rng(171)
    n_classes, n_samples = int(rng.integers(20, 200)), int(rng.integers(200, 1500))
    targets = rng.integers(0, n_classes, n_samples)
    heads = [scale * rng.normal(size=(n_samples, n_classes)) for scale in (0.2, 30.0)]
    rows = np.arange(n_samples)
    heads[0][rows, targets] += rng.uniform(0, 0.5)
    heads[1][rows, targets] += rng.uniform(10, 80)
    factors = sharpness(heads, targets, [4.0, 0.006], np.ones(n_samples))

    def loss(factors: list[float]) -> float:
        logits = factors[0] * heads[0] + factors[1] * heads[1]
        doubt = np.square(np.log(np.divide(factors, [4.0, 0.006])) / np.log(4)).sum() / 2
        return n_samples * cross_entropy(logits.astype(np.float32), targets) + float(doubt)

    for place in (0, 1):
        for nearby in (0.9, 1.1):
            others = list(factors)
            others[place] *= nearby
            assert loss(others) > loss(factors) - 0.01


def test_without_photos_to_leave_out_nothing_is_known() -> None:
    """One photo per class: no accuracy, no threshold, and all classes in every set."""
    fit = fit_head(Problem(examples(3, seed=8)[0], np.arange(3), ("a", "b", "c"), Settings())).head
    assert fit.calibration is not None
    assert fit.calibration.n_held_out == 0
    assert fit.calibration.threshold is None
    assert fit.training["leave_one_out_accuracy"] is None
