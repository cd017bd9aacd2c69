"""Photos in a folder per class: found, named and sorted; never opened."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from headfit.errors import InputError
from headfit.files.headfile import CLASS_NAME_RULE, is_class_name

# Files that a file manager leaves behind and hides without a leading dot.
_LITTER = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One file and the class that its folder names."""

    path: Path
    class_name: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """What a folder of photos holds.

    Attributes
    ----------
    root : Path
        The folder of the class folders.
    photos : tuple of PhotoFile
        Sorted by class name, then by path, so that every machine reads them in one order.
    skipped : tuple of Skipped
        Files outside every class folder, things that are no regular files, empty classes.
    """

    root: Path
    photos: tuple[PhotoFile, ...]
    skipped: tuple[Skipped, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names, sorted, each once."""
        return tuple(sorted({photo.class_name for photo in self.photos}))


def find_photos(directory: str | os.PathLike[str]) -> PhotoFolder:
    """Return the photos that lie in a folder per class under ``directory``.

    A class is a folder directly inside ``directory``; its name, in Unicode's composed form (NFC),
    is the class name. Its photos are all files inside it, at any depth. Hidden files and folders
    are ignored. Whether a file is an image is found out only when it is decoded.

    Raises
    ------
    InputError
        If there is no photo, or a class name cannot be written into a head file.
    FileNotFoundError, NotADirectoryError
        If ``directory`` is not there, or is a file.
    """
    root = Path(directory)
    photos: list[PhotoFile] = []
    skipped: list[Skipped] = []
    for entry in sorted(root.iterdir()):
        if _is_litter(entry.name):
            continue
        if not entry.is_dir():
            skipped.append(Skipped(entry, "lies outside every class folder"))
            continue
        class_name = _class_name(entry)
        found = len(photos)
        for path in _files_below(entry):
            if path.is_file():
                photos.append(PhotoFile(path, class_name))
            else:  # a dangling link, or a pipe that would block whoever opens it
                skipped.append(Skipped(path, "is no regular file"))
        if len(photos) == found:
            skipped.append(Skipped(entry, "holds no photo"))
    if not photos:
        raise InputError(
            f"{root}: expected a folder per class with photos in it, found no photo in one; "
            f"put them into {root / 'cat'}, {root / 'dog'} and so on"
        )
    photos.sort(key=lambda photo: (photo.class_name, photo.path.as_posix()))
    return PhotoFolder(root, tuple(photos), tuple(skipped))


def _files_below(directory: Path) -> list[Path]:
    files: list[Path] = []
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not _is_litter(name)]
        files += [Path(folder, name) for name in names if not _is_litter(name)]
    return sorted(files)


def _class_name(folder: Path) -> str:
    class_name = unicodedata.normalize("NFC", folder.name)
    if not is_class_name(class_name):
        raise InputError(
            f"{str(folder)!r}: expected {CLASS_NAME_RULE}, found {class_name!r}; rename the folder"
        )
    return class_name


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER
