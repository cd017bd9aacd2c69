"""The classifier: a folder of photos in, a head out, nothing lost in silence."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from headfit.classifier import ImageClassifier
from headfit.errors import (
    ExtractorMismatchError,
    FileFormatError,
    ImageError,
    InputError,
    NotFittedError,
)
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.photos.photo_folder import Skipped
from headfit.report import learning_curve
from headfit.store import ExampleStore

from .conftest import COLOURS, PhotoWriter


def test_three_lines(photos: Path, extractor_path: Path) -> None:
    """A folder becomes a classifier that recognises what it was shown."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    prediction = classifier.predict(photos / "red" / "0.png")
    assert prediction[0][0] == "red"
    assert {name for name, _ in prediction} == set(COLOURS)
    probabilities = [probability for _, probability in prediction]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)


def test_the_same_folder_gives_the_same_head(
    photos: Path, extractor_path: Path, tmp_path: Path
) -> None:
    """Head files of two trainings are equal to the byte."""
    for name in ("one.head", "two.head"):
        ImageClassifier.from_folder(photos, extractor=extractor_path).save(tmp_path / name)
    assert (tmp_path / "one.head").read_bytes() == (tmp_path / "two.head").read_bytes()


def test_a_class_of_one_photo_is_learned(photos: Path, write_photo: PhotoWriter) -> None:
    """It trains, and does not vanish into a validation set.

    By the extractor that comes with headfit: the small random network finds red, green and white
    alike.
    """
    only = write_photo(photos / "white" / "only.png", (250, 250, 250), 1)
    classifier = ImageClassifier.from_folder(photos)
    assert classifier.head is not None
    assert classifier.head.class_counts_ == (4, 4, 4, 1)
    assert classifier.predict(only)[0][0] == "white"
    white = {path: dict(classifier.predict(path))["white"] for path in photos.glob("*/*")}
    assert max(white, key=white.__getitem__) == only


def test_names_with_spaces_and_other_scripts(
    photos: Path, extractor_path: Path, write_photo: PhotoWriter, tmp_path: Path
) -> None:
    """They come back from the head file as they were."""
    write_photo(photos / "雪 und Eis" / "photo 1.png", (250, 250, 250), 1)
    ImageClassifier.from_folder(photos, extractor=extractor_path).save(tmp_path / "ünï code.head")
    loaded = ImageClassifier.load(tmp_path / "ünï code.head", extractor=extractor_path)
    assert loaded.head is not None
    assert loaded.head.fitted_.classes == (*sorted(COLOURS), "雪 und Eis")


def spoil(photos: Path) -> list[Path]:
    """Put what is no photo among good ones."""
    text = photos / "red" / "notes.jpg"
    text.write_text("no picture")
    truncated = photos / "red" / "truncated.jpg"
    Image.effect_noise((64, 64), 50).save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:300])
    return [text, truncated]


def test_unreadable_files_are_skipped_and_named(photos: Path, extractor_path: Path) -> None:
    """The good photos train; each bad file is listed with its reason."""
    bad = spoil(photos)
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    assert classifier.n_samples == 12
    assert [item.path for item in classifier.skipped] == bad
    assert all(item.reason and str(item.path) not in item.reason for item in classifier.skipped)


def test_strict_refuses_unreadable_files(photos: Path, extractor_path: Path) -> None:
    """Nothing is added, and the error names the file."""
    spoil(photos)
    classifier = ImageClassifier(extractor_path)
    with pytest.raises(ImageError, match="notes.jpg"):
        classifier.add_folder(photos, strict=True)
    assert classifier.n_samples == 0


def test_strict_refuses_loose_files(photos: Path, extractor_path: Path) -> None:
    """A file outside every class is refused before anything is embedded."""
    (photos / "loose.txt").touch()
    with pytest.raises(InputError, match=r"loose\.txt.*outside every class folder"):
        ImageClassifier.from_folder(photos, extractor=extractor_path, strict=True)


