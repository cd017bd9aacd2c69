"""What is nearly one photo, or said to belong together, is left out together and counts as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.learning.test_order import everything

from headfit import HeadLearner, InputError, SoftmaxHead
from headfit.learning import METHODS
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitting import LOGISTIC_FROM
from headfit.learning.groups import (
    CENTRED_COSINE,
    COSINE,
    grouped,
    middle_of,
    near_pairs,
    photo_groups,
)
from headfit.learning.held_out import LeftOut, left_out_of, logits_by_folds
from headfit.learning.imprint import imprint, imprint_leave_one_out
from headfit.learning.lda import fit_lda
from headfit.learning.logistic import fit_logistic
from headfit.learning.typicality import left_out_distances
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.report.curve import _are_first

WIDTH = 120
COPIES = 8


def pictures(
    per_class: int, n_classes: int = 4, copies: int = 1, seed: int = 0, jitter: float = 0.15
) -> tuple[FloatArray, TargetArray]:
    """Return pictures of classes that are hard to tell apart, each in several near copies."""
    centres = np.random.default_rng(5).normal(size=(n_classes, WIDTH))
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(n_classes), per_class)
    photos = 0.35 * centres[targets] + rng.normal(size=(len(targets), WIDTH))
    embeddings = np.repeat(photos, copies, axis=0)
    if copies > 1:
        embeddings += jitter * rng.normal(size=embeddings.shape)
    return embeddings.astype(np.float32), np.repeat(targets, copies)


def pairs(cosine: float, n_pairs: int) -> FloatArray:
    """Return rows of which each and the next are two looks, by the cosine of the two."""
    along, across = np.random.default_rng(0).normal(size=(2, n_pairs, WIDTH))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across -= (across * along).sum(axis=1, keepdims=True) * along
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    rows = np.stack([along, cosine * along + np.sqrt(1 - cosine**2) * across], axis=1)
    return rows.reshape(2 * n_pairs, WIDTH).astype(np.float32)


def names_of(targets: TargetArray) -> list[str]:
    return [f"class {target}" for target in targets]


def groups_of(
    embeddings: FloatArray,
    targets: TargetArray,
    given: TargetArray | None = None,
    photo_hashes: list[int] | None = None,
) -> TargetArray:
    hashes = None if photo_hashes is None else np.array(photo_hashes, np.uint64)
    middle = middle_of(embeddings, targets)
    return grouped(embeddings, targets, middle, given, photo_hashes=hashes)


def test_copies_are_found_and_others_are_not() -> None:
    embeddings, targets = pictures(3, copies=COPIES)
    expected = np.repeat(np.arange(12), COPIES)
    np.testing.assert_array_equal(expected, groups_of(embeddings, targets))
    alone, columns = pictures(30)
    np.testing.assert_array_equal(np.arange(120), groups_of(alone, columns))


def test_copies_under_two_names_are_two_groups() -> None:
    """A class is never left out with another."""
    embeddings, _ = pictures(1, n_classes=2, copies=2)
    np.testing.assert_array_equal([0, 1, 2, 2], groups_of(embeddings, np.array([0, 1, 2, 2])))


def test_one_picture_a_class_is_one_group_each() -> None:
    """Between two pictures most features vary by the camera alone."""
    embeddings, targets = pictures(1, n_classes=2, copies=10)
    np.testing.assert_array_equal(np.repeat([0, 1], 10), groups_of(embeddings, targets))


@pytest.mark.parametrize("others", [1, 3, 10])
def test_a_burst_that_outnumbers_the_rest_is_one_photo(others: int) -> None:
    """The mean of all photos lies inside it, and from there its photos have nothing in common."""
    burst, _ = pictures(1, n_classes=1, copies=60)
    alone, _ = pictures(others, n_classes=1, seed=1)
    embeddings, targets = np.vstack([burst, alone]), np.append(np.full(60, 0), np.full(others, 1))
    expected = np.append(np.full(60, 0), np.arange(1, others + 1))
    np.testing.assert_array_equal(expected, groups_of(embeddings, targets))
    found = photo_groups(embeddings, np.full(len(targets), ""), kinds=targets)
    np.testing.assert_array_equal(expected, found)
    learner = HeadLearner()
    learner.add_examples(embeddings, names_of(targets))
    feedback = learner.feedback()
    assert feedback.effective_counts == {"class 0": 1, "class 1": others}
    assert feedback.accuracy["class 0"] is None
    every_pair = {(one, other) for other in range(60) for one in range(other)}
    assert set(feedback.near_duplicates) == every_pair


def test_what_is_near_in_steps_alone_is_not_one_group() -> None:
    """Thirteen highways were one photo, each like the next; all of a group are like its leader."""
    ends = np.random.default_rng(0).normal(size=(2, WIDTH))
    turning = np.stack([(1 - s) * ends[0] + s * ends[1] for s in np.linspace(0, 1, 40)])
    others, columns = pictures(20)
    embeddings = np.vstack([turning, others]).astype(np.float32)
    targets = np.append(np.full(40, 9), columns)
    groups = groups_of(embeddings, targets)
    assert 2 <= len(np.unique(groups[:40])) <= 8
    middle = middle_of(embeddings, targets)
    for group in np.unique(groups):
        here = embeddings[groups == group]
        near = (cosines(here) > COSINE) & (cosines(here - middle) > CENTRED_COSINE)
        assert near.all(axis=1).any()


def cosines(rows: FloatArray) -> FloatArray:
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units @ units.T


def test_the_hash_of_a_photo_has_a_say() -> None:
    """Embeddings alone take different pictures for one; where there is no hash they decide."""
    embeddings, targets = pictures(1, n_classes=1, copies=5, jitter=0.2)
    others, columns = pictures(3)
    embeddings, targets = np.vstack([embeddings, others + 1]), np.append(targets, columns + 1)
    one, far = 0b1011 << 60, (1 << 64) - 1
    few, more = (1 << 20) - 1, ((1 << 44) - 1) << 10

    def of_first(*photo_hashes: int) -> list[int]:
        return groups_of(embeddings, targets, photo_hashes=[*photo_hashes, *[0] * 12])[:5].tolist()

    assert of_first(one, one ^ 7, one ^ far, one ^ few, one ^ more) == [0, 0, 1, 0, 1]
    assert of_first(one, 0, one ^ far, 0, 0) == [0, 0, 0, 0, 0]
    assert of_first(0, 0, 0, 0, 0) == [0, 0, 0, 0, 0]
    embeddings[:5] = embeddings[0] + 0.3 * (
        embeddings[:5] - embeddings[0]
    )  # a wall: hashes are noise
    assert of_first(one, one ^ far, one, one ^ far, one ^ more) == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("cosine", "bits", "are_near"),
    [
        (0.94, 0, False),
        (0.95, 22, True),
        (0.95, 23, False),
        (0.96, 27, True),
        (0.96, 28, False),
        (0.969, 31, True),
        (0.969, 33, False),
        (0.971, 64, True),
    ],
)
def test_the_surer_the_embeddings_are_the_less_is_asked_of_the_hashes(
    cosine: float, bits: int, are_near: bool
) -> None:
    """In a hand's burst a fifth of pairs were none, and held-out figures believed the others."""
    targets, hashes = [0, 0, *[1] * 10], [5, 5 ^ ((1 << bits) - 1), *[0] * 10]
    groups = groups_of(pairs(cosine, 6), np.array(targets), photo_hashes=hashes)
    assert (groups[0] == groups[1]) == are_near


