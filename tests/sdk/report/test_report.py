"""The report: its numbers are those of oracles, its page stands alone."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from tests.sdk.conftest import PhotoWriter
from tests.support.tables import NamedTable

from headfit import InputError, SoftmaxHead
from headfit.commands.main import main
from headfit.photos.folders import FolderExamples
from headfit.report import Report, learning_curves, measure_head, write_page
from headfit.report.curve import learning_curve
from headfit.report.measures import reliability, wilson_interval

HOSTILE = '<script>alert("1")</script> & größe 网'


def examples(
    n_per_class: int, seed: int, classes: tuple[str, ...] = ("a", "b", "c")
) -> FolderExamples:
    """Return embeddings of classes that overlap, as if they came from a folder."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(len(classes), 12))
    embeddings = np.repeat(centres, n_per_class, axis=0)
    embeddings += rng.normal(scale=1.3, size=embeddings.shape)
    names = list(np.repeat(classes, n_per_class))
    paths = [Path("gone", f"{row}.jpg") for row in range(len(names))]
    return FolderExamples(embeddings.astype(np.float32), names, paths, ())


@pytest.fixture(scope="module")
def head() -> SoftmaxHead:
    taught = examples(40, 0)
    return SoftmaxHead().fit(taught.embeddings, taught.class_names)


@pytest.fixture(scope="module")
def report(head: SoftmaxHead) -> Report:
    other = np.random.default_rng(5).normal(size=(30, 12)).astype(np.float32)
    return measure_head(head, examples(50, 1), training=examples(40, 0), unknown=other)


