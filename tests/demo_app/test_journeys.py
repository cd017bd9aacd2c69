"""What users do with the app, from teaching to erasing, by touches and keys, without a display."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.hand import PATIENCE_S, Hand
from tests.support.photos import THINGS, fill, frames, picked

from headfit_demo.session import OpenProject, Progress

BALLOON, BOAT, FLOWER = THINGS


def test_teach_train_recognise_restart(hand: Hand, tmp_path: Path) -> None:
    """Two things are named and shown, are learned by themselves, recognised, and there tomorrow."""
    toys = hand
    toys.begin()
    toys.teach(BALLOON, frames(BALLOON, 5))
    toys.teach(BOAT, frames(BOAT, 5))
    toys.settle()
    cards = toys.screen.cards
    assert [card.details for card in cards.values()] == ["5 photos", "5 photos"]
    assert all(thumb.texture for thumb in cards[BOAT].ids.strip.children)
    toys.wait(lambda: toys.app.project.head_is_fresh)
    assert "guessed right" in toys.screen.heading
    assert toys.screen.next_text == "Try it"

    toys.tap(toys.screen.ids.next)
    assert toys.screen.name == "recognise"
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    assert toys.app.sight.verdict == BOAT
    bars = toys.screen.ids.bars.ids
    assert [bars.bar0.name, bars.bar1.name] == [BALLOON, BOAT]
    assert bars.bar1.is_best
    assert bars.bar1.chance > bars.bar0.chance
    assert "ms per photo" in toys.app.sight.speed

    toys.app.worker.do(toys.app.session.close, lambda result, error: None)
    toys.app.project = None
    toys.app.use_folder(tmp_path / "data")
    toys.app.go("home")
    toys.settle()
    (card,) = toys.screen.ids.projects.children
    assert (card.name, card.details) == ("Toys", "2 things, 10 photos")
    toys.tap(card)
    toys.wait(lambda: toys.app.project is not None)
    assert toys.app.project.head_classes == tuple(sorted((BALLOON, BOAT)))


def test_a_photo_is_looked_at_again_by_the_head_as_it_is(toys: Hand) -> None:
    """What the head learned meanwhile counts; another project knows nothing of the photo."""
    toys.app.go("recognise")
    toys.app.sight.look_at(picked(FLOWER, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    assert toys.app.sight.verdict != FLOWER
    toys.app.go("teach")
    toys.teach(FLOWER, frames(FLOWER, 8))
    toys.app.go("recognise")
    toys.wait(lambda: toys.app.sight.verdict == FLOWER)
    assert toys.app.sight.texture is not None

    toys.app.projects.create("Next")
    toys.wait(lambda: toys.screen.name == "teach" and toys.app.project.name == "Next")
    toys.app.go("recognise")
    toys.settle()
    assert (toys.app.sight.texture, toys.app.sight.verdict, toys.notice) == (None, "", "")


def test_a_training_is_stopped(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins by itself; the bar moves, Stop is pressed, and stopped it stays, with no head."""
    hand.begin()
    hand.settle()
    fill(hand.app.session, n_samples=3000, n_classes=20)
    from headfit_demo.learning import QUIET_S

    train, stop_is_pressed = OpenProject.train, threading.Event()

    def train_slowly(project: OpenProject, progress: Callable[[Progress], None]) -> None:
        def watch(step: Progress) -> None:
            progress(step)
            if step.losses:  # the first steps have none yet
                stop_is_pressed.wait(PATIENCE_S)  # a finger needs longer than this head
                progress(step)

        train(project, watch)

    monkeypatch.setattr(OpenProject, "train", train_slowly)
    hand.app.look()
    hand.wait(lambda: hand.app.project.n_photos == 3000)
    hand.wait(lambda: hand.app.learning.losses)
    assert hand.app.learning.is_on
    assert hand.app.learning.fraction > 0
    hand.press("Stop")
    stop_is_pressed.set()
    hand.wait(lambda: not hand.app.learning.is_on)
    assert hand.notice == "Stopped. What it learned before is as it was."
    hand.settle()
    ends = time.monotonic() + 2 * QUIET_S
    hand.wait(lambda: time.monotonic() > ends)
    assert not hand.app.learning.is_on
    assert hand.app.project.head_classes == ()
    monkeypatch.setattr(OpenProject, "train", train)
    hand.press("Learn 3000 new photos")
    hand.wait(lambda: hand.app.project.head_is_fresh)
    assert hand.screen.next_text == "Try it"


def test_renaming_forgetting_and_undo(toys: Hand) -> None:
    """A thing gets another name in any script, gets it back, is forgotten and comes back."""
    name = toys.screen.cards[BOAT].ids.name
    toys.tap(name.children[0])
    toys.type("Чашка 杯")  # in place of what stood there
    toys.key(13)
    toys.wait(lambda: "Чашка 杯" in toys.screen.cards)
    assert "Чашка 杯" in toys.app.project.head_classes
    toys.settle()
    toys.tap(toys.app.shell.ids.undo)
    toys.wait(lambda: BOAT in toys.screen.cards)

    toys.screen.forget(BOAT)
    toys.wait(lambda: BOAT not in toys.screen.cards)
    assert toys.app.project.n_photos == 5
    assert toys.notice == f"{BOAT} was forgotten."
    toys.wait(lambda: len(toys.screen.empty_cards) == 1)
    toys.press("Undo")
    toys.wait(lambda: BOAT in toys.screen.cards)
    toys.screen.forget(BOAT)
    toys.wait(lambda: BOAT not in toys.screen.cards)
    toys.key(ord("z"), ("ctrl",))
    toys.wait(lambda: BOAT in toys.screen.cards)
    assert toys.notice == f"{BOAT} is back."
    assert toys.app.project.n_photos == 10
    toys.key(ord("y"), ("ctrl",))
    toys.wait(lambda: BOAT not in toys.screen.cards)
    toys.key(ord("y"), ("ctrl",))
    toys.wait(lambda: toys.notice == "There is nothing to do again.")