def test_pairs_say_what_is_near_across_groups() -> None:
    """The report takes no photo for new that is nearly one that taught."""
    ends = np.random.default_rng(0).normal(size=(2, WIDTH))
    turning = np.stack([(1 - s) * ends[0] + s * ends[1] for s in np.linspace(0, 1, 40)])
    embeddings = np.vstack([turning, turning[3], pictures(9)[0]]).astype(np.float32)
    names = np.array(["a"] * 41 + ["b"] * 36)
    groups = photo_groups(embeddings, names)
    first, second = near_pairs(embeddings, names)
    assert (first < second).all()
    assert (3, 40) in set(zip(first.tolist(), second.tolist(), strict=True))
    assert (groups[first] != groups[second]).any()
    kept = np.flatnonzero(_are_first([embeddings], names, np.full(77, -1)))
    assert not {(a, b) for a, b in zip(first, second, strict=True) if a in kept and b in kept}
    assert set(first[np.isin(second, np.setdiff1d(np.arange(77), kept))]) & set(kept)


def test_a_learner_takes_hashes_and_forgets_them() -> None:
    embeddings, names = pairs(0.96, 12), [f"class {row // 6}" for row in range(24)]
    hashes = [5, (1 << 64) - 6] * 12
    learner = HeadLearner()
    numbers = learner.add_examples(embeddings, names, photo_hashes=hashes)
    assert set(learner.feedback().effective_counts.values()) == {6}
    learner.forget_examples(numbers[1::2])
    learner.add_examples(embeddings[1::2], names[1::2])
    assert set(learner.feedback().effective_counts.values()) == {3}
    for wrong in ([1], [-1] * 24, [0.5] * 24):
        with pytest.raises(InputError, match="photo hashes"):
            learner.add_examples(embeddings, names, photo_hashes=wrong)  # type: ignore[arg-type]