def test_a_file_that_vanishes_is_skipped(photos: Path, extractor_path: Path) -> None:
    """What the system refuses to read is named like any other unreadable file."""
    last = photos / "red" / "3.png"

    def remove_last(done: int, total: int) -> None:
        last.unlink(missing_ok=True)

    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path, progress=remove_last)
    assert classifier.skipped == (Skipped(last, "No such file or directory"),)


def test_a_class_without_readable_photo_is_named(photos: Path, extractor_path: Path) -> None:
    """The class cannot be learned, and the report says that it is lost."""
    (photos / "ghost").mkdir()
    (photos / "ghost" / "1.jpg").write_text("no picture")
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    assert Skipped(photos / "ghost", "holds no photo that can be read") in classifier.skipped


def test_one_class_is_refused_before_it_is_embedded(photos: Path, extractor_path: Path) -> None:
    """There is nothing to tell apart, and the user need not wait to hear so."""

    def progress(done: int, total: int) -> None:
        raise AssertionError("a photo was embedded")

    for class_name in ("green", "blue"):
        (photos / class_name).rename(photos.parent / class_name)
    with pytest.raises(InputError, match="at least two classes, found one: red"):
        ImageClassifier.from_folder(photos, extractor=extractor_path, progress=progress)


def test_one_readable_class_is_refused(photos: Path, extractor_path: Path) -> None:
    """Also where the other classes turn out to be unreadable."""
    for path in [*photos.glob("green/*"), *photos.glob("blue/*")]:
        path.write_text("no picture")
    with pytest.raises(InputError, match="at least two classes, found one: red"):
        ImageClassifier.from_folder(photos, extractor=extractor_path)


def test_no_readable_photo_is_refused(photos: Path, extractor_path: Path) -> None:
    """The error names one of the files."""
    for path in photos.glob("*/*"):
        path.write_text("no picture")
    with pytest.raises(InputError, match=r"found 12 files .*3\.png"):
        ImageClassifier.from_folder(photos, extractor=extractor_path)


def test_progress_counts_every_file(photos: Path, extractor_path: Path) -> None:
    """Skipped files count too, so that a bar reaches its end."""
    spoil(photos)
    calls: list[tuple[int, int]] = []
    ImageClassifier.from_folder(
        photos,
        extractor=extractor_path,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(done, 14) for done in range(1, 15)]


def test_photos_one_by_one(photos: Path, extractor_path: Path) -> None:
    """Adding photos in the folder's order gives the head that the folder gives."""
    classifier = ImageClassifier(Extractor.open(extractor_path))
    for path in sorted(photos.glob("*/*")):
        classifier.add(path.read_bytes(), path.parent.name)
    classifier.fit()
    from_folder = ImageClassifier.from_folder(photos, extractor=extractor_path)
    assert classifier.head is not None
    assert from_folder.head is not None
    np.testing.assert_allclose(
        from_folder.head.weights_, classifier.head.weights_, rtol=1e-4, atol=1e-7
    )
    assert classifier.head.fitted_.classes == from_folder.head.fitted_.classes


@pytest.mark.usefixtures("unlike")
def test_a_photo_can_be_unknown(
    photos: Path, extractor_path: Path, write_photo: PhotoWriter
) -> None:
    """Twelve photos cannot tell what is unknown; with sixty, one that fits no class is."""
    few = ImageClassifier.from_folder(photos, extractor=extractor_path)
    picture = photos / "red" / "0.png"
    assert few.recognise(picture).ranking == few.predict(picture)
    assert few.recognise(picture).is_known
    for name, colour in COLOURS.items():
        for number in range(4, 20):
            write_photo(photos / name / f"{number}.png", colour, 1000 + number)
    many = ImageClassifier.from_folder(photos, extractor=extractor_path)
    assert many.head is not None
    known = [many.recognise(path).is_known for path in photos.glob("*/*.png")]
    assert np.mean(known) >= 0.9
    assert many.head.calibration_ is not None
    assert many.head.calibration_.n_held_out == 60


