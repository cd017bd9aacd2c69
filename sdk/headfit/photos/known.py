"""Which photos of a folder a store knows already, and which of its own are gone: by digests."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headfit.errors import InputError
from headfit.learning.origin import Preprocessing, View
from headfit.photos.bombs import MAX_FILE_BYTES
from headfit.photos.likeness import photo_digest
from headfit.photos.photo_folder import PhotoFile, PhotoFolder


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What became of a folder since its photos were taught.

    Attributes
    ----------
    known : tuple of PhotoFile
        Taught before, under the same name.
    moved : dict of int to str
        Examples whose photos lie in the folder of another class now, and which.
    new : tuple of PhotoFile
    gone : tuple of int
        Examples whose photos are in the folder no more.
    """

    known: tuple[PhotoFile, ...]
    moved: dict[int, str]
    new: tuple[PhotoFile, ...]
    gone: tuple[int, ...]


def digests_of(
    photos: Sequence[PhotoFile], preprocessing: Preprocessing, views: Sequence[View]
) -> dict[Path, bytes]:
    """Return the digests of files by path; what cannot be read, or is too long, has none."""
    found = {}
    for photo in photos:
        try:
            if os.stat(photo.path).st_size <= MAX_FILE_BYTES:
                found[photo.path] = photo_digest(photo.path, preprocessing, views)
        except OSError:
            continue  # whoever embeds it says why
    return found


def refuse_unread(folder: PhotoFolder, digests: Mapping[Path, bytes]) -> None:
    """Refuse to call anything gone while some of the folder cannot be seen.

    Raises
    ------
    InputError
        If a folder or a photo could not be read: what is taken for gone may lie there.
    """
    unread = {one.path: one.reason for one in folder.skipped if one.is_unread}
    for photo in folder.photos:
        if photo.path not in digests:
            try:
                with photo.path.open("rb"):
                    continue  # too long to be a photo
            except OSError as error:
                unread[photo.path] = error.strerror or str(error)
    for path, reason in unread.items():
        raise InputError(
            f"{path}: expected to read the whole folder before what is gone from it is forgotten, "
            f"found this: {reason}; mend it, or keep what is gone (--keep)"
        )


def compare(
    photos: Sequence[PhotoFile],
    digests: Mapping[Path, bytes],
    taught: Mapping[int, tuple[str, bytes]],
) -> FolderChanges:
    """Match photos with examples: each with one, of the same class if there is one.

    Parameters
    ----------
    photos : sequence of PhotoFile
    digests : mapping of Path to bytes
    taught : mapping of int to (class name, digest)
        The examples by their numbers.
    """
    left: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for number in sorted(taught, reverse=True):  # the oldest is taken first
        left[taught[number]].append(number)
    known, unknown = [], []
    for photo in photos:
        key = (photo.class_name, digests.get(photo.path, b""))
        if left.get(key):
            left[key].pop()
            known.append(photo)
        else:
            unknown.append(photo)
    elsewhere: dict[bytes, list[int]] = defaultdict(list)
    for number in sorted((n for numbers in left.values() for n in numbers), reverse=True):
        elsewhere[taught[number][1]].append(number)
    new, moved = [], {}
    for photo in unknown:
        same = elsewhere.get(digests.get(photo.path, b""))
        if same:
            moved[same.pop()] = photo.class_name
        else:
            new.append(photo)
    gone = sorted(number for numbers in elsewhere.values() for number in numbers)
    return FolderChanges(tuple(known), moved, tuple(new), tuple(gone))