def test_narrow_embeddings_are_near_by_chance() -> None:
    embeddings = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32) + 5
    groups = groups_of(embeddings, np.zeros(300, np.intp))
    np.testing.assert_array_equal(np.arange(300), groups)


def test_classes_far_apart_are_not_one_photo_each() -> None:
    """Most of an embedding says which class it is, and of the rest each photo has its own."""
    rng = np.random.default_rng(0)
    targets = np.arange(40) % 2
    sides, photos = rng.normal(size=(2, WIDTH)), rng.normal(size=(40, WIDTH))
    embeddings = (3 * sides[targets] + photos).astype(np.float32)
    of_a_class = np.triu(targets[:, np.newaxis] == targets, 1)
    assert (cosines(embeddings - embeddings.mean(axis=0))[of_a_class] > CENTRED_COSINE).all()
    assert len(np.unique(groups_of(embeddings, targets))) == 40


def test_groups_that_are_given_are_joined_with_those_that_are_found() -> None:
    embeddings, targets = pictures(3, n_classes=2, copies=2)
    given = np.full(12, -1)
    given[[1, 2, 6]] = 7  # two pictures of one class; of the other only one has that name
    groups = groups_of(embeddings, targets, given)
    np.testing.assert_array_equal(np.repeat([0, 0, 1, 2, 3, 4], 2), groups)


def test_too_many_photos_of_a_class_say_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("headfit.learning.groups.MAX_COMPARED", 5)
    embeddings, targets = pictures(3, n_classes=2, copies=2)
    np.testing.assert_array_equal(np.arange(12), groups_of(embeddings, targets))
    assert "too many" in caplog.text


def without_each_group(
    embeddings: FloatArray, targets: TargetArray, groups: TargetArray
) -> list[tuple[TargetArray, TargetArray]]:
    return [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in np.unique(groups)]


def left_out(targets: TargetArray, groups: TargetArray) -> LeftOut:
    counts = np.array([len(np.unique(groups[targets == c])) for c in range(targets.max() + 1)])
    return left_out_of(targets, groups, counts, np.ones(len(targets)))


def test_imprinting_without_a_group_is_brute_force() -> None:
    embeddings, targets = pictures(3, copies=3, jitter=1.0)
    groups = np.repeat(np.arange(12), 3)
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    actual = imprint_leave_one_out(sums, mean, inverse_scale, embeddings, left_out(targets, groups))
    for taught, gone in without_each_group(embeddings, targets, groups):
        rest = ClassSums.of(embeddings[taught], targets[taught], 4)
        weights, bias = imprint(rest, rest.sums.sum(axis=0) / rest.counts.sum(), inverse_scale)
        np.testing.assert_allclose(embeddings[gone] @ weights + bias, actual[gone], atol=1e-6)


