"""Folders of photos: every class found, in one order, with nothing lost in silence."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from headfit.errors import InputError
from headfit.photos.folders import PhotoFile, Skipped, find_photos


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_photos_come_sorted_by_class_and_path(tmp_path: Path) -> None:
    """Sorted by class name, then path, whatever order the file system gives them in."""
    last = touch(tmp_path / "b" / "1.jpg")
    nested = touch(tmp_path / "a" / "sub" / "0.png")
    first = touch(tmp_path / "a" / "2.jpg")
    folder = find_photos(tmp_path)
    assert folder.photos == (PhotoFile(first, "a"), PhotoFile(nested, "a"), PhotoFile(last, "b"))
    assert folder.class_names == ("a", "b")
    assert folder.skipped == ()


def test_one_photo_makes_a_class(tmp_path: Path) -> None:
    """A class with a single photo does not vanish."""
    touch(tmp_path / "many" / "1.jpg")
    touch(tmp_path / "many" / "2.jpg")
    touch(tmp_path / "one" / "1.jpg")
    assert find_photos(tmp_path).class_names == ("many", "one")


def test_spaces_and_unicode_in_names(tmp_path: Path) -> None:
    """Names keep their spaces, scripts and case."""
    names = ["Großer Hund", "ねこ", "chat à poil ras"]
    for name in names:
        touch(tmp_path / name / "photo 1 (copie).jpg")
    assert find_photos(tmp_path).class_names == tuple(sorted(names))


def test_class_names_are_composed(tmp_path: Path) -> None:
    """A folder that a Mac wrote in decomposed Unicode names the same class as elsewhere."""
    touch(tmp_path / unicodedata.normalize("NFD", "café") / "1.jpg")
    assert find_photos(tmp_path).class_names == (unicodedata.normalize("NFC", "café"),)


def test_hidden_files_are_ignored(tmp_path: Path) -> None:
    """Hidden files and folders at any depth, and what file managers leave, are no photos."""
    photo = touch(tmp_path / "cat" / "1.jpg")
    for litter in (".DS_Store", ".git/x.jpg", "cat/.hidden/2.jpg", "cat/._1.jpg", "cat/Thumbs.db"):
        touch(tmp_path / litter)
    folder = find_photos(tmp_path)
    assert folder.photos == (PhotoFile(photo, "cat"),)
    assert folder.skipped == ()


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    """A loose file, an empty class and a dangling link are named with the reason."""
    touch(tmp_path / "cat" / "1.jpg")
    loose = touch(tmp_path / "loose.jpg")
    (tmp_path / "empty").mkdir()
    dangling = tmp_path / "cat" / "2.jpg"
    dangling.symlink_to("nowhere")
    assert find_photos(tmp_path).skipped == (
        Skipped(dangling, "is no regular file"),
        Skipped(tmp_path / "empty", "holds no photo"),
        Skipped(loose, "lies outside every class folder"),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """A named pipe, which would block its reader, is left out."""
    touch(tmp_path / "cat" / "1.jpg")
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    assert find_photos(tmp_path).skipped == (
        Skipped(tmp_path / "cat" / "pipe.jpg", "is no regular file"),
    )


def test_a_link_to_a_class_folder_is_followed(tmp_path: Path) -> None:
    """Photos may lie elsewhere and be linked in as a class."""
    touch(tmp_path / "elsewhere" / "1.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").symlink_to(tmp_path / "elsewhere")
    assert find_photos(tmp_path / "photos").class_names == ("cat",)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The error says what a folder should look like."""
    with pytest.raises(InputError, match="expected a folder per class.*found no photo"):
        find_photos(tmp_path)


def test_photos_without_class_folders_are_refused(tmp_path: Path) -> None:
    """Photos that lie directly in the folder have no class."""
    touch(tmp_path / "1.jpg")
    with pytest.raises(InputError, match="found no photo in one"):
        find_photos(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no Unicode")
def test_a_class_name_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    """A name that no head file could hold is refused before the photos are embedded."""
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/1.jpg")))
    with pytest.raises(InputError, match="rename the folder"):
        find_photos(tmp_path)


def test_a_missing_folder_is_a_standard_error(tmp_path: Path) -> None:
    """Standard errors pass untouched."""
    with pytest.raises(FileNotFoundError):
        find_photos(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        find_photos(touch(tmp_path / "file"))
