"""Photos that come in while the user goes on: shown, stopped, taken back, and never misplaced."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames, jpeg, write_folder

from headfit_demo.session import OpenProject, Session, picked

BALLOON, BOAT, FLOWER = THINGS
MANY = 48
Y, Z = ord("y"), ord("z")
QUICK = threading.Event()


def things(hand: Hand) -> dict[str, int]:
    return {one.name: one.n_photos for one in hand.app.project.classes}


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Photos come in so slowly that a finger is quicker, until `quickly`."""
    add = OpenProject._add
    QUICK.clear()

    def add_slowly(*args: Any) -> Any:
        QUICK.wait(0.12)
        return add(*args)

    monkeypatch.setattr(OpenProject, "_add", add_slowly)
    yield
    QUICK.set()


def quickly(hand: Hand) -> None:
    """Let the rest come in."""
    QUICK.set()
    hand.wait(lambda: not hand.app.jobs.is_long)
    hand.settle()


def fill(hand: Hand, folder: Path) -> None:
    """Drop a folder of many photos, and wait until some are in."""
    n_before = hand.app.project.n_photos
    hand.app.drops.sort([write_folder(folder, MANY, (FLOWER,)) / FLOWER], 0, 0)
    hand.wait(lambda: hand.app.jobs.is_long and hand.app.project.n_photos > n_before)


@pytest.mark.usefixtures("slowly")
def test_photos_stay_with_the_project_they_were_dropped_on(toys: Hand, tmp_path: Path) -> None:
    """Another one is begun meanwhile; the strip below says whose they are, and goes with them."""
    first = toys.app.project.key
    fill(toys, tmp_path / "more")
    toys.app.go("home")
    toys.begin("Next")
    assert toys.app.jobs.is_long
    assert toys.app.jobs.text.endswith(f" of {MANY} photos: Toys")
    toys.name(FLOWER)
    quickly(toys)
    assert toys.notice == f"{MANY} of {MANY} photos were taught."
    assert (toys.app.project.name, things(toys)) == ("Next", {FLOWER: 0})
    toys.app.go("home")
    toys.app.projects.open(first)
    toys.wait(lambda: toys.app.project.name == "Toys")
    assert things(toys) == {BALLOON: 5, BOAT: 5, FLOWER: MANY}


@pytest.mark.usefixtures("slowly")
def test_a_project_that_is_deleted_while_it_fills_is_gone(toys: Hand, tmp_path: Path) -> None:
    fill(toys, tmp_path / "more")
    toys.app.go("home")
    toys.wait(lambda: toys.screen.ids.projects.children)
    toys.screen.ids.projects.children[0].delete()
    toys.answer("Delete")
    quickly(toys)
    assert toys.notice == ""
    assert (toys.app.project, toys.screen.n_projects) == (None, 0)
    for page in ("recognise", "privacy", "developer", "settings", "home"):
        toys.app.go(page)
        toys.settle()
        assert toys.notice == ""


@pytest.mark.usefixtures("slowly")
def test_what_comes_in_goes_on_once_it_is_wanted_again(toys: Hand, tmp_path: Path) -> None:
    """Its thing is forgotten, then the drop taken back; who did that is told of nothing else."""
    fill(toys, tmp_path / "more")
    toys.screen.forget(FLOWER)
    toys.wait(lambda: not toys.app.jobs.is_long and not toys.app.jobs.is_any)
    assert (toys.notice, things(toys)) == (f"{FLOWER} was forgotten.", {BALLOON: 5, BOAT: 5})
    toys.key(Z, ("ctrl",))
    toys.wait(lambda: toys.app.jobs.is_long)
    toys.key(Z, ("ctrl",))
    toys.wait(lambda: not toys.app.jobs.is_long and not toys.app.jobs.is_any)
    assert toys.notice.endswith("were taken back.")
    assert things(toys) == {BALLOON: 5, BOAT: 5}
    toys.key(Y, ("ctrl",))
    toys.wait(lambda: toys.app.jobs.is_long)
    quickly(toys)
    assert things(toys) == {BALLOON: 5, BOAT: 5, FLOWER: MANY}


