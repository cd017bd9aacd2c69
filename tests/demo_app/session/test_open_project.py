"""The open project: what is taught, forgotten and taken back, and how the head follows."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.photos import THINGS, fill, frames, picked
from tests.support.small_disk import SmallDisk

from headfit import (
    ExtractorError,
    ImageClassifier,
    NotFittedError,
    SoftmaxHead,
    StoreError,
    UnshareableHeadError,
)
from headfit.store import ExampleStore
from headfit_demo.session import (
    Act,
    Added,
    EmptyNameError,
    Forgotten,
    LongNameError,
    OpenProject,
    PhotoView,
    PickedFile,
    Progress,
    Renamed,
    Session,
    TakenNameError,
    ThingGoneError,
    Unnamed,
    UnprintableNameError,
)

BALLOON, BOAT, FLOWER = THINGS


def changes(act: Act | None) -> list[Any]:
    """Return what an act changed."""
    return [] if act is None else act.changes


def photos_of(session: Session) -> dict[str, tuple[PhotoView, ...]]:
    """Return the photos of each class, the newest first."""
    return {one.name: one.photos for one in session.project.view().classes}


def test_a_class_is_renamed_and_that_is_undone(taught: Session) -> None:
    taught.project.rename_class(BOAT, "舟")
    assert taught.project.view().head_classes == tuple(sorted((BALLOON, "舟")))
    assert taught.recognise(frames(BOAT, 1, seed=3)[0]).ranking[0][0] == "舟"
    assert changes(taught.project.undo()) == [Renamed("舟", BOAT)]
    assert [one.name for one in taught.project.view().classes] == [BALLOON, BOAT]
    assert taught.project.view().head_classes == tuple(sorted((BALLOON, BOAT)))


def test_one_undo_takes_back_one_act_and_redo_brings_it_back(taught: Session) -> None:
    """A thing with photos that came in two goes, beside a photo of another act."""
    act = Act()
    taught.project.add_class(FLOWER, act)
    taught.project.add_photos(FLOWER, frames(FLOWER, 2, seed=4), act)
    taught.project.add_photos(BALLOON, frames(BALLOON, 1, seed=4))
    taught.project.add_photos(FLOWER, frames(FLOWER, 1, seed=5), act)

    def counts() -> dict[str, int]:
        taught.project.train()
        assert taught.project.view().head_is_fresh
        return {one.name: one.n_photos for one in taught.project.view().classes}

    assert counts() == {BALLOON: 6, BOAT: 5, FLOWER: 3}
    pictures = {photo.thumbnail for photo in photos_of(taught)[FLOWER]}
    taught.project.undo()
    assert counts() == {BALLOON: 5, BOAT: 5, FLOWER: 3}
    taught.project.undo()
    assert counts() == {BALLOON: 5, BOAT: 5}
    assert not taught.project.view().can_undo
    assert taught.project.undo() is None
    for _ in range(2):  # redo is itself undone
        assert taught.project.view().can_redo
        taught.project.redo()
        assert counts() == {BALLOON: 5, BOAT: 5, FLOWER: 3}
        assert {photo.thumbnail for photo in photos_of(taught)[FLOWER]} == pictures
        taught.project.redo()
        assert counts() == {BALLOON: 6, BOAT: 5, FLOWER: 3}
        assert taught.project.redo() is None
        taught.project.undo()
        taught.project.undo()
    taught.project.add_class("cup")
    assert taught.project.redo() is None  # who does something else goes another way


def test_what_was_forgotten_is_forgotten_again(
    taught: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """Photos, then a thing: back, gone, and back again under other numbers; nothing to warn of."""
    taught.project.rename_class(BOAT, "ship")
    taught.project.forget_photos([photos_of(taught)["ship"][0].example_id])
    taught.project.forget_class("ship")

    def counts() -> list[tuple[str, int]]:
        taught.project.settle()
        return [(one.name, one.n_photos) for one in taught.project.view().classes]

    states = [[(BALLOON, 5)], [(BALLOON, 5), ("ship", 4)], [(BALLOON, 5), ("ship", 5)]]
    states.append([(BALLOON, 5), (BOAT, 5)])
    assert counts() == states[0]
    for _ in range(2):
        for state in states[1:]:
            taught.project.undo()
            assert counts() == state
        for state in reversed(states[:-1]):
            taught.project.redo()
            assert counts() == state
    assert taught.project.redo() is None
    assert caplog.records == []


def test_a_large_project_says_how_well_its_photos_teach_when_it_is_opened(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head is not made anew for that."""
    key = taught.project.key
    taught.close()
    monkeypatch.setattr("headfit_demo.session.session.QUICK_PHOTOS", 5)
    monkeypatch.setattr(OpenProject, "train", lambda *_: pytest.fail("trained"))
    taught.open_project(key)
    view = taught.project.view()
    assert view.accuracy is not None
    assert all(one.accuracy is not None for one in view.classes)


