"""What one photo costs: it is decoded once, classes are counted twice, the head is saved once."""

from __future__ import annotations

import pytest
from tests.support.photos import THINGS, picked
from tests.support.watch import Watch

from headfit import SoftmaxHead
from headfit_demo.session import Session

BALLOON, BOAT, FLOWER = THINGS


def test_a_photo_that_is_added_is_decoded_once(taught: Session) -> None:
    """Hash, small picture and embedding are made of the same pixels."""
    with Watch() as watch:
        taught.project.add_photos(BOAT, picked(BOAT, 1, seed=4))
        taught.project.settle()
        taught.project.view()
    assert watch.count("decode_image") == 1
    assert watch.count("perceptual_hash") == watch.count("thumbnail", "NoneType") == 1
    assert watch.count("embed") == 1
    assert watch.count("class_counts", "ExampleStore") <= 2
    assert watch.count("save", "SoftmaxHead") == 1


def test_a_photo_that_is_forgotten_saves_the_head_once(taught: Session) -> None:
    photo = taught.project.view().classes[0].photos[0]
    with Watch() as watch:
        taught.project.forget_photos([photo.example_id])
        taught.project.settle()
        taught.project.view()
    assert watch.count("save", "SoftmaxHead") == 1
    assert watch.count("class_counts", "ExampleStore") <= 2


def test_a_photo_that_is_recognised_is_decoded_once(taught: Session) -> None:
    """From the file to the screen and to the answer."""
    with Watch() as watch:
        pixels = taught.open_photo(picked(BOAT, 1, seed=4)[0])
        taught.recognise(pixels)
    assert watch.count("decode_image") == 1
    assert watch.count("of", file="prediction.py") == 1  # logits


@pytest.mark.parametrize("act", ["name", "look", "settle"])
def test_what_changes_no_photo_trains_and_saves_nothing(taught: Session, act: str) -> None:
    with Watch() as watch:
        if act == "name":
            taught.project.add_class(FLOWER)
        if act != "look":
            taught.project.settle()
        taught.project.view()
    assert watch.count("fit") == watch.count("save", "SoftmaxHead") == 0


def test_the_file_follows_the_head(taught: Session) -> None:
    """A new name, a thing more, a thing less: what is saved is what is used."""
    project = taught.project
    path = project.stored().folder / "trained.head"

    def knows() -> tuple[str, ...]:
        project.settle()
        return SoftmaxHead.load(path).fitted_.classes

    project.rename_class(BOAT, "ship")
    assert knows() == (BALLOON, "ship")
    project.add_class(FLOWER)
    project.add_photos(FLOWER, picked(FLOWER, 3))
    assert knows() == (BALLOON, FLOWER, "ship")
    project.forget_class(BALLOON)
    assert knows() == (FLOWER, "ship")
    project.undo()
    assert knows() == (BALLOON, FLOWER, "ship")
    project.forget_class(BALLOON)
    project.forget_class(FLOWER)
    project.settle()
    assert not path.exists()
