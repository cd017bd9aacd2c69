"""The desktop's own windows for files, played by a program of the same name, and when they fail."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, write_folder

from headfit_demo.platforms.desktop import DesktopPlatform
from headfit_demo.platforms.file_dialog import GtkDialog, KdeDialog, MacDialog, WindowsDialog

BALLOON, BOAT, FLOWER = THINGS

Play = Callable[..., Path]


@pytest.fixture
def play(toys: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Let a program play the desktop's window, which prints paths and ends with a status."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    toys.app.platform = DesktopPlatform(tmp_path / "camera", GtkDialog())

    def play(*chosen: Path, status: int | str = 0, wait: str = "") -> Path:
        asked = tmp_path / "asked"
        lines = "".join(f"printf '%s\\n' '{path}'\n" for path in chosen)
        program = programs / "zenity"
        program.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{asked}'\n{wait}\n{lines}exit {status}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return asked

    return play


def test_photos_come_from_the_desktops_window(toys: Hand, play: Play, tmp_path: Path) -> None:
    """Several, with spaces, line breaks and letters of any script; going back takes none."""
    folder = write_folder(tmp_path / "my photos ж", 3, (BOAT,)) / BOAT
    (folder / "2.jpg").rename(folder / "two\nlines.jpg")
    asked = play(folder / "0.jpg", folder / "two\nlines.jpg")
    toys.tap(toys.screen.cards[BOAT].ids.pick)
    toys.wait(lambda: toys.app.project.n_photos == 12)
    assert "--multiple" in asked.read_text()
    assert "*.jpg" in asked.read_text()
    assert toys.n_windows == 0
    asked.unlink()
    play(status="$ZENITY_ESC")
    toys.tap(toys.screen.cards[BOAT].ids.pick)
    toys.wait(lambda: asked.exists() and toys.n_windows == 0)
    toys.settle()
    assert toys.app.project.n_photos == 12


def test_a_folder_comes_from_the_desktops_window(toys: Hand, play: Play, tmp_path: Path) -> None:
    """It is taught as one that is dropped: a thing for each folder in it."""
    asked = play(write_folder(tmp_path / "more", 2, (BOAT, FLOWER)))
    toys.press("Photos in folders")
    toys.wait(lambda: toys.app.project.n_photos == 14)
    assert "--directory" in asked.read_text()
    assert [one.name for one in toys.app.project.classes] == [BALLOON, BOAT, FLOWER]


def test_nothing_else_goes_on_while_it_is_open(toys: Hand, play: Play, tmp_path: Path) -> None:
    """Photos are of the thing that they were asked for; going back in the app closes the window."""
    asked = play(tmp_path / "never.jpg", wait="exec sleep 60")
    toys.tap(toys.screen.cards[BOAT].ids.pick)
    toys.wait(lambda: asked.exists() and toys.n_windows)
    toys.answer("Not now")
    assert toys.n_windows == 0
    assert toys.app.project.n_photos == 10


def test_a_window_that_does_not_open_is_replaced(toys: Hand, play: Play, tmp_path: Path) -> None:
    """By the app's own, whether the program fails, finds no display, crashes or is not there.

    Or cannot print what was chosen: zenity says "(null)" where a name is no UTF-8.
    """
    for happens in ("exit 5", "exit 1", "kill -ABRT $$", "echo '(null)'"):
        play(wait=happens)
        toys.press("Photos in folders")
        toys.wait(lambda: toys.can_press("Take this folder"))
        toys.answer("Not now")
    (tmp_path / "programs" / "zenity").unlink()
    toys.app.platform._dialog.program = "none"
    toys.app.platform._dialog.folder = lambda title: ["no such program"]
    toys.press("Photos in folders")
    toys.wait(lambda: toys.can_press("Take this folder"))
    toys.answer("Not now")


def test_a_window_that_somebody_killed_was_closed(toys: Hand, play: Play, tmp_path: Path) -> None:
    """It had opened: nobody wants another one."""
    asked = play(wait="kill -KILL $$")
    toys.press("Photos in folders")
    toys.wait(lambda: asked.exists() and toys.n_windows == 0)
    toys.settle()
    assert toys.n_windows == 0


OPENING = """
import time
from pathlib import Path
from headfit_demo.platforms.file_dialog import GtkDialog
script = "trap 'touch closed; exit' TERM; touch open; for i in $(seq 600); do sleep 0.05; done"
GtkDialog().ask(["sh", "-c", script], print)
while not Path("open").exists():
    time.sleep(0.01)
