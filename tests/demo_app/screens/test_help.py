"""Helping a shared head: off at first; all that would leave is seen before, and leaves by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames
from tests.support.rounds import called_round

from headfit.pooling import read_part, read_round_bytes
from headfit.privacy.signing import new_key, public_key
from headfit_demo.session import OpenProject

BALLOON, BOAT, TEAPOT = THINGS
KEY = new_key()


@pytest.fixture
def helping(toys: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The page with two rounds in the home folder, where files are saved, too."""
    for name, classes in (("toys", (BALLOON, BOAT)), ("pots", (TEAPOT, "kettle"))):
        (tmp_path / f"{name}.round").write_bytes(called_round(classes, KEY))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr("headfit_demo.widgets.file_window.FileWindow.last_folder", tmp_path)
    toys.app.set_preference("helps", False)
    toys.app.go("privacy")
    toys.press("See what would leave")
    toys.wait(lambda: toys.screen.name == "help")
    toys.settle()
    return toys


def choose(hand: Hand, folder: Path, name: str) -> None:
    """Choose a round; the window's own tests press its rows."""
    from headfit_demo.session import PickedFile

    hand.screen._open(PickedFile(name, folder / name))
    hand.settle()


def offered(hand: Hand) -> object:
    (asked,) = hand.screen.ids.asked.children
    (promised,) = hand.screen.ids.promised.children
    return asked, promised


def test_it_is_off_until_the_user_wants_it(helping: Hand, tmp_path: Path) -> None:
    page = helping.screen
    assert not page.is_on
    assert page.ids.choose.disabled
    helping.tap(page.ids.helps)
    helping.wait(lambda: page.is_on)
    assert not page.ids.choose.disabled
    helping.press("Choose a round")
    helping.wait(lambda: helping.n_windows)
    assert "toys.round" in helping.rows()
    helping.press_row("toys.round")
    helping.answer("Open")
    helping.wait(lambda: page.n_files == 2)
    helping.settle()
    helping.tap(page.ids.helps)
    helping.wait(lambda: not page.is_on)
    assert (page.n_files, page.ids.asked.children, page.ids.promised.children) == (0, [], [])


def test_two_files_leave_by_hand_as_they_were_shown(helping: Hand, tmp_path: Path) -> None:
    """Once the key is the caller's; they are the parts of one contribution, of this project."""
    helping.app.set_preference("helps", True)
    choose(helping, tmp_path, "toys.round")
    page, (asked, promised) = helping.screen, offered(helping)
    assert asked.caller.replace(" ", "") == public_key(KEY)
    assert {row.name: row.photos for row in asked.ids.things.children} == {
        BALLOON: "5 photos",
        BOAT: "5 photos",
    }
    assert promised.devices == "100 at least, 200 are expected"
    assert promised.photos == "10 of at most 20"
    assert promised.epsilon == "3 if all come, 4.4 if as few as may"
    assert promised.ids.give_first.disabled
    assert promised.ids.give_second.disabled
    helping.tap(asked.ids.knows)
    shown = page._offer.files
    for text, leaving in zip(("Give file 1 away", "Give file 2 away"), shown, strict=True):
        assert not (tmp_path / leaving.name).exists()
        helping.press(text)
        helping.answer("Save")
        assert (tmp_path / leaving.name).read_bytes() == leaving.content
    helping.wait(lambda: helping.notice.startswith("Both files are out."))
    called = read_round_bytes((tmp_path / "toys.round").read_bytes(), [public_key(KEY)])
    one, other = (read_part((tmp_path / leaving.name).read_bytes(), called) for leaving in shown)
    assert (one.side, other.side, one.contribution) == ("a", "b", other.contribution)
    numbers = (one.words(called.round.n_numbers) + other.words(called.round.n_numbers)).view(int)
    np.testing.assert_array_equal(page._offer.together, numbers[: len(page._offer.together)])
    assert shown[0].numbers == tuple(one.body[at : at + 4].hex() for at in range(0, 32, 4))
    views = {view.heading: view for view in asked.ids.files.children}
    assert views["File 1, for one place"].numbers == " ".join(shown[0].numbers)

    choose(helping, tmp_path, "toys.round")
    assert page.n_files == 0
    assert page.hindrance.startswith("You helped this round already.")
    assert json.loads((tmp_path / "data" / "rounds.json").read_text()) == [called.digest]
    helping.app.projects.erase_all()
    helping.settle()
    assert not (tmp_path / "data" / "rounds.json").exists()


