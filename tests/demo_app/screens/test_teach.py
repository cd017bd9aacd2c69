"""Teach: names, and heads that go out and come in."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, frames, write_folder

from headfit import SoftmaxHead
from headfit_demo.screens.class_card import ClassCard
from headfit_demo.session import ClassView, picked
from headfit_demo.widgets import FADE_S, FileWindow

ENTER = 13
BALLOON, BOAT, _ = THINGS


def test_what_was_typed_stays_with_its_project(hand: Hand) -> None:
    """Without Enter, too: who goes elsewhere has named it."""
    hand.begin("One")
    one = hand.app.project.key
    hand.type("fox")
    hand.app.go("home")
    hand.settle()
    hand.begin("Two")
    assert hand.app.project.classes == ()
    assert [card.name for card in hand.screen.empty_cards] == ["", ""]
    hand.app.projects.open(one)
    hand.wait(lambda: hand.app.project.name == "One")
    assert [one.name for one in hand.app.project.classes] == ["fox"]


def test_two_cards_wait_and_the_project_is_called_by_its_things(hand: Hand, tmp_path: Path) -> None:
    """No question first; photos on a card without a name give it one, and undo takes both back."""
    hand.press("Teach something new")
    hand.wait(lambda: hand.screen.name == "teach" and len(hand.screen.empty_cards) == 2)
    assert (hand.n_windows, hand.app.shell.heading) == (0, "New project")
    paths = sorted(write_folder(tmp_path / "photos", 2, (BOAT,)).rglob("*.jpg"))
    card = hand.screen.empty_cards[1]
    hand.app.drops.sort(paths, *card.to_window(*card.center))
    hand.wait(lambda: hand.app.project.n_photos == 2)
    assert [one.name for one in hand.app.project.classes] == ["Thing 2"]
    assert hand.screen.cards["Thing 2"] is card
    hand.name("mug")
    hand.wait(lambda: hand.app.shell.heading == "Thing 2, mug")
    assert hand.screen.empty_cards == []
    hand.press("Another thing")
    assert len(hand.screen.empty_cards) == 1
    for _ in range(2):
        hand.app.teaching.undo()
    hand.wait(lambda: hand.app.project.classes == ())
    hand.app.go("home")
    hand.settle()
    hand.press("Teach something new")  # an empty one is not made twice
    hand.wait(lambda: hand.screen.name == "teach")
    hand.app.go("home")
    hand.settle()
    (project,) = hand.screen.ids.projects.children
    assert project.name == "New project"


def test_a_name_that_is_taken_is_said_and_the_card_waits_on(toys: Hand) -> None:
    toys.press("Another thing")
    toys.type(BOAT)
    toys.key(ENTER)
    toys.wait(lambda: toys.notice)
    assert toys.notice == "Another thing has this name. Choose another one."
    assert [card.name for card in toys.screen.empty_cards] == [""]
    toys.screen.cards[BALLOON].ids.name.edit()
    toys.type(BOAT)
    toys.key(ENTER)
    toys.settle()
    assert set(toys.screen.cards) == {BALLOON, BOAT}


def test_a_head_is_saved_and_comes_in_again(toys: Hand, tmp_path: Path) -> None:
    """Through both dialogs; a place that cannot be is said, and asked again."""
    from kivy.core.window import Window

    toys.press("Share what it learned")
    toys.wait(lambda: toys.n_windows)
    dialog = Window.children[0]
    field = dialog.ids.body.children[0]
    assert field.text == str(Path.home() / "Toys.head")
    toys.type(str(tmp_path / "nowhere" / "mine.head"))  # in place of what stood there
    toys.press("Save")
    assert dialog.text == "There is no such folder."
    field.text = str(tmp_path)
    field.focus = True
    toys.key(ENTER)
    toys.wait(lambda: toys.n_windows == 0)
    toys.settle()
    saved = tmp_path / "Toys.head"
    assert toys.notice == f"Saved: {saved}"
    assert SoftmaxHead.load(saved).fitted_.classes == (BALLOON, BOAT)

    toys.app.go("home")
    toys.settle()
    FileWindow.last_folder = tmp_path
    toys.press("Import a skill")
    toys.wait(lambda: toys.n_windows)
    toys.press_row("Toys.head")
    toys.answer("Open")
    toys.wait(lambda: toys.screen.name == "recognise")
    assert toys.app.project.n_photos == 0
    assert toys.app.project.head_classes == (BALLOON, BOAT)


def test_photos_that_are_nearly_one_are_said(hand: Hand) -> None:
    from headfit_demo.language import feedback_words

    def said(n_photos: int, n_effective: int | None) -> list[str]:
        return [
            text for text, _ in feedback_words(ClassView("fox", n_photos, None, False, n_effective))
        ]

    assert said(20, 1) == ["Nearly one photo: move, turn, other light"]
    assert said(20, 2) == ["Nearly 2 photos: move, turn, other light"]
    assert said(20, 11) == said(20, None) == []


def test_what_nobody_holds_is_gone(toys: Hand) -> None:
    """Memory stays flat however much is shown: no colour and no size holds it."""
    cards = [weakref.ref(ClassCard(screen=toys.screen)) for _ in range(4)]
    began = time.monotonic()
    toys.wait(lambda: time.monotonic() > began + 3 * FADE_S)  # of what appears
    gc.unfreeze()
    gc.collect()
    assert sum(card() is not None for card in cards) <= 1  # Kivy holds what was made last


def test_cards_are_shown_again_for_other_projects(toys: Hand) -> None:
    """Memory stays flat however many projects are looked at; of the last one nothing is seen."""
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 3, seed=5))
    toys.wait(lambda: toys.app.project.n_photos == 13)
    toys.settle()
    key, things = toys.app.project.key, list(toys.screen.cards)
    cards = set(toys.screen.cards.values())
    thumbs = [thumb for card in cards for thumb in card.ids.strip.children]
    assert sum(thumb.texture is not None for thumb in thumbs) == 3
    toys.press("Another thing")
    cards |= set(toys.screen.empty_cards)
    toys.type(BOAT)  # which is taken, so that it stays in the field
    toys.key(ENTER)
    toys.app.projects.create("Next")
    toys.wait(lambda: toys.app.project.name == "Next" and not toys.screen.cards)
    toys.settle()
    for card in toys.screen.empty_cards:
        assert card in cards
        assert (card.name, card.details, card.n_photos) == ("", "", 0)
        assert not card.ids.strip.children
        assert not card.ids.chips.children
        (field,) = card.ids.name.children
        assert field.text == ""
    assert not any(thumb.texture for thumb in thumbs)
    toys.app.projects.open(key)
    toys.wait(lambda: list(toys.screen.cards) == things)
    toys.settle()
    assert set(toys.screen.cards.values()) <= cards
    shown = [thumb for card in toys.screen.cards.values() for thumb in card.ids.strip.children]
    assert len(shown) == len(thumbs)
    assert sum(thumb.texture is not None for thumb in shown) == 3


def test_another_project_and_another_thing_begin_at_their_top(toys: Hand) -> None:
    """Wherever the last one's page was, and in every column; the same one is where it was."""
    from headfit_demo.widgets import Page

    def shares() -> list[float]:
        toys.settle()
        pages = [one for one in toys.screen.walk(restrict=True) if isinstance(one, Page)]
        found = [page.scroll_y for page in pages]
        for page in pages:
            page.scroll_y = 0.4
        toys.wait(lambda: True)
        return found

    toys.screen.show_photos(BALLOON)
    assert shares() == [1]
    toys.app.go("teach")
    assert shares() == [1, 1]
    toys.screen.show_photos(BALLOON)
    assert shares() == [0.4]
    toys.app.go("teach")
    assert shares() == [0.4, 0.4]
    toys.screen.show_photos(BOAT)
    assert shares() == [1]
    toys.app.go("home")
    toys.begin("Another")
    assert shares() == [1, 1]


