"""What is due to be learned, and a photo that was taken for something else."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.photos import THINGS, frames, picked

from headfit import ImageError
from headfit_demo.session import (
    CancelledError,
    EmptyNameError,
    Moved,
    PickedFile,
    Session,
)

BALLOON, BOAT, FLOWER = THINGS


@pytest.fixture
def slow(taught: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A project whose learning takes too long to be done with every photo."""
    monkeypatch.setattr("headfit_demo.session.open_project.QUICK_S", -1.0)
    return taught


def test_what_takes_long_stays_due_until_it_is_learned(slow: Session) -> None:
    project = slow.project
    project.settle()
    view = project.view()
    assert (view.is_due, view.head_is_fresh, view.n_new) == (False, True, 0)
    project.add_class(FLOWER)
    project.add_photos(FLOWER, frames(FLOWER, 3))
    project.add_photos(BOAT, frames(BOAT, 1, seed=4))
    project.settle()
    view = project.view()
    assert (view.is_due, view.unknown, view.n_new) == (True, (FLOWER,), 4)
    project.train()
    view = project.view()
    assert (view.is_due, view.unknown, view.n_new) == (False, (), 0)


def test_what_was_stopped_or_erased_is_not_learned_by_itself(slow: Session) -> None:
    """Nor what failed; until something changes again."""
    project = slow.project

    def stop(_: object) -> None:
        raise CancelledError("it was stopped")

    project.add_photos(BOAT, frames(BOAT, 1, seed=4))
    assert project.view().is_due
    with pytest.raises(CancelledError):
        project.train(stop)
    project.settle()
    assert (project.view().is_due, project.view().n_new) == (False, 1)
    project.add_photos(BOAT, frames(BOAT, 1, seed=5))
    assert project.view().is_due
    project.erase_head()
    project.settle()
    view = project.view()
    assert (view.is_due, view.can_train, view.head_classes) == (False, True, ())


def test_a_photo_that_was_not_taught_is_taught(taught: Session) -> None:
    result = taught.project.correct(frames(FLOWER, 1)[0], FLOWER)
    assert (result.class_name, result.moved_from) == (FLOWER, ())
    assert taught.project.view().classes[2].n_photos == 1
    act = taught.project.undo()  # the name that came with it goes, too
    assert act is not None
    assert [one.name for one in taught.project.view().classes] == [BALLOON, BOAT]


def test_a_photo_that_was_taught_as_something_else_is_moved(taught: Session) -> None:
    """Another one of the same thing stays where it is."""
    photo, other = frames(BOAT, 2, seed=4)
    taught.project.add_photos(BALLOON, [photo, other])
    result = taught.project.correct(photo.copy(), BOAT)
    assert result.moved_from == (BALLOON,)
    assert [one.n_photos for one in taught.project.view().classes] == [6, 6]
    assert taught.project.view().n_photos == 12
    taught.project.settle()
    assert taught.project.view().head_is_fresh
    assert taught.recognise(photo).class_name == BOAT
    assert taught.project.undo() is not None
    assert [one.n_photos for one in taught.project.view().classes] == [7, 5]
    again = taught.project.redo()
    assert again is not None
    assert isinstance(again.changes[0], Moved)
    assert [one.n_photos for one in taught.project.view().classes] == [6, 6]


def test_a_thing_on_the_same_table_is_not_the_same_photo(taught: Session) -> None:
    """Its looks agree to a few bits; what it was taught as stays, and it is taught beside it."""
    rng = np.random.default_rng(0)
    table = (rng.random((20, 20, 3)) * 255).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    mug, cup = table.copy(), table.copy()
    mug[100:220, 100:220] = frames(BALLOON, 1)[0][100:220, 100:220]
    cup[100:220, 100:220] = frames(FLOWER, 1)[0][100:220, 100:220]
    taught.project.add_photos(BALLOON, [mug])
    result = taught.project.correct(cup, BOAT)
    assert result.moved_from == ()
    assert [one.n_photos for one in taught.project.view().classes] == [6, 6]


def test_the_last_photo_of_a_thing_leaves_its_name(taught: Session) -> None:
    photo = frames(BOAT, 1, seed=4)[0]
    taught.project.add_class(FLOWER)
    taught.project.add_photos(FLOWER, [photo])
    taught.project.settle()
    taught.project.correct(photo, BOAT)
    taught.project.settle()
    view = taught.project.view()
    assert [(one.name, one.n_photos) for one in view.classes][1:] == [(BOAT, 6), (FLOWER, 0)]
    assert view.head_classes == (BALLOON, BOAT)
    taught.project.undo()
    assert [one.n_photos for one in taught.project.view().classes] == [5, 5, 1]


def test_a_moved_photo_that_was_forgotten_comes_back_and_is_moved_back(taught: Session) -> None:
    """Its number is another one by then."""
    photo = frames(BOAT, 1, seed=4)[0]
    taught.project.add_photos(BALLOON, [photo])
    taught.project.correct(photo, BOAT)
    taught.project.forget_class(BOAT)
    for _ in range(2):
        assert taught.project.undo() is not None
    assert [one.n_photos for one in taught.project.view().classes] == [6, 5]


def test_what_cannot_be_read_or_called_so_changes_nothing(taught: Session) -> None:
    with pytest.raises(ImageError):
        taught.project.correct(PickedFile("letter.jpg", b"Dear Sir"), BOAT)
    with pytest.raises(EmptyNameError):
        taught.project.correct(picked(BOAT, 1)[0], "  ")
    assert taught.project.view().n_photos == 10
    assert not taught.project.view().can_undo