def test_one_file_that_left_is_no_help_yet(helping: Hand, tmp_path: Path) -> None:
    """The user may go back, and save one twice."""
    helping.app.set_preference("helps", True)
    choose(helping, tmp_path, "toys.round")
    asked, promised = offered(helping)
    helping.tap(asked.ids.knows)
    helping.press("Give file 1 away")
    helping.answer("Not now")
    assert promised.given == [False, False]
    for _ in range(2):
        helping.press("Give file 1 away")
        helping.wait(lambda: helping.n_windows)
        helping.press("Save")
        if helping.n_windows and promised.given[0]:
            helping.press("Save")  # under the free name that was proposed
        helping.wait(lambda: helping.n_windows == 0)
    assert promised.given == [True, False]
    assert not (tmp_path / "data" / "rounds.json").exists()


def test_the_files_follow_the_photos(helping: Hand, tmp_path: Path) -> None:
    """What was forgotten is in no file that is given afterwards; another project's is in none."""
    helping.app.set_preference("helps", True)
    choose(helping, tmp_path, "toys.round")
    page = helping.screen
    before = page._offer
    helping.app.change(lambda project: project.forget_class(BOAT))
    helping.wait(lambda: page._offer is not before)
    assert page._offer.n_used == 5
    assert page._offer.files[0].content != before.files[0].content
    helping.app.change(OpenProject.undo)
    helping.wait(lambda: page._offer.n_used == 10)
    helping.app.projects.create()
    helping.wait(lambda: helping.screen.name == "teach")
    helping.settle()
    helping.app.go("help")
    helping.wait(lambda: page.n_files == 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epsilon": None}, "This round asks for sums without noise"),
        ({"device_keys": [public_key(new_key())]}, "This round takes signed files only"),
    ],
)
def test_what_cannot_be_helped_says_why(
    helping: Hand, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    (tmp_path / "other.round").write_bytes(called_round((BALLOON, BOAT), KEY, **settings))
    helping.app.set_preference("helps", True)
    choose(helping, tmp_path, "other.round")
    assert helping.screen.n_files == 0
    assert helping.screen.hindrance.startswith(said)
    choose(helping, tmp_path, "pots.round")
    assert helping.screen.hindrance.startswith("There is no photo here")


def test_what_calls_no_round_is_said(helping: Hand, tmp_path: Path) -> None:
    """Another file, a cut one, one that was changed under its signature, one that is gone."""
    helping.app.set_preference("helps", True)
    whole = (tmp_path / "toys.round").read_bytes()
    for content, said in (
        (b"", "This file calls no round, or it is damaged."),
        (whole[:-9], "This file calls no round, or it is damaged."),
        (whole.replace(b'"max_photos": 20', b'"max_photos": 99'), "Somebody changed this file"),
    ):
        (tmp_path / "bad.round").write_bytes(content)
        choose(helping, tmp_path, "bad.round")
        assert helping.notice.startswith(said)
        assert helping.screen.n_files == 0
    choose(helping, tmp_path, "gone.round")
    assert helping.notice == "The file is not there any more. Choose another one."


def test_a_full_disk_loses_nothing(
    helping: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    helping.app.set_preference("helps", True)
    choose(helping, tmp_path, "toys.round")
    asked, promised = offered(helping)
    helping.tap(asked.ids.knows)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("headfit_demo.screens.help.write_atomically", full)
        helping.press("Give file 1 away")
    assert helping.notice.startswith("The disk is full.")
    assert promised.given == [False, False]
    helping.press("Give file 1 away")
    helping.answer("Save")
    assert promised.given == [True, False]


def test_photos_beyond_the_cap_are_drawn(helping: Hand, tmp_path: Path) -> None:
    (tmp_path / "few.round").write_bytes(called_round((BALLOON, BOAT), KEY, max_photos=3))
    helping.app.set_preference("helps", True)
    helping.app.teaching.add_photos(BALLOON, frames(BALLOON, 1, seed=9))
    helping.settle()
    choose(helping, tmp_path, "few.round")
    _, promised = offered(helping)
    assert promised.photos == "3 of at most 3"
    assert helping.screen._offer.n_left_out == 8


@pytest.mark.parametrize(
    ("epsilon", "text"), [(0.5, "0.5"), (3.04, "3"), (17.83, "18"), (100, "100"), (1234.5, "1234")]
)
def test_an_epsilon_is_a_number_that_people_read(epsilon: float, text: str) -> None:
    from headfit_demo.screens.help import _as_text

    assert _as_text(epsilon) == text
