"""The report of a multi-label head: its numbers are those of oracles, its page stands alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_score, recall_score

from headfit import InputError, MultiLabelHead
from headfit.photos.folders import FolderExamples
from headfit.photos.labelled import LabelledExamples
from headfit.report import MultiLabelReport, measure_multi_label, write_multi_label_page

HOSTILE = '<script>alert("1")</script> & größe 网'
CLASSES = ("cup", HOSTILE, "pen")


def examples(n_samples: int, seed: int, folder: Path = Path("gone")) -> LabelledExamples:
    """Return embeddings of photos that show any of three classes, or none."""
    rng = np.random.default_rng(seed)
    is_shown = rng.random((n_samples, 3)) < [0.5, 0.3, 0.4]
    directions = np.random.default_rng(7).normal(size=(3, 12))
    embeddings = is_shown @ directions + rng.normal(scale=0.8, size=(n_samples, 12))
    sets = [tuple(sorted(np.array(CLASSES)[row].tolist())) for row in is_shown]
    paths = [folder / f"{row}.png" for row in range(n_samples)]
    return LabelledExamples(embeddings.astype(np.float32), sets, paths, ())


def as_trained(taught: LabelledExamples) -> FolderExamples:
    return FolderExamples(
        taught.embeddings, [""] * len(taught.label_sets), taught.paths, taught.skipped
    )


@pytest.fixture(scope="module")
def head() -> MultiLabelHead:
    taught = examples(120, 0)
    return MultiLabelHead().fit(taught.embeddings, taught.label_sets)


@pytest.fixture(scope="module")
def report(head: MultiLabelHead) -> MultiLabelReport:
    return measure_multi_label(head, examples(200, 1), training=as_trained(examples(120, 0)))


def test_its_numbers_are_scikit_learns(head: MultiLabelHead, report: MultiLabelReport) -> None:
    tested = examples(200, 1)
    probabilities = head.predict_proba(tested.embeddings)
    shown = np.array([[name in names for name in head.classes_] for names in tested.label_sets])
    assert report.evaluation.n_samples == report.n_effective == 200
    assert report.seen == ()
    for point in report.thresholds[::14]:
        named = probabilities >= np.float32(point.threshold)
        assert point.recall == pytest.approx(recall_score(shown, named, average="micro"))
        assert point.precision == pytest.approx(precision_score(shown, named, average="micro"))
    accuracy, confidence = calibration_curve(shown.ravel(), probabilities.ravel(), n_bins=10)
    np.testing.assert_allclose([each.accuracy for each in report.bins], accuracy)
    np.testing.assert_allclose([each.confidence for each in report.bins], confidence, rtol=1e-5)
    assert sum(each.n_samples for each in report.bins) == 600
    wrong = head.fitted_.shown(probabilities) != shown
    assert len(report.mistakes) == min(24, int(wrong.sum()))
    for mistake in report.mistakes:
        row, column = int(mistake.path.stem), list(head.classes_).index(mistake.class_name)
        assert wrong[row, column]
        assert mistake.is_named != shown[row, column]
        assert mistake.probability == float(probabilities[row, column])


def test_photos_that_were_trained_on_are_left_out(head: MultiLabelHead) -> None:
    """Whatever they are said to show there and here."""
    taught, others = examples(120, 0), examples(60, 1)
    mixed = LabelledExamples(
        np.concatenate([others.embeddings, taught.embeddings[:5]]),
        [*others.label_sets, *[()] * 5],
        [*others.paths, *[Path("copy.png")] * 5],
        (),
    )
    with_them = measure_multi_label(head, mixed, training=as_trained(taught))
    without = measure_multi_label(head, others, training=as_trained(taught))
    assert with_them.seen == (Path("copy.png"),) * 5
    assert with_them.evaluation.n_samples == 60
    assert with_them.mistakes == without.mistakes
    assert measure_multi_label(head, others).seen is None
    with pytest.raises(InputError, match="found all 120 of them"):
        measure_multi_label(head, taught, training=as_trained(taught))


def test_pictures_of_one_moment_count_once(head: MultiLabelHead) -> None:
    once = examples(40, 3)
    ten = LabelledExamples(
        np.repeat(once.embeddings, 10, axis=0),
        [names for names in once.label_sets for _ in range(10)],
        [path for path in once.paths for _ in range(10)],
        (),
    )
    one, many = measure_multi_label(head, once), measure_multi_label(head, ten)
    assert many.n_effective == one.n_effective == 40
    assert many.interval == pytest.approx(one.interval)
    assert many.calibration_error == pytest.approx(one.calibration_error)


def test_a_class_that_the_head_does_not_know_is_refused(head: MultiLabelHead) -> None:
    strange = examples(10, 1)
    strange.label_sets[4] = ("ship",)
    with pytest.raises(InputError, match="found also ship; rename or remove"):
        measure_multi_label(head, strange)


def test_photos_that_show_nothing_have_a_page(head: MultiLabelHead) -> None:
    """Recall is not told where nothing is shown, and neither is a curve of it."""
    nothing = examples(10, 1)
    nothing.label_sets[:] = [()] * 10
    measured = measure_multi_label(head, nothing)
    assert measured.thresholds == ()
    page = write_multi_label_page(measured, head, "mine.head")
    assert "nan" not in page
    assert "What another threshold would bring" not in page


def test_the_page_needs_nothing_and_names_are_text(
    head: MultiLabelHead, report: MultiLabelReport, tmp_path: Path
) -> None:
    page = write_multi_label_page(report, head, f"{HOSTILE}.head")
    assert "<script" not in page
    assert "http" not in page
    assert "größe 网" in page
    assert f"{report.evaluation.subset_accuracy:.1%}" in page
    assert page == write_multi_label_page(report, head, f"{HOSTILE}.head")
    assert page.count("<figure>") == len(report.mistakes)
    assert "<img" not in page  # gone since they were embedded
    there = examples(200, 1, tmp_path)
    for mistake in report.mistakes:
        Image.new("RGB", (40, 30), (200, 10, 10)).save(tmp_path / mistake.path.name)
    found = measure_multi_label(head, there)
    assert write_multi_label_page(found, head, "a").count("<img") == len(found.mistakes)
    assert "<img" not in write_multi_label_page(found, head, "a", thumbnails=False)


def test_a_burst_that_outnumbers_the_rest_counts_as_one() -> None:
    """Photos have no class to be compared in: what else they show says where the middle is."""
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(5, 120)).astype(np.float32)
    burst = photos[0] + 0.1 * rng.normal(size=(60, 120)).astype(np.float32)
    embeddings = np.concatenate([burst, photos[1:]])
    sets: list[tuple[str, ...]] = [("cup",)] * 60 + [("pen",), (), ("pen",), ()]
    head = MultiLabelHead().fit(embeddings, sets)
    tested = LabelledExamples(embeddings, sets, [Path(f"{row}.png") for row in range(64)], ())
    report = measure_multi_label(head, tested)
    assert (report.evaluation.n_samples, report.n_effective) == (64, 5)


def test_copies_of_a_burst_that_outnumbers_the_rest_of_the_training_are_left_out() -> None:
    """Nobody says here what photos of the training show: the head does."""
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(9, 120)).astype(np.float32)
    burst = photos[0] + 0.1 * rng.normal(size=(63, 120)).astype(np.float32)
    sets: list[tuple[str, ...]] = [("pen",), (), ("pen",), ()]
    paths = [Path(f"{row}.png") for row in range(64)]
    taught = np.concatenate([burst[:60], photos[1:5]])
    taught_sets = [*[("cup",)] * 60, *sets]
    head = MultiLabelHead().fit(taught, taught_sets)
    training = as_trained(LabelledExamples(taught, taught_sets, paths, ()))
    new = np.concatenate([burst[60:], photos[5:]])
    tested = LabelledExamples(new, [*[("cup",)] * 3, *sets], paths[:7], ())
    assert measure_multi_label(head, tested, training=training).seen == tuple(paths[:3])
