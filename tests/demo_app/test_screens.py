"""Every screen of the app, driven by touches and keys, without a display."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.support.photos import THINGS, frames, write_folder

from .conftest import Hand

BALLOON, BOAT, FLOWER = THINGS
TAB, ENTER, ESCAPE, SPACE = 9, 13, 27, 32


def test_the_first_start_greets_with_a_head_that_works(hand: Hand) -> None:
    """Each sample picture that is touched is recognised; nothing was taught."""
    thumbs = hand.screen.ids.samples.children
    assert len(thumbs) >= 3
    for thumb in thumbs:
        hand.tap(thumb)
        hand.settle()
        assert hand.screen.ids.bar0.name == thumb.sample.class_name
    assert hand.app.project is None


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


def test_dropped_folders_become_things(hand: Hand, tmp_path: Path) -> None:
    """A folder with folders in it begins a project that is named after it."""
    folder = write_folder(tmp_path / "Desk", 3)
    hand.app._drops.sort([folder], 0, 0)
    hand.wait(lambda: hand.app.project is not None and hand.app.project.n_photos == 9)
    assert hand.app.project.name == "Desk"
    assert sorted(one.name for one in hand.app.project.classes) == sorted(THINGS)


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
    for _ in range(10):
        turn = UnitTestTouch(*page.to_window(*page.center))
        turn.profile, turn.button = ["pos", "button"], "scrollup"
        turn.touch_down()
        turn.touch_up()
        time.sleep(0.05)
        toys.wait(lambda: True, frames=1)
        seen.append(page.scroll_y)
    assert seen[-1] == 0.0
    assert min(seen) == 0.0

    toys.app.change(lambda: toys.app.session.forget_class(FLOWER))
    toys.wait(lambda: FLOWER not in toys.screen._cards)
    toys.settle()
    assert page.viewport_size[1] < page.height
    (content,) = page.children
    assert content.to_window(0, content.top)[1] == page.to_window(0, page.top)[1]


def test_settings_are_seen_at_once_and_kept(hand: Hand, tmp_path: Path) -> None:
    """Dark, larger and German, on the spot and after the next start."""
    from headfit_demo.preferences import Preferences
    from headfit_demo.theme import theme

    hand.app.go("settings")
    hand.wait(lambda: True)
    size = theme.body
    hand.press("Dark")
    hand.press("A++")
    hand.press("Deutsch")
    assert theme.style == "dark"
    assert theme.body > 1.4 * size
    assert hand.app.shell.heading == "Einstellungen"
    kept = Preferences.load(tmp_path / "data" / "preferences.json")
    assert kept == Preferences("dark", 1.45, "de")
    hand.press("English")
    assert hand.app.shell.heading == "Settings"


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


def test_what_was_half_typed_stays_with_its_project(hand: Hand) -> None:
    hand.begin("One")
    hand.type("half a na")
    hand.app.go("home")
    hand.begin("Two")
    assert hand.screen.ids.new_name.text == ""


def test_a_setting_that_a_key_chose_keeps_the_focus(hand: Hand) -> None:
    hand.app.go("settings")
    hand.key(TAB)
    hand.find("Dark").focus = True
    hand.key(ENTER)
    hand.settle()
    assert hand.app.preferences.style == "dark"
    assert hand.find("Dark").focus


def test_names_in_any_script_are_drawn(running_app: Any, tmp_path: Path) -> None:
    """Each of these is something else than the boxes that stand for letters a font lacks."""
    from headfit_demo.words import draw_line

    def ink(text: str) -> bytes:
        texture = draw_line(text, 40, False, 2000)
        pixels = np.frombuffer(texture.pixels, np.uint8).reshape(*texture.size[::-1], 4)
        return Image.fromarray(pixels[..., 3]).resize((64, 32)).tobytes()

    box = ink("\ue000")
    samples = [
        "Tasse",
        "Чашка",
        "Κούπα",
        "كوب",
        "כוס",
        "कप",
        "কাপ",
        "கோப்பை",
        "ถ้วย",
        "բաժակ",
        "ჭიქა",
        "杯",
        "コップ",
        "컵",
    ]
    drawn = [ink(sample) for sample in samples]
    assert len(set(drawn)) == len(samples)
    for sample, one in zip(samples, drawn, strict=True):
        assert any(one), sample
        assert one != ink("\ue000" * len(sample)), sample
        assert one != box


def test_arabic_is_joined_and_runs_from_the_right(running_app: Any) -> None:
    """Joined letters are narrower than the same letters apart."""
    from PIL import features

    from headfit_demo.words import draw_line

    if not features.check("raqm"):
        pytest.skip("Pillow has no Raqm here: such names are drawn letter by letter")
    apart = sum(draw_line(letter, 40, False, 2000).width for letter in "كتاب")
    assert draw_line("كتاب", 40, False, 2000).width < 0.9 * apart