def test_the_analysis_without_a_group_is_brute_force_for_copies() -> None:
    """Standardisation, noise and the freedom of the scatter held, as documented."""
    embeddings, targets = pictures(3, copies=3, jitter=0.0)
    groups = np.repeat(np.arange(12), 3)
    sums = ClassSums.of(embeddings, targets, 4)
    mean, inverse_scale = sums.mean_and_inverse_scale()
    effective = np.full(4, 3.0)
    analysis = fit_lda(
        sums, mean, inverse_scale, 500.0, embeddings, left_out(targets, groups), effective
    )
    actual = analysis.left_out_logits - analysis.left_out_logits[:, :1]
    freedom = len(targets) - 1 - 4 + 500
    for taught, gone in without_each_group(embeddings, targets, groups):
        rest = ClassSums.of(embeddings[taught], targets[taught], 4)
        nobody = LeftOut.singly(targets[:0])
        own = targets[gone[0]]
        fewer = effective - (np.arange(4) == own)
        without = fit_lda(rest, mean, inverse_scale, 500.0, embeddings[:0], nobody, fewer)
        log_prior = np.log(rest.counts / rest.counts.sum())
        bias = without.bias - log_prior
        ours = freedom / (len(taught) - 4 + 500)
        expected = ours * (embeddings[gone] @ without.weights + bias) + log_prior
        expected += freedom / 2 * analysis.noise / fewer
        np.testing.assert_allclose(expected - expected[:, :1], actual[gone], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("per_class", [10, 50])  # fewer examples than features, and more
def test_logistic_regression_without_a_group_is_near_brute_force(per_class: int) -> None:
    embeddings, targets = pictures(per_class, copies=3, jitter=0.3)
    groups = np.repeat(np.arange(4 * per_class), 3)
    gone_together = left_out(targets, groups)

    def fitted(rows: TargetArray, gone: LeftOut | None = None) -> tuple[FloatArray, FloatArray]:
        fit = fit_logistic(
            embeddings[rows], targets[rows], 4, l2=50.0, tolerance=1e-4, max_iterations=500,
            left_out=gone,
        )  # fmt: skip
        return fit.left_out_logits, embeddings @ fit.weights + fit.bias

    every = np.arange(len(targets))
    estimate, before = fitted(every, gone_together)
    single, _ = fitted(every, LeftOut.singly(targets))
    exact = before.copy()
    for taught, gone in without_each_group(embeddings, targets, groups)[::5]:
        exact[gone] = fitted(taught)[1][gone]
    rows = np.flatnonzero(np.isin(groups, np.unique(groups)[::5]))
    gap, alone, naive = (
        np.abs((each - exact)[rows] - (each - exact)[rows].mean(axis=1, keepdims=True)).mean()
        for each in (estimate, single, before)
    )
    assert gap < naive / 4
    assert gap < alone / 3


def test_distances_without_a_group_are_brute_force() -> None:
    embeddings, targets = pictures(4, n_classes=2, copies=3, jitter=1.0)
    embeddings = embeddings[:, :5]
    groups = np.repeat(np.arange(8), 3)
    mean, scale = embeddings.mean(axis=0, dtype=float), embeddings.std(axis=0, dtype=float)
    actual = left_out_distances(embeddings, mean, 1 / scale, 24, left_out(targets, groups))
    for taught, gone in without_each_group(embeddings, targets, groups):
        rest = embeddings[taught].astype(float)
        expected = np.square((embeddings[gone] - rest.mean(axis=0)) / rest.std(axis=0)).sum(axis=1)
        np.testing.assert_allclose(expected, actual[gone], rtol=1e-6)


def test_folds_keep_groups_together() -> None:
    targets = np.repeat([0, 1], [9, 4])
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 4, 4, 4, 4])
    seen = []

    def logits_without(taught: TargetArray, gone: TargetArray) -> FloatArray:
        assert not set(groups[taught]) & set(groups[gone])
        assert set(targets[taught]) == {0, 1}
        seen.extend(gone)
        return np.zeros((len(gone), 2), np.float32)

    gone = left_out(targets, groups)
    logits_by_folds(gone, targets, groups, 3, logits_without)
    assert sorted(seen) == list(range(9))  # the other class has one photo, in copies


@pytest.mark.parametrize("method", sorted(METHODS))
def test_copies_do_not_make_a_head_believe_in_itself(method: str) -> None:
    """Two pictures a class in eight copies: it said 100 % once, whatever the truth was."""
    told, true, one_each = [], [], []
    for seed in range(6):
        embeddings, targets = pictures(2, copies=COPIES, seed=seed)
        head = SoftmaxHead(method=method).fit(embeddings, names_of(targets))
        new, columns = pictures(100, seed=seed + 1000)
        told.append(head.training_["leave_one_out_accuracy"])
        true.append(head.score(new, names_of(columns)))
        alone = SoftmaxHead(method=method).fit(embeddings[::COPIES], names_of(targets[::COPIES]))
        one_each.append(alone.training_["leave_one_out_accuracy"])
        assert head.calibration_ is not None
        assert head.calibration_.n_held_out == 8
        assert head.calibration_.threshold is None  # of eight photos 5 % is none
    assert np.mean(true) < 0.75
    assert abs(np.mean(told) - np.mean(true)) < 0.2  # 48 photos: a standard deviation is 0.07
    assert abs(np.mean(told) - np.mean(one_each)) < 0.15