"""


def test_no_window_outlives_the_app(tmp_path: Path) -> None:
    """Who closes the app does not want to be asked by it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, "-c", OPENING], cwd=tmp_path, env=environment, check=True, timeout=60
    )
    ends = time.monotonic() + 10
    while not (tmp_path / "closed").exists():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_skill_is_saved_where_the_desktop_says(toys: Hand, play: Play, tmp_path: Path) -> None:
    """That a file is replaced was asked there; a place that cannot be written to is asked again."""
    target = tmp_path / "mine.head"
    target.write_text("an older one")
    asked = play(target)
    toys.press("Share what it learned")
    toys.wait(lambda: toys.notice)
    assert toys.notice == f"Saved: {target}"
    assert target.read_bytes()[:4] != b"an o"
    assert "--confirm-overwrite" in asked.read_text()
    play(tmp_path / "no such folder" / "mine.head")
    toys.press("Share what it learned")
    toys.wait(lambda: toys.can_press("Save"))
    toys.answer("Not now")


def test_any_place_can_be_named(toys: Hand, play: Play, tmp_path: Path) -> None:
    """Such as a folder of which the name is no UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    play(wait=f"printf '{tmp_path}/caf\\351/mine.head\\n'")
    toys.press("Share what it learned")
    toys.wait(lambda: toys.notice)
    assert toys.notice == f"Saved: {tmp_path}/caf\\xe9/mine.head"
    assert [path.name for path in folder.iterdir()] == ["mine.head"]
    play(wait=f"printf '{tmp_path}/caf\\351/none/mine.head\\n'")
    toys.press("Share what it learned")
    toys.wait(lambda: toys.can_press("Save"))
    toys.answer("Not now")


def test_a_name_without_an_ending_is_given_one(toys: Hand, play: Play, tmp_path: Path) -> None:
    """That of the file; one of that name that is there stays: the desktop did not ask for it."""
    play(tmp_path / "roses of 1.6")
    toys.press("Share what it learned")
    toys.wait(lambda: toys.notice)
    assert toys.notice == f"Saved: {tmp_path / 'roses of 1.6.head'}"
    assert not (tmp_path / "roses of 1.6").exists()
    toys.app.shell.ids.notice.hide()
    diary = tmp_path / "diary.head"
    diary.write_text("dear diary")
    play(tmp_path / "diary")
    toys.press("Share what it learned")
    toys.wait(lambda: toys.can_press("Save"))
    toys.answer("Save")
    toys.wait(lambda: toys.notice)
    assert toys.notice == f"Saved: {tmp_path / 'diary 2.head'}"
    assert diary.read_text() == "dear diary"


def test_every_desktop_is_asked_for_the_same() -> None:
    """Words go to the programs as words: what is in a title is no code."""
    title = 'it\'s "a" title'
    for dialog in (GtkDialog(), KdeDialog(), MacDialog(), WindowsDialog()):
        for command in (
            dialog.files(title, {".jpg", ".png"}, several=True),
            dialog.folder(title),
            dialog.place(title, "mine.head"),
        ):
            assert command[0] == dialog.program
        assert "mine.head" in " ".join(dialog.place(title, "mine.head"))
    script = WindowsDialog().folder(title)[-1]
    assert "'it''s \"a\" title'" in script
    assert not any(title in part for part in MacDialog().folder(title)[:-1])
