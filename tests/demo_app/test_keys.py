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
    hand.wait(lambda: hand.app.project is not None and hand.screen.name == "teach")
    assert hand.app.shell.heading == "New project"
    hand.type("pen")
    hand.key(ENTER)
    hand.wait(lambda: hand.app.project.classes)
    hand.wait(lambda: hand.screen.empty_cards[0].ids.name.children[0].focus)
    hand.type("ink")  # Enter leads on to the next card
    hand.key(ENTER)
    hand.wait(lambda: len(hand.app.project.classes) == 2)
    assert hand.app.shell.heading == "pen, ink"
    hand.key(ord("5"), ("ctrl",))
    assert hand.screen.name == "developer"
