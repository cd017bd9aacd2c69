"""What can go wrong on a device: each trouble is one clear sentence, and the app goes on."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames, outdate, picked, write_folder
from tests.support.small_disk import SmallDisk

from headfit.extractors.finding import known_extractor
from headfit_demo.session import PickedFile

BALLOON, BOAT, _ = THINGS


def test_a_thing_is_recorded_while_the_button_is_held(hand: Hand, tmp_path: Path) -> None:
    """One press opens the camera and records, of a thing without a name too; nothing moves then.

    What the camera shows again is not taught again; one undo takes all of it back.
    """
    write_folder(tmp_path / "camera", 3, (BOAT,))
    hand.begin()
    hand.wait(lambda: hand.screen.empty_cards)
    button = hand.screen.empty_cards[0].ids.hold
    place = button.to_window(*button.center)
    held = hand.hold(button)
    hand.wait(lambda: hand.app.project.n_photos == 3)
    assert button.is_recording
    assert [(one.name, one.n_photos) for one in hand.app.project.classes] == [("Thing 1", 3)]
    ends = time.monotonic() + 2.0  # the three pictures come again
    hand.wait(lambda: time.monotonic() > ends)
    assert button.to_window(*button.center) == place
    held.touch_up()
    hand.settle()
    assert not button.is_recording
    assert hand.app.project.n_photos == 3
    hand.tap(hand.app.shell.ids.undo)
    hand.wait(lambda: hand.app.project.n_photos == 0)
    assert hand.app.project.classes == ()
    hand.tap(hand.screen.ids.preview.ids.close)
    assert not hand.app.eye.is_on


def test_a_project_of_another_version_learns_its_photos_again_and_says_so(
    toys: Hand, tmp_path: Path
) -> None:
    key = toys.app.project.key
    for thing in (BALLOON, BOAT):  # with fewer it compares with nothing
        toys.app.teaching.add_photos(thing, frames(thing, 35, seed=8))
    toys.wait(lambda: toys.app.project.n_photos == 80 and toys.app.project.head_is_fresh)
    toys.app.projects.create("Next")
    toys.wait(lambda: toys.app.project.name == "Next")
    outdate(tmp_path / "data" / "projects" / key / "trained.head")
    toys.app.projects.open(key)
    toys.wait(lambda: toys.app.is_shown(key))
    assert toys.notice.endswith("It learns its photos again.")
    assert (toys.app.project.n_photos, toys.app.project.head_is_fresh) == (80, True)


def test_where_no_camera_is_photos_still_work(toys: Hand) -> None:
    toys.tap(toys.screen.cards[BOAT].ids.hold)  # the folder that plays the camera is not there
    toys.wait(lambda: toys.notice)
    said = "No camera was found, or another program is using it. Photos work without one."
    assert toys.notice == said
    toys.app.teaching.add_photos(BOAT, picked(BOAT, 1, seed=3))
    toys.wait(lambda: toys.app.project.n_photos == 11)


def test_a_camera_that_is_unplugged_is_said(toys: Hand, tmp_path: Path) -> None:
    """While it recognises; the camera is off then, and can be turned on again."""
    folder = write_folder(tmp_path / "camera", 2, (BOAT,))
    toys.app.go("recognise")
    toys.press("Camera on")
    toys.wait(lambda: toys.app.sight.verdict == BOAT)
    shutil.move(folder, tmp_path / "pocket")
    toys.wait(lambda: toys.notice)
    assert toys.notice == "The camera was unplugged. Photos work without one."
    assert not toys.app.eye.is_on
    shutil.move(tmp_path / "pocket", folder)
    toys.press("Camera on")
    toys.wait(lambda: toys.app.eye.texture is not None)


def test_a_corrupt_photo_is_left_out_with_one_sentence(toys: Hand) -> None:
    bad = picked(BOAT, 1)[0]
    assert isinstance(bad.content, bytes)
    cut = PickedFile("holiday.jpg", bad.content[:300])
    toys.app.teaching.add_photos(BOAT, [cut, *picked(BOAT, 1, seed=4)])
    toys.wait(lambda: toys.notice)
    assert toys.notice == "holiday.jpg was left out. This is no picture that can be read."
    assert toys.app.project.n_photos == 11
    toys.app.go("recognise")
    toys.app.sight.look_at(cut)
    toys.wait(lambda: toys.notice == "This is no picture that can be read.")
    toys.app.sight.look_at(picked(BOAT, 1, seed=4)[0])
    toys.wait(lambda: toys.app.sight.verdict == BOAT)


def test_an_engine_that_is_killed_is_said_and_starts_again(toys: Hand) -> None:
    """The process that looks at photos dies; nothing taught is lost, the next photo is taught."""
    for engine in multiprocessing.active_children():
        engine.kill()
        engine.join()
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 1, seed=3))
    toys.wait(lambda: toys.notice)
    assert toys.notice == (
        "The process that looks at photos stopped. It starts again with the next photo."
    )
    assert toys.app.project.n_photos == 10
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 1, seed=3))
    toys.wait(lambda: toys.app.project.n_photos == 11)


@pytest.fixture
def without_extractor(toys: Hand, tmp_path: Path) -> Iterator[Hand]:
    """The same projects on a device that has no extractor."""
    app = toys.app
    app.worker.do(app.session.close, lambda result, error: None)
    app.project = None
    app.use_folder(tmp_path / "data", "not-installed")
    app.go("home")
    toys.settle()
    yield toys
    app.use_folder(tmp_path / "data")


def test_without_an_extractor_everything_else_goes_on(without_extractor: Hand) -> None:
    """Projects are listed; opening one says what is missing; all pages can be visited."""
    hand = without_extractor
    (card,) = hand.screen.ids.projects.children
    assert card.details == "2 things, 10 photos"
    hand.tap(card)
    hand.wait(lambda: hand.notice)
    assert hand.notice == (
        f"The extractor is not on this device yet. Import the file {known_extractor().name}.tflite "
        "once."
    )
    assert hand.app.project is None
    for page in ("recognise", "privacy", "developer", "settings", "home"):
        hand.app.go(page)
        hand.settle()
        assert hand.screen.name == page


def test_a_full_disk_is_said_and_loses_nothing(
    hand: Hand,
    toys_folder: Path,
    small_disk: SmallDisk,
    tmp_path: Path,
) -> None:
    """Photos, a setting and a new project do not fit; with room again all of them do."""
    shutil.copytree(toys_folder, small_disk.folder / "data")
    hand.app.use_folder(small_disk.folder / "data")
    hand.app.projects.open(next((small_disk.folder / "data" / "projects").iterdir()).name)
    hand.wait(lambda: hand.app.project is not None)
    full = "The disk is full. Nothing taught was lost; free some space and try again."

    small_disk.fill()
    hand.app.teaching.add_photos(BOAT, frames(BOAT, 4, seed=2) * 20)
    hand.wait(lambda: hand.notice)
    taught = hand.app.project.n_photos
    assert hand.notice == f"{taught - 10} of 80 photos were taught. {full}"
    hand.app.shell.ids.notice.hide()
    hand.app.projects.create("Another")
    hand.wait(lambda: hand.notice)
    assert hand.notice == full
    assert hand.app.project.name == "Toys"
    hand.app.shell.ids.notice.hide()
    hand.app.set_preference("style", "dark")
    hand.wait(lambda: hand.notice)
    assert hand.notice == full

    small_disk.make_room()
    hand.app.set_preference("style", "light")
    hand.app.teaching.add_photos(BOAT, frames(BOAT, 1, seed=3))
    hand.wait(lambda: hand.app.project.n_photos == taught + 1)
    hand.app.worker.do(hand.app.session.close, lambda result, error: None)
    hand.app.use_folder(tmp_path / "data")  # the disk goes
    hand.settle()
