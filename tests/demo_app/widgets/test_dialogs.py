"""Dialogs have the keyboard while they are open, and are answered once."""

from __future__ import annotations

from typing import Any

from tests.support.hand import Hand

TAB, ENTER, ESCAPE = 9, 13, 27


def test_a_dialog_has_the_keyboard_and_gives_it_back(hand: Hand) -> None:
    """Enter opens one dialog however often it is pressed; after Escape it opens it again."""
    hand.key(TAB)
    button = hand.screen.ids.new_project
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
    """A double click opens one dialog, and makes one project."""
    from kivy.core.window import Window
    from kivy.tests.common import UnitTestTouch

    def press_twice(widget: Any) -> None:
        for _ in range(2):
            touch = UnitTestTouch(*widget.to_window(*widget.center))
            touch.touch_down()
            touch.touch_up()

    hand.screen.ids.new_project.dispatch("on_release")
    press_twice(hand.screen.ids.new_project)
    hand.type("Once")
    assert hand.n_windows == 1
    press_twice(Window.children[0].ids.go)
    hand.wait(lambda: hand.n_windows == 0 and hand.app.project is not None)
    hand.settle()
    assert len(hand.app.session.projects()) == 1
