"""The frame around the screens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.hand import Hand
from tests.support.layout import faults
from tests.support.photos import THINGS, frames, picked

from headfit_demo.language import tr


@pytest.fixture
def shell(toys: Hand) -> Iterator[object]:
    """The frame, whose size may be set."""
    shell = toys.app.shell
    size_hint, size = tuple(shell.size_hint), tuple(shell.size)
    yield shell
    shell.size_hint, shell.size = size_hint, size


@pytest.mark.parametrize("size", [(1120, 760), (970, 640), (1920, 1080)])
@pytest.mark.parametrize("page", ["teach", "recognise"])
def test_a_notice_covers_nothing_to_press(
    toys: Hand, shell: object, page: str, size: tuple[int, int]
) -> None:
    """However long it is: what was just done can be done again while it is read."""
    from headfit_demo.widgets import Touchable

    shell.size_hint, shell.size = (None, None), size
    toys.app.go(page)
    toys.app.sight.look_at(picked(THINGS[1], 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    toys.app.notify("25 of 30 photos were taught. half.jpg was left out. 5 more were, too.")
    toys.wait(lambda: True, frames=5)
    notice = shell.ids.notice
    left, bottom = notice.to_window(notice.x, notice.y)
    covered = []
    for one in toys.screen.parent.parent.walk(restrict=True):
        if isinstance(one, Touchable) and not one.disabled and one.parent is not notice.ids.buttons:
            x, y = one.to_window(*one.center)
            if left < x < left + notice.width and bottom < y < bottom + notice.height:
                covered.append(getattr(one, "text", one))
    assert covered == []


@pytest.mark.parametrize("size", [(360, 800), (800, 360)])
def test_a_notice_leaves_chosen_photos_to_be_forgotten(
    toys: Hand, shell: object, size: tuple[int, int]
) -> None:
    """On a phone, upright or lying, with the largest text."""
    shell.size_hint, shell.size = (None, None), size
    toys.app.set_preference("text_scale", 2.0)
    toys.screen.show_photos(THINGS[0])
    toys.settle()
    toys.wait(lambda: len(toys.screen.ids.grid.children) == 5)
    if not toys.screen.n_chosen:  # it may be chosen since the last time
        toys.screen.ids.grid.children[0].dispatch("on_release")
    toys.app.notify("25 of 30 photos were taught. half.jpg was left out. 5 more were, too.")
    toys.wait(lambda: True, frames=5)
    notice, forget = shell.ids.notice, toys.screen.ids.forget
    _, bottom = forget.to_window(*forget.pos)
    assert forget.height > 0
    assert notice.y >= bottom + forget.height or notice.top <= bottom
    toys.app.go("teach")
    assert shell.lift == toys.screen.lift


@pytest.mark.parametrize("size", [(360, 800), (800, 480)])
def test_a_notice_can_be_read_beside_its_button(
    toys: Hand, shell: object, size: tuple[int, int]
) -> None:
    """In a narrow window with the largest text, where "Undo" is a long word: below the sentence."""
    shell.size_hint, shell.size = (None, None), size
    toys.app.set_preference("language", "de")
    toys.app.set_preference("text_scale", 2.0)
    try:
        toys.app.teaching.add_photos(THINGS[0], frames(THINGS[0], 1, seed=9))
        toys.settle()
        toys.app.notify("Als Ball gezeigt.", can_undo=True)
        toys.wait(lambda: shell.ids.notice.opacity == 1, frames=5)
        notice = shell.ids.notice
        assert notice.ids.undo.text == "Zurücknehmen"
        assert not notice.ids.undo.disabled
        assert notice.ids.words.width > notice.width * 0.4
        assert list(faults(notice)) == []
        assert notice.y >= 0
        assert notice.top <= shell.top
    finally:
        toys.app.set_preference("language", "en")


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_notice_leaves_the_way_back(
    toys: Hand, shell: object, language: str, is_long: bool
) -> None:
    """On a phone that lies, with the largest text: over the heading no more than has room there."""
    shell.size_hint, shell.size = (None, None), (800, 480)
    toys.app.set_preference("text_scale", 2.0)
    toys.app.set_preference("language", language)
    try:
        toys.app.teaching.add_photos(THINGS[0], frames(THINGS[0], 1, seed=9))
        toys.settle()
        toys.screen.show_photos(THINGS[0])
        toys.settle()
        said = tr.count("{n} photo was forgotten.", "", 1)
        toys.app.notify(" ".join([said] * (4 if is_long else 1)), can_undo=True)
        toys.wait(lambda: shell.ids.notice.opacity == 1, frames=5)
        # Where it is, nothing of the heading shows around it.
        assert shell.ids.heading.opacity == is_long
        back = toys.find(tr.say("Back"))
        notice, (_, bottom) = shell.ids.notice, back.to_window(*back.pos)
        assert notice.y >= bottom + back.height or notice.top <= bottom
        assert list(faults(notice)) == []
    finally:
        toys.app.set_preference("language", "en")


def test_undo_stays_where_it_was_touched(toys: Hand, shell: object) -> None:
    """Two touches on one place take back two things, and Redo does not come there between them."""
    shell.size_hint, shell.size = (None, None), (360, 800)
    for photo in frames(THINGS[0], 2, seed=9):
        toys.app.teaching.add_photos(THINGS[0], [photo])
        toys.settle()
    undo = shell.ids.undo
    toys.wait(lambda: shell.can_undo, frames=5)
    place = undo.to_window(*undo.pos)
    toys.tap(undo)
    toys.settle()
    toys.wait(lambda: shell.can_redo, frames=5)
    assert shell.can_undo
    assert undo.to_window(*undo.pos) == place


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_says_its_whole_name(toys: Hand, shell: object, language: str) -> None:
    """On an upright phone with the largest text: what is not there takes no room beside it."""
    from headfit_demo.shell import place_name

    shell.size_hint, shell.size = (None, None), (360, 800)
    toys.app.set_preference("text_scale", 2.0)
    toys.app.set_preference("language", language)
    cut = []
    try:
        for page in ("home", "privacy", "developer", "settings", "help"):
            toys.app.go(page)
            toys.wait(lambda: True, frames=5)
            assert shell.heading == place_name(page)
            if shell.ids.heading.wanted > shell.ids.heading.width:
                cut.append(shell.heading)
    finally:
        toys.app.set_preference("language", "en")
    assert cut == []


def test_words_of_the_bar_are_as_far_apart_everywhere(toys: Hand, shell: object) -> None:
    """On a phone the longest does not touch the edge."""
    shell.size_hint, shell.size = (None, None), (360, 800)
    toys.wait(lambda: shell.ids.bar.parent is not None, frames=5)
    items = shell.ids.bar.children
    free = [item.width - item.ids.words.texture_size[0] for item in items]
    assert min(free) > 12
    assert max(free) - min(free) < 6


def test_two_pages_are_never_seen_over_each_other(toys: Hand) -> None:
    """Kivy draws both for a frame: the one that goes is not seen in it."""
    left = toys.screen
    toys.app.go("recognise")
    assert toys.screen is not left
    assert left.opacity == 0
    toys.app.go("teach")
    toys.wait(lambda: left.opacity == 1)


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
