"""Folders that the user gave: which things they hold, by the one walker of headfit."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headfit import InputError
from headfit.photos import (
    NAMELESS,
    PHOTO_ENDINGS,
    PhotoFolder,
    find_dropped_photos,
    find_unsorted_photos,
)
from headfit_demo.session.errors import FolderError, UnreadableFileError
from headfit_demo.session.names import readable_name
from headfit_demo.session.photos import Photo, PickedFile
from headfit_demo.session.states import Refused


@dataclass(frozen=True, slots=True)
class Things:
    """What folders hold.

    Attributes
    ----------
    photos : dict of str to sequence of Photo
        The photos of each thing. Whether a file can be read is found out when it is taught.
    left_out : tuple of Path
        What lies there beside, but for what is hidden or the system's own.
    refused : tuple of Refused
        Folders of which nothing was made, each with its `FolderError`, and what in the others may
        not be read.
    """

    photos: Mapping[str, Sequence[Photo]]
    left_out: tuple[Path, ...] = ()
    refused: tuple[Refused, ...] = ()


def find_things(folders: Iterable[Path]) -> Things:
    """Return the things in folders: see `headfit.photos.find_dropped_photos`.

    A folder that holds no photo or may not be read, or of which nobody can tell which things it
    holds, is refused; the others are not.

    Raises
    ------
    FolderError
        If all of them are refused: why the first is.
    """
    photos: dict[str, list[PickedFile]] = {}
    left_out: list[Path] = []
    refused: list[Refused] = []
    for folder in folders:
        try:
            found = _look_through(folder)
        except FolderError as error:
            refused.append(Refused(readable_name(folder), error))
            continue
        for photo in found.photos:
            photos.setdefault(photo.class_name, []).append(picked(photo.path))
        for one in found.skipped:
            if one.errno in (errno.EACCES, errno.EPERM):
                why = f"{one.path}: expected what may be read, found what may not; allow it"
                refused.append(Refused(readable_name(one.path), UnreadableFileError(why)))
            elif one.reason == NAMELESS:
                why = f"{str(one.path)!r}: expected a name that a thing can have; rename the folder"
                refused.append(Refused(readable_name(one.path), FolderError(why)))
            elif not one.is_litter:
                left_out.append(one.path)
    if refused and not photos:
        raise refused[0].error
    return Things(photos, tuple(left_out), tuple(refused))


def _look_through(folder: Path) -> PhotoFolder:
    try:
        return find_dropped_photos(folder)
    except InputError as error:
        raise FolderError(str(error)) from error
    except PermissionError as error:
        raise FolderError(f"{folder}: expected a folder that may be read") from error


def find_pictures(folder: Path) -> list[Path]:
    """Return the photos in a folder and in those below it that are named as such, in order."""
    try:
        found = find_unsorted_photos(folder)
    except InputError:
        return []
    return [one.path for one in found.photos if one.path.suffix.lower() in PHOTO_ENDINGS]


def picked(path: Path) -> PickedFile:
    """Return a file as the user knows it; what is no UTF-8 in its name shows as bytes."""
    return PickedFile(readable_name(path), path)
