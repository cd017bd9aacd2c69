"""A phone in the hand, upright and lying, by touches only; the rest is in docs/android.md."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.hand import Hand
from tests.support.layout import faults, too_small
from tests.support.photos import THINGS, write_folder

BALLOON, BOAT, _ = THINGS
HELD_S = 1.5


@pytest.fixture(params=[(360, 800), (800, 360)], ids=["upright", "lying"])
def phone(
    hand: Hand, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hand]:
    """The app on a phone's screen, which gives files through a picker and takes no drops."""
    shell = hand.app.shell
    monkeypatch.setattr(hand.app.platform, "name", "android")
    monkeypatch.setattr(hand.app.platform, "picks_folders", False)
    size_hint, size = tuple(shell.size_hint), tuple(shell.size)  # Kivy's own lists follow them
    shell.size_hint, shell.size = (None, None), request.param
    hand.wait(lambda: True)
    yield hand
    shell.size_hint, shell.size = size_hint, size


def look(phone: Hand) -> list[str]:
    """Return what is wrong with what is on the screen, in words."""
    phone.wait(lambda: True, frames=5)
    root = phone.app.shell
    return [f"{phone.screen.name}: {fault}" for fault in (*faults(root), *too_small(root))]


def swipe_up(phone: Hand, widget: Any) -> None:
    """Push what a page shows up by a finger, half the page."""
    from kivy.tests.common import UnitTestTouch

    x, y = widget.to_window(*widget.center)
    touch = UnitTestTouch(x, y)
    touch.touch_down()
    for step in range(1, 6):
        phone.wait(lambda: True, frames=1)
        touch.touch_move(x, y + step * widget.height / 10)
    phone.wait(lambda: True, frames=1)
    touch.touch_up()
    phone.wait(lambda: True)


def hold_to_record(phone: Hand, card: Any, camera: Path, thing: str) -> None:
    """Hold the button while the camera shows a thing."""
    for old in camera.glob("*"):
        old.unlink()
    for photo in (write_folder(camera.parent / f"of {thing}", 6, (thing,)) / thing).iterdir():
        photo.rename(camera / photo.name)
    phone.app.eye.switch_off()
    before = phone.app.project.n_photos
    ends: list[float] = []

    def is_enough() -> bool:
        if phone.app.project.n_photos >= before + 2 and not ends:
            ends.append(time.monotonic() + HELD_S)
        return bool(ends) and time.monotonic() > ends[0]

    from headfit_demo.widgets import scroll_to

    scroll_to(card.ids.hold)
    phone.wait(lambda: True)
    finger = phone.hold(card.ids.hold)
    phone.wait(is_enough)
    finger.touch_up()
    phone.settle()


def test_taught_and_recognised_by_touches(phone: Hand, tmp_path: Path) -> None:
    """Two things by holding the button, tried, put right, found again: no keyboard, no mouse."""
    from headfit_demo.widgets import Page

    camera = tmp_path / "camera"
    camera.mkdir()
    wrong = look(phone)
    phone.press("Teach something new")
    phone.wait(lambda: phone.screen.name == "teach")
    wrong += look(phone)
    for thing in (BALLOON, BOAT):
        hold_to_record(phone, phone.screen.empty_cards[0], camera, thing)
    phone.wait(lambda: phone.app.project.head_is_fresh and not phone.app.learning.is_on)
    assert list(phone.screen.cards) == ["Thing 1", "Thing 2"]
    wrong += look(phone)
    if phone.screen.asks:  # whether pictures may be kept
        phone.tap(phone.screen.ids.answered)

    phone.tap(phone.screen.ids.next)
    phone.wait(lambda: phone.screen.name == "recognise")
    if not phone.app.eye.is_on:
        phone.press("Camera on")
    phone.wait(lambda: phone.app.sight.verdict == "Thing 2")
    wrong += look(phone)
    page = next(one for one in phone.screen.ids.row.walk_reverse() if isinstance(one, Page))
    before = page.scroll_y
    swipe_up(phone, page)
    assert page.scroll_y < before
    wrong += look(phone)
    for name in ("privacy", "developer", "home", "settings"):
        phone.app.go(name)
        wrong += look(phone)
    assert wrong == []


def test_small_text_leaves_room_for_a_finger(phone: Hand) -> None:
    """On every page nothing to touch is smaller than with the usual text."""
    phone.app.set_preference("text_scale", 0.85)
    wrong = look(phone)
    phone.press("Teach something new")
    phone.wait(lambda: phone.screen.name == "teach")
    wrong += look(phone)
    for name in ("recognise", "privacy", "help", "developer", "settings"):
        phone.app.go(name)
        wrong += look(phone)
    assert wrong == []