def test_parameters_of_a_new_head_say_how_to_fit(photos: Path, extractor_path: Path) -> None:
    classifier = ImageClassifier(extractor_path, head=SoftmaxHead(method="imprint"))
    assert classifier.head is None
    classifier.add_folder(photos)
    assert classifier.fit().training_["method"] == "imprint"


def test_a_cancelled_fit_leaves_no_head(photos: Path, extractor_path: Path) -> None:
    classifier = ImageClassifier(extractor_path, head=SoftmaxHead(method="logistic"))
    classifier.add_folder(photos)

    def cancel(iteration: int, loss: float) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        classifier.fit(progress=cancel)
    assert classifier.head is None


def test_a_bad_photo_adds_nothing(extractor_path: Path) -> None:
    """Neither an example nor a class is left behind."""
    classifier = ImageClassifier(extractor_path)
    with pytest.raises(ImageError):
        classifier.add(b"no picture", "cat")
    assert classifier.n_samples == 0


def test_a_class_name_is_a_text(extractor_path: Path) -> None:
    """A number or an empty name is refused when it is added, not when the head is saved."""
    classifier = ImageClassifier(extractor_path)
    for wrong in (7, "", "tab\t"):
        with pytest.raises(InputError, match="class name"):
            classifier.add(np.zeros((8, 8, 3), np.uint8), wrong)  # type: ignore[arg-type]
    assert classifier.n_samples == 0


def test_before_fit(extractor_path: Path, photos: Path, tmp_path: Path) -> None:
    """Predicting, evaluating and saving need a head; training needs examples."""
    classifier = ImageClassifier(extractor_path)
    with pytest.raises(NotFittedError, match="examples of two classes"):
        classifier.predict(photos / "red" / "0.png")
    with pytest.raises(NotFittedError):
        classifier.evaluate(photos)
    with pytest.raises(NotFittedError):
        classifier.save(tmp_path / "x.head")
    with pytest.raises(InputError, match="add photos"):
        classifier.fit()


def test_save_and_load(photos: Path, extractor_path: Path, tmp_path: Path) -> None:
    """A loaded classifier predicts the same to the bit."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    classifier.save(tmp_path / "colours.head")
    loaded = ImageClassifier.load(tmp_path / "colours.head", extractor=extractor_path)
    picture = photos / "green" / "2.png"
    assert loaded.predict(picture) == classifier.predict(picture)


def test_fit_does_not_forget_loaded_classes(
    photos: Path, extractor_path: Path, tmp_path: Path
) -> None:
    """A head file holds no examples: training on new photos alone would lose its classes."""
    ImageClassifier.from_folder(photos, extractor=extractor_path).save(tmp_path / "colours.head")
    loaded = ImageClassifier.load(tmp_path / "colours.head", extractor=extractor_path)
    loaded.add(photos / "red" / "0.png", "red")
    loaded.add(photos / "green" / "0.png", "grass")
    with pytest.raises(InputError, match="found none of blue, green"):
        loaded.fit()
    assert loaded.predict(photos / "blue" / "0.png")[0][0] == "blue"


def test_a_head_of_another_extractor_is_refused(
    photos: Path, extractor_path: Path, tmp_path: Path
) -> None:
    """The same network under another hash is another extractor."""
    ImageClassifier.from_folder(photos, extractor=extractor_path).save(tmp_path / "colours.head")
    model = extractor_path.read_bytes() + b"\0" * 4
    extractor_path.write_bytes(model)
    manifest = extractor_path.with_suffix(".json")
    document = json.loads(manifest.read_text())
    document["size_bytes"] = len(model)
    document["fingerprint"] = hashlib.sha256(model).hexdigest()
    manifest.write_text(json.dumps(document))
    with pytest.raises(ExtractorMismatchError):
        ImageClassifier.load(tmp_path / "colours.head", extractor=extractor_path)


def test_a_cut_head_file_is_refused(photos: Path, extractor_path: Path, tmp_path: Path) -> None:
    """Wherever it was cut."""
    path = tmp_path / "colours.head"
    ImageClassifier.from_folder(photos, extractor=extractor_path).save(path)
    data = path.read_bytes()
    extractor = Extractor.open(extractor_path)
    for length in (0, 1, 8, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError):
            ImageClassifier.load(path, extractor=extractor)


def test_evaluate(photos: Path, extractor_path: Path, write_photo: PhotoWriter) -> None:
    """Counts what was right, by class and by pair; a class without photos has no recall."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    kept_apart = photos.parent / "kept apart"
    for number in range(3):
        write_photo(kept_apart / "red" / f"{number}.png", COLOURS["red"], 100 + number)
    # A green picture in the folder of red ones is one mistake.
    write_photo(kept_apart / "red" / "green.png", COLOURS["green"], 200)
    write_photo(kept_apart / "green" / "1.png", COLOURS["green"], 201)
    evaluation = classifier.evaluate(kept_apart)
    assert evaluation.n_samples == 5
    assert evaluation.classes == ("blue", "green", "red")
    assert evaluation.top1 == pytest.approx(0.8)
    assert evaluation.top5 == 1.0
    assert evaluation.confusion.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 3]]
    np.testing.assert_allclose(evaluation.recall, [np.nan, 1.0, 0.75])


