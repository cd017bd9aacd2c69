"""Teach: names, and heads that go out and come in."""

from __future__ import annotations

from pathlib import Path

from tests.support.hand import Hand
from tests.support.photos import THINGS

from headfit import SoftmaxHead
from headfit_demo.session import ClassView
from headfit_demo.widgets import FileWindow

ENTER = 13
BALLOON, BOAT, _ = THINGS


def test_what_was_half_typed_stays_with_its_project(hand: Hand) -> None:
    hand.begin("One")
    hand.type("half a na")
    hand.app.go("home")
    hand.begin("Two")
    assert hand.screen.ids.new_name.text == ""


def test_a_head_is_saved_and_comes_in_again(toys: Hand, tmp_path: Path) -> None:
    """Through both dialogs; a place that cannot be is said, and asked again."""
    from kivy.core.window import Window

    toys.press("Share what it learned")
    toys.wait(lambda: toys.n_windows)
    dialog = Window.children[0]
    field = dialog.ids.body.children[0]
    assert field.text == str(Path.home() / "Toys.head")
    toys.type(str(tmp_path / "nowhere" / "mine.head"))  # in place of what stood there
    toys.press("Save")
    assert dialog.text == "There is no such folder."
    field.text = str(tmp_path)
    field.focus = True
    toys.key(ENTER)
    toys.wait(lambda: toys.n_windows == 0)
    toys.settle()
    saved = tmp_path / "Toys.head"
    assert toys.notice == f"Saved: {saved}"
    assert SoftmaxHead.load(saved).fitted_.classes == (BALLOON, BOAT)

    toys.app.go("home")
    toys.settle()
    FileWindow.last_folder = tmp_path
    toys.press("Import a head")
    toys.wait(lambda: toys.n_windows)
    toys.press_row("Toys.head")
    toys.answer("Open")
    toys.wait(lambda: toys.screen.name == "recognise")
    assert toys.app.project.n_photos == 0
    assert toys.app.project.head_classes == (BALLOON, BOAT)


def test_photos_that_are_nearly_one_are_said(hand: Hand) -> None:
    from headfit_demo.language import feedback_words

    def said(n_photos: int, n_effective: int | None) -> list[str]:
        return [
            text for text, _ in feedback_words(ClassView("fox", n_photos, None, False, n_effective))
        ]

    assert said(20, 1) == ["Nearly one photo: move, turn, other light"]
    assert said(20, 2) == ["Nearly 2 photos: move, turn, other light"]
    assert said(20, 11) == said(20, None) == []
