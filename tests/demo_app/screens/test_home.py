"""Home: what greets at the first start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, OtherExtractor, frames, picked

from headfit import SoftmaxHead


def test_the_first_start_greets_with_a_head_that_works(hand: Hand) -> None:
    """Each sample picture that is touched is recognised; nothing was taught."""
    thumbs = hand.screen.ids.samples.children
    assert len(thumbs) >= 3
    for thumb in thumbs:
        hand.tap(thumb)
        hand.settle()
        assert hand.screen.ids.bar0.name == thumb.sample.class_name
    assert hand.app.project is None


def test_the_greeting_says_why_it_says_nothing(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an extractor that the user chose, what came with the app cannot answer."""
    words = "What came with the app was made for another extractor. Teach it things of your own."
    other = OtherExtractor()
    embeddings = np.eye(4, other.embedding_dim, dtype=np.float32)
    SoftmaxHead().fit(embeddings, ["a", "a", "b", "b"], extractor=other).save(tmp_path / "o.head")
    monkeypatch.setattr("headfit_demo.session.session.GREETING_HEAD", tmp_path / "o.head")
    hand.screen.doubt = ""
    hand.tap(hand.screen.ids.samples.children[0])
    hand.wait(lambda: hand.screen.doubt)
    assert (hand.screen.doubt, hand.notice) == (words, "")
    assert [hand.screen.ids[bar].name for bar in ("bar0", "bar1", "bar2")] == ["", "", ""]
    hand.app.go("recognise")
    hand.app.sight.look_at(picked(THINGS[0], 1)[0])
    hand.wait(lambda: hand.notice)
    assert hand.notice == words


def test_a_card_stays_under_the_finger(toys: Hand) -> None:
    """While photos come in the projects are listed again and again."""
    toys.app.go("home")
    toys.settle()
    (card,) = toys.screen.ids.projects.children
    touch = toys.hold(toys.find("Rename"))
    toys.app.teaching.add_photos(THINGS[0], frames(THINGS[0], 1, seed=5))
    toys.wait(lambda: card.details == "2 things, 11 photos")
    touch.touch_up()
    toys.wait(lambda: toys.n_windows == 1)
    toys.type("Games")
    toys.answer("Rename")
    toys.wait(lambda: card.name == "Games")
    assert toys.screen.ids.projects.children == [card]


def test_a_damaged_project_is_repaired_by_a_touch(toys: Hand) -> None:
    """Its card does not say that there are no photos; opening it offers to keep what is there."""
    key = toys.app.project.key
    toys.app.go("home")
    toys.app.do(toys.app.session.close, lambda _: None)
    toys.settle()
    (store,) = toys.app.session.data_folder.glob(f"projects/{key}/examples.store")
    store.write_bytes(store.read_bytes()[:8192])
    toys.app.refresh_screen()
    (card,) = toys.screen.ids.projects.children
    toys.wait(lambda: card.details == "2 things, its photos cannot be read")
    toys.tap(card)
    toys.wait(lambda: toys.notice)
    toys.tap(toys.find("Repair"))
    toys.wait(lambda: toys.screen.name == "teach")
    assert "could be kept" in toys.notice or "None of its photos" in toys.notice
    assert [one.name for one in toys.app.project.classes] == list(THINGS[:2])


@pytest.mark.parametrize("has_head", [True, False])
def test_a_repair_says_what_there_is_where_no_photo_is(toys: Hand, has_head: bool) -> None:
    """What it learned is there only if its head is."""
    key = toys.app.project.key
    toys.app.go("home")
    toys.app.do(toys.app.session.close, lambda _: None)
    toys.settle()
    folder = toys.app.session.data_folder / "projects" / key
    (folder / "examples.store").write_bytes(b"rubbish")
    if not has_head:
        (folder / "trained.head").write_bytes(b"rubbish")
    toys.app.projects.repair(key, "teach")
    toys.wait(lambda: toys.notice)
    rest = "What it learned is there." if has_head else "Teach them again."
    assert toys.notice == f"None of its photos can be read any more. {rest}"