def test_photos_on_their_way_follow_their_thing(taught: Session) -> None:
    """To its new name; another thing that takes the old name gets none; once gone, no more come."""
    act = Act()
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4), act)
    taught.project.rename_class(BOAT, "ship")
    taught.project.add_class(BOAT)
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=5), act)
    counts = {one.name: one.n_photos for one in taught.project.view().classes}
    assert counts == {BALLOON: 5, "ship": 7, BOAT: 0}
    taught.project.forget_class("ship")
    assert taught.project.add_photos(BOAT, frames(BOAT, 1, seed=6), act) == Added()
    assert taught.project.view().n_photos == 5
    assert taught.project.undo() is not None
    assert taught.project.view().n_photos == 12


def test_photos_of_a_thing_that_was_renamed_before_they_came(taught: Session) -> None:
    """There is one thing, whoever has not heard of its name; of one that is gone, an error."""
    taught.project.rename_class(BOAT, "ship")
    taught.project.rename_class("ship", "vessel")
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4))
    assert [one.n_photos for one in taught.project.view().classes] == [5, 6]
    taught.project.forget_class("vessel")
    with pytest.raises(ThingGoneError):
        taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4))


def test_an_act_that_is_taken_back_goes_no_further(taught: Session) -> None:
    act = Act()
    taught.project.add_photos(BOAT, frames(BOAT, 2, seed=4), act)
    taught.project.undo()
    assert taught.project.add_photos(BOAT, frames(BOAT, 2, seed=5), act) == Added()
    assert taught.project.view().n_photos == 10


def test_an_undo_that_does_not_fit_goes_on_later(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full between two changes of an act: nothing is lost, nothing is there twice."""
    taught.project.forget_class(BOAT)

    def fill(*args: Any, **options: Any) -> Any:
        raise StoreError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(ExampleStore, "add_many", fill)
        with pytest.raises(StoreError):
            taught.project.undo()
    taught.project.undo()
    taught.project.settle()
    view = taught.project.view()
    assert [(one.name, one.n_photos) for one in view.classes] == [(BALLOON, 5), (BOAT, 5)]
    assert view.head_is_fresh


def test_an_undo_that_fails_stops_no_photos_on_their_way(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their act is not taken back: what still comes of it is taught."""

    def fill(*args: Any, **options: Any) -> Any:
        raise StoreError("disk full")

    act = Act()
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4), act)
    with monkeypatch.context() as patch:
        patch.setattr(ImageClassifier, "forget_examples", fill)
        with pytest.raises(StoreError):
            taught.project.undo()
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=5), act)
    assert taught.project.view().n_photos == 12
    taught.project.undo()
    assert taught.project.view().n_photos == 10
    assert not taught.project.add_photos(BOAT, frames(BOAT, 1, seed=6), act).n_added


def test_naming_is_undone_before_the_photos_of_others(taught: Session) -> None:
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4))
    taught.project.add_class(FLOWER)
    assert changes(taught.project.undo()) == [Unnamed(FLOWER, 2)]
    view = taught.project.view()
    assert [one.name for one in view.classes] == [BALLOON, BOAT]
    assert view.n_photos == 11


