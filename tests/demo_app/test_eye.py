"""The camera on the screen: which one it is, and whether it is shown as in a mirror."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS

from headfit_demo.session import CameraError, Pixels, Preferences

BALLOON, BOAT, _ = THINGS


class Lens:
    """A camera that shows its number, its left half brighter; some are not there."""

    is_slow = False

    def __init__(self, index: int, missing: tuple[int, ...] = (1, 3, 4, 5)) -> None:
        self.is_front = index == 0
        self._index, self._is_there = index, index not in missing
        self._frame = np.full((4, 8, 3), 10 * index, np.uint8)
        self._frame[:, :4] += 100

    def start(self) -> None:
        """Begin; that there is no such camera comes out later."""

    def stop(self) -> None:
        """End."""

    def read(self) -> Pixels | None:
        """Return the picture."""
        if not self._is_there:
            raise CameraError("no camera was found")
        return None if Lens.is_slow else self._frame


@pytest.fixture
def lenses(toys: Hand, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The app on a desktop with the cameras 0 and 2."""
    monkeypatch.setattr(Lens, "is_slow", False)
    monkeypatch.setattr(toys.app.platform, "open_camera", Lens, raising=False)
    toys.app.eye.index = 0
    return toys


def left_and_right(hand: Hand) -> list[int]:
    """Return how bright the picture on the screen is, on its left and its right."""
    pixels = np.frombuffer(hand.app.eye.texture.pixels, np.uint8).reshape(4, 8, 4)
    return [int(pixels[0, 0, 0]), int(pixels[0, -1, 0])]


def test_a_front_camera_is_a_mirror_and_teaches_what_it_sees(lenses: Hand) -> None:
    lenses.tap(lenses.screen.cards[BOAT].ids.hold)
    lenses.wait(lambda: lenses.app.eye.texture)
    assert left_and_right(lenses) == [0, 100]
    assert lenses.app.eye.frame[0, :, 0].tolist() == [100] * 4 + [0] * 4


def test_the_next_camera_is_taken(lenses: Hand) -> None:
    """What is no camera is passed over; after the last comes the first."""
    eye = lenses.app.eye
    lenses.tap(lenses.screen.cards[BOAT].ids.hold)
    lenses.wait(lambda: eye.texture)
    lenses.tap(lenses.screen.ids.preview.ids.other_camera)
    lenses.wait(lambda: eye.texture)
    assert (eye.index, left_and_right(lenses)) == (2, [120, 20])
    assert Preferences.load(lenses.app.session.data_folder / "preferences.json").camera == 2
    lenses.app.go("recognise")
    lenses.wait(lambda: eye.texture)
    lenses.tap(lenses.screen.ids.other_camera)
    lenses.wait(lambda: eye.texture)
    assert (eye.index, lenses.notice) == (0, "")


def test_a_chosen_camera_that_is_gone_gives_way_to_the_first(lenses: Hand) -> None:
    lenses.app.eye.index = 1  # was chosen, and is no camera any more
    lenses.app.eye.switch_on()
    lenses.wait(lambda: lenses.app.eye.texture)
    assert (lenses.app.eye.index, lenses.notice) == (0, "")


def test_a_first_camera_that_is_gone_gives_way_to_another(
    lenses: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can ask for another one while none is on; the one found stays, and is not chosen."""
    there = [2]
    monkeypatch.setattr(
        lenses.app.platform,
        "open_camera",
        lambda index: Lens(index, tuple(other for other in range(6) if other not in there)),
    )
    eye = lenses.app.eye
    eye.switch_on()
    lenses.wait(lambda: eye.texture)
    assert (eye.index, lenses.notice) == (2, "")
    assert lenses.app.preferences.camera == 0
    eye.switch_off()
    eye.switch_on()
    lenses.wait(lambda: eye.texture)
    assert eye.index == 2
    there.clear()
    eye.switch_off()
    eye.switch_on()
    lenses.wait(lambda: lenses.notice)
    assert lenses.notice.startswith("No camera was found")
    assert (eye.index, eye.is_on) == (2, False)


def test_a_camera_that_may_not_be_used_is_not_sought(
    lenses: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lenses.app.platform, "ask_for_camera", lambda done: done(False))
    lenses.app.eye.switch_on()
    assert lenses.notice == "The camera may not be used. Allow it in the settings of the device."
    assert not lenses.app.eye.is_on


def test_where_there_is_one_camera_it_stays(lenses: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lenses.app.platform, "open_camera", lambda index: Lens(index, (1, 2, 3, 4, 5))
    )
    eye = lenses.app.eye
    eye.switch_on()
    lenses.wait(lambda: eye.texture)
    lenses.tap(lenses.screen.ids.preview.ids.other_camera)
    lenses.wait(lambda: lenses.notice)
    assert lenses.notice == "There is no other camera."
    lenses.wait(lambda: eye.texture)
    assert (eye.index, eye.is_on) == (0, True)


def test_a_camera_that_opens_slowly_says_so(lenses: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else there is goes on meanwhile; no button says that it records."""
    monkeypatch.setattr(Lens, "is_slow", True)
    held = lenses.hold(button := lenses.screen.cards[BOAT].ids.hold)

    def says_so() -> bool:
        widgets = lenses.screen.walk(restrict=True)
        return any(getattr(one, "text", "") == "The camera is being opened." for one in widgets)

    lenses.wait(says_so)
    lenses.teach("cup", [np.zeros((64, 64, 3), np.uint8)])
    assert not button.is_recording
    Lens.is_slow = False
    lenses.wait(lambda: lenses.app.eye.texture)
    lenses.wait(lambda: not says_so())
    lenses.wait(lambda: button.is_recording)
    held.touch_up()
    lenses.settle()
    assert not button.is_recording
