"""Pages that scroll, and pictures that are cut."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
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


def test_what_is_not_high_leaves_no_gap_in_a_column(running_app: Any) -> None:
    """Words that are not said, bars without names; they come back where they belong."""
    from kivy.uix.widget import Widget

    from headfit_demo.widgets import Column

    column = Column(spacing=10, padding=(1, 2, 3, 4), width=100)
    parts = [Widget(size_hint_y=None, height=height) for height in (0, 20, 0, 30, 0)]
    for part in parts:
        column.add_widget(part)
    column.do_layout()
    assert column.minimum_height == 2 + 20 + 10 + 30 + 4
    assert [part.width for part in parts] == [96] * 5
    parts[0].height = 5
    column.do_layout()
    assert column.minimum_height == 2 + 5 + 10 + 20 + 10 + 30 + 4
    column.height = column.minimum_height
    column.do_layout()
    assert [parts[n].y for n in (0, 1, 3)] == [column.y + 74, column.y + 44, column.y + 4]
    for part in parts:
        part.height = 0
    column.do_layout()
    assert column.minimum_height == 2 + 4


@pytest.mark.parametrize(("size", "shown"), [((200, 80), 0.4), ((80, 160), 1.0)])
def test_a_picture_that_fills_is_cut_and_not_squashed(
    hand: Hand, tmp_path: Path, size: tuple[int, int], shown: float
) -> None:
    """Of one that is as wide as high a wide view shows the middle part, a narrow one all."""
    from headfit_demo.widgets import frame_texture
    from headfit_demo.widgets.basics import View

    grey = np.linspace(0, 255, 64).astype(np.uint8)[:, None, None]
    texture = frame_texture(np.ascontiguousarray(np.broadcast_to(grey, (64, 64, 3))))
    view = View(texture=texture, fills=True, size=size)
    hand.wait(lambda: True)
    view.export_to_png(str(tmp_path / "view.png"))
    with Image.open(tmp_path / "view.png") as picture:
        middle = np.asarray(picture.convert("L"), np.float32)[:, size[0] // 2]
    assert abs((middle[-2] - middle[1]) / 255 - shown) < 0.05


@pytest.mark.parametrize("size", [(96, 48), (48, 96), (48, 48)])
def test_a_small_picture_is_the_square_middle(hand: Hand, size: tuple[int, int]) -> None:
    from headfit_demo.widgets import jpeg_texture

    stream = BytesIO()
    picture = Image.new("RGB", size, "red")
    picture.paste(
        "blue", (size[0] // 2 - 24, size[1] // 2 - 24, size[0] // 2 + 24, size[1] // 2 + 24)
    )
    picture.save(stream, "JPEG", quality=95)
    texture = jpeg_texture(stream.getvalue())
    assert texture.size == (48, 48)
    pixels = np.frombuffer(texture.pixels, np.uint8).reshape(48, 48, 4)
    assert pixels[4:-4, 4:-4, 2].min() > 200
    assert pixels[4:-4, 4:-4, 0].max() < 60


def test_words_that_fit_stay_as_large_as_their_neighbours(running_app: Any) -> None:
    """To the pixel; of a button that is narrower they are smaller, and a sign stays beside them."""
    from kivy.metrics import dp

    from headfit_demo.widgets import Press, theme

    press = Press(text="Choose a photo", icon="photo")
    label = press.ids.words
    press.width = press.natural - dp(12)
    assert (label.text, label.font_size) == ("Choose a photo", theme.body)
    press.width *= 0.5
    assert label.font_size < theme.body
    assert label.text.split() == ["Choose", "a", "photo"]
    assert label.texture_size[0] + theme.icon + dp(24) <= press.width


def test_a_chance_lies_on_nothing_beside_a_small_name(toys: Hand) -> None:
    """A word that is too long is written smaller, and its chance is not."""
    from kivy.factory import Factory

    toys.app.set_preference("text_scale", 2.0)
    bar = Factory.ChanceBar(name="Donaudampfschifffahrtsgesellschaft", chance=0.5, width=304)
    toys.wait(lambda: True, frames=5)
    name, chance = bar.ids.name, bar.ids.chance
    assert name.height < chance.height
    assert chance.top <= bar.top
    assert chance.y >= bar.children[0].top
