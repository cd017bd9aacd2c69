"""Two windows: a project is open in one of them, and a killed one holds nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.photos import THINGS, frames

from headfit.store import ExampleStore
from headfit_demo.session import ProjectInUseError, Session

BALLOON, BOAT, FLOWER = THINGS

HOLDER = """
import sys
from pathlib import Path
from headfit_demo.session import Session

session = Session(Path(sys.argv[1]), isolate=True)
session.open_project(session.projects()[0].key)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def second(taught: Session) -> Iterator[Session]:
    """Another window over the same data, while the first has the project open."""
    second = Session(taught.data_folder, isolate=False)
    yield second
    second.close()


def test_a_project_is_open_in_one_window(taught: Session, second: Session) -> None:
    """The other lists it, and may neither open, rename nor delete it; then it may."""
    (card,) = second.projects()
    for act in (
        lambda: second.open_project(card.key),
        lambda: second.rename_project(card.key, "Mine"),
        lambda: second.delete_project(card.key),
        second.erase_everything,
    ):
        with pytest.raises(ProjectInUseError):
            act()
    taught.project.add_class(FLOWER)
    taught.close()
    second.open_project(card.key)
    assert [one.name for one in second.project.view().classes] == [BALLOON, BOAT, FLOWER]
    with pytest.raises(ProjectInUseError):
        taught.open_project(card.key)


def test_what_others_have_open_stays_and_the_rest_is_erased(
    taught: Session, second: Session
) -> None:
    second.create_project("Empty")
    with pytest.raises(ProjectInUseError):
        second.erase_everything()
    assert [card.name for card in taught.projects()] == ["Toys"]


def test_a_killed_window_holds_nothing(toys_folder: Path, tmp_path: Path) -> None:
    """Though the process that ran its extractor may outlive it for a moment."""
    shutil.copytree(toys_folder, tmp_path / "data")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "open\n"
    session = Session(tmp_path / "data", isolate=False)
    (card,) = session.projects()
    with pytest.raises(ProjectInUseError):
        session.open_project(card.key)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    session.open_project(card.key)
    session.close()
    holder.stdin.close()
    holder.stdout.close()


def test_what_a_kill_left_half_deleted_goes(taught: Session) -> None:
    """And a project whose making was cut off is none."""
    folder = taught.project.stored().folder
    taught.close()
    shutil.copytree(folder, folder.with_name(".deleted-1"))
    folder.with_name("2").mkdir()
    (card,) = taught.projects()
    assert card.key == folder.name
    assert not folder.with_name(".deleted-1").exists()
    taught.erase_everything()
    assert list(folder.parent.iterdir()) == []


def pictures_on_disk(folder: Path) -> int:
    """Return how many small pictures lie in the files of all projects."""
    stores = (folder / "projects").rglob("examples.store*")
    return sum(path.read_bytes().count(b"\xff\xd8\xff\xe0") for path in stores)


def test_small_pictures_are_kept_and_erased_in_all_projects(taught: Session) -> None:
    """Also of what was taught before, in this run of the app; of the rest none is known."""
    first = taught.project.key
    taught.project.add_photos(BOAT, frames(BOAT, 2, seed=7))
    taught.create_project("Next")
    taught.project.add_class(BOAT)
    taught.project.add_photos(BOAT, frames(BOAT, 3, seed=8))
    assert pictures_on_disk(taught.data_folder) == 0
    assert taught.keep_thumbnails(True) == 10
    taught.close()
    assert pictures_on_disk(taught.data_folder) == 5
    taught.open_project(first)
    assert (
        sum(photo.thumbnail is not None for photo in taught.project.view().classes[1].photos) == 2
    )

    taught.keep_thumbnails(False)
    taught.close()
    assert pictures_on_disk(taught.data_folder) == 0


def test_what_another_window_holds_is_said_and_the_rest_follows(
    taught: Session, second: Session
) -> None:
    second.create_project("Next")
    second.project.add_class(BOAT)
    second.project.add_photos(BOAT, frames(BOAT, 1))
    with pytest.raises(ProjectInUseError):
        second.keep_thumbnails(True)
    assert second.project.stored().n_thumbnails == 1
    taught.close()
    with ExampleStore.open(next((taught.data_folder / "projects").iterdir()) / "examples.store"):
        pass
    assert second.keep_thumbnails(True) == 10