def test_auto_goes_by_the_number_of_photos_that_there_are() -> None:
    few, many = "imprint+lda", "logistic-regression+lda"
    for per_class, expected in ((1, few), (LOGISTIC_FROM - 1, few), (LOGISTIC_FROM, many)):
        embeddings, targets = pictures(per_class, copies=30)
        assert SoftmaxHead().fit(embeddings, names_of(targets)).training_["method"] == expected


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(METHODS)), st.integers(0, 1000))
def test_the_order_of_copies_and_groups_does_not_matter(method: str, seed: int) -> None:
    """Near copies, same copies, and groups that say otherwise of them."""
    rng = np.random.default_rng(seed)
    embeddings, targets = pictures(3, n_classes=3, copies=3, seed=seed)
    embeddings, targets = np.vstack([embeddings, embeddings[:9]]), np.append(targets, targets[:9])
    groups = rng.integers(0, 20, len(targets)).astype(object)
    groups[groups > 10] = None
    weights = rng.integers(1, 4, len(targets))
    order = rng.permutation(len(targets))
    names = np.array(names_of(targets))
    one = SoftmaxHead(method=method).fit(embeddings, names, weights, groups=groups)
    two = SoftmaxHead(method=method).fit(
        embeddings[order], names[order], weights[order], groups=groups[order]
    )
    assert everything(one.fitted_) == everything(two.fitted_)


def test_a_learner_knows_groups_and_forgets_them() -> None:
    embeddings, targets = pictures(6)
    names, groups = names_of(targets), [f"video {row // 3}" for row in range(24)]
    learner = HeadLearner()
    numbers = []
    for row in range(24):
        numbers += learner.add_examples(
            embeddings[[row]], [names[row]], groups=groups[row : row + 1]
        )
    expected = SoftmaxHead().fit(embeddings, names, groups=groups)
    assert everything(learner.fit().fitted_) == everything(expected.fitted_)
    assert learner.feedback().effective_counts == dict.fromkeys(sorted(set(names)), 2)
    learner.forget_examples(numbers[:3])
    assert learner.feedback().effective_counts["class 0"] == 1
    assert learner.feedback().accuracy["class 0"] is None
    assert learner.feedback().needs_photos[0] == "class 0"


def test_feedback_counts_copies_as_one() -> None:
    embeddings, targets = pictures(3, copies=COPIES)
    learner = HeadLearner()
    learner.add_examples(embeddings, names_of(targets))
    feedback = learner.feedback()
    assert set(feedback.effective_counts.values()) == {3}
    shares = [share for share in feedback.accuracy.values() if share is not None]
    assert np.mean(shares) < 0.9


@pytest.mark.parametrize("groups", [[1.5] * 4, ["a"] * 3, "abcd"[:3]])
def test_groups_that_cannot_be_are_refused(groups: list[object]) -> None:
    with pytest.raises(InputError, match="groups"):
        SoftmaxHead().fit(np.eye(4), list("abab"), groups=groups)  # type: ignore[arg-type]


def test_a_class_with_some_near_copies_draws_no_photos_of_others() -> None:
    """As flowers of one bed: a few groups of three among many classes of as many photos."""
    rng = np.random.default_rng(5)
    n_classes, per_class = 30, 9
    centres = rng.normal(0, 1, (n_classes, 48))
    targets = np.repeat(np.arange(n_classes), per_class)
    embeddings = (centres[targets] + rng.normal(0, 1.6, (len(targets), 48))).astype(np.float32)
    names = [f"{target:02}" for target in targets]
    groups: list[str | None] = [None] * len(names)
    for place in range(6):  # two classes of thirty, said to be three photos each
        groups[3 * place : 3 * place + 3] = [f"bed {place}"] * 3
    new = (np.repeat(centres, 20, axis=0) + rng.normal(0, 1.6, (20 * n_classes, 48))).astype(
        np.float32
    )
    expected = np.repeat([f"{each:02}" for each in range(n_classes)], 20)
    plain = SoftmaxHead(method="lda").fit(embeddings, names)
    with_groups = SoftmaxHead(method="lda").fit(embeddings, names, groups=groups)
    assert with_groups.score(new, expected) > plain.score(new, expected) - 0.02
