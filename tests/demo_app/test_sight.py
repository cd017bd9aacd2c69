"""What is seen while things are taught: bars that follow, and answers that are put right."""

from __future__ import annotations

import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames, picked, write_folder

from headfit_demo.session import Certainty, PickedFile

BALLOON, BOAT, FLOWER = THINGS


def chance(hand: Hand, name: str) -> float:
    """Return the chance that the bar of a thing shows; 0 if there is no bar."""
    return next((bar[1] for bar in hand.app.sight.bars if bar[0] == name), 0.0)


def chip(hand: Hand, name: str) -> Any:
    """Return what to touch to say what is seen."""
    from headfit_demo.screens.answer import ThingChip

    (found,) = [
        one
        for one in hand.screen.walk(restrict=True)
        if isinstance(one, ThingChip) and one.text == name
    ]
    return found


def test_bars_move_with_every_photo_that_is_taught(hand: Hand, tmp_path: Path) -> None:
    """The camera shows a boat beside the cards; no button is pressed to learn or to look."""
    write_folder(tmp_path / "camera", 1, (BOAT,))
    hand.begin()
    hand.tap(hand.screen.ids.preview.ids.camera)
    hand.wait(lambda: hand.app.sight.texture is not None)
    hand.teach(BALLOON, frames(BALLOON, 3))
    assert hand.app.sight.bars == []
    assert hand.app.sight.explanation == "It can learn as soon as two things have photos."
    hand.teach(FLOWER, frames(FLOWER, 3))
    hand.wait(lambda: len(hand.app.sight.bars) == 2)
    assert [bar[0] for bar in hand.app.sight.bars] == [BALLOON, FLOWER]  # places, not ranks
    hand.teach(BOAT, frames(BOAT, 1, seed=7))
    hand.wait(lambda: chance(hand, BOAT) > 0.3)
    hand.app.teaching.add_photos(BOAT, frames(BOAT, 8, seed=8))
    hand.wait(lambda: hand.app.sight.verdict == BOAT)
    shown = hand.screen.ids.preview.ids
    assert shown.verdict.text == BOAT
    assert [shown.bars.ids[f"bar{n}"].name for n in range(3)] == [BALLOON, FLOWER, BOAT]
    assert hand.notice == ""


def test_a_photo_dropped_beside_the_cards_is_tried(toys: Hand) -> None:
    """It is looked at and not taught; there it is looked at again with every photo taught."""
    view = toys.screen.ids.preview.ids.view
    path = toys.app.session.data_folder / "new.jpg"
    content = picked(FLOWER, 1, seed=9)[0].content
    assert isinstance(content, bytes)
    path.write_bytes(content)
    toys.app.drops.sort([path], *view.to_window(*view.center))
    toys.wait(lambda: toys.app.sight.verdict)
    assert toys.app.project.n_photos == 10
    assert toys.app.sight.verdict != FLOWER
    toys.teach(FLOWER, frames(FLOWER, 8))
    toys.wait(lambda: toys.app.sight.verdict == FLOWER)
    toys.tap(toys.screen.ids.preview.ids.close)
    assert toys.app.sight.texture is None
    assert toys.app.sight.bars == []


