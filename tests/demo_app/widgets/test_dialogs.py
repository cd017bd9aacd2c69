"""Dialogs have the keyboard while they are open, and are answered once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.hand import Hand

from headfit_demo.widgets import ask_name, ask_place

TAB, ENTER, ESCAPE = 9, 13, 27


def test_a_dialog_has_the_keyboard_and_gives_it_back(hand: Hand) -> None:
    """Enter opens one dialog however often it is pressed; after Escape it opens it again."""
    hand.key(TAB)
    button = hand.screen.ids.import_head
    button.focus = True
    hand.wait(lambda: True)
    for _ in range(3):
        hand.key(ENTER)
        assert hand.n_windows == 1
    assert not button.focus
    hand.key(ord("3"), ("ctrl",))
    assert hand.screen.name == "home"
    hand.key(ESCAPE)
    hand.key(ESCAPE)
    hand.wait(lambda: hand.n_windows == 0)
    assert button.focus
    hand.key(ENTER)
    assert hand.n_windows == 1


def test_what_is_pressed_twice_is_done_once(hand: Hand) -> None:
    """A double click makes one project, and answers a dialog once."""
    from kivy.core.window import Window
    from kivy.tests.common import UnitTestTouch

    def press_twice(widget: Any) -> None:
        for _ in range(2):
            touch = UnitTestTouch(*widget.to_window(*widget.center))
            touch.touch_down()
            touch.touch_up()

    press_twice(hand.screen.ids.new_project)
    hand.wait(lambda: hand.app.project is not None)
    hand.settle()
    (project,) = hand.app.session.projects()
    answers: list[str] = []
    ask_name("Rename", "Rename", answers.append, name=project.name)
    hand.type("Once")
    press_twice(Window.children[0].ids.go)
    hand.wait(lambda: hand.n_windows == 0)
    assert answers == ["Once"]


def test_a_name_alone_is_one_in_the_users_folder(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the ending by which it is found again; a name that is too long is said to be so."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    source = tmp_path / "source.head"
    source.write_bytes(b"head")
    saved: list[str | None] = []
    dialog = ask_place(source, saved.append)
    field = dialog.ids.body.children[0]
    field.text = 300 * "x"
    dialog.accept()
    assert dialog.text == "This name is too long. Choose a shorter one."
    field.text = "roses of 1.6"
    dialog.accept()
    hand.wait(lambda: hand.n_windows == 0)
    assert saved == [str(tmp_path / "roses of 1.6.head")]
    assert (tmp_path / "roses of 1.6.head").read_bytes() == b"head"


def test_saving_overwrites_no_file(hand: Hand, tmp_path: Path) -> None:
    """A free name is proposed instead, and taken when it is confirmed."""
    source, diary = tmp_path / "source.head", tmp_path / "diary.head"
    source.write_bytes(b"head")
    diary.write_text("dear diary")
    saved: list[str | None] = []
    dialog = ask_place(source, saved.append)
    field = dialog.ids.body.children[0]
    field.text = str(diary)
    dialog.accept()
    assert dialog.text == "A file of this name is there already. This name is free."
    assert field.text == str(tmp_path / "diary 2.head")
    field.text = str(tmp_path)  # a folder: the file's own name, which is taken
    dialog.accept()
    assert field.text == str(tmp_path / "source 2.head")
    dialog.accept()
    hand.wait(lambda: hand.n_windows == 0)
    assert saved == [str(tmp_path / "source 2.head")]
    assert diary.read_text() == "dear diary"
    assert source.read_bytes() == (tmp_path / "source 2.head").read_bytes() == b"head"


def test_a_name_that_cannot_be_taken_stays_to_be_bettered(toys: Hand) -> None:
    """It is typed once, and the keyboard stays with it; Escape then closes at once."""
    from kivy.core.window import Window

    toys.app.go("home")
    toys.settle()
    (card,) = toys.screen.ids.projects.children
    card.rename()
    toys.type(80 * "x")
    toys.key(ENTER)
    dialog = Window.children[0]
    (field,) = dialog.ids.body.children
    assert dialog.text == "This name is too long. Choose a shorter one."
    assert (field.text, field.focus, toys.n_windows) == (80 * "x", True, 1)
    toys.key(ESCAPE)
    toys.wait(lambda: toys.n_windows == 0)
    assert toys.app.project.name == "Toys"
