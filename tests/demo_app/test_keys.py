"""The keyboard leads everywhere."""

from __future__ import annotations

from tests.support.hand import Hand

ENTER, ESCAPE = 13, 27


def test_the_keyboard_is_enough(hand: Hand) -> None:
    """Ctrl and a number change the screen, Tab finds a button, Enter presses it."""
    hand.key(ord("3"), ("ctrl",))
    assert hand.screen.name == "recognise"
    hand.key(ESCAPE)
    assert hand.screen.name == "home"
    button = hand.screen.ids.new_project
    button.focus = True
    hand.wait(lambda: True)
    hand.key(ENTER)
    hand.type("By keys")
    hand.key(ENTER)
    hand.wait(lambda: hand.app.project is not None)
    assert hand.app.project.name == "By keys"
    hand.screen.ids.new_name.focus = True
    hand.type("pen")
    hand.key(ENTER)
    hand.wait(lambda: hand.app.project.classes)
    hand.key(ord("5"), ("ctrl",))
    assert hand.screen.name == "developer"
