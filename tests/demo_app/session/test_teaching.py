"""Photos that come in while the user does other things: they go where they were dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.photos import THINGS, frames, picked

from headfit import StoreError
from headfit.store import ExampleStore
from headfit_demo.session import (
    AT_ONCE,
    Act,
    Added,
    CancelledError,
    FolderError,
    Job,
    PickedFile,
    ProjectView,
    Session,
    Things,
    UnprintableNameError,
    find_things,
    teach,
)

BALLOON, BOAT, FLOWER = THINGS
MANY = 3 * AT_ONCE


def counts(session: Session) -> dict[str, int]:
    """Return how many photos each thing of the project that is shown has."""
    return {one.name: one.n_photos for one in session.project.view().classes}


class Teaching:
    """A job that is done step by step, as the worker does it."""

    def __init__(
        self,
        session: Session,
        things: Mapping[str, Sequence[Any]],
        *,
        is_new: bool = False,
        act: Act | None = None,
    ) -> None:
        self.act = act or Act()
        self.views: list[ProjectView] = []

        def work(job: Job) -> Any:
            how: dict[str, Any] = {"may_name": is_new, "new_project": "Dropped"}
            return teach(session, job, lambda: Things(things), self.act, **how)

        key = None if is_new else session.project.key
        self.job = Job(work, project_key=key)

    def step(self) -> None:
        """Do one step; it must not be the last."""
        self.views.append(self.job.step())

    def finish(self) -> tuple[Added, ProjectView | None]:
        """Do the rest."""
        try:
            while True:
                self.step()
        except StopIteration as end:
            became: tuple[Added, ProjectView | None] = end.value
            return became


def test_photos_go_where_they_were_dropped(taught: Session) -> None:
    """Another project is made and opened meanwhile; the first one closes when they are in."""
    first = taught.project.key
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    teaching.step()
    assert teaching.views[-1].n_photos == 10 + AT_ONCE
    taught.create_project("Next")
    teaching.step()
    taught.project.add_class(BOAT)  # of the same name, and not meant
    became, view = teaching.finish()
    assert (became.n_added, became.error, became.refused) == (MANY, None, ())
    assert view is not None
    assert (view.key, view.n_photos) == (first, 10 + MANY)
    assert counts(taught) == {BOAT: 0}
    other = Session(taught.data_folder, isolate=False)
    other.open_project(first)  # nobody holds it any more
    assert counts(other) == {BALLOON: 5, BOAT: 5 + MANY}
    other.close()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_thing_that_is_renamed_stays_one(taught: Session, when: str) -> None:
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    if when == "meanwhile":
        teaching.step()
    taught.project.rename_class(BOAT, "ship")
    teaching.finish()
    assert counts(taught) == {BALLOON: 5, "ship": 5 + MANY}
    taught.project.undo()
    assert (counts(taught), when) in (
        ({BALLOON: 5, "ship": 5}, "before"),  # the photos came after the name
        ({BALLOON: 5, BOAT: 5 + MANY}, "meanwhile"),
    )


@pytest.mark.parametrize("when", ["before its photos", "while they are refused"])
def test_of_several_things_one_is_renamed_or_forgotten(session: Session, when: str) -> None:
    """Before any photo of theirs was taught: the others come in, and none by an old name."""
    cut = [PickedFile("cut.jpg", b"no picture")] * AT_ONCE
    first = cut if when == "while they are refused" else frames(BALLOON, AT_ONCE)
    things = {BALLOON: [*first, *frames(BALLOON, 2, seed=1)], BOAT: frames(BOAT, 2)}
    teaching = Teaching(session, {**things, FLOWER: frames(FLOWER, 2)}, is_new=True)
    teaching.step()  # all have their names
    if when == "while they are refused":
        teaching.step()
    session.project.rename_class(BALLOON, "airship")
    session.project.forget_class(BOAT)
    became, view = teaching.finish()
    assert (became.error, view and view.n_photos) == (None, became.n_added)
    n_airships = 2 if when == "while they are refused" else AT_ONCE + 2
    assert counts(session) == {"airship": n_airships, FLOWER: 2}


def test_a_thing_is_renamed_before_a_photo_of_it_is_taught(taught: Session) -> None:
    """All that came so far could not be read."""
    cut = [PickedFile("cut.jpg", b"no picture")] * AT_ONCE
    teaching = Teaching(taught, {BOAT: [*cut, *frames(BOAT, 2, seed=3)]})
    teaching.step()
    taught.project.rename_class(BOAT, "ship")
    teaching.finish()
    assert counts(taught) == {BALLOON: 5, "ship": 7}


def test_a_project_that_is_deleted_leaves_nothing(taught: Session) -> None:
    """Neither a folder nor an error: who deleted it knows."""
    key = taught.project.key
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    teaching.step()
    taught.delete_project(key)
    became, view = teaching.finish()
    assert (became.n_added, became.error, view) == (AT_ONCE, None, None)
    assert taught.projects() == ()
    assert [path for path in taught.data_folder.rglob("*") if path.is_file()] == []


def test_what_is_stopped_says_how_far_it_came(taught: Session) -> None:
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    teaching.step()
    teaching.job.cancel()
    became, view = teaching.finish()
    assert became.n_added == teaching.job.n_done == AT_ONCE
    assert view is not None
    assert view.n_photos == 10 + AT_ONCE
    taught.project.undo()
    assert counts(taught) == {BALLOON: 5, BOAT: 5}


def test_what_was_not_begun_is_not_done() -> None:
    job = Job(lambda job: pytest.fail("begun"))
    job.cancel()
    with pytest.raises(CancelledError):
        job.step()


def test_undo_takes_back_what_still_comes_in(taught: Session) -> None:
    """All of it, and the rest waits; redo brings back what was there, and the rest goes on."""
    photos = frames(BOAT, MANY, seed=3)
    teaching = Teaching(taught, {BOAT: photos})
    teaching.step()
    taught.project.undo()
    became, _ = teaching.finish()
    assert became.n_added == AT_ONCE
    assert counts(taught) == {BALLOON: 5, BOAT: 5}
    assert (teaching.act.is_gone, teaching.act.can_go_on) == (True, False)
    taught.project.redo()
    assert counts(taught) == {BALLOON: 5, BOAT: 5 + AT_ONCE}
    assert (teaching.act.is_gone, teaching.act.can_go_on) == (False, True)
    rest = Teaching(taught, teaching.act.take_rest(), act=teaching.act)
    rest.finish()
    assert counts(taught) == {BALLOON: 5, BOAT: 5 + MANY}
    taught.project.undo()  # it is one act
    assert counts(taught) == {BALLOON: 5, BOAT: 5}


def test_the_rest_of_a_forgotten_thing_waits_until_it_is_back(taught: Session) -> None:
    """Not another of its name, which was forgotten from the same place; then it goes on."""
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    teaching.step()
    taught.project.forget_class(BOAT)
    teaching.finish()
    taught.project.add_class(BOAT)
    taught.project.forget_class(BOAT)
    taught.project.undo()
    assert not teaching.act.can_go_on
    taught.project.undo()
    taught.project.undo()
    assert counts(taught) == {BALLOON: 5, BOAT: 5 + AT_ONCE}
    assert teaching.act.can_go_on
    Teaching(taught, teaching.act.take_rest(), act=teaching.act).finish()
    assert counts(taught) == {BALLOON: 5, BOAT: 5 + MANY}
    assert taught.project.redo() is None  # it would forget no photo that came since
    taught.project.undo()
    assert counts(taught) == {BALLOON: 5, BOAT: 5}


def test_what_is_erased_while_it_comes_in_stays_erased(taught: Session) -> None:
    teaching = Teaching(taught, {BOAT: frames(BOAT, MANY, seed=3)})
    teaching.step()
    taught.project.erase_examples()
    teaching.finish()
    assert counts(taught) == {BALLOON: 0, BOAT: 0}
    assert (teaching.act.is_gone, teaching.act.can_go_on) == (True, False)


def test_one_drop_of_several_things_is_one_act(session: Session) -> None:
    """It makes a project, names, teaches; one undo takes names and photos, one redo brings both."""
    things = {name: frames(name, AT_ONCE + 1) for name in (BALLOON, BOAT)}
    teaching = Teaching(session, things, is_new=True)
    _, view = teaching.finish()
    assert view is not None
    assert (view.name, view.n_photos) == ("Dropped", 2 * AT_ONCE + 2)
    session.project.undo()
    assert (counts(session), session.project.view().can_undo) == ({}, False)
    session.project.redo()
    assert counts(session) == {BALLOON: AT_ONCE + 1, BOAT: AT_ONCE + 1}


def test_a_folder_without_photos_makes_no_project(session: Session, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    job = Job(
        lambda job: teach(
            session, job, lambda: find_things([tmp_path / "empty"]), Act(), may_name=True
        )
    )
    with pytest.raises(FolderError):
        job.step()
    assert session.projects() == ()


def test_a_folder_that_no_thing_can_be_called_after_is_named(session: Session) -> None:
    """The other things are taught."""
    things = {"two\nlines": frames(BOAT, 2), BOAT: frames(BOAT, 2)}
    became, _ = Teaching(session, things, is_new=True).finish()
    (refused,) = became.refused
    assert (became.n_added, refused.name) == (2, "two\nlines")
    assert isinstance(refused.error, UnprintableNameError)
    assert counts(session) == {BOAT: 2}


def test_an_error_on_the_way_says_how_far_it_came(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full after some; a damaged photo before it is named, too."""
    cut = PickedFile("cut.jpg", b"no picture")
    photos = [cut, *picked(BOAT, MANY, seed=4)]
    teaching = Teaching(taught, {BOAT: photos})
    teaching.step()

    def fill(*args: Any, **options: Any) -> Any:
        raise StoreError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(ExampleStore, "add", fill)
        became, view = teaching.finish()
    assert became.n_added == AT_ONCE - 1
    assert [one.name for one in became.refused] == ["cut.jpg"]
    assert isinstance(became.error, StoreError)
    assert view is not None
    assert view.n_photos == 10 + AT_ONCE - 1


@pytest.mark.parametrize("act", [Session.close, lambda session: session.create_project("B")])
def test_a_project_stays_open_only_as_long_as_it_is_used(
    taught: Session, act: Callable[[Session], Any]
) -> None:
    key = taught.project.key
    with taught.using(key) as project:
        act(taught)
        assert project.is_closed == (act is Session.close)
    assert project.is_closed
