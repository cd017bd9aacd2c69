"""Folders of photos: every class found, in one order, with nothing lost in silence."""

from __future__ import annotations

import errno
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from tests.support.stores import Source

from headfit.errors import InputError
from headfit.photos.photo_folder import (
    MAX_DEPTH,
    PhotoFile,
    PhotoFolder,
    Skipped,
    find_dropped_photos,
    find_photos,
    find_unsorted_photos,
)
from headfit.store import ExampleStore

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such names")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def lay(root: Path, *files: str) -> Path:
    """Make a folder that holds these files; of a name that ends in / an empty folder."""
    root.mkdir(exist_ok=True)
    for file in files:
        if file.endswith("/"):
            (root / file).mkdir(parents=True)
        else:
            touch(root / file)
    return root


def reasons(folder: PhotoFolder) -> dict[str, str]:
    return {one.path.relative_to(folder.root).as_posix(): one.reason for one in folder.skipped}


def test_photos_come_sorted_by_class_and_path(tmp_path: Path) -> None:
    """Sorted by class name, then path, whatever order the file system gives them in."""
    last = touch(tmp_path / "b" / "1.jpg")
    nested = touch(tmp_path / "a" / "sub" / "0.png")
    first = touch(tmp_path / "a" / "2.jpg")
    folder = find_photos(tmp_path)
    assert folder.photos == (PhotoFile(first, "a"), PhotoFile(nested, "a"), PhotoFile(last, "b"))
    assert folder.class_names == ("a", "b")
    assert folder.class_counts == {"a": 2, "b": 1}
    assert folder.skipped == ()


def test_one_photo_makes_a_class(tmp_path: Path) -> None:
    """A class with a single photo does not vanish."""
    lay(tmp_path, "many/1.jpg", "many/2.jpg", "one/1.jpg")
    assert find_photos(tmp_path).class_names == ("many", "one")


def test_spaces_and_unicode_in_names(tmp_path: Path) -> None:
    """Names keep their spaces, scripts and case."""
    names = ["Großer Hund", "ねこ", "chat à poil ras"]
    for name in names:
        touch(tmp_path / name / "photo 1 (copie).jpg")
    assert find_photos(tmp_path).class_names == tuple(sorted(names))


@pytest.mark.parametrize(
    ("names", "class_names"),
    [
        (["cat", "cat ", " cat"], ("cat",)),
        (["cat", "cat\u200b", "\ufeffcat"], ("cat",)),
        (["grey cat", "grey  cat", "grey\N{NO-BREAK SPACE}cat"], ("grey cat",)),
        (["café", unicodedata.normalize("NFD", "café")], ("café",)),
        ([unicodedata.normalize("NFD", "가")], ("가",)),
        (["cat", "Cat"], ("Cat", "cat")),  # may be two: nobody knows better than who named them
    ],
)
@on_linux
def test_names_that_look_the_same_are_one_class(
    tmp_path: Path, names: list[str], class_names: tuple[str, ...]
) -> None:
    """A stray space, or Unicode as a Mac writes it, makes no class of its own; no photo is lost."""
    for name in names:
        touch(tmp_path / name / "1.jpg")
    folder = find_photos(tmp_path)
    assert folder.class_names == class_names
    assert len(folder.photos) == len(names)