@pytest.mark.usefixtures("slowly")
def test_what_was_left_out_before_a_thing_was_forgotten_is_named_once_it_is_back(
    toys: Hand, tmp_path: Path
) -> None:
    """Nobody was told while the thing was gone."""
    (tmp_path / "0.jpg").write_bytes(b"no picture")
    photos = [picked(tmp_path / "0.jpg"), *frames(FLOWER, MANY, seed=5)]
    toys.app.teaching.add_photos(BOAT, photos)
    toys.wait(lambda: toys.app.jobs.is_long and toys.app.project.n_photos > 10)
    toys.screen.forget(BOAT)
    toys.wait(lambda: not toys.app.jobs.is_any)
    assert things(toys) == {BALLOON: 5}
    toys.app.teaching.undo()
    toys.wait(lambda: toys.app.jobs.is_long)
    quickly(toys)
    assert things(toys) == {BALLOON: 5, BOAT: 5 + MANY}
    assert "0.jpg was left out." in toys.notice


def test_a_folder_that_is_dropped_twice_teaches_nothing_new(toys: Hand, tmp_path: Path) -> None:
    """Its photos are counted, and taken all the same if that is wanted, where they were dropped."""
    folder, first = write_folder(tmp_path / "more", 10, (FLOWER,)), toys.app.project.key
    toys.app.drops.sort([folder / FLOWER], 0, 0)
    toys.wait(lambda: toys.notice == "10 of 10 photos were taught.")
    toys.app.drops.sort([folder / FLOWER], 0, 0)
    toys.wait(lambda: toys.notice == "10 photos were there already.")
    assert things(toys)[FLOWER] == 10
    (folder / FLOWER / "new.jpg").write_bytes(jpeg(frames(FLOWER, 1, seed=6)[0]))
    toys.app.drops.sort([folder / FLOWER], 0, 0)
    words = "1 of 11 photos were taught. 10 photos were there already."
    toys.wait(lambda: toys.notice == words)
    toys.app.projects.create("Next")
    toys.wait(lambda: toys.app.project.name == "Next")
    toys.press("Take them, too")
    toys.wait(lambda: toys.notice == "10 of 10 photos were taught.")
    assert things(toys) == {}
    toys.app.projects.open(first)
    toys.wait(lambda: toys.app.project.name == "Toys")
    assert things(toys) == {BALLOON: 5, BOAT: 5, FLOWER: 21}


def test_a_project_that_is_deleted_while_it_learns_is_gone_in_silence(
    toys: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was stopped that is as it was before."""
    train, is_at_work = OpenProject.train, threading.Event()

    def train_slowly(project: OpenProject, progress: Any) -> None:
        def tell(step: Any) -> None:
            is_at_work.set()
            QUICK.wait(5)
            progress(step)

        train(project, tell)

    QUICK.clear()
    monkeypatch.setattr(OpenProject, "train", train_slowly)
    toys.app.learning.start()
    toys.wait(is_at_work.is_set)
    toys.app.projects.delete(toys.app.project.key)
    QUICK.set()
    toys.wait(lambda: not toys.app.learning.is_on)
    toys.settle()
    assert toys.notice == ""


@pytest.mark.usefixtures("slowly")
def test_what_comes_in_is_stopped_and_taken_back(toys: Hand, tmp_path: Path) -> None:
    """Stop keeps what is in; undo takes back the whole drop with its name; redo brings it back."""
    fill(toys, tmp_path / "more")
    toys.tap(toys.app.shell.ids.stop)
    quickly(toys)
    n_in = things(toys)[FLOWER]
    assert 0 < n_in < MANY
    assert toys.notice == f"{n_in} of {MANY} photos were taught."
    toys.key(Z, ("ctrl",))
    toys.wait(lambda: things(toys) == {BALLOON: 5, BOAT: 5})
    assert toys.notice == f"{n_in} photos were taken back."
    toys.key(Y, ("ctrl",))
    toys.wait(lambda: things(toys) == {BALLOON: 5, BOAT: 5, FLOWER: n_in})
    assert toys.notice == f"{FLOWER} is back."
    toys.key(Z, ("ctrl",))
    toys.wait(lambda: FLOWER not in things(toys))
    toys.tap(toys.app.shell.ids.redo)
    toys.wait(lambda: FLOWER in things(toys))


@pytest.mark.usefixtures("slowly")
def test_undo_while_it_fills_takes_back_all_of_it(toys: Hand, tmp_path: Path) -> None:
    fill(toys, tmp_path / "more")
    toys.key(Z, ("ctrl",))
    quickly(toys)
    assert things(toys) == {BALLOON: 5, BOAT: 5}


@pytest.mark.usefixtures("slowly")
def test_a_window_is_not_closed_over_photos_that_come_in(toys: Hand, tmp_path: Path) -> None:
    from kivy.core.window import Window

    assert not toys.app._may_not_close()
    fill(toys, tmp_path / "more")
    assert Window.dispatch("on_request_close")
    toys.answer("Not now")
    quickly(toys)
    assert things(toys)[FLOWER] == MANY
    assert not Window.dispatch("on_request_close")


def test_small_pictures_are_asked_for_once_and_kept_from_the_first_photo(
    hand: Hand, tmp_path: Path
) -> None:
    """A switch, in sight with the first photo; other projects follow, too."""
    hand.begin("First")
    assert not hand.screen.asks
    hand.teach(BALLOON, frames(BALLOON, 2))
    hand.settle()
    assert hand.screen.asks
    first = hand.app.project.key
    hand.app.go("home")
    hand.begin("Second")
    hand.teach(BOAT, frames(BOAT, 3))
    hand.settle()
    hand.tap(hand.screen.ids.keep)
    hand.settle()
    assert hand.app.preferences.keeps_thumbnails is True
    hand.tap(hand.screen.ids.answered)
    assert not hand.screen.asks

    hand.app.worker.do(hand.app.session.close, lambda result, error: None)
    hand.app.project = None
    hand.app.use_folder(tmp_path / "data")  # as after another start
    hand.app.projects.open(first)
    hand.wait(lambda: hand.app.project is not None)
    hand.settle()
    (balloon,) = hand.app.project.classes
    assert [photo.thumbnail is not None for photo in balloon.photos] == [True, True]
    assert not hand.screen.asks

    hand.app.go("privacy")
    hand.tap(hand.screen.ids.keep)
    hand.answer("Erase")
    stores = list((tmp_path / "data" / "projects").rglob("examples.store*"))
    assert len(stores) >= 2
    assert not any(b"\xff\xd8\xff\xe0" in path.read_bytes() for path in stores)


def test_who_is_done_without_switching_said_no(hand: Hand) -> None:
    hand.begin()
    hand.teach(BALLOON, frames(BALLOON, 1))
    hand.settle()
    hand.tap(hand.screen.ids.answered)
    assert hand.app.preferences.keeps_thumbnails is False
    hand.app.go("home")
    hand.settle()
    hand.app.go("teach")
    hand.settle()
    assert not hand.screen.asks


def test_a_project_that_another_window_has_open_says_so(toys: Hand, tmp_path: Path) -> None:
    """What was shown stays; nothing is lost there or here."""
    other = Session(tmp_path / "data", isolate=False)
    other.create_project("There")
    toys.app.go("home")
    toys.settle()
    toys.app.projects.open(other.project.key)
    toys.wait(lambda: toys.notice)
    assert toys.notice == "This project is open in another window. Close it there first."
    assert (toys.screen.name, toys.app.project.name) == ("home", "Toys")
    toys.app.shell.ids.notice.hide()
    other.close()
    (card,) = [one for one in toys.screen.ids.projects.children if one.name == "There"]
    toys.tap(card)
    toys.wait(lambda: toys.app.project.name == "There")


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on other systems only")
def test_a_folder_whose_name_is_no_text_is_said(toys: Hand, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    Path(os.fsdecode(folder + b"/\xff.jpg")).write_bytes(jpeg(frames(BOAT, 1)[0]))
    toys.app.drops._take(None, folder, 0.0, 0.0)
    toys.app.drops._end()
    toys.wait(lambda: toys.notice)
    assert toys.notice == ("The name of the folder caf\\xe9 cannot be that of a thing. Rename it.")
    assert toys.app.project.n_photos == 10


def test_a_folder_that_may_not_be_read_is_said(
    toys: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked into on the worker's thread: a slow disk stops no frame."""
    threads = []

    def refuse(folder: Path) -> None:
        threads.append(threading.current_thread())
        raise PermissionError(13, "Permission denied", str(folder))

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr("headfit_demo.session.folders.find_dropped_photos", refuse)
    toys.app.drops.sort([tmp_path / "closed"], 0, 0)
    toys.wait(lambda: toys.notice)
    assert toys.notice == "You may not look into this folder."
    assert toys.app.project.n_photos == 10
    assert threads != [threading.main_thread()]
