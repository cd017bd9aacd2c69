"""Photos are chosen among the files of the device."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.hand import Hand
from tests.support.photos import THINGS, write_folder

from headfit_demo.widgets import FileWindow

BALLOON, BOAT, _ = THINGS


def test_photos_are_chosen_in_the_file_window(toys: Hand, tmp_path: Path) -> None:
    """Folders open, photos show themselves in small, one or all are chosen, Escape goes back."""
    from kivy.core.window import Window

    folder = write_folder(tmp_path / "photos", 3, (BOAT,))
    (folder / "letter.txt").write_text("not shown")
    FileWindow.last_folder = folder.parent
    pick = toys.screen.cards[BOAT].ids.pick
    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    window = Window.children[0]
    toys.press_row("photos")
    assert toys.rows() == [BOAT]
    toys.press_row(BOAT)
    assert toys.rows() == ["0.jpg", "1.jpg", "2.jpg"]
    listed = window.ids.rows.children[0].children
    toys.wait(lambda: all(row.texture for row in listed))
    toys.press_row("1.jpg")
    assert window.ids.go.text == "Open 1"
    toys.answer("Open 1")
    toys.wait(lambda: toys.app.project.n_photos == 11)

    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    toys.press("All of them")
    toys.answer("Open 3")
    toys.wait(lambda: toys.app.project.n_photos == 13)
    toys.wait(lambda: toys.notice == "1 photo was there already.")

    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    toys.key(27)
    toys.wait(lambda: toys.n_windows == 0)
    assert toys.app.project.n_photos == 13


def test_names_that_are_no_text_are_shown(toys: Hand, tmp_path: Path) -> None:
    """Any bytes may be the name of a file or folder; it is chosen as another one is."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    write_folder(folder, 2, (BOAT,))
    odd = Path(os.fsdecode(os.fsencode(folder / BOAT) + b"/\xff.jpg"))
    (folder / BOAT / "1.jpg").rename(odd)
    FileWindow.last_folder = folder.parent
    toys.tap(toys.screen.cards[BOAT].ids.pick)
    toys.wait(lambda: toys.n_windows)
    toys.press_row("caf\\xe9")
    toys.press_row(BOAT)
    assert toys.rows() == ["0.jpg", "\\xff.jpg"]
    toys.press_row("\\xff.jpg")
    toys.answer("Open 1")
    toys.wait(lambda: toys.app.project.n_photos == 11)
