"""The pages for privacy and developers, and heads that go out and come in, by touches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.photos import THINGS, OtherExtractor, frames, write_folder

from headfit import SoftmaxHead
from headfit_demo.dialogs import FileWindow
from headfit_demo.facts import EngineSpeed

from .conftest import Hand

BALLOON, BOAT, _ = THINGS
ENTER = 13


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_privacy_says_what_is_kept_and_erases_it(toys: Hand, tmp_path: Path) -> None:
    """Small pictures at once, the rest after a question; each button is off once all is gone."""
    from kivy.core.window import Window

    toys.app.set_preference("keeps_thumbnails", True)
    toys.app.add_photos(BOAT, frames(BOAT, 2, seed=5))
    toys.settle()
    toys.app.go("privacy")
    toys.settle()
    page = toys.screen
    rows = {name: page.ids[name] for name in ("examples", "thumbnails", "head")}
    assert page.folder == str(next((tmp_path / "data" / "projects").iterdir()))
    assert page.examples.startswith("12 photos, 2 names, ")
    assert page.thumbnails.startswith("2 pictures, ")
    assert page.head.endswith(" kB")

    def erase(name: str) -> None:
        toys.tap(rows[name].ids.erase)

    erase("thumbnails")
    toys.wait(lambda: page.n_thumbnails == 0)
    assert not rows["thumbnails"].can_erase

    erase("examples")
    toys.answer("Not now")
    assert page.n_examples == 12
    erase("examples")
    toys.answer("Erase")
    assert page.n_examples == 0
    assert page.examples.startswith("none kept; their empty file has ")
    assert toys.app.project.head_classes == (BALLOON, BOAT)

    erase("head")
    toys.wait(lambda: toys.n_windows)
    assert "is gone, too" in Window.children[0].text
    toys.answer("Erase")
    assert page.head == "none yet"
    assert toys.app.project.head_classes == ()
    assert not any(row.can_erase for row in rows.values())

    toys.press("Erase everything")
    toys.answer("Erase")
    toys.wait(lambda: toys.screen.name == "home")
    assert toys.app.project is None
    assert [path.name for path in files(tmp_path / "data")] == ["preferences.json"]


def test_forbidding_small_pictures_erases_them(toys: Hand) -> None:
    toys.app.set_preference("keeps_thumbnails", True)
    toys.app.add_photos(BOAT, frames(BOAT, 2, seed=5))
    toys.app.go("privacy")
    toys.wait(lambda: toys.screen.n_thumbnails == 2)
    toys.press("Forbid them")
    toys.wait(lambda: toys.screen.n_thumbnails == 0)
    assert toys.screen.thumbnails == "none kept"


def test_developers_copy_the_lines_and_see_the_sizes(
    toys: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kivy.core.clipboard import Clipboard

    toys.app.go("developer")
    toys.settle()
    page = toys.screen
    assert 'ImageClassifier.load("Toys.head")' in page.code
    assert page.extractor_size == "Extractor: 335.6 kB"
    assert page.head_size.startswith("Head: ")
    assert 0 < page.share < 0.05
    assert (page.n_classes, page.accuracy) == ("2", "100%")
    toys.press("Copy")
    assert Clipboard.paste() == page.code
    assert toys.notice == "Copied."

    # Real engines take seconds each: test_session times them.
    speeds = (EngineSpeed("popcount", 20.25, ""), EngineSpeed("lce", None, "not installed"))
    monkeypatch.setattr(toys.app.session, "engine_speeds", lambda: speeds)
    toys.press("Measure the engines")
    toys.wait(lambda: page.ids.speeds.children)
    shown = {row.name: row.value for row in page.ids.speeds.children}
    assert shown == {"popcount": "20.2 ms", "lce": "not here"}
    assert not page.is_measuring


def test_a_head_is_saved_and_comes_in_again(toys: Hand, tmp_path: Path) -> None:
    """Through both dialogs; a place that cannot be is said, and asked again."""
    from kivy.core.window import Window

    toys.press("Export the head")
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
    assert SoftmaxHead.load(saved).classes_ == (BALLOON, BOAT)

    toys.app.go("home")
    toys.settle()
    FileWindow.last_folder = tmp_path
    toys.press("Import a head")
    toys.wait(lambda: toys.n_windows)
    toys.press_row("Toys.head")
    toys.answer("Open")
    toys.wait(lambda: toys.screen.name == "recognise")
    assert toys.app.project.n_photos == 0
    assert toys.app.project.head_classes == (BALLOON, BOAT)


def test_a_head_of_another_extractor_is_refused_in_a_sentence(hand: Hand, tmp_path: Path) -> None:
    other = OtherExtractor()
    embeddings = np.eye(4, other.embedding_dim, dtype=np.float32)
    SoftmaxHead().fit(embeddings, ["a", "a", "b", "b"], extractor=other).save(tmp_path / "o.head")
    hand.app._drops.sort([tmp_path / "o.head"], 0, 0)
    hand.wait(lambda: hand.notice)
    assert hand.notice == (
        "This was made for another extractor. Here it would only guess, so it is not used."
    )
    assert hand.app.project is None
    assert hand.screen.name == "home"


def test_photos_are_chosen_in_the_file_window(toys: Hand, tmp_path: Path) -> None:
    """Folders open, photos show themselves in small, one or all are chosen, Escape goes back."""
    from kivy.core.window import Window

    folder = write_folder(tmp_path / "photos", 3, (BOAT,))
    (folder / "letter.txt").write_text("not shown")
    FileWindow.last_folder = folder.parent
    pick = toys.screen._cards[BOAT].ids.pick
    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    window = Window.children[0]
    toys.press_row("photos")
    assert toys.rows() == [BOAT]
    toys.press_row(BOAT)
    assert toys.rows() == ["0.jpg", "1.jpg", "2.jpg"]
    listed = window.ids.rows.children[0].children
    toys.wait(lambda: all(row.texture for row in listed))
    toys.press_row("1.jpg")
    assert window.ids.go.text == "Open 1"
    toys.answer("Open 1")
    toys.wait(lambda: toys.app.project.n_photos == 11)

    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    toys.press("All of them")
    toys.answer("Open 3")
    toys.wait(lambda: toys.app.project.n_photos == 14)

    toys.tap(pick)
    toys.wait(lambda: toys.n_windows)
    toys.key(27)
    toys.wait(lambda: toys.n_windows == 0)
    assert toys.app.project.n_photos == 14
