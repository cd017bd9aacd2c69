"""Folders that are dropped hold things by the one walker; nothing in them vanishes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from headfit_demo.language import sentence
from headfit_demo.session import FolderError, find_pictures, find_things, picked

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such names")


def lay(root: Path, *files: str) -> Path:
    root.mkdir(exist_ok=True)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.mark.parametrize(
    ("files", "things", "left_out"),
    [
        (["cat/1.jpg", "cat/2.jpg", "cat/more/3.jpg", "dog/1.jpg"], {"cat": 3, "dog": 1}, []),
        (["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "more/6.jpg"], {"Cat": 6}, []),
        (["cat/1.jpg", ".git/1.jpg", "@eaDir/1.jpg"], {"cat": 1}, []),
        (["cat/1.heic", "cat/2.jfif", "cat/IMG_0003", "cat/4.avif"], {"cat": 4}, []),
        (
            ["cat/1.jpg", "cat /2.jpg", "cafe\u0301/1.jpg", "caf\xe9/2.jpg"],
            {"cat": 2, "café": 2},
            [],
        ),
        (["cat/1.jpg", "notes.txt"], {"cat": 1}, ["notes.txt"]),
    ],
)
@on_linux
def test_things_in_a_folder(
    tmp_path: Path, files: list[str], things: dict[str, int], left_out: list[str]
) -> None:
    """Everything there is of a thing, or named as left out; what systems leave is neither."""
    found = find_things([lay(tmp_path / "Cat", *files)])
    assert {name: len(photos) for name, photos in found.photos.items()} == things
    assert [one.name for one in found.left_out] == left_out


def test_several_folders_are_several_things(tmp_path: Path) -> None:
    """Of one name they are one."""
    first = lay(tmp_path / "cat", "1.jpg")
    second = lay(tmp_path / "all", "cat/2.jpg", "dog/1.jpg")
    found = find_things([first, second])
    assert {name: len(photos) for name, photos in found.photos.items()} == {"cat": 2, "dog": 1}


def test_a_folder_without_things_keeps_no_other_out(tmp_path: Path) -> None:
    """It is refused by its name, with the cause; only where all are, nothing is taught."""
    good = lay(tmp_path / "cat", "1.jpg")
    empty, sets = lay(tmp_path / "empty"), lay(tmp_path / "sets", "train/a/1.jpg", "val/a/1.jpg")
    found = find_things([empty, good, sets])
    assert {name: len(photos) for name, photos in found.photos.items()} == {"cat": 1}
    assert [one.name for one in found.refused] == ["empty", "sets"]
    assert "no picture" in sentence(found.refused[0].error)
    assert "folders inside folders" in sentence(found.refused[1].error)
    with pytest.raises(FolderError) as caught:
        find_things([empty, sets])
    assert "no picture" in sentence(caught.value)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([".x"], "There is no picture in this folder."),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg"],
            "folders inside folders",
        ),
        (["train/1.jpg", "test/1.jpg"], "folders inside folders"),
        (["a\nb/1.jpg", "a\nc/1.jpg"], "The name of the folder a\\nb cannot"),
        (["  /1.jpg", ".x/1.jpg"], 'The name of the folder "  " cannot'),
    ],
)
def test_a_folder_that_holds_no_things(tmp_path: Path, files: list[str], words: str) -> None:
    """A sentence for each cause."""
    with pytest.raises(FolderError) as caught:
        find_things([lay(tmp_path / "x", *files)])
    assert words in sentence(caught.value)


def test_a_folder_that_no_thing_can_be_called_by_keeps_no_other_out(tmp_path: Path) -> None:
    """It is refused by its name, with what to do."""
    found = find_things([lay(tmp_path / "x", "  /1.jpg", "cat/1.jpg", "dog/1.jpg")])
    assert {name: len(photos) for name, photos in found.photos.items()} == {"cat": 1, "dog": 1}
    assert [sentence(one.error) for one in found.refused] == [
        'The name of the folder "  " cannot be that of a thing. Rename it.'
    ]


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FolderError) as caught:
        find_things([tmp_path])
    assert sentence(caught.value) == "You may not look into this folder."


def test_a_folder_inside_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused with the cause; what lies beside it is taught."""
    lay(tmp_path, "cat/1.jpg", "dog/1.jpg")
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_things([tmp_path])
    assert list(found.photos) == ["cat"]
    assert found.left_out == ()
    assert [(one.name, sentence(one.error)) for one in found.refused] == [
        ("dog", "You have no permission to read it.")
    ]


@on_linux
def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    """A photo is taken and can be named in a message; of a folder it is said that it cannot."""
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/caf\xe9.jpg"))
    lay(tmp_path / "cat")
    photo.touch()
    (one,) = find_things([tmp_path]).photos["cat"]
    assert (one.name, one.content) == ("caf\\xe9.jpg", photo)
    one.name.encode()
    os.rename(photo.parent, os.fsencode(tmp_path) + b"/\xff")
    with pytest.raises(FolderError) as caught:
        find_things([tmp_path])
    assert "The name of the folder \\xff cannot" in sentence(caught.value)
    assert picked(Path(os.fsdecode(b"/a/\xff"))).name == "\\xff"


def test_pictures_of_the_camera(tmp_path: Path) -> None:
    """Those that are named as photos, at any depth; none is no error."""
    lay(tmp_path, "b/2.jpg", "1.png", "notes.txt", ".hidden.jpg")
    assert [path.name for path in find_pictures(tmp_path)] == ["1.png", "2.jpg"]
    assert find_pictures(lay(tmp_path / "none")) == []