@pytest.mark.parametrize("window", [(360, 800), (1120, 760)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_answers_of_other_lengths_move_nothing(
    toys: Hand, scale: float, window: tuple[int, int]
) -> None:
    """Neither what stands below them nor the picture; with nothing seen the room is gone."""
    shell, sight = toys.app.shell, toys.app.sight
    size_hint, size = tuple(shell.size_hint), tuple(shell.size)
    shell.size_hint, shell.size = (None, None), window
    toys.app.set_preference("text_scale", scale)
    preview = toys.screen.ids.preview
    toys.wait(lambda: True, frames=5)
    without = preview.height
    sight.look_at(picked(FLOWER, 1, seed=9)[0])
    toys.wait(lambda: sight.verdict and preview.ids.bars.height)
    sight.explanation = "Two things were seen, and both are as far from what was taught. " * 2
    toys.wait(lambda: True, frames=5)
    high, above = preview.height, preview.top - preview.ids.view.top
    sight.explanation = ""
    toys.wait(lambda: True, frames=5)
    assert (preview.height, preview.top - preview.ids.view.top) == (high, above)
    sight.look_away()
    toys.wait(lambda: True, frames=5)
    assert preview.height == without < high
    shell.size_hint, shell.size = size_hint, size


@pytest.mark.parametrize("page", ["teach", "recognise"])
def test_a_wrong_answer_is_put_right_by_a_touch(toys: Hand, page: str) -> None:
    """The photo is taught at once, the answer follows, and the notice takes it back."""
    toys.app.go(page)
    toys.app.sight.look_at(picked(FLOWER, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    before = chance(toys, BOAT)
    toys.tap(chip(toys, BOAT))
    toys.wait(lambda: toys.app.project.n_photos == 11 and toys.app.project.head_is_fresh)
    assert toys.notice == f"Taught as {BOAT}."
    toys.wait(lambda: chance(toys, BOAT) > max(before, 0.5))
    assert toys.app.project.classes[1].n_photos == 6
    toys.press("Undo")
    toys.wait(lambda: toys.app.project.n_photos == 10)
    assert toys.notice == "1 photo was taken back."


def test_what_was_taught_wrongly_is_moved(toys: Hand) -> None:
    """The same photo is not taught twice as two things; undo and redo carry it back and forth."""
    photo = picked(BOAT, 1, seed=4)[0]
    toys.app.teaching.add_photos(BALLOON, [photo])
    toys.wait(lambda: toys.app.project.n_photos == 11)

    def counts() -> list[int]:
        return [one.n_photos for one in toys.app.project.classes]

    assert counts() == [6, 5]
    toys.app.sight.look_at(photo)
    toys.wait(lambda: toys.app.sight.can_correct)
    toys.app.sight.correct(BOAT)
    toys.wait(lambda: counts() == [5, 6])
    assert toys.notice == f"Moved from {BALLOON} to {BOAT}."
    toys.wait(lambda: toys.app.sight.verdict == BOAT)
    toys.app.teaching.undo()
    toys.wait(lambda: counts() == [6, 5])
    assert toys.notice == "1 photo was moved back."
    toys.app.teaching.redo()
    toys.wait(lambda: counts() == [5, 6])
    assert toys.notice == "1 photo was moved again."


def test_what_is_something_else_gets_a_name(toys: Hand) -> None:
    toys.app.sight.look_at(picked(FLOWER, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    toys.tap(chip(toys, "Something else"))
    toys.type(FLOWER)
    toys.answer("Learn")
    toys.wait(lambda: FLOWER in toys.screen.cards and toys.app.project.head_is_fresh)
    assert toys.app.project.classes[2].n_photos == 1
    toys.wait(lambda: chance(toys, FLOWER) > 0.3)


def test_an_undo_in_a_notice_takes_back_nothing_else(toys: Hand) -> None:
    """Once something else was done, the notice has no way back any more."""
    toys.app.sight.look_at(picked(FLOWER, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    toys.app.sight.correct(BOAT)
    toys.wait(lambda: toys.notice)
    assert not toys.app.shell.ids.notice.ids.undo.disabled
    toys.app.teaching.add_photos(BALLOON, frames(BALLOON, 1, seed=5))
    toys.wait(lambda: toys.app.project.n_photos == 12)
    assert toys.app.shell.ids.notice.ids.undo.disabled


def test_what_is_stale_says_so(toys: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a third thing is not learned: on the answer, on the page, on the button; then no more.

    No answer is beyond doubt then, however high its chance.
    """
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.is_sure)
    monkeypatch.setattr("headfit_demo.session.open_project.QUICK_S", -1.0)
    monkeypatch.setattr("headfit_demo.learning.Learning.start", lambda _: None)
    toys.teach(FLOWER, frames(FLOWER, 5))
    toys.settle()
    toys.wait(lambda: toys.app.sight.verdict.startswith("Probably"))
    late = f"It does not know {FLOWER} yet."
    assert toys.app.sight.explanation == late
    assert (toys.screen.heading, toys.screen.state_text) == ("There is more to learn", late)
    assert toys.screen.next_text == "Learn 5 new photos"
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 1, seed=11))
    toys.wait(lambda: toys.screen.next_text == "Learn 6 new photos")
    monkeypatch.undo()
    toys.app.learning.follow(toys.app.project)
    toys.wait(lambda: toys.app.project.head_is_fresh and toys.app.sight.is_sure)
    assert toys.app.sight.explanation == ""
    assert toys.screen.next_text == "Try it"


def test_what_is_unknown_at_the_first_start(hand: Hand) -> None:
    """No project is open, and the photo is nothing that the app came with."""
    blue = BytesIO()
    Image.fromarray(np.full((64, 64, 3), (10, 20, 240), np.uint8)).save(blue, "PNG")
    hand.app.go("recognise")
    for language, words in (("en", "None of these"), ("de", "Nichts davon")):
        hand.app.set_preference("language", language)
        hand.app.sight.look_at(PickedFile("blue.png", blue.getvalue()))
        hand.wait(lambda words=words: hand.app.sight.verdict == words)
        assert hand.app.sight.recent.answers[0].said == words
        assert [bar[2:] for bar in hand.app.sight.bars] == [(False, -1)] * 3
    hand.app.set_preference("language", "en")


def test_what_is_not_believed_has_no_colour(toys: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside "None of these" chances are written as what they are: of no account."""
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.is_sure)
    assert [bar[3] for bar in toys.app.sight.bars] == [0, 1]
    found = replace(toys.app.sight._found, class_name=None, certainty=Certainty.UNKNOWN)
    monkeypatch.setattr(toys.app.session, "recognise", lambda _: found)
    toys.app.refresh_screen()
    toys.wait(lambda: toys.app.sight.verdict == "None of these")
    assert [bar[2:] for bar in toys.app.sight.bars] == [(False, -1)] * 2


def test_the_line_of_answers_tells_doubt(toys: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not beyond doubt is not written as if it had been."""
    toys.app.go("recognise")
    monkeypatch.setattr("headfit_demo.session.session.certainty_of", lambda *_: Certainty.PROBABLE)
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.recent.answers)
    assert toys.app.sight.verdict == f"Probably {BOAT}"
    assert [one.said for one in toys.app.sight.recent.answers] == [f"{BOAT}?"]


def test_before_there_is_an_answer_none_is_called_wrong(toys: Hand) -> None:
    """With one thing taught nothing is answered: what is touched says what it is."""
    toys.app.projects.create("New")
    toys.wait(lambda: toys.app.project.name == "New" and toys.screen.name == "teach")
    toys.name("mug")
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.can_correct)

    def says(words: str) -> bool:
        return any(getattr(one, "text", "") == words for one in toys.screen.walk(restrict=True))

    for page in ("teach", "recognise"):
        toys.app.go(page)
        toys.wait(lambda: says("It is …"))
        assert not says("Wrong? It is …")


def test_an_explanation_moves_nothing(toys: Hand) -> None:
    """It comes and goes with the camera's frames, while a finger is on its way to a thing."""
    toys.app.go("recognise")
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.bars, frames=10)
    toys.app.sight.explanation = ""
    toys.wait(lambda: True, frames=10)
    before = [chip(toys, name).to_window(0, chip(toys, name).y) for name in (BALLOON, BOAT)]
    toys.app.sight.explanation = "Hold the camera still."
    toys.wait(lambda: True, frames=10)
    after = [chip(toys, name).to_window(0, chip(toys, name).y) for name in (BALLOON, BOAT)]
    assert toys.screen.ids.why.text == "Hold the camera still."
    assert after == before


def test_the_last_answers_stand_in_a_line(toys: Hand, tmp_path: Path) -> None:
    """Photos one by one, of the camera what differs; a touch shows it again, to put it right."""
    from headfit_demo.screens.answer import PastAnswer
    from headfit_demo.sight import EVERY_S

    def line() -> list[Any]:
        return [one for one in toys.screen.walk() if isinstance(one, PastAnswer)]

    def seen() -> list[str]:
        return [one.said for one in toys.app.sight.recent.answers]

    toys.app.go("recognise")
    for number, thing in enumerate((BOAT, BALLOON, BALLOON), 1):
        toys.app.sight.look_at(picked(thing, number, seed=9)[-1])
        toys.wait(lambda number=number: len(seen()) == number)
    assert seen() == [BALLOON, BALLOON, BOAT]
    assert [one.text for one in line()] == seen()
    write_folder(tmp_path / "camera", 1, (BOAT,))
    toys.press("Camera on")
    toys.wait(lambda: len(seen()) == 4 and toys.app.sight.verdict)
    ends = time.monotonic() + 5 * EVERY_S
    toys.wait(lambda: time.monotonic() > ends)
    assert seen() == [BOAT, BALLOON, BALLOON, BOAT]

    toys.settle()
    before = line()
    touch = toys.hold(before[1])
    toys.wait(lambda: before[1].state == "down")  # a scroll view waits whether it is a swipe
    toys.app.sight.look_at(picked(BOAT, 9, seed=9)[-1])
    toys.wait(lambda: len(seen()) == 5)
    assert line() == before  # nothing moves under a finger
    held = before[1].texture
    touch.touch_up()
    toys.wait(lambda: toys.app.sight.verdict == BALLOON)
    assert [one.texture for one in toys.app.sight.recent.answers].index(held) == 2
    toys.wait(lambda: line() != before)
    assert line()[1:] == before[: len(line()) - 1]
    assert [one.text for one in line()] == seen()[: len(line())]
    assert not toys.app.eye.is_on
    toys.app.sight.correct(BOAT)
    toys.wait(lambda: toys.app.project.classes[1].n_photos == 6)
    toys.settle()
    assert len(seen()) == 5  # it has its place already

    toys.app.projects.create("Next")
    toys.wait(lambda: toys.app.project.name == "Next")
    assert seen() == []
