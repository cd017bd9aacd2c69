"""What is dropped on the window is sorted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.support.hand import Hand
from tests.support.photos import THINGS, OtherExtractor, frames, picked, write_folder
from tests.support.videos import film

from headfit import SoftmaxHead

BALLOON, BOAT, FLOWER = THINGS


def test_dropped_folders_become_things(hand: Hand, tmp_path: Path) -> None:
    """A folder with folders in it begins a project that is named after it."""
    folder = write_folder(tmp_path / "Desk", 3)
    hand.app.drops.sort([folder], 0, 0)
    hand.wait(lambda: hand.app.project is not None and hand.app.project.n_photos == 9)
    assert hand.app.project.name == "Desk"
    assert sorted(one.name for one in hand.app.project.classes) == sorted(THINGS)


@pytest.mark.parametrize("page", ["home", "settings"])
def test_folders_go_to_no_project_that_is_not_seen(toys: Hand, tmp_path: Path, page: str) -> None:
    """On a page that does not say which project is open they begin a new one."""
    folder, before = write_folder(tmp_path / "Desk", 3), toys.app.project
    toys.app.go(page)
    toys.app.drops.sort([folder], 300, 300)
    toys.wait(lambda: toys.app.project.name == "Desk" and toys.app.project.n_photos == 9)
    toys.wait(lambda: not toys.app.jobs.is_any)
    assert toys.screen.name == "teach"
    toys.app.projects.open(before.key)
    toys.wait(lambda: toys.app.is_shown(before.key))
    assert [(one.name, one.n_photos) for one in toys.app.project.classes] == [
        (BALLOON, 5),
        (BOAT, 5),
    ]


@pytest.mark.parametrize("page", ["teach", "photos", "recognise"])
def test_folders_go_to_the_project_that_is_seen(toys: Hand, tmp_path: Path, page: str) -> None:
    folder, key = write_folder(tmp_path, 3, (FLOWER,)) / FLOWER, toys.app.project.key
    toys.screen.show_photos(BOAT)
    toys.app.go(page)
    toys.app.drops.sort([folder], 300, 300)
    toys.wait(lambda: toys.app.project.n_photos == 13)
    assert toys.app.is_shown(key)
    assert [one.name for one in toys.app.project.classes] == [BALLOON, BOAT, FLOWER]


def test_a_video_that_is_dropped_on_a_thing_is_taught(toys: Hand, tmp_path: Path) -> None:
    """Its pictures, each once; on a page where photos are looked at it says where it belongs."""
    clip = film(tmp_path / "clip.avi", frames(BOAT, 3, seed=4), 2.0).content
    card = toys.screen.cards[BOAT]
    toys.app.drops.sort([clip], *card.to_window(*card.center))
    toys.wait(lambda: toys.app.project.n_photos == 13 and toys.notice)
    assert toys.notice == "3 of 12 photos were taught. 9 looked like others."
    toys.app.go("recognise")
    toys.app.drops.sort([clip], 300, 300)
    toys.wait(lambda: toys.notice == "This is a video. Add it to the photos of what it shows.")


def test_several_folders_are_called_by_their_things(hand: Hand, tmp_path: Path) -> None:
    """Not by what they happen to lie in; of one without a photo it is said, and by its name."""
    folder = write_folder(tmp_path / "Downloads", 3, (BALLOON, BOAT))
    (folder / "nothing").mkdir()
    hand.app.drops.sort(sorted(folder.iterdir()), 0, 0)
    hand.wait(lambda: hand.app.project is not None and hand.app.project.n_photos == 6)
    hand.wait(lambda: hand.notice)
    assert hand.app.project.name == f"{BALLOON}, {BOAT}"
    assert hand.notice == "nothing was left out. There is no picture in this folder."


def test_a_skill_that_came_as_a_file_says_nothing_of_changes(toys: Hand, tmp_path: Path) -> None:
    """Nothing of it was changed, and there is no photo to learn; it is as sure as it was."""
    head = tmp_path / "came.head"
    toys.app.change(lambda project: project.classifier.head.save(head))
    toys.settle()
    toys.app.drops.sort([head], 0, 0)
    toys.wait(lambda: toys.app.project.name == "came")
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    assert (toys.app.sight.verdict, toys.app.sight.explanation) == (BOAT, "")
    toys.app.go("teach")
    assert toys.screen.heading == "Ready"
    assert toys.screen.state_text.startswith("There are no photos of it here.")


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


def test_photos_in_a_folder_and_below_it_are_one_thing(hand: Hand, tmp_path: Path) -> None:
    """`boat/` with photos and `boat/more/` with one: six boats, and none called "more"."""
    folder = write_folder(tmp_path, 5, (BOAT,)) / BOAT
    (folder / "more").mkdir()
    (folder / "0.jpg").rename(folder / "more" / "0.jpg")
    (folder / "notes.txt").write_text("no picture")
    hand.app.drops.sort([folder], 0, 0)
    hand.wait(lambda: hand.app.project is not None and hand.app.project.n_photos == 5)
    assert [one.name for one in hand.app.project.classes] == [BOAT]
    hand.wait(lambda: "notes.txt was left out" in hand.notice)


def test_all_that_was_left_out_can_be_seen(toys: Hand, tmp_path: Path) -> None:
    """The notice has room for one; the rest is a touch away."""
    from kivy.core.window import Window

    folder = write_folder(tmp_path, 1, (BOAT,), seed=5) / BOAT
    for name in ("1.heic", "2.heic"):
        (folder / name).write_text("no picture")
    toys.app.drops.sort([folder], 0, 0)
    toys.wait(lambda: "1 more was left out, too." in toys.notice)
    toys.press("Which ones?")
    dialog = Window.children[0]
    assert dialog.text == "1.heic, 2.heic: This is no picture that can be read."
    toys.wait(lambda: toys.can_press("Close"))
    toys.press("Close")
    toys.wait(lambda: toys.n_windows == 0)


def test_what_is_dropped_beside_is_named(toys: Hand, tmp_path: Path) -> None:
    """Nothing is lost in silence: photos beside a folder, a file that is no picture."""
    folder = write_folder(tmp_path, 1, (BOAT,)) / BOAT
    toys.app.drops.sort([folder, tmp_path / "1.heic", tmp_path / "2"], 0, 0)
    toys.wait(lambda: toys.notice == "1.heic was left out. 1 more was left out, too.")
    (tmp_path / "IMG_1").write_text("no picture")
    card = toys.screen.cards[BOAT]
    toys.app.drops.sort([tmp_path / "IMG_1"], *card.to_window(*card.center))
    toys.wait(lambda: "IMG_1 was left out. This is no picture" in toys.notice)


def test_a_dropped_name_that_is_no_unicode(toys: Hand, tmp_path: Path) -> None:
    """It is taught as any other."""
    folder = write_folder(tmp_path, 1, (BOAT,)) / BOAT
    odd = os.fsencode(folder) + b"/\xff.jpg"
    os.rename(folder / "0.jpg", odd)
    card = toys.screen.cards[BOAT]
    toys.app.drops._begin()
    toys.app.drops._take(None, odd, 0, 0)
    ((path, _, _),) = toys.app.drops._dropped
    toys.app.drops.sort([path], *card.to_window(*card.center))
    toys.wait(lambda: toys.app.project.n_photos == 11)
