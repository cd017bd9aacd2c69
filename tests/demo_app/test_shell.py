"""The frame around the screens."""

from __future__ import annotations

from tests.support.hand import Hand


def test_a_hidden_notice_lets_touches_through(hand: Hand) -> None:
    """What lies below it can be touched; while it is shown it takes the touch."""
    from kivy.tests.common import UnitTestTouch

    notice, touched = hand.app.shell.ids.notice, []
    hand.app.shell.ids.screens.bind(on_touch_down=lambda _, touch: touched.append(touch))
    for is_shown in (False, True):
        if is_shown:
            hand.app.notify("Something to read")
        hand.wait(lambda: True)
        touch = UnitTestTouch(notice.right - 30, notice.center_y)
        touch.touch_down()
        touch.touch_up()
        hand.wait(lambda: True)
    assert len(touched) == 1