@pytest.mark.parametrize(
    ("right", "n_samples", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_interval_is_the_published_one(
    right: int, n_samples: int, low: float, high: float
) -> None:
    assert wilson_interval(right / n_samples, n_samples) == pytest.approx((low, high), abs=5e-5)


def test_the_reliability_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 500).astype(np.float32)
    targets = rng.integers(0, 4, 500)
    bins = reliability(targets, probabilities, np.ones(500))
    is_right = probabilities.argmax(axis=1) == targets
    accuracy, confidence = calibration_curve(is_right, probabilities.max(axis=1), n_bins=10)
    np.testing.assert_allclose([each.accuracy for each in bins], accuracy)
    np.testing.assert_allclose([each.confidence for each in bins], confidence, rtol=1e-5)
    assert sum(each.n_samples for each in bins) == 500


def test_the_curve_rises_and_ends_where_the_photos_do() -> None:
    taught, others = examples(25, 0), examples(100, 1)
    points = learning_curve(
        taught.embeddings, taught.class_names, others.embeddings, others.class_names
    )
    assert [point.per_class for point in points] == [1, 2, 5, 10, 20]
    assert points[-1].mean > points[0].mean
    assert points == learning_curve(
        taught.embeddings, taught.class_names, others.embeddings, others.class_names
    )


def test_a_curve_needs_two_classes() -> None:
    one = examples(5, 0, ("a",))
    assert learning_curve(one.embeddings, one.class_names, one.embeddings, one.class_names) == ()


def test_a_curve_of_what_cannot_be_used_is_refused() -> None:
    """Fewer names than photos left photos out, and of NaN came no curve, both without a word."""
    rng = np.random.default_rng(0)
    values, names = rng.normal(size=(12, 4)).astype(np.float32), ["a", "b"] * 6
    expected = learning_curve(values, names, groups=range(12))
    assert expected
    for form, given in (
        (values.astype(np.float64), iter(names)),
        (values.tolist(), [f" {name}" for name in names]),
        (values, np.array(names)),
    ):
        assert learning_curve(form, given, groups=range(12)) == expected
    by_number = [int(name == "b") for name in names]
    assert learning_curve(values, by_number, groups=range(12)) == expected
    columns = list("wxyz")
    table = NamedTable(values, columns)
    for wrong, match in (
        (lambda: learning_curve(values, names[:6]), "found 6 names and 12 embeddings"),
        (lambda: learning_curve(values * np.nan, names), "finite"),
        (lambda: learning_curve(values, dict.fromkeys(names)), "found dict"),
        (lambda: learning_curve(values, names, values), "found 0 names and 12"),
        (lambda: learning_curve(values, names, values[:, :3], names), "found width 3"),
        (lambda: learning_curve(table, names, table[columns[::-1]], names), "in their order"),
        (lambda: learning_curves([], names), "found none"),
        (lambda: learning_curves([values, values[:6]], names), "12 names and 6 embeddings"),
    ):
        with pytest.raises(InputError, match=match):
            wrong()


def test_photos_that_were_trained_on_are_left_out(head: SoftmaxHead) -> None:
    """By their embedding, whatever the file is called; all others count."""
    taught, others = examples(40, 0), examples(50, 1)
    mixed = FolderExamples(
        np.concatenate([others.embeddings, taught.embeddings[:7]]),
        others.class_names + taught.class_names[:7],
        others.paths + [Path("copy.jpg")] * 7,
        (),
    )
    with_them = measure_head(head, mixed, training=taught)
    without = measure_head(head, others, training=taught)
    assert (with_them.seen, without.seen) == ((Path("copy.jpg"),) * 7, ())
    assert with_them.evaluation.n_samples == 150
    assert with_them.mistakes == without.mistakes
    assert measure_head(head, others).seen is None


def copies(
    n_pictures: int, seed: int, n_copies: int = 10, classes: tuple[str, ...] = ("a", "b", "c", "d")
) -> FolderExamples:
    """Return pictures of classes that overlap, each as a camera that is held still gives it."""
    rng = np.random.default_rng(seed)
    centres = 0.3 * np.random.default_rng(7).normal(size=(len(classes), 128))
    pictures = np.repeat(centres, n_pictures, axis=0)
    pictures += rng.normal(size=pictures.shape)
    embeddings = np.repeat(pictures, n_copies, axis=0)
    embeddings += rng.normal(scale=0.1, size=embeddings.shape)
    names = list(np.repeat(classes, n_pictures * n_copies))
    paths = [Path(f"{seed}", f"{row}.jpg") for row in range(len(names))]
    return FolderExamples(embeddings.astype(np.float32), names, paths, ())


def rows_of(photos: FolderExamples, rows: list[int]) -> FolderExamples:
    return FolderExamples(
        photos.embeddings[rows],
        [photos.class_names[row] for row in rows],
        [photos.paths[row] for row in rows],
        (),
    )


def test_copies_of_what_was_trained_on_say_nothing() -> None:
    """Two pictures a class in ten versions, some of which were kept apart, and new photos."""
    shots, new = copies(2, 0), copies(25, 1, n_copies=1)
    taught = rows_of(shots, [row for row in range(80) if row % 10 < 7])
    kept = rows_of(shots, [row for row in range(80) if row % 10 >= 7])
    head = SoftmaxHead().fit(taught.embeddings, taught.class_names)
    assert head.score(kept.embeddings, kept.class_names) == 1
    true = head.score(new.embeddings, new.class_names)
    mixed = FolderExamples(
        np.concatenate([kept.embeddings, new.embeddings]),
        kept.class_names + new.class_names,
        kept.paths + new.paths,
        (),
    )
    report = measure_head(head, mixed, training=taught)
    assert report.evaluation.top1 == true < 0.9
    assert report.seen == tuple(kept.paths)
    assert (report.n_effective, report.n_effective_training) == (100, 8)
    page = Page(write_page(report, head, "mine.head")).text
    assert "24 photos (0/7.jpg, 0/8.jpg" in page
    assert "The training folder has effectively 8 photos." in page
    with pytest.raises(InputError, match="not further pictures of the same moment"):
        measure_head(head, kept, training=taught)


def test_copies_among_the_tested_photos_count_as_one() -> None:
    """In the interval and on the page; the curve neither teaches nor tests with them."""
    shots, new = copies(6, 0), copies(100, 1, n_copies=1)
    head = SoftmaxHead().fit(new.embeddings, new.class_names)
    report = measure_head(head, shots)
    assert (report.n_effective, report.evaluation.n_samples) == (24, 240)
    assert report.interval == wilson_interval(report.evaluation.top1, 24)
    assert "photos tested, effectively 24" in write_page(report, head, "mine.head")
    assert [point.per_class for point in report.curve] == [1, 2]
    rows = np.random.default_rng(0).permutation(240)
    assert report.curve == learning_curve(
        shots.embeddings[rows], [shots.class_names[row] for row in rows]
    )


def test_copies_count_as_one_in_how_sure_the_head_may_be(head: SoftmaxHead) -> None:
    """One picture in many copies, of a class or of none, moves neither error nor AUROC."""
    once, none = examples(20, 1), examples(10, 5, ("d",))
    rows = [*range(60), *[0] * 200, *[25] * 100]
    often = rows_of(once, rows)
    unknown = none.embeddings[[*range(10), *[3] * 300]]
    plain = measure_head(head, once, unknown=none.embeddings)
    copied = measure_head(head, often, unknown=unknown)
    assert copied.calibration_error == pytest.approx(plain.calibration_error)
    assert plain.rejection is not None
    assert copied.rejection is not None
    assert copied.rejection.auroc == pytest.approx(plain.rejection.auroc)
    assert copied.rejection.known_accepted == pytest.approx(plain.rejection.known_accepted)
    assert copied.rejection.unknown_accepted == pytest.approx(plain.rejection.unknown_accepted)
    for one, two in zip(copied.bins, plain.bins, strict=True):
        assert (one.confidence, one.accuracy) == pytest.approx((two.confidence, two.accuracy))
    assert sum(each.n_samples for each in copied.bins) == 360


def test_a_group_teaches_or_tests_as_one_photo() -> None:
    """What its photos show differs too much to be found near."""
    shots = examples(12, 0)
    groups = [f"{name}, day {row % 4}" for row, name in enumerate(shots.class_names)]
    curve = learning_curve(shots.embeddings, shots.class_names, groups=groups)
    assert [point.per_class for point in curve] == [1, 2]
    alone = learning_curve(shots.embeddings, shots.class_names, groups=[None] * 36)
    assert alone == learning_curve(shots.embeddings, shots.class_names)
    assert [point.per_class for point in alone] == [1, 2, 5]
    other = examples(30, 1)
    apart = learning_curve(
        shots.embeddings, shots.class_names, other.embeddings, other.class_names, groups=groups
    )
    assert [point.per_class for point in apart] == [1, 2]
    with pytest.raises(InputError, match="as many groups"):
        learning_curve(shots.embeddings, shots.class_names, groups=groups[1:])


def test_the_curve_of_copies_tells_what_new_photos_show() -> None:
    """Half of each picture's versions used to test what the other half had taught: 100 %."""
    told, true = [], []
    new = copies(100, 99, n_copies=1)
    for seed in range(6):
        shots = copies(4, seed)
        told.append(learning_curve(shots.embeddings, shots.class_names)[-1])
        true.append(
            learning_curve(shots.embeddings, shots.class_names, new.embeddings, new.class_names)[1]
        )
    assert {point.per_class for point in told + true} == {2}
    told_mean = np.mean([point.mean for point in told])
    assert told_mean == pytest.approx(np.mean([point.mean for point in true]), abs=0.12)
    assert told_mean < 0.9


def test_what_cannot_be_measured_is_refused(head: SoftmaxHead) -> None:
    taught = examples(40, 0)
    with pytest.raises(InputError, match="found all 120 of them, or nearly them, among"):
        measure_head(head, taught, training=taught)
    with pytest.raises(InputError, match="found also z; rename"):
        measure_head(head, dataclasses.replace(taught, class_names=["z"] * 120))


def test_mistakes_are_mistakes_and_the_surest_come_first(report: Report) -> None:
    assert report.mistakes
    assert all(mistake.class_name != mistake.taken_for for mistake in report.mistakes)
    sureness = [mistake.probability for mistake in report.mistakes]
    assert sureness == sorted(sureness, reverse=True)


class Page(HTMLParser):
    """Checks that every element is closed, and notes tags, attributes and text."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:  # noqa: D102
        self.text += data


def test_the_page_stands_alone(report: Report, head: SoftmaxHead) -> None:
    """No script, no link, no address of anything."""
    text = write_page(report, head, "mine.head")
    page = Page(text)
    assert not page.tags & {"script", "link", "iframe", "a", "object"}
    assert not re.search(r"https?:|//|@import|url\(", text.removeprefix("<!DOCTYPE html>"))
    for heading in ("Class by class", "Photos of something else", "Worst mistakes"):
        assert heading in page.text
    assert f"{report.evaluation.top1:.1%}" in page.text
    assert "were left out" not in page.text
    assert text == write_page(report, head, "mine.head")


def test_a_class_name_is_text_and_nothing_else() -> None:
    classes = (HOSTILE, "b' onload='x", "c")
    taught = examples(20, 0, classes)
    head = SoftmaxHead().fit(taught.embeddings, taught.class_names)
    others = examples(20, 1, classes)
    text = write_page(measure_head(head, others), head, HOSTILE)
    page = Page(text)
    assert "script" not in page.tags
    assert not page.attributes & {"onload", "onclick"}
    assert HOSTILE in page.text
    assert "a head file cannot say which those were" in page.text


@pytest.mark.parametrize("n_classes", [2, 30, 60])
def test_any_number_of_classes_is_drawn(n_classes: int) -> None:
    classes = tuple(f"class {number:02}" for number in range(n_classes))
    taught = examples(3, 0, classes)
    head = SoftmaxHead().fit(taught.embeddings, taught.class_names)
    page = Page(write_page(measure_head(head, examples(2, 1, classes)), head, "many"))
    assert "svg" in page.tags
    assert "class 01" in page.text


@pytest.mark.usefixtures("unlike")
def test_the_command_writes_a_page(
    photos: Path,
    extractor_path: Path,
    tmp_path: Path,
    write_photo: PhotoWriter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With thumbnails of mistakes, without them, and with photos of something else."""
    head, output = tmp_path / "mine.head", tmp_path / "report.html"
    tail = ["--extractor", str(extractor_path)]
    assert main(["train", str(photos), "-o", str(head), *tail]) == 0
    tested = tmp_path / "tested"
    odd = os.fsdecode(b"new\xff.png") if sys.platform == "linux" else "new.png"  # no Unicode
    for number, name in enumerate(("blue", "green", "red")):
        write_photo(tested / name / odd, (90, 90, 90), 100 + number)
        shutil.copy(photos / name / "0.png", tested / name / "renamed.png")
    write_photo(tmp_path / "other" / "deep" / "x.png", (250, 250, 20), 7)
    arguments = ["report", str(head), str(tested), "-o", str(output), *tail]
    assert main([*arguments, "--training", str(photos), "--unknown", str(tmp_path / "other")]) == 0
    text = output.read_text()
    assert (
        "the training folder has the same or nearly the same: 3 photos (blue/renamed.png, " in text
    )
    assert "1 photos of none of the classes" in text
    assert odd.encode(errors="backslashreplace").decode() in text
    assert "data:image/jpeg;base64," in text
    assert str(output) in capsys.readouterr().out
    assert main([*arguments, "--no-thumbnails"]) == 0
    assert "data:image" not in output.read_text()
    assert main([*arguments[:3], "-o", str(tmp_path / "no" / "x.html"), *tail]) == 3
    (tmp_path / "empty").mkdir()
    assert main([*arguments, "--unknown", str(tmp_path / "empty")]) == 3
    assert "expected photos, found nothing at all" in capsys.readouterr().err


def test_a_burst_of_a_stranger_counts_as_one() -> None:
    """However many of its pictures there are beside other strangers."""
    known = copies(25, 0, n_copies=1)
    head = SoftmaxHead().fit(known.embeddings, known.class_names)
    tested = copies(25, 1, n_copies=1)
    passing = tested.embeddings[[int(head.sureness(tested.embeddings).argmax())]]
    burst = passing + np.random.default_rng(2).normal(0, 0.1, (60, 128)).astype(np.float32)
    others = 2 * np.random.default_rng(3).normal(size=(3, 128)).astype(np.float32)
    assert head.is_known(burst).all()
    assert not head.is_known(others).any()
    report = measure_head(head, tested, unknown=np.concatenate([burst, others]))
    assert report.rejection is not None
    assert report.rejection.n_unknown == 63
    assert report.rejection.unknown_accepted == pytest.approx(1 / 4)