def test_a_head_follows_its_photos_while_that_is_quick(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slow training is forgiven, two are not; then a quick one is asked for by hand."""
    monkeypatch.setattr("headfit_demo.session.open_project.QUICK_S", 1.0)  # of a busy machine

    fit = ImageClassifier.fit

    def fit_slowly(*args: Any, **options: Any) -> Any:
        time.sleep(1.0)
        return fit(*args, **options)

    def train_slowly() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ImageClassifier, "fit", fit_slowly)
            taught.project.train()

    def is_trained_after_a_photo(seed: int) -> bool:
        taught.project.add_photos(BOAT, frames(BOAT, 1, seed=seed))
        taught.project.settle()
        view = taught.project.view()
        return view.accuracy_history[-1][0] == view.n_photos

    train_slowly()
    assert is_trained_after_a_photo(11)
    train_slowly()
    train_slowly()
    assert not is_trained_after_a_photo(12)
    taught.project.train()
    assert is_trained_after_a_photo(13)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_class_is_forgotten_for_good(taught: Session, tmp_path: Path) -> None:
    """Its name, its photos, and what the head knew; the next start knows nothing of it."""
    taught.project.add_class(FLOWER)
    taught.project.add_photos(FLOWER, frames(FLOWER, 4))
    taught.project.train()
    taught.project.forget_class(FLOWER)
    taught.project.settle()
    view = taught.project.view()
    assert [one.name for one in view.classes] == [BALLOON, BOAT]
    assert FLOWER not in view.head_classes
    assert view.accuracy_history[-1][0] == view.n_photos  # what is said is of those that are left
    taught.close()
    taught.open_project(view.key)
    assert taught.project.undo() is None
    taught.close()
    assert b"flower" not in on_disk(tmp_path / "data")


@pytest.mark.parametrize("thumbnails", [False, True])
def test_forgetting_is_undone_while_the_project_is_open(
    taught: Session, tmp_path: Path, thumbnails: bool
) -> None:
    """A class, then a photo of it: gone from the disk, and back with pictures, name and head."""
    taught.keep_thumbnails(thumbnails)
    taught.project.add_class(FLOWER)
    taught.project.add_photos(FLOWER, frames(FLOWER, 4))
    taught.project.train()
    before, photos = taught.project.view(), photos_of(taught)
    flowers = {photo.thumbnail for photo in photos[FLOWER]}
    answer = taught.recognise(frames(FLOWER, 1, seed=7)[0]).ranking

    taught.project.forget_photos([photos[FLOWER][0].example_id])
    taught.project.forget_class(FLOWER)
    taught.project.settle()
    assert b"flower" not in on_disk(tmp_path / "data")
    taught.project.undo()
    assert taught.project.view().n_photos == before.n_photos - 1
    taught.project.undo()
    taught.project.settle()

    after, photos = taught.project.view(), photos_of(taught)
    for now, then in zip(after.classes, before.classes, strict=True):
        assert (now.name, now.n_photos, now.accuracy) == (then.name, then.n_photos, then.accuracy)
    assert after.head_is_fresh
    assert {photo.thumbnail for photo in photos[FLOWER]} == flowers
    assert taught.project.stored().n_thumbnails == (4 if thumbnails else 0)
    found = taught.recognise(frames(FLOWER, 1, seed=7)[0]).ranking
    assert [name for name, _ in found] == [name for name, _ in answer]
    (forgotten,) = changes(taught.project.undo())
    assert isinstance(forgotten, Forgotten)
    assert sorted(forgotten.ids) == sorted(photo.example_id for photo in photos[FLOWER])
    assert changes(taught.project.undo()) == [Unnamed(FLOWER, 2)]


def test_what_is_erased_stays_erased(taught: Session) -> None:
    """The privacy page's buttons leave nothing that could be taken back."""
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=4))
    taught.project.erase_examples()
    assert not taught.project.view().can_undo
    assert taught.project.undo() is None


def test_photos_are_forgotten_and_the_name_stays(taught: Session) -> None:
    """Also when all photos of a thing go; the head then knows nothing that can be told apart."""
    photos = photos_of(taught)
    taught.project.forget_photos([photos[BOAT][0].example_id])
    assert [one.n_photos for one in taught.project.view().classes] == [5, 4]
    photos = photos_of(taught)
    taught.project.forget_photos([photo.example_id for photo in photos[BOAT]])
    taught.project.settle()
    view = taught.project.view()
    assert [(one.name, one.n_photos) for one in view.classes] == [(BALLOON, 5), (BOAT, 0)]
    assert view.head_classes == ()
    with pytest.raises(NotFittedError):
        taught.recognise(frames(BOAT, 1)[0])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", EmptyNameError),
        ("   ", EmptyNameError),
        (BALLOON, TakenNameError),
        ("x" * 256, LongNameError),
        ("two\nlines", UnprintableNameError),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    taught: Session, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="name"):
        taught.project.add_class(name)
    with pytest.raises(error):
        taught.project.rename_class(BOAT, name)
    assert len(taught.project.view().classes) == 2