def test_evaluate_refuses_unknown_classes(photos: Path, extractor_path: Path) -> None:
    """A folder that names no class of the head is not counted as wrong in silence."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    os.rename(photos / "red", photos / "crimson")
    with pytest.raises(InputError, match="found also crimson"):
        classifier.evaluate(photos)


def test_only_the_best_or_the_surest(photos: Path, extractor_path: Path) -> None:
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    photo = photos / "red" / "0.png"
    every = classifier.predict(photo)
    assert classifier.predict(photo, top=2) == every[:2]
    assert classifier.predict(photo, top=9) == every
    least = every[1][1]
    assert classifier.predict(photo, min_confidence=least) == every[:2]
    assert classifier.predict_many([photo], top=1, min_confidence=least) == [every[:1]]
    assert classifier.recognise(photo, min_confidence=1.0).ranking == [
        each for each in every if each[1] == 1
    ]
    assert classifier.recognise_many([photo], top=1)[0].ranking == every[:1]
    for wrong in (
        {"top": 0}, {"top": 1.5}, {"top": "2"},
        {"min_confidence": 1.5}, {"min_confidence": float("nan")}, {"min_confidence": "1"},
    ):  # fmt: skip
        with pytest.raises(InputError, match="expected (top|min_confidence)"):
            classifier.predict(photo, **wrong)  # type: ignore[arg-type]


def test_evaluate_takes_pairs_and_embeddings(photos: Path, extractor_path: Path) -> None:
    """As of a folder, from paths, arrays and generators; what is unknown is refused."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    paths = sorted(photos.glob("*/*.png"))
    names = ["red" if path.name == "0.png" else path.parent.name for path in paths]
    expected = classifier.evaluate(photos)
    of_folder = classifier.evaluate((path, path.parent.name) for path in paths)
    assert of_folder.confusion.tolist() == expected.confusion.tolist()
    pixels = [np.asarray(Image.open(path)) for path in paths]
    of_pairs = classifier.evaluate(zip(pixels, names, strict=True))
    assert of_pairs.n_samples == 12
    assert of_pairs.confusion[2].sum() == 6
    embeddings = classifier.extractor.embed(paths)
    assert classifier.head is not None
    of_embeddings = classifier.head.evaluate(embeddings, np.array(names))
    assert of_embeddings.confusion.tolist() == of_pairs.confusion.tolist()
    assert of_embeddings.top1 == classifier.head.score(embeddings, names)
    with pytest.raises(InputError, match="found also sea"):
        classifier.evaluate([(paths[0], "sea")])
    with pytest.raises(InputError, match="found also sea"):
        classifier.head.evaluate(embeddings[:1], ["sea"])
    with pytest.raises(InputError, match="at least one"):
        classifier.evaluate([])
    for wrong in ({"red": paths}, [(paths[0], "red", 1)], [paths[0]], ["ab"]):
        with pytest.raises(InputError, match="expected pairs"):
            classifier.evaluate(wrong)  # type: ignore[call-overload]
    with pytest.raises(ImageError):
        classifier.evaluate([(b"no image", "red")])


def test_a_loaded_head_has_no_examples_to_forget(
    photos: Path, extractor_path: Path, tmp_path: Path
) -> None:
    ImageClassifier.from_folder(photos, extractor=extractor_path).save(tmp_path / "a.head")
    loaded = ImageClassifier.load(tmp_path / "a.head", extractor=extractor_path)
    with pytest.raises(InputError, match="a head file holds none"):
        loaded.forget("red")
    assert "red" in loaded.predict(photos / "red" / "0.png")[0]


@pytest.mark.usefixtures("unlike")
def test_the_learning_curve_is_that_of_the_report(photos: Path, extractor_path: Path) -> None:
    """In whatever order the photos came."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    curve = classifier.learning_curve()
    assert [point.per_class for point in curve] == [1, 2]
    assert all(0 <= point.mean <= 1 for point in curve)
    backwards = ImageClassifier(extractor_path)
    for path in sorted(photos.glob("*/*.png"), reverse=True):
        backwards.add(path, path.parent.name)
    assert backwards.learning_curve() == curve
    embeddings, names, groups = backwards._learner.examples()
    assert set(groups) == {None}
    assert learning_curve(embeddings, names) == curve
    assert ImageClassifier(extractor_path).learning_curve() == ()
    of_one_moment = ImageClassifier(extractor_path)
    for path in sorted(photos.glob("*/*.png")):
        of_one_moment.add(
            path, path.parent.name, group=f"{path.parent.name}, day {path.stem > '1'}"
        )
    assert [point.per_class for point in of_one_moment.learning_curve()] == [1]