@pytest.mark.parametrize(
    ("litter", "reason"),
    [
        (".DS_Store", "is hidden"),
        (".git/x.jpg", "is hidden"),
        (".thumbnails/1.jpg", "is hidden"),
        ("cat/.hidden/2.jpg", "is hidden"),
        ("cat/._1.jpg", "is hidden"),
        ("cat/Thumbs.db", "is the system's own"),
        ("@eaDir/1.jpg", "is the system's own"),
        ("cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "is the system's own"),
        ("#recycle/1.jpg", "is the system's own"),
        ("$RECYCLE.BIN/1.jpg", "is the system's own"),
        ("System Volume Information/x", "is the system's own"),
        ("__MACOSX/cat/1.jpg", "is the system's own"),
        ("lost+found/1.jpg", "is the system's own"),
        ("cat/1.jpg.supplemental-metadata.json", "is what a photo app wrote beside a photo"),
        ("cat/metadata.JSON", "is what a photo app wrote beside a photo"),
        ("cat/1.xmp", "is what a photo app wrote beside a photo"),
        ("cat/IMG_1.AAE", "is what a photo app wrote beside a photo"),
        ("cat/1.THM", "is what a photo app wrote beside a photo"),
        ("cat/.picasa.ini", "is hidden"),
        ("cat/Picasa.ini", "is what a photo app wrote beside a photo"),
        ("mine.head", "is headfit's own"),
        ("cat/mine.store", "is headfit's own"),
        ("cat/mine.examples", "is headfit's own"),
    ],
)
def test_what_systems_leave_is_no_photo(tmp_path: Path, litter: str, reason: str) -> None:
    """It is no class either; it is counted, and strict reading passes over it."""
    photo = touch(tmp_path / "cat" / "1.jpg")
    touch(tmp_path / litter)
    folder = find_photos(tmp_path)
    assert folder.photos == (PhotoFile(photo, "cat"),)
    (skipped,) = folder.skipped
    assert (skipped.reason, skipped.is_litter) == (reason, True)


def test_what_a_store_keeps_beside_it_is_no_photo(tmp_path: Path) -> None:
    """Room to delete in, and SQLite's log: as they are on the disk."""
    touch(tmp_path / "cat" / "1.jpg")
    with ExampleStore.open(tmp_path / "mine.store", Source(embedding_dim=4)) as store:
        store.add(np.ones(4), "cat")
        found = {one.path.name for one in find_photos(tmp_path).skipped if one.is_litter}
    assert found >= {"mine.store", "mine.store-wal", "mine.store-shm", "mine.store-room"}


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    """A loose file, an empty class and a dangling link are named with the reason."""
    touch(tmp_path / "cat" / "1.jpg")
    loose = touch(tmp_path / "loose.jpg")
    (tmp_path / "empty").mkdir()
    dangling = tmp_path / "cat" / "2.jpg"
    dangling.symlink_to("nowhere")
    assert find_photos(tmp_path).skipped == (
        Skipped(dangling, "is a link that leads nowhere", errno=errno.ENOENT),
        Skipped(tmp_path / "empty", "holds no photo"),
        Skipped(loose, "lies outside every class folder"),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """A named pipe, which would block its reader, is left out."""
    touch(tmp_path / "cat" / "1.jpg")
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    assert reasons(find_photos(tmp_path)) == {"cat/pipe.jpg": "is no regular file"}


BACK = "is a link that leads back into the same folder"
AGAIN = "is a link to a folder that was read already"


@pytest.mark.parametrize(
    ("links", "counts", "skipped"),
    [
        ({"ds/cat": "elsewhere"}, {"cat": 2, "dog": 1}, {}),
        ({"ds/dog/more": "elsewhere"}, {"dog": 3}, {}),
        ({"ds/all": "ds"}, {"dog": 1}, {"all": BACK}),
        ({"ds/dog/up": "."}, {"dog": 1}, {"dog/up": BACK}),
        ({"ds/a dog": "ds/dog"}, {"dog": 1}, {"a dog": BACK}),
        ({"ds/x": "elsewhere", "ds/y": "elsewhere"}, {"dog": 1, "x": 2}, {"y": AGAIN}),
        (
            {"elsewhere/loop": "elsewhere", "ds/x": "elsewhere"},
            {"dog": 1, "x": 2},
            {"x/loop": AGAIN},
        ),
    ],
)
def test_every_folder_is_read_once(
    tmp_path: Path, links: dict[str, str], counts: dict[str, int], skipped: dict[str, str]
) -> None:
    """Photos may be linked in from elsewhere; nothing counts twice or is dropped unsaid."""
    lay(tmp_path, "ds/dog/1.jpg", "elsewhere/1.jpg", "elsewhere/2.jpg")
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    folder = find_photos(tmp_path / "ds")
    assert folder.class_counts == counts
    assert reasons(folder) == skipped


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason, once; the rest is found. The whole folder raises as Python does."""
    lay(tmp_path, "cat/1.jpg", "cat/shut/2.jpg", "dog/1.jpg")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if Path(path).name in shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    shut = {"shut", "dog"}
    folder = find_photos(tmp_path)
    assert folder.class_counts == {"cat": 1}
    assert reasons(folder) == {"cat/shut": "Permission denied", "dog": "Permission denied"}
    assert all(one.is_unread for one in folder.skipped)
    shut = {tmp_path.name}
    with pytest.raises(PermissionError):
        find_photos(tmp_path)


def test_folders_without_end(tmp_path: Path) -> None:
    """A tree that is too deep to walk is cut off with a reason."""
    touch(tmp_path / "cat" / "1.jpg")
    touch(tmp_path.joinpath("cat", *["d"] * 200, "2.jpg"))
    folder = find_photos(tmp_path)
    assert folder.class_counts == {"cat": 1}
    assert folder.skipped[0].reason == f"lies more than {MAX_DEPTH} folders deep"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        # parts of a data set, and one folder too high: the folder meant is named
        (["train/a/1.jpg", "train/b/1.jpg", "val/a/2.jpg", "val/b/2.jpg"], ["{}/train, {}/val"]),
        (["data/a/1.jpg", "data/b/1.jpg"], ["give the one", "{}/data"]),
        (["x/y/data/a/1.jpg", "x/y/data/b/1.jpg", ".DS_Store"], ["give the one", "{}/x/y/data"]),
        (["d/train/a/1.jpg", "d/train/b/1.jpg", "d/val/a/2.jpg", "d/val/b/2.jpg"], ["{}/d/train"]),
        (["train/a/1.jpg", "train/b/1.jpg", "train/labels.csv"], ["{}/train"]),
        (["train/a/1.jpg", "train/b/1.jpg", "readme.jpg"], ["{}/train"]),
        (["train/1.jpg", "test/1.jpg"], ["parts of a data set", "{}/test/cat"]),
        (["Train/a/1.jpg", "VAL/a/1.jpg"], ["parts of a data set"]),
        (["Train/1.jpg", "Validation/1.jpg", "cat/1.jpg"], ["(Train, Validation)"]),
        (["cat/1.jpg", "holdout/1.jpg", "train/1.jpg"], ["(holdout, train)"]),
        # a class folder that holds nothing but folders, beside good ones
        (["cat/1.jpg", "more/a/1.jpg", "more/b/1.jpg"], ["{}/more: expected photos of one class"]),
        # one folder too low, and nothing at all
        (["1.jpg", "2.jpg"], ["2 beside", "give the folder above"]),
        (["cat/"], ["found no photo in one, 1 left out", "holds no photo"]),
        ([], ["expected a folder per class", "found no photo", "nothing at all"]),
    ],
)
def test_the_wrong_folder_is_refused(tmp_path: Path, files: list[str], words: list[str]) -> None:
    """Folders of folders make no classes; the message says which folder is meant."""
    lay(tmp_path, *files)
    with pytest.raises(InputError) as caught:
        find_photos(tmp_path)
    for word in words:
        assert word.replace("{}", str(tmp_path)) in str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        ["train/1.jpg", "bus/1.jpg"],  # things that drive
        ["n01/images/1.JPEG", "n01/boxes.txt", "n02/images/1.JPEG"],  # Tiny ImageNet
        ["cat/1.jpg", "cat/old/2.jpg", "cat/new/3.jpg", "dog/1.jpg"],
    ],
)
def test_odd_folders_that_are_classes(tmp_path: Path, files: list[str]) -> None:
    """What only looks like a part of a data set, or like a folder of folders, is taken."""
    folder = find_photos(lay(tmp_path, *files))
    assert len(folder.photos) == len(files)
    assert len(folder.class_names) == 2


@on_linux
def test_a_class_name_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    """And the message says why."""
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/1.jpg")))
    with pytest.raises(InputError, match="in UTF-8, found another encoding; rename the folder"):
        find_photos(tmp_path)


@on_linux
@pytest.mark.parametrize("name", ["a\nb", " "])
def test_a_class_name_that_no_head_holds_is_refused(tmp_path: Path, name: str) -> None:
    """A control character, nothing but space: refused before the photos are embedded."""
    touch(tmp_path / name / "1.jpg")
    with pytest.raises(InputError, match="rename the folder"):
        find_photos(tmp_path)


@on_linux
def test_file_names_need_not_be_unicode(tmp_path: Path) -> None:
    """A photo is found under the name it has."""
    photo = touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/\xff.jpg")))
    assert find_photos(tmp_path).photos == (PhotoFile(photo, "cat"),)


def test_a_missing_folder_is_a_standard_error(tmp_path: Path) -> None:
    """Standard errors pass untouched."""
    file = touch(tmp_path / "file")
    for find in (find_photos, find_unsorted_photos, find_dropped_photos):
        with pytest.raises(FileNotFoundError):
            find(tmp_path / "nowhere")
        with pytest.raises(NotADirectoryError):
            find(file)


def test_unsorted_photos_are_found_at_any_depth(tmp_path: Path) -> None:
    """Litter is no photo, links and shut folders are said as anywhere."""
    lay(tmp_path, "1.jpg", "a/b/2.jpg", ".hidden.jpg", "@eaDir/1.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    folder = find_unsorted_photos(tmp_path)
    assert [one.path.name for one in folder.photos] == ["1.jpg", "2.jpg"]
    assert sorted(reasons(folder)) == [".hidden.jpg", "@eaDir", "a/up"]
    with pytest.raises(InputError, match=r"expected photos, found 1 left out, the last .*\.x"):
        find_unsorted_photos(lay(tmp_path / "none", ".x"))


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        (["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"], {"cat": 2, "dog": 1}),
        (["1.jpg", "2.jpg", "more/3.jpg"], {"Desk": 3}),  # a class with folders inside it
        (["photo 1.heic", "more/3.jpg"], {"Desk": 2}),
        (["readme.txt", "cat/1.jpg", "dog/1.jpg"], {"cat": 1, "dog": 1}),
        (["all/cat/1.jpg", "all/dog/1.jpg"], {"cat": 1, "dog": 1}),
        ([".git/1.jpg", "cat/1.jpg", "dog/1.jpg"], {"cat": 1, "dog": 1}),
        (["cat/1.jpg"], {"cat": 1}),
    ],
)
def test_dropped_folders(tmp_path: Path, files: list[str], counts: dict[str, int]) -> None:
    """Photos directly inside make it a class; else it holds classes, or the folder in it does."""
    folder = find_dropped_photos(lay(tmp_path / "Desk", *files))
    assert folder.class_counts == counts


@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic"]
)
def test_a_dropped_photo_needs_no_ending(tmp_path: Path, start: bytes) -> None:
    """How a file begins says that it is a photo."""
    lay(tmp_path / "Desk", "more/1.jpg", "IMG_0001")
    (tmp_path / "Desk" / "IMG_0001").write_bytes(start)
    assert find_dropped_photos(tmp_path / "Desk").class_counts == {"Desk": 2}


def test_dropped_parts_of_a_data_set_are_refused(tmp_path: Path) -> None:
    """As `find_photos` refuses them: nobody knows which of them is meant."""
    lay(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg")
    with pytest.raises(InputError, match="folders of folders"):
        find_dropped_photos(tmp_path)