def test_a_damaged_photo_is_left_out_and_the_others_are_taught(taught: Session) -> None:
    good = picked(BOAT, 2, seed=8)
    cut = PickedFile("cut.jpg", good[0].content[:500])  # type: ignore[index]
    text = PickedFile("letter.jpg", b"Dear Sir")
    gone = PickedFile("gone.jpg", Path("/nowhere/gone.jpg"))
    added = taught.project.add_photos(BOAT, [good[0], cut, text, gone, good[1]])
    assert added.n_added == 2
    assert [one.name for one in added.refused] == ["cut.jpg", "letter.jpg", "gone.jpg"]
    assert taught.project.view().n_photos == 12


def test_the_same_photo_again_is_noticed(taught: Session) -> None:
    assert taught.project.add_photos(BOAT, frames(BOAT, 1)).n_added == 1
    taught.project.train()
    photos = photos_of(taught)
    assert any(photo.is_repeated for photo in photos[BOAT])


def test_what_a_thing_was_taught_before_is_passed_over(taught: Session) -> None:
    """Only if that is asked for; of another thing the same photo is something new."""
    there, new = frames(BOAT, 1)[0], frames(BOAT, 1, seed=7)[0]
    added = taught.project.add_photos(BOAT, [there, new, new], skips_repeats=True)
    assert added.n_added == 1
    assert [(name, id(photo)) for name, photo in added.repeated] == [
        (BOAT, id(there)),
        (BOAT, id(new)),
    ]
    assert taught.project.add_photos(BALLOON, [there], skips_repeats=True).n_added == 1
    assert taught.project.view().n_photos == 12


def test_pictures_that_are_nearly_one_count_as_one(taught: Session) -> None:
    """What a camera gives that is held still."""
    (picture,) = frames(BOAT, 1, seed=77)
    lit = [np.clip(picture.astype(int) + light, 0, 255).astype(np.uint8) for light in range(6)]
    taught.project.add_photos(BOAT, lit)
    taught.project.train()
    (boats,) = [one for one in taught.project.view().classes if one.name == BOAT]
    assert boats.n_photos == 11
    assert boats.n_effective is not None
    assert boats.n_effective <= 6


def test_a_photo_of_something_else_is_doubted(taught: Session) -> None:
    """A boat among balloons is marked, and says what it looks like.

    Of ten drawings of each, some of them nearly one: of five a head is not ten times surer.
    """
    for thing in (BALLOON, BOAT):
        taught.project.add_photos(thing, frames(thing, 5, seed=1))
    taught.project.add_photos(BALLOON, frames(BOAT, 1, seed=6))
    taught.project.train()
    photos = photos_of(taught)
    assert [photo.likelier for photo in photos[BALLOON] if photo.likelier] == [BOAT]


def test_thumbnails_stay_only_if_that_is_allowed(taught: Session, tmp_path: Path) -> None:
    """Seen at once in any case; on the disk, and after a restart, only with permission."""

    def jpegs_on_disk() -> int:
        store = next((tmp_path / "data").rglob("examples.store*"))
        return sum(path.read_bytes().count(b"\xff\xd8\xff\xe0") for path in store.parent.iterdir())

    taught.project.add_photos(BOAT, frames(BOAT, 2, seed=1))
    view, photos = taught.project.view(), photos_of(taught)
    assert sum(photo.thumbnail is not None for photo in photos[BOAT]) == 2
    assert jpegs_on_disk() == 0
    taught.close()
    taught = Session(tmp_path / "data", isolate=False)  # another start of the app
    taught.open_project(view.key)
    assert not any(photo.thumbnail for photo in photos_of(taught)[BOAT])

    assert taught.keep_thumbnails(True) == 12
    taught.project.add_photos(BOAT, frames(BOAT, 2, seed=2))
    taught.close()
    taught.open_project(view.key)
    assert sum(photo.thumbnail is not None for photo in photos_of(taught)[BOAT]) == 2
    assert taught.project.stored().n_thumbnails == 2

    taught.project.erase_thumbnails()  # those that are there; later ones may stay
    assert taught.project.stored().n_thumbnails == 0
    taught.project.add_photos(BOAT, frames(BOAT, 1, seed=3))
    assert taught.project.stored().n_thumbnails == 1

    taught.keep_thumbnails(False)
    assert taught.project.stored().n_thumbnails == 0
    taught.close()
    assert jpegs_on_disk() == 0


def test_a_head_of_single_photos_stays_here_unless_forced(session: Session, tmp_path: Path) -> None:
    """It may be used on this device all the same."""
    session.create_project("Toys")
    for name, count in ((BALLOON, 3), (BOAT, 1)):
        session.project.add_class(name)
        session.project.add_photos(name, frames(name, count))
    session.project.train()
    with pytest.raises(UnshareableHeadError, match=BOAT):
        session.project.export_head(tmp_path / "toys.head")
    assert not (tmp_path / "toys.head").exists()
    session.project.export_head(tmp_path / "toys.head", force=True)
    assert SoftmaxHead.load(tmp_path / "toys.head").class_counts_ == (3, 1)


def test_a_stopped_training_changes_nothing(session: Session) -> None:
    """What the progress raises comes through, and the head is the one of before."""
    session.create_project("Many")
    fill(session, n_samples=900, n_classes=6)

    class StoppedError(Exception):
        pass

    steps: list[Progress] = []

    def stop(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        session.project.train(stop)
    assert session.project.view().head_classes == ()
    assert [len(step.losses) for step in steps] == [1, 2, 3]
    assert all(0 < step.fraction < 1 and step.seconds_left >= 0 for step in steps)
    session.project.train()
    assert session.project.view().head_is_fresh


def test_a_training_without_steps_is_stopped_too(taught: Session, tmp_path: Path) -> None:
    """The head of few photos is made at once: until it is kept, it can be refused."""
    taught.project.add_class(FLOWER)
    taught.project.add_photos(FLOWER, frames(FLOWER, 4))
    before = next((tmp_path / "data").rglob("trained.head")).read_bytes()

    def stop(progress: Progress) -> None:
        if progress.fraction == 1:
            raise TimeoutError("at the end")

    with pytest.raises(TimeoutError, match="at the end"):
        taught.project.train(stop)
    assert next((tmp_path / "data").rglob("trained.head")).read_bytes() == before
    assert FLOWER not in taught.project.view().head_classes
    taught.project.train()
    assert FLOWER in taught.project.view().head_classes


def test_a_killed_engine_is_said_and_started_again(tmp_path: Path) -> None:
    """What was taught before stays; the next photo works."""
    others = set(multiprocessing.active_children())
    session = Session(tmp_path / "data", isolate=True)
    session.create_project("Toys")
    session.project.add_class(BALLOON)
    session.project.add_photos(BALLOON, frames(BALLOON, 1))
    (engine,) = set(multiprocessing.active_children()) - others
    engine.kill()
    engine.join()
    with pytest.raises(ExtractorError, match="died"):
        session.project.add_photos(BALLOON, frames(BALLOON, 1, seed=1))
    assert session.project.add_photos(BALLOON, frames(BALLOON, 1, seed=1)).n_added == 1
    assert session.project.view().n_photos == 2
    session.close()


def test_a_full_disk_is_said_and_loses_nothing(small_disk: SmallDisk) -> None:
    """Photos that do not fit are not there in part; with room again, teaching goes on."""
    small = Session(small_disk.folder / "data", isolate=False)
    try:
        small.create_project("Toys")
        small.project.add_class(BOAT)
        small.project.add_photos(BOAT, frames(BOAT, 1))
        small_disk.fill()
        with pytest.raises((StoreError, OSError), match="(full|No space)"):
            small.project.add_photos(BOAT, frames(BOAT, 4, seed=1) * 75)
        known = small.project.view().n_photos
        small_disk.make_room()
        assert small.project.add_photos(BOAT, frames(BOAT, 1, seed=2)).n_added == 1
        assert small.project.view().n_photos == known + 1
    finally:
        small.close()


def test_a_name_that_does_not_fit_on_the_disk_is_not_there(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown is what a restart finds; with room again one undo takes all back."""
    taught.project.add_class(FLOWER)
    with monkeypatch.context() as patch:

        def fill(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("headfit_demo.session.projects.write_atomically", fill)
        with pytest.raises(OSError, match="No space"):
            taught.project.undo()
        with pytest.raises(OSError, match="No space"):
            taught.project.add_class("cup")
    assert taught.project.class_names == [BALLOON, BOAT, FLOWER]
    assert changes(taught.project.undo()) == [Unnamed(FLOWER, 2)]
