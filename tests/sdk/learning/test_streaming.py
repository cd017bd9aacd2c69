"""Heads that are trained batch by batch, by Adam and by momentum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.sdk.test_head import EXTRACTOR, OTHER, examples
from tests.support.numeric import numeric_gradient

from headfit.errors import ExtractorMismatchError, InputError, TrainingDivergedError
from headfit.head import SoftmaxHead
from headfit.learning.logistic import fit_logistic
from headfit.learning.settings import SOLVERS, Settings
from headfit.learning.streaming import Stream
from headfit.maths.softmax import loss_and_gradient

FloatArray = npt.NDArray[np.float32]


def streamed(n_steps: int, batch: int = 40, **parameters: object) -> SoftmaxHead:
    """Return a head that saw batches of 600 overlapping examples of four classes in turn."""
    embeddings, names = examples(600)
    head = SoftmaxHead(**parameters)  # type: ignore[arg-type]
    for step in range(n_steps):
        rows = np.arange(step * batch, (step + 1) * batch) % 600
        head.partial_fit(embeddings[rows], [names[row] for row in rows])
    return head


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_step_is_one_down_the_gradient_of_the_whole_loss(solver: str) -> None:
    """Every term on, differentiated numerically on features standardised by hand."""
    rng = np.random.default_rng(0)
    embeddings = (rng.normal(size=(30, 4)) * [1, 3, 0.8, 2] + [5, 0, 1, -2]).astype(np.float32)
    targets = np.arange(30) % 3
    weights, bias = rng.normal(size=(4, 3)).astype(np.float32), np.zeros(3, np.float32)
    before = np.array([7, 0, 3])
    settings = Settings(
        l2=5.0, balanced=True, label_smoothing=0.1, solver=solver, learning_rate=1e-2
    )
    stream, loss = Stream.of(weights, bias, before).after(embeddings, targets, settings)

    mean, scale = embeddings.mean(axis=0), embeddings.std(axis=0)
    counts = before + 10
    sample_weights = (40 / (3 * counts))[targets].astype(np.float32)
    start = np.vstack([weights * scale[:, np.newaxis], mean @ weights]).astype(np.float64)

    def whole_loss(parameters: npt.NDArray[np.float64]) -> float:
        rows = parameters.reshape(5, 3)
        return loss_and_gradient(
            rows[:-1], rows[-1], (embeddings - mean) / scale, targets, 5.0 * 30 / 40,
            label_smoothing=0.1, sample_weights=sample_weights,
        )[0]  # fmt: skip

    gradient = numeric_gradient(whole_loss, start).reshape(5, 3)
    step = gradient if solver == "sgd" else np.sign(gradient)  # Adam's first has one size
    rows = start - 1e-2 * step
    assert loss == pytest.approx(whole_loss(start), rel=1e-5)
    moved = (stream.weights - weights) * scale[:, np.newaxis]
    np.testing.assert_allclose(-1e-2 * step[:-1], moved, rtol=0.01, atol=2e-5)
    np.testing.assert_allclose(rows[-1] - mean @ stream.weights, stream.bias, atol=2e-4)
    np.testing.assert_array_equal(counts, stream.counts)


@pytest.mark.parametrize("solver", SOLVERS)
def test_steps_lead_to_the_optimum_of_logistic_regression(solver: str) -> None:
    """All examples in every batch, so that only the steps differ; weights and smoothing count."""
    embeddings, names = examples(120)
    rows = np.flatnonzero(np.arange(120) % 12 != 3)  # one class is rarer
    embeddings, names = embeddings[rows], [names[row] for row in rows]
    head = SoftmaxHead(
        l2=0.0, label_smoothing=0.3, class_weight="balanced", solver=solver, learning_rate=0.05
    )
    for _ in range(400):
        head.partial_fit(embeddings, names)
    targets = np.searchsorted(head.fitted_.classes, names)
    counts = np.bincount(targets)
    best = fit_logistic(
        embeddings, targets, 4, l2=0.0, tolerance=1e-5, max_iterations=500, label_smoothing=0.3,
        sample_weights=(len(targets) / (4 * counts))[targets].astype(np.float32),
    )  # fmt: skip
    loss = head.training_["loss"]
    assert isinstance(loss, float)
    assert loss == pytest.approx(best.loss, rel=2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_stream_learns_what_fit_learns(solver: str) -> None:
    """From batches that it sees twice, to within three points of accuracy on new examples."""
    embeddings, names = examples(2600)
    head, whole = SoftmaxHead(solver=solver, learning_rate=0.05), SoftmaxHead(method="logistic")
    whole.fit(embeddings[:600], names[:600])
    for step in range(30):
        rows = np.arange(step * 40, (step + 1) * 40) % 600
        head.partial_fit(embeddings[rows], [names[row] for row in rows])
    accuracy = whole.score(embeddings[600:], names[600:])
    assert head.score(embeddings[600:], names[600:]) > accuracy - 0.03
    assert head.class_counts_ == (300, 300, 300, 300)
    assert head.training_["method"] == "streaming"
    assert head.training_["steps"] == 30


@pytest.mark.parametrize("solver", SOLVERS)
def test_two_streams_give_the_same_bits(solver: str) -> None:
    first, second = streamed(5, solver=solver), streamed(5, solver=solver)
    assert first.weights_.tobytes() == second.weights_.tobytes()
    assert first.bias_.tobytes() == second.bias_.tobytes()


def test_it_goes_on_from_a_fitted_head_and_is_no_longer_calibrated(tmp_path: Path) -> None:
    embeddings, names = examples(120)
    head = SoftmaxHead(learning_rate=1e-4).fit(embeddings, names, extractor=EXTRACTOR)
    before = head.predict_proba(embeddings)
    assert head.calibration_ is not None
    head.partial_fit(embeddings[:40], names[:40])
    np.testing.assert_allclose(before, head.predict_proba(embeddings), atol=0.01)
    assert not np.array_equal(before, head.predict_proba(embeddings))
    assert head.class_counts_ == (40, 40, 40, 40)
    assert head.calibration_ is head.typicality_ is head.privacy_ is None
    assert head.is_known(100 * embeddings).all()
    head.save(tmp_path / "head")
    loaded = SoftmaxHead.load(tmp_path / "head", extractor=EXTRACTOR)
    loaded.partial_fit(embeddings[40:80], names[40:80])
    with pytest.raises(ExtractorMismatchError):
        loaded.partial_fit(embeddings, names, extractor=OTHER)


def test_a_class_may_come_later_or_be_announced() -> None:
    embeddings, names = examples(120, n_classes=3)
    head = SoftmaxHead().partial_fit(embeddings[:1], ["red"], classes=(name for name in ["green"]))
    assert head.fitted_.classes == ("green", "red")
    assert head.class_counts_ == (0, 1)
    for _ in range(60):
        head.partial_fit(embeddings, names)
    assert head.fitted_.classes == ("blue", "green", "red")
    assert head.class_counts_ == (2400, 2400, 2401)
    assert head.score(embeddings, names) > 0.7


def test_what_is_remembered_of_earlier_steps_follows_its_class() -> None:
    """Under a new name, and where a new class comes in between."""
    embeddings, names = examples(120)
    plain, other = SoftmaxHead(), SoftmaxHead()
    for head in (plain, other):
        head.partial_fit(embeddings, names)
    other.rename_class("blue", "violet")
    plain.partial_fit(embeddings, names)
    other.partial_fit(embeddings, ["violet" if name == "blue" else name for name in names])
    columns = [
        other.fitted_.classes.index({"blue": "violet"}.get(name, name))
        for name in plain.fitted_.classes
    ]
    np.testing.assert_allclose(plain.weights_, other.weights_[:, columns], rtol=1e-4, atol=1e-6)
    stream = Stream.of(np.eye(2, dtype=np.float32), np.ones(2, np.float32), [1, 2])
    grown = stream.at_columns([1, -1, 0])
    np.testing.assert_array_equal([[0, 0, 1], [1, 0, 0]], grown.weights)
    np.testing.assert_array_equal([2, 0, 1], grown.counts)
    assert grown.memory.mean.shape == (9,)


def test_what_a_head_knows_is_not_forgotten_by_what_it_is_shown(tmp_path: Path) -> None:
    """One photo of a new class at a time took a head of 90 % to 15 % once, without a word."""
    embeddings, names = examples(120)
    head = SoftmaxHead().fit(embeddings, names)
    head.save(tmp_path / "head")
    for each in (head, SoftmaxHead.load(tmp_path / "head")):
        before = each.fitted_
        for shown in (["new"], ["red"]):
            with pytest.raises(InputError, match="add_class"):
                each.partial_fit(embeddings[:1], shown)
        assert each.fitted_ is before
        each.partial_fit(embeddings, names)
        each.partial_fit(embeddings[:1], ["new"])  # of a stream, whose batches come as they come


def test_fit_forgets_the_stream() -> None:
    embeddings, names = examples(120)
    head = streamed(3)
    head.fit(embeddings, names)
    fresh = SoftmaxHead().fit(embeddings, names)
    for each in (head, fresh):
        each.partial_fit(embeddings, names)
    assert head.weights_.tobytes() == fresh.weights_.tobytes()


def test_what_cannot_be_streamed_is_refused_and_changes_nothing() -> None:
    embeddings, names = examples(40)
    head = streamed(2)
    before = head.weights_.copy(), head.training_, head.class_counts_
    for wrong, of, reason in (
        (embeddings[:, :5], names, "expected embeddings of width 12 as before, found width 5"),
        (embeddings[:0], [], "expected at least one example in a batch, found none"),
        (np.full_like(embeddings, np.nan), names, "expected finite embeddings"),
        (embeddings, names[:-1], "expected as many class names as embeddings"),
        (embeddings, ["\n"] * 40, "expected class names of 1 to"),
    ):
        with pytest.raises(InputError, match=reason):
            head.partial_fit(wrong, of)
    with pytest.raises(InputError, match="expected 2 to 65536 classes, found one class: 'red'"):
        SoftmaxHead().partial_fit(embeddings[:1], ["red"])
    with pytest.raises(InputError, match="found a binary one; fit it again"):
        SoftmaxHead(method="binary").fit(embeddings, names).partial_fit(embeddings, names)
    with pytest.raises(InputError, match="expected a number for l2, found None"):
        SoftmaxHead(l2=None).partial_fit(embeddings, names)
    head.set_params(learning_rate=1e300)
    with pytest.raises(TrainingDivergedError, match=r"lower the learning_rate, 1e\+300"):
        head.partial_fit(embeddings, names)
    np.testing.assert_array_equal(before[0], head.weights_)
    assert before[1:] == (head.training_, head.class_counts_)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("solver", "lbfgs"), ("learning_rate", 0.0), ("learning_rate", float("nan"))],
)
def test_unusable_settings_are_refused(setting: str, value: object) -> None:
    with pytest.raises(InputError, match=f"expected a {setting}"):
        SoftmaxHead(**{setting: value}).partial_fit(*examples(40))  # type: ignore[arg-type]


def test_inputs_are_never_written_to() -> None:
    embeddings, names = examples(40)
    embeddings.flags.writeable = False
    copy = embeddings.copy()
    SoftmaxHead().partial_fit(embeddings, names)
    np.testing.assert_array_equal(copy, embeddings)


@pytest.mark.parametrize("exponent", [-30, -12, 12, 18])
def test_embeddings_of_any_size_are_streamed(exponent: int) -> None:
    """A feature's unit does not matter."""
    embeddings, names = examples(80)
    sized = (embeddings.astype(np.float64) * 10.0**exponent).astype(np.float32)
    plain, other = SoftmaxHead(), SoftmaxHead()
    for _ in range(5):
        plain.partial_fit(embeddings, names)
        other.partial_fit(sized, names)
    np.testing.assert_allclose(
        plain.predict_proba(embeddings), other.predict_proba(sized), atol=1e-3
    )