def test_photos_chosen_for_a_project_go_to_no_other(
    toys: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window for files was open while another project with such a thing was opened."""
    folder = write_folder(tmp_path / "more", 2, (BOAT,)) / BOAT
    waiting: list[Callable[[], object]] = []
    pick = "headfit_demo.platforms.desktop.DesktopPlatform.pick_"
    files = [picked(path) for path in sorted(folder.iterdir())]
    monkeypatch.setattr(
        f"{pick}photos", lambda _, done, videos: waiting.append(lambda: done(files))
    )
    monkeypatch.setattr(f"{pick}folder", lambda _, done: waiting.append(lambda: done(folder)))
    toys.tap(toys.screen.cards[BOAT].ids.pick)
    toys.press("Photos in folders")
    toys.app.projects.create("Next")
    toys.wait(lambda: toys.app.project.name == "Next")
    toys.name(BOAT)
    for choose in waiting:
        toys.app.shell.ids.notice.hide()
        choose()
        toys.settle()
        assert toys.notice.startswith("Another project was opened meanwhile.")
    assert len(waiting) == 2
    assert toys.app.project.n_photos == 0


def test_what_is_chosen_stays_chosen_while_photos_come_in(toys: Hand) -> None:
    """And a finger stays on its photo; of another thing nothing is chosen."""
    toys.screen.show_photos(BOAT)
    toys.wait(lambda: toys.screen.name == "photos" and len(toys.screen.ids.grid.children) == 5)
    thumbs = list(reversed(toys.screen.ids.grid.children))
    toys.tap(thumbs[3])
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 2, seed=5))
    toys.wait(lambda: len(toys.screen.ids.grid.children) == 7)
    toys.settle()
    assert list(reversed(toys.screen.ids.grid.children))[2:] == thumbs
    assert [one for one in toys.screen.ids.grid.children if one.is_chosen] == [thumbs[3]]
    ids = [one.photo.example_id for one in reversed(toys.screen.ids.grid.children)]
    assert ids == [one.example_id for one in toys.app.project.classes[1].photos]
    toys.press("Forget 1 photo")
    toys.wait(lambda: toys.app.project.n_photos == 11 and toys.screen.n_chosen == 0)
    assert thumbs[3] not in toys.screen.ids.grid.children
    there = list(toys.screen.ids.grid.children)
    toys.app.go("teach")
    toys.screen.show_photos(BALLOON)
    toys.wait(lambda: len(toys.screen.ids.grid.children) == 5)
    toys.settle()
    assert toys.screen.n_chosen == 0
    ids = [one.photo.example_id for one in reversed(toys.screen.ids.grid.children)]
    assert ids == [one.example_id for one in toys.app.project.classes[0].photos]
    pictures = [one.texture for one in reversed(toys.screen.ids.grid.children)]
    of = toys.app.thumbnails.of
    assert pictures == [of(toys.app.project, one) for one in toys.app.project.classes[0].photos]
    assert set(toys.screen.ids.grid.children) <= set(there)  # to make them anew takes long


def test_the_page_owns_the_card_of_a_thing_that_was_named_in_it(toys: Hand) -> None:
    """Rules give weak ones; after an undo nothing else would hold it until it is shown again."""
    toys.name("mug")
    assert type(toys.screen.cards["mug"]) is ClassCard
