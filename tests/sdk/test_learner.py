"""HeadLearner: whatever came and went, the head is that of training on what is there."""

from __future__ import annotations

import copy
import doctest
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headfit.learner
from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.learning import fitting

FloatArray = npt.NDArray[np.float32]


def examples(n_samples: int = 40, seed: int = 0) -> tuple[FloatArray, list[str]]:
    rng = np.random.default_rng(seed)
    names = [["cup", "pen", "toy", "zip"][i % 4] for i in range(n_samples)]
    centres = {"cup": 0.0, "pen": 1.0, "toy": 2.0, "zip": 3.0}
    spread = rng.normal(size=(n_samples, 7))
    return (spread + [[centres[name]] for name in names]).astype(np.float32) + 1, names


def from_scratch(
    method: str, embeddings: FloatArray, names: list[str], keep: list[int]
) -> SoftmaxHead:
    head = SoftmaxHead(method=method, tolerance=1e-6)
    return head.fit(embeddings[keep], [names[i] for i in keep])


def assert_same_head(expected: SoftmaxHead, actual: SoftmaxHead, atol: float) -> None:
    assert expected.fitted_.classes == actual.fitted_.classes
    assert expected.class_counts_ == actual.class_counts_
    assert expected.training_["method"] == actual.training_["method"]
    embeddings, _ = examples(200, seed=9)
    np.testing.assert_allclose(
        expected.predict_proba(embeddings), actual.predict_proba(embeddings), atol=atol
    )
    if actual.training_["method"] != "logistic-regression":
        np.testing.assert_allclose(expected.weights_, actual.weights_, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(expected.bias_, actual.bias_, rtol=1e-4, atol=1e-5)


METHODS = [("imprint", 1e-5), ("lda", 1e-5), ("logistic", 2e-4), ("auto", 2e-4)]


@pytest.mark.parametrize(
    "teach",
    [
        lambda head: head.partial_fit(*examples(seed=1)),
        lambda head: head.add_class("van", examples(seed=1)[0][:9]),
        lambda head: head.rename_class("cup", "mug"),
        lambda head: head.set_params(method="imprint").set_params(method="lda").fit(*examples(8)),
    ],
)
def test_fit_fits_whatever_the_head_was_taught_by_other_ways(
    teach: Callable[[SoftmaxHead], object],
) -> None:
    """It returned that head, of other classes and examples, for nothing had come to the learner."""
    embeddings, names = examples()
    learner = HeadLearner(SoftmaxHead(method="lda"))
    learner.add_examples(embeddings, names)
    expected = learner.fit().copy()
    assert learner.fit() is learner.head
    teach(learner.head)
    assert_same_head(expected, learner.fit(), 0)
    assert learner.head.fitted_.classes == tuple(learner.feedback().accuracy)


def test_fit_goes_by_the_parameters_that_the_head_has_now() -> None:
    embeddings, names = examples()
    learner = HeadLearner(SoftmaxHead(method="lda"))
    learner.add_examples(embeddings, names)
    learner.fit().set_params(method="imprint")
    assert learner.fit().training_["method"] == "imprint"
    learner.head = SoftmaxHead(method="lda")
    assert learner.fit().training_["method"] == "lda"


@pytest.mark.parametrize(("method", "atol"), METHODS)
def test_forgetting_leaves_the_head_of_training_without_the_photos(
    method: str, atol: float
) -> None:
    embeddings, names = examples()
    learner = HeadLearner(SoftmaxHead(method=method, tolerance=1e-6))
    numbers = learner.add_examples(embeddings, names)
    learner.fit()
    learner.forget_examples([numbers[3], numbers[0], numbers[17]])
    keep = [i for i in range(40) if i not in (0, 3, 17)]
    assert_same_head(from_scratch(method, embeddings, names, keep), learner.fit(), atol)


@pytest.mark.parametrize(("method", "atol"), METHODS)
def test_adding_photos_and_classes_is_training_on_all(method: str, atol: float) -> None:
    """One by one, in any order of classes, with a fit after each."""
    embeddings, names = examples()
    order = [3, 2, 1, 0, *range(4, 40)]
    learner = HeadLearner(SoftmaxHead(method=method, tolerance=1e-6))
    learner.add_examples(embeddings[order[:2]], [names[i] for i in order[:2]])
    for i in order[2:]:
        learner.fit()
        learner.add_examples(embeddings[i : i + 1], [names[i]])
    assert_same_head(from_scratch(method, embeddings, names, order), learner.fit(), atol)


@pytest.mark.parametrize(("method", "atol"), METHODS)
def test_removing_a_class_is_training_without_it(method: str, atol: float) -> None:
    embeddings, names = examples()
    learner = HeadLearner(SoftmaxHead(method=method, tolerance=1e-6))
    learner.add_examples(embeddings, names)
    learner.fit()
    learner.remove_class("pen")
    keep = [i for i in range(40) if names[i] != "pen"]
    assert_same_head(from_scratch(method, embeddings, names, keep), learner.fit(), atol)
    assert learner.class_counts == {"cup": 10, "toy": 10, "zip": 10}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_history_ends_in_the_head_of_what_is_left(data: st.DataObject) -> None:
    """Adding, forgetting, removing, renaming, in any order."""
    embeddings, names = examples(24)
    learner = HeadLearner(SoftmaxHead(method="lda"))
    there: dict[int, tuple[int, str]] = {}
    for i in range(24):
        (number,) = learner.add_examples(embeddings[i : i + 1], [names[i]])
        there[number] = (i, names[i])
        action = data.draw(st.sampled_from(["none", "none", "forget", "remove", "rename", "fit"]))
        counts = learner.class_counts
        if action == "forget":
            gone = data.draw(st.sampled_from(sorted(there)))
            if counts[there[gone][1]] > 1:
                learner.forget_examples([gone])
                del there[gone]
        elif action == "remove" and len(counts) > 2:
            lost = data.draw(st.sampled_from(sorted(counts)))
            learner.remove_class(lost)
            there = {n: example for n, example in there.items() if example[1] != lost}
        elif action == "rename":
            old = data.draw(st.sampled_from(sorted(counts)))
            learner.rename_class(old, new := f"{i} was {old}"[:20].strip())
            there = {n: (j, new if name == old else name) for n, (j, name) in there.items()}
        elif action == "fit" and len(counts) >= 2:
            learner.fit()
    left = list(there.values())
    if len({name for _, name in left}) < 2:
        return
    head = SoftmaxHead(method="lda").fit(embeddings[[i for i, _ in left]], [n for _, n in left])
    assert_same_head(head, learner.fit(), 1e-5)


def test_renaming_trains_nothing() -> None:
    """Columns move to stay sorted; their numbers are the same to the bit."""
    embeddings, names = examples()
    learner = HeadLearner()
    learner.add_examples(embeddings, names)
    before = learner.fit()
    cup = before.weights_[:, 0].copy()
    learner.rename_class("cup", "vase")
    head = learner.head
    assert head.fitted_.classes == ("pen", "toy", "vase", "zip")
    np.testing.assert_array_equal(cup, head.weights_[:, 2])
    # Another thread may be predicting with it.
    assert before.fitted_.classes == ("cup", "pen", "toy", "zip")
    np.testing.assert_array_equal(cup, before.weights_[:, 0])
    assert learner.fit().weights_[:, 2].tobytes() == cup.tobytes()
    assert learner.class_counts == {"pen": 10, "toy": 10, "vase": 10, "zip": 10}


def test_a_warm_start_needs_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numbers are many; few are fitted from zero, so that nothing of before remains."""
    monkeypatch.setattr(fitting, "COLD_UP_TO", 0)
    embeddings, names = examples(400)
    learner = HeadLearner()
    learner.add_examples(embeddings[:399], names[:399])
    cold = learner.fit().training_["iterations"]
    learner.add_examples(embeddings[399:], names[399:])
    warm = learner.fit().training_["iterations"]
    assert isinstance(cold, int)
    assert isinstance(warm, int)
    assert 2 * warm < cold


def test_everything_can_be_forgotten_and_begun_anew() -> None:
    """With another width, too."""
    embeddings, names = examples(8)
    learner = HeadLearner()
    learner.add_examples(embeddings, names)
    for name in sorted(set(names)):
        learner.remove_class(name)
    assert learner.class_counts == {}
    with pytest.raises(InputError, match="at least 2 classes, found 0"):
        learner.fit()
    learner.add_examples(embeddings[:, :3], names)
    assert learner.fit().weights_.shape == (3, 4)


def test_the_callers_array_is_not_kept() -> None:
    embeddings, names = examples(8)
    learner = HeadLearner(SoftmaxHead(method="lda"))
    learner.add_examples(embeddings, names)
    expected = SoftmaxHead(method="lda").fit(embeddings, names)
    embeddings[:] = 0
    assert_same_head(expected, learner.fit(), 1e-5)


def test_what_cannot_be_done_is_refused_and_changes_nothing() -> None:
    embeddings, names = examples(8)
    learner = HeadLearner()
    numbers = learner.add_examples(embeddings, names)
    before = learner.fit().weights_.copy()
    with pytest.raises(InputError, match="found 99, which was never given"):
        learner.forget_examples([numbers[0], 99])
    with pytest.raises(InputError, match="expected one of the classes .*found 'dog'"):
        learner.remove_class("dog")
    with pytest.raises(InputError, match="expected one of the classes"):
        learner.rename_class("dog", "cat")
    with pytest.raises(InputError, match="'pen', which is another class"):
        learner.rename_class("cup", "pen")
    with pytest.raises(InputError, match="no control characters"):
        learner.rename_class("cup", "\n")
    with pytest.raises(InputError, match="width 7 as before, found width 3"):
        learner.add_examples(embeddings[:, :3], names)
    with pytest.raises(InputError, match="8 names and 7 embeddings"):
        learner.add_examples(embeddings[:7], names)
    with pytest.raises(InputError, match="NaN or infinity"):
        learner.add_examples(np.full((1, 7), np.nan), ["cup"])
    assert learner.class_counts == {"cup": 2, "pen": 2, "toy": 2, "zip": 2}
    assert learner.fit().weights_.tobytes() == before.tobytes()


@pytest.mark.parametrize("method", ["imprint", "lda", "logistic"])
def test_feedback_names_what_is_wrong(method: str) -> None:
    """A wrong name, a photo twice, a class of one photo; by the numbers that were given."""
    _, names = examples(80)
    columns = [["cup", "pen", "toy", "zip"].index(name) for name in names]
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(4, 40))[columns] + rng.normal(size=(80, 40))
    embeddings = np.vstack([embeddings, embeddings[4:5], 5 * rng.normal(size=(1, 40))])
    names = [*names, names[4], "lone"]
    assert names[12] == "cup"
    names[12] = "zip"
    learner = HeadLearner(SoftmaxHead(method=method))
    numbers = learner.add_examples(embeddings, names, numbers=range(1000, 1082))
    assert numbers == list(range(1000, 1082))
    feedback = learner.feedback()
    assert [doubt.number for doubt in feedback.likely_mislabelled] == [1012]
    assert feedback.likely_mislabelled[0].class_name == "zip"
    assert feedback.likely_mislabelled[0].likelier == "cup"
    assert feedback.near_duplicates == ((1004, 1080),)
    assert feedback.needs_photos[0] == "lone"
    assert feedback.accuracy["lone"] is None
    assert feedback.accuracy["zip"] == pytest.approx(20 / 21, abs=0.05)
    assert list(feedback.accuracy) == ["cup", "lone", "pen", "toy", "zip"]


def test_near_duplicates_are_what_counts_as_one_photo() -> None:
    """Two at a cosine of 0.9 are two photos, two at 0.99 one; so they are where names differ."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(44, 200))
    for row, of, cosine in ((40, 0, 0.9), (41, 1, 0.99), (42, 2, 0.99), (43, 2, 0.99)):
        other = rng.normal(size=200) * np.linalg.norm(embeddings[of]) / np.sqrt(200)
        embeddings[row] = cosine * embeddings[of] + np.sqrt(1 - cosine**2) * other
    learner = HeadLearner()
    learner.add_examples(embeddings, [*["cup", "pen"] * 20, "cup", "pen", "cup", "pen"])
    feedback = learner.feedback()
    assert feedback.near_duplicates == ((1, 41), (2, 42), (2, 43), (42, 43))
    assert feedback.effective_counts == {"cup": 21, "pen": 21}  # 2 and 43 have two names


def test_feedback_follows_a_new_name_without_training() -> None:
    embeddings, names = examples(80)
    learner = HeadLearner(SoftmaxHead(method="lda"))
    learner.add_examples(embeddings, names)
    before = learner.feedback()
    weights = learner.head.weights_
    learner.rename_class("cup", "vase")
    after = learner.feedback()
    assert after.accuracy == {
        {"cup": "vase"}.get(name, name): share for name, share in before.accuracy.items()
    }
    assert {doubt.number for doubt in after.likely_mislabelled} == {
        doubt.number for doubt in before.likely_mislabelled
    }
    assert sorted(map(bytes, weights.T.copy())) == sorted(
        map(bytes, learner.head.weights_.T.copy())
    )


def test_a_class_that_lags_needs_photos() -> None:
    """The one that cannot be told from another, and not those that are always right."""
    rng = np.random.default_rng(0)
    centres = np.array([[9.0, 0, 0], [0, 9, 0], [0, 0, 9], [0, 0, 9.3]])
    names = [["a", "b", "c", "d"][i % 4] for i in range(80)]
    embeddings = centres[np.arange(80) % 4] + rng.normal(size=(80, 3))
    learner = HeadLearner(SoftmaxHead(method="lda"))
    learner.add_examples(embeddings, names)
    assert set(learner.feedback().needs_photos) <= {"c", "d"}
    assert learner.feedback().needs_photos


def test_numbers_must_be_new_and_one_for_each() -> None:
    embeddings, names = examples(8)
    learner = HeadLearner()
    learner.add_examples(embeddings, names, numbers=range(7, 15))
    for numbers in ([14], [15, 16], [15, 15]):
        with pytest.raises(InputError, match="a new number for each of"):
            learner.add_examples(embeddings[:1], names[:1], numbers=numbers)
    assert learner.add_examples(embeddings[:1], names[:1]) == [15]
    assert learner.names[15] == names[0]


def test_numbers_are_whole_and_several() -> None:
    """`True` was the example 1, and numbers of an array became floats."""
    learner = HeadLearner()
    values = np.eye(3, 4, dtype=np.float32)
    learner.add_examples(values, ["a", "b", "b"], numbers=np.arange(3))
    for wrong in (True, 1.0, "1", None, [1]):
        for ask in (
            learner.forget_examples,
            lambda numbers: learner.move_examples(numbers, "a"),
            lambda numbers: learner.add_examples(values[:1], ["a"], numbers=numbers),
        ):
            with pytest.raises(InputError, match="expected numbers that adding returned"):
                ask([wrong])
    with pytest.raises(InputError, match="found 1; give a list"):
        learner.forget_examples(1)  # type: ignore[arg-type]
    assert learner.names == {0: "a", 1: "b", 2: "b"}
    assert learner.forget_examples(np.array([1, 2])) == 2


def test_what_is_there_is_known_in_whatever_form_it_comes() -> None:
    """In float64 nothing was ever there, without a word."""
    learner = HeadLearner()
    values = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    learner.add_examples(values[:2], ["a", "b"])
    for form in (values, values.astype(np.float64), values.tolist()):
        assert learner.contains(form, ["a", "a", "b"]).tolist() == [True, False, False]
    with pytest.raises(InputError, match="finite"):
        learner.contains(values * np.nan, ["a", "a", "b"])


def test_training_can_be_watched_and_cancelled() -> None:
    """What the callback raises passes through; the head, and the next fit, are as before."""
    embeddings, names = examples(400)
    learner = HeadLearner(SoftmaxHead(method="logistic"))
    learner.add_examples(embeddings[:200], names[:200])
    before = learner.fit().weights_.copy()
    learner.add_examples(embeddings[200:], names[200:])
    seen: list[tuple[int, float]] = []

    def cancel(iteration: int, loss: float) -> None:
        seen.append((iteration, loss))
        if iteration == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learner.fit(progress=cancel)
    assert [iteration for iteration, _ in seen] == [1, 2, 3]
    np.testing.assert_array_equal(before, learner.head.weights_)
    steps: list[int] = []
    head = learner.fit(progress=lambda iteration, loss: steps.append(iteration))
    assert steps == list(range(1, len(steps) + 1))
    assert head.class_counts_ == (100, 100, 100, 100)
    assert head.training_["iterations"] == len(steps)


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(headfit.learner).failed == 0


def test_of_a_fitted_head_only_the_parameters_are_kept() -> None:
    """As the page of the class says; the head that was given stays as it was."""
    embeddings, names = examples()
    given_head = SoftmaxHead(method="lda").fit(
        np.vstack([embeddings, embeddings[:3] + 1]), [*names, *["gone"] * 3]
    )
    weights = given_head.weights_.copy()
    learner = HeadLearner(given_head)
    learner.add_examples(embeddings, names)
    head = learner.fit()
    assert head.method == "lda"
    assert "gone" not in head.classes_
    assert_same_head(SoftmaxHead(method="lda").fit(embeddings, names), head, atol=0)
    assert "gone" in given_head.classes_
    np.testing.assert_array_equal(given_head.weights_, weights)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_examples_and_a_head_of_its_own(
    copied: Callable[[HeadLearner], HeadLearner],
) -> None:
    """The head of the last fit, too, which `fit` returns again while nothing changes."""
    one = HeadLearner()
    one.add_examples(np.eye(6, dtype=np.float32), ["cup", "cup", "cup", "pen", "pen", "pen"])
    one.fit()
    other = copied(one)
    assert other.fit() is not one.fit()
    assert other.fit() is other.head
    other.head.rename_class("cup", "mug")
    other.forget_examples([0])
    other.remove_class("pen")
    assert one.class_counts == {"cup": 3, "pen": 3}
    assert one.fit().classes_.tolist() == ["cup", "pen"]