@pytest.mark.usefixtures("unlike")
def test_a_head_that_was_loaded_alone_gets_the_background_of_the_extractor(tmp_path: Path) -> None:
    """Whether photos are known is the same as of the classifier that was taught."""
    rng = np.random.default_rng(0)
    photos = [
        np.clip(rng.normal(60 + 120 * (n % 2), 30, (64, 64, 3)), 0, 255).astype(np.uint8)
        for n in range(24)
    ]
    taught = ImageClassifier()
    for n, photo in enumerate(photos):
        taught.add(photo, ("dark", "light")[n % 2])
    taught.fit().save(tmp_path / "a.head")
    alone = SoftmaxHead.load(tmp_path / "a.head")
    assert alone.fitted_.likeness is not None
    again = ImageClassifier(head=alone)
    assert again.recognise_many(photos) == taught.recognise_many(photos)


@pytest.mark.usefixtures("unlike")
def test_what_shows_nothing_is_unknown_unless_it_was_taught() -> None:
    """By its embedding a black picture may look like a class; a class of darkness is one."""
    rng = np.random.default_rng(0)

    def noise(mean: float, spread: float) -> NDArray[np.uint8]:
        return np.clip(rng.normal(mean, spread, (64, 64, 3)), 0, 255).astype(np.uint8)

    black, beige = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), (200, 180, 150), np.uint8)
    without, with_dark = ImageClassifier(), ImageClassifier()
    for n in range(24):
        photo = noise(60 + 120 * (n % 2), 30)
        without.add(photo, ("dim", "light")[n % 2])
        with_dark.add(photo, ("dim", "light")[n % 2])
        with_dark.add(noise(rng.uniform(0, 20), 2), "a covered lens")
    without.fit()
    head = without.head
    assert head is not None
    calibration = head.fitted_.calibration
    assert calibration is not None
    lenient = replace(head.fitted_, calibration=replace(calibration, threshold=-2.0))
    every = ImageClassifier(head=SoftmaxHead.of(lenient))
    photos = [black, noise(60, 30), beige, noise(10, 3)]
    assert SoftmaxHead.of(lenient).is_known(every.extractor.embed(photos)).all()
    assert [seen.is_known for seen in every.recognise_many(photos)] == [False, True, False, False]
    covered = [noise(rng.uniform(0, 20), 2) for _ in range(10)]
    knows_dark = with_dark.fit()
    known = [seen.is_known for seen in with_dark.recognise_many(covered)]
    assert known == knows_dark.is_known(with_dark.extractor.embed(covered)).tolist()
    assert sum(known) >= 7


