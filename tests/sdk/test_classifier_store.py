"""A classifier with a store: what was taught is there the next day, and goes when it shall go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headfit.classifier import ImageClassifier
from headfit.errors import ExtractorMismatchError, ImageError, InputError
from headfit.examples import ExampleStore
from headfit.extractor import Extractor
from headfit.likeness import perceptual_hash

from .stores import Source, on_disk


@pytest.fixture
def extractor(extractor_path: Path) -> Extractor:
    return Extractor.open(extractor_path)


def test_what_was_taught_is_there_after_a_restart(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """The head of the restored examples is, to the byte, the one without a store."""
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        assert classifier.n_samples == store.n_samples == 12
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        again = ImageClassifier(extractor, store=store)
        assert again.n_samples == 12
        again.fit()
        again.save(tmp_path / "stored.head")
    ImageClassifier.from_folder(photos, extractor=extractor).save(tmp_path / "plain.head")
    assert (tmp_path / "stored.head").read_bytes() == (tmp_path / "plain.head").read_bytes()


def test_a_photo_that_is_added_can_be_found_again(
    photos: Path, extractor: Extractor, tmp_path: Path
) -> None:
    photo = photos / "red" / "0.png"
    with ExampleStore.open(tmp_path / "store", extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add(photo, "red")
        assert store.ids_like(perceptual_hash(photo)) == [1]
        np.testing.assert_array_equal(extractor.embed([photo]), store.load().embeddings)
        with pytest.raises(ImageError):
            classifier.add(b"no image", "red")
        assert classifier.n_samples == 1


@pytest.mark.parametrize("with_store", [True, False])
def test_forgetting_a_class_takes_it_from_the_head(
    photos: Path, extractor: Extractor, tmp_path: Path, with_store: bool
) -> None:
    """The head is the one that never saw it; with one class left there is no head."""
    path = tmp_path / "store"
    with ExampleStore.open(path, extractor) as store:
        classifier = ImageClassifier(extractor, store=store if with_store else None)
        classifier.add_folder(photos)
        classifier.fit()
        classifier.forget("green")
        assert classifier.head is not None
        assert classifier.head.classes_ == ("blue", "red")
        assert b"green" not in on_disk(path)
        for photo in (photos / "green").iterdir():
            photo.unlink()
        (photos / "green").rmdir()
        never = ImageClassifier.from_folder(photos, extractor=extractor)
        assert never.head is not None
        np.testing.assert_array_equal(never.head.weights_, classifier.head.weights_)
        with pytest.raises(InputError, match="blue, red"):
            classifier.forget("green")
        classifier.forget("red")
        assert classifier.head is None
        assert classifier.n_samples == 4


def test_a_store_of_another_extractor_is_refused(extractor: Extractor, tmp_path: Path) -> None:
    with (
        ExampleStore.open(tmp_path / "store", Source()) as store,
        pytest.raises(ExtractorMismatchError, match="with this extractor"),
    ):
        ImageClassifier(extractor, store=store)
