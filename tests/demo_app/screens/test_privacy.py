"""Privacy: what is kept is said, and erased."""

from __future__ import annotations

from pathlib import Path

from tests.support.hand import Hand
from tests.support.photos import THINGS, frames

BALLOON, BOAT, _ = THINGS


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_privacy_says_what_is_kept_and_erases_it(toys: Hand, tmp_path: Path) -> None:
    """Small pictures at once, the rest after a question; each button is off once all is gone."""
    from kivy.core.window import Window

    toys.app.set_preference("keeps_thumbnails", True)
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 2, seed=5))
    toys.settle()
    toys.app.go("privacy")
    toys.settle()
    page = toys.screen
    rows = {name: page.ids[name] for name in ("examples", "thumbnails", "head")}
    assert page.folder == str(next((tmp_path / "data" / "projects").iterdir()))
    assert page.examples.startswith("12 photos, 2 names, ")
    assert page.thumbnails.startswith("2 pictures, ")
    assert page.head.endswith("kB")

    def erase(name: str) -> None:
        toys.tap(rows[name].ids.erase)

    erase("thumbnails")
    toys.answer("Not now")
    assert page.n_thumbnails == 2
    erase("thumbnails")
    toys.answer("Erase")
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
    """One switch for all projects; it asks before what nothing brings back goes."""
    toys.app.set_preference("keeps_thumbnails", True)
    toys.app.teaching.add_photos(BOAT, frames(BOAT, 2, seed=5))
    toys.app.go("privacy")
    toys.wait(lambda: toys.screen.n_thumbnails == 2)
    toys.tap(toys.screen.ids.keep)
    toys.answer("Not now")
    assert (toys.screen.n_thumbnails, toys.app.keeps_thumbnails) == (2, True)
    toys.tap(toys.screen.ids.keep)
    toys.answer("Erase")
    toys.wait(lambda: toys.screen.n_thumbnails == 0)
    assert toys.screen.thumbnails == "none kept"