@pytest.mark.usefixtures("unlike")
def test_photos_of_one_video_count_as_one(extractor_path: Path, tmp_path: Path) -> None:
    """Though they are not alike; a store, which would forget it, refuses."""
    rng = np.random.default_rng(0)
    classifier = ImageClassifier(extractor_path)
    photos = rng.integers(0, 256, (12, 40, 40, 3), np.uint8)
    for number, photo in enumerate(photos):
        classifier.add(photo, "ab"[number % 2], group=f"video {number // 6}")
    assert set(classifier.feedback().effective_counts.values()) == {2}
    with ExampleStore.open(tmp_path / "store", classifier.extractor) as store:
        kept = ImageClassifier(classifier.extractor, store=store)
        with pytest.raises(InputError, match="group"):
            kept.add(photos[0], "a", group=1)
        assert kept.n_samples == 0


def test_noise_of_one_colour_is_one_photo(photos: Path, extractor_path: Path) -> None:
    """Here it is: nothing is held out, and each class needs photos."""
    classifier = ImageClassifier.from_folder(photos, extractor=extractor_path)
    feedback = classifier.feedback()
    assert set(feedback.effective_counts.values()) == {1}
    assert set(feedback.accuracy.values()) == {None}
    assert set(feedback.needs_photos) == {"red", "green", "blue"}


@pytest.mark.usefixtures("unlike")
def test_a_loaded_head_grows_by_a_class(
    photos: Path, extractor_path: Path, write_photo: PhotoWriter, tmp_path: Path
) -> None:
    """Without the photos of the others; where these are here, fit is to be called."""
    for name, colour in COLOURS.items():
        for number in range(4, 12):
            write_photo(photos / name / f"{number}.png", colour, 1000 + number)
    taught = ImageClassifier.from_folder(photos, extractor=extractor_path)
    taught.save(tmp_path / "head")
    new = [write_photo(tmp_path / "new" / f"{n}.png", (240, 230, 20), n) for n in range(6)]
    with pytest.raises(InputError, match="add the photos, and fit"):
        taught.add_class("yellow", new)
    classifier = ImageClassifier.load(tmp_path / "head", extractor=extractor_path)
    before = classifier.head
    classifier.add(new[0], "yellow")
    with pytest.raises(InputError, match="add_class"):
        classifier.fit()
    with pytest.raises(InputError, match="knows"):
        classifier.add_class("red", new)
    head = classifier.add_class("yellow", new[:5])
    assert classifier.head is head is not before
    assert before is not None
    assert "yellow" not in before.classes_
    yellow = dict(classifier.predict(new[5]))["yellow"]
    for name in COLOURS:
        ranking = classifier.predict(photos / name / "0.png")
        assert ranking[0][0] == name
        assert dict(ranking)["yellow"] < yellow


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_examples_of_its_own(
    copied: Callable[[ImageClassifier], ImageClassifier],
    photos: Path,
    extractor_path: Path,
) -> None:
    """What one is taught, forgets or is told of a head, the other does not know."""
    one = ImageClassifier.from_folder(photos, extractor=extractor_path)
    before, n_photos = one.class_counts, one.n_samples
    other = copied(one)
    assert other.predict(photos / "red" / "0.png") == one.predict(photos / "red" / "0.png")
    other.add(photos / "red" / "0.png", "new")
    other.forget("red")
    assert other.head is not None
    other.head.rename_class("green", "grass")
    assert one.class_counts == before
    assert one.head is not None
    assert one.head.classes_.tolist() == sorted(before)
    assert one.add_folder(photos).n_known == n_photos
    one.forget("green")
    assert "green" in other.class_counts
