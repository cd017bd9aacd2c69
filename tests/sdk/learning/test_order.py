"""The same examples give the same head, to the bit, in whatever order and after whatever else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfit import HeadLearner, InputError, SoftmaxHead
from headfit.learning.class_sums import ClassSums, RunningSums
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitting import METHODS
from headfit.maths.arrays import FloatArray
from headfit.maths.grid import Grid, bits_for, canonical_order

WIDTH = 6


def examples(counts: tuple[int, ...], seed: int) -> tuple[FloatArray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(counts)), counts)
    embeddings = rng.normal(size=(len(counts), WIDTH))[targets]
    embeddings += rng.normal(size=(len(targets), WIDTH))
    return embeddings.astype(np.float32), np.array([f"class {t}" for t in targets])


def everything(fitted: FittedHead) -> tuple[object, ...]:
    typicality = fitted.typicality
    return (
        fitted.weights.tobytes(),
        fitted.bias.tobytes(),
        fitted.thresholds is not None and fitted.thresholds.tobytes(),
        fitted.calibration,
        typicality and (typicality.centre.tobytes(), typicality.inverse_spread.tobytes()),
        fitted.class_counts,
        dict(fitted.training),
    )


@settings(max_examples=30)
@given(
    method=st.sampled_from(sorted(METHODS)),
    counts=st.lists(st.integers(1, 25), min_size=2, max_size=4).map(tuple),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_order_of_examples_does_not_matter(
    method: str, counts: tuple[int, ...], seed: int
) -> None:
    """It moved probabilities by up to 0.64 with few photos once."""
    embeddings, names = examples(counts, seed)
    order = np.random.default_rng(seed).permutation(len(names))
    one = SoftmaxHead(method=method).fit(embeddings, names)
    two = SoftmaxHead(method=method).fit(embeddings[order], names[order])
    assert everything(one.fitted_) == everything(two.fitted_)


@settings(max_examples=30)
@given(
    method=st.sampled_from(sorted(METHODS)),
    counts=st.lists(st.integers(1, 25), min_size=2, max_size=3).map(tuple),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_nor_does_what_was_taught_and_forgotten(
    method: str, counts: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    """Examples come in batches, heads are fitted in between, others come and go."""
    embeddings, names = examples(counts, seed)
    order = np.random.default_rng(seed).permutation(len(names))
    learner = HeadLearner(SoftmaxHead(method=method))
    others, strange = examples((2, 2, 2, 2), seed + 1)
    gone = learner.add_examples(others * 16, strange)  # needs another grid, too
    for batch in np.array_split(order, data.draw(st.integers(1, 4))):
        learner.add_examples(embeddings[batch], names[batch])
        learner.fit()
    for name in set(strange) - set(names):
        learner.remove_class(str(name))
    learner.forget_examples(set(gone) & learner.names.keys())
    expected = SoftmaxHead(method=method).fit(embeddings, names)
    assert everything(learner.fit().fitted_) == everything(expected.fitted_)


@settings(max_examples=30)
@given(
    method=st.sampled_from(sorted(METHODS)),
    counts=st.lists(st.integers(1, 25), min_size=2, max_size=3).map(tuple),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_what_was_moved_is_as_if_taught_there_at_once(
    method: str, counts: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    """Also where the last example of a class goes, or a class gets its first."""
    embeddings, names = examples(counts, seed)
    rows = st.sets(st.integers(0, len(names) - 1))
    learner = HeadLearner(SoftmaxHead(method=method))
    numbers = learner.add_examples(embeddings, names)
    learner.fit()
    names = names.astype("U20")
    for target in data.draw(st.lists(st.sampled_from(["class 0", "class 1", "new"]), max_size=3)):
        moved = sorted(data.draw(rows))
        learner.move_examples([numbers[row] for row in moved], target)
        names[moved] = target
        if len(set(names)) > 1 and data.draw(st.booleans()):
            learner.fit()
    if len(set(names)) == 1:
        learner.move_examples(numbers[:1], "other")
        names[0] = "other"
    expected = SoftmaxHead(method=method).fit(embeddings, names)
    assert everything(learner.fit().fitted_) == everything(expected.fitted_)


def test_classes_are_merged_as_if_they_had_been_one() -> None:
    embeddings, names = examples((7, 8, 9), 0)
    learner = HeadLearner()
    learner.add_examples(embeddings, names)
    learner.fit()
    learner.merge_classes("class 2", into="class 0")
    assert learner.class_counts == {"class 0": 16, "class 1": 8}
    expected = SoftmaxHead().fit(embeddings, np.where(names == "class 2", "class 0", names))
    assert everything(learner.fit().fitted_) == everything(expected.fitted_)
    for class_name, into in (("class 0", "class 0"), ("class 2", "class 0"), ("class 0", "none")):
        with pytest.raises(InputError, match="two classes|one of the classes"):
            learner.merge_classes(class_name, into=into)
    for moved, target in (([99], "class 0"), ([0], "")):
        with pytest.raises(InputError):
            learner.move_examples(moved, target)
    assert learner.class_counts == {"class 0": 16, "class 1": 8}


def test_feedback_names_the_same_examples() -> None:
    embeddings, names = examples((12, 12), 0)
    names[3] = "class 1"  # wrong
    order = np.random.default_rng(1).permutation(len(names))
    found = []
    for rows in (np.arange(len(names)), order):
        learner = HeadLearner()
        learner.add_examples(embeddings[rows], names[rows], numbers=rows.tolist())
        found.append(learner.feedback())
    assert found[0].accuracy == found[1].accuracy
    assert found[0].likely_mislabelled == found[1].likely_mislabelled


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_sums_on_a_grid_are_exact(seed: int, n_samples: int) -> None:
    """By halves, in another order, and with others added and taken away."""
    rng = np.random.default_rng(seed)
    scales = np.float32(10.0) ** rng.integers(-20, 15, WIDTH)
    embeddings = (rng.normal(size=(n_samples, WIDTH)) * scales).astype(np.float32)
    rounded = Grid.of(embeddings).rounded(embeddings)
    targets = rng.integers(0, 3, n_samples)
    whole = ClassSums.of(rounded, targets, 3)
    order = rng.permutation(n_samples)
    half = n_samples // 2
    parts = [ClassSums.of(rounded[rows], targets[rows], 3) for rows in (order[:half], order[half:])]
    again = parts[0].plus(parts[1]).plus(parts[0]).minus(parts[0])
    assert whole.sums.tobytes() == (again.sums + 0.0).tobytes()
    assert whole.moments.tobytes() == (again.moments + 0.0).tobytes()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 5))
def test_running_sums_are_those_of_all_at_once(seed: int, steps: int) -> None:
    """Also where a few features need a coarser grid, or need it no longer."""
    rng = np.random.default_rng(seed)
    running, examples_of = RunningSums(), {}
    for step in range(steps + 1):
        for number in rng.permutation(list(examples_of))[: rng.integers(3)].tolist():
            del examples_of[number]
        for number in range(100 * step, 100 * step + (40 if step == 0 else rng.integers(1, 4))):
            row = rng.normal(size=5) * np.where(rng.random(5) < 0.1, 9, 1)
            examples_of[number] = ("ab"[number % 2], row.astype(np.float32))
        embeddings = np.array([row for _, row in examples_of.values()])
        targets = np.array(["ab".index(name) for name, _ in examples_of.values()])
        grid = Grid.of(embeddings)
        found = running.of(examples_of, ("a", "b"), grid)
        expected = ClassSums.of(grid.rounded(embeddings), targets, 2)
        assert found.counts.tobytes() == expected.counts.tobytes()
        assert found.sums.tobytes() == expected.sums.tobytes()
        assert found.moments.tobytes() == expected.moments.tobytes()


def test_running_sums_never_hold_more_than_the_grid_is_for() -> None:
    """512 products of 22 bits each fill float64; with 200 more, before 200 go, it rounds."""
    rows = (1 - np.random.default_rng(0).integers(1, 99, (712, 4)) * 2.0**-22).astype(np.float32)
    before = {number: ("a", row) for number, row in enumerate(rows[:512])}
    after = {number: ("a", row) for number, row in enumerate(rows[200:], 200)}
    after |= {number: before[number] for number in range(200, 512)}
    running, grid = RunningSums(), Grid.of(rows[:512])
    running.of(before, ("a",), grid)
    found = running.of(after, ("a",), grid)
    expected = ClassSums.of(grid.rounded(rows[200:]), np.zeros(512, np.intp), 1)
    np.testing.assert_array_equal(found.moments, expected.moments)


@pytest.mark.parametrize(
    ("n_samples", "bits"), [(0, 24), (32, 24), (33, 23), (2000, 21), (2048, 21), (100_000, 18)]
)
def test_the_bits_that_are_kept(n_samples: int, bits: int) -> None:
    assert bits_for(n_samples) == bits
    assert max(n_samples, 1) * 2 ** (2 * bits) <= 2**53


def test_rounding_moves_nothing_by_more_than_half_a_unit() -> None:
    embeddings = np.random.default_rng(0).normal(size=(1000, WIDTH)).astype(np.float32)
    rounded = Grid.of(embeddings).rounded(embeddings)
    largest = np.abs(embeddings).max(axis=0)
    assert (np.abs(rounded - embeddings) <= largest * 2.0**-21).all()
    assert Grid.of(rounded).rounded(rounded).tobytes() == rounded.tobytes()


def test_the_canonical_order_goes_by_class_and_content() -> None:
    """Whatever the units of features."""
    embeddings, _ = examples((50, 50), 0)
    targets = np.repeat([0, 1], 50)
    order = np.random.default_rng(1).permutation(100)
    others = embeddings[order] * np.exp2(np.arange(WIDTH) - 3).astype(np.float32)
    one = canonical_order(Grid.of(embeddings), embeddings, targets)
    two = order[canonical_order(Grid.of(others), others, targets[order])]
    assert one.tolist() == two.tolist()
