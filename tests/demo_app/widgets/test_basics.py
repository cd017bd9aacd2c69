"""Pages that scroll."""

from __future__ import annotations

import time

from tests.support.hand import Hand
from tests.support.photos import THINGS, frames

BALLOON, BOAT, FLOWER = THINGS


def test_the_wheel_stops_at_the_end_of_a_page(toys: Hand) -> None:
    """However often it is turned, and however slow the frames are, the page stays in sight.

    A page that became short then begins at its top.
    """
    from kivy.tests.common import UnitTestTouch

    from headfit_demo.widgets import Page

    toys.app.set_preference("keeps_thumbnails", True)  # not asked any more
    toys.teach(FLOWER, frames(FLOWER, 1))
    toys.settle()
    page = next(one for one in toys.screen.ids.classes.walk_reverse() if isinstance(one, Page))
    assert page.viewport_size[1] > page.height
    seen = []
    for _ in range(20):
        turn = UnitTestTouch(*page.to_window(*page.center))
        turn.profile, turn.button = ["pos", "button"], "scrollup"
        turn.touch_down()
        turn.touch_up()
        time.sleep(0.05)
        toys.wait(lambda: True, frames=1)
        seen.append(page.scroll_y)
    assert seen[-1] == 0.0
    assert min(seen) == 0.0

    toys.app.change(lambda project: project.forget_class(FLOWER))
    toys.wait(lambda: FLOWER not in toys.screen.cards)
    toys.settle()
    assert page.viewport_size[1] < page.height
    (content,) = page.children
    assert content.to_window(0, content.top)[1] == page.to_window(0, page.top)[1]


def test_a_button_as_wide_as_its_words_has_them_in_one_line(toys: Hand) -> None:
    """In every text size, whichever way it is changed."""
    toys.app.go("privacy")
    erase = toys.screen.ids.examples.ids.erase
    for scale in (2.0, 0.85, 2.0):
        toys.app.set_preference("text_scale", scale)
        toys.settle()
        assert erase.width >= erase.natural
        assert erase.ids.words.text_size == [None, None]
