"""What is dropped on the window is sorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.support.hand import Hand
from tests.support.photos import THINGS, OtherExtractor, write_folder

from headfit import SoftmaxHead

BALLOON, BOAT, _ = THINGS


def test_dropped_folders_become_things(hand: Hand, tmp_path: Path) -> None:
    """A folder with folders in it begins a project that is named after it."""
    folder = write_folder(tmp_path / "Desk", 3)
    hand.app.drops.sort([folder], 0, 0)
    hand.wait(lambda: hand.app.project is not None and hand.app.project.n_photos == 9)
    assert hand.app.project.name == "Desk"
    assert sorted(one.name for one in hand.app.project.classes) == sorted(THINGS)


def test_dropped_photos_belong_to_the_thing_below(toys: Hand, tmp_path: Path) -> None:
    paths = sorted(write_folder(tmp_path / "more", 2, (BOAT,)).rglob("*.jpg"))
    card = toys.screen.cards[BOAT]
    toys.app.drops.sort(paths, *card.to_window(*card.center))
    toys.wait(lambda: toys.app.project.n_photos == 12)
    assert toys.screen.cards[BOAT].details == "7 photos"


def test_a_head_of_another_extractor_is_refused_in_a_sentence(hand: Hand, tmp_path: Path) -> None:
    other = OtherExtractor()
    embeddings = np.eye(4, other.embedding_dim, dtype=np.float32)
    SoftmaxHead().fit(embeddings, ["a", "a", "b", "b"], extractor=other).save(tmp_path / "o.head")
    hand.app.drops.sort([tmp_path / "o.head"], 0, 0)
    hand.wait(lambda: hand.notice)
    assert hand.notice == (
        "This was made for another extractor. Here it would only guess, so it is not used."
    )
    assert hand.app.project is None
    assert hand.screen.name == "home"
