"""The one walker: which files of a folder are photos of which class, and why others are not.

Everything that it meets is a photo, or is skipped with a reason, or makes it refuse the folder.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headfit.errors import InputError
from headfit.files.class_names import CLASS_NAME_RULE, as_class_name
from headfit.photos.formats import FORMATS, PHOTO_ENDINGS, START_BYTES, format_of

# What systems, file servers and archivers leave behind without a leading dot, in lower case.
_SYSTEM_NAMES: Final = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "@eadir",
    "@tmp",
    "@recycle",
    "@__thumb",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "__macosx",
    "lost+found",
}

# What photo apps write beside a photo: Takeout, Lightroom, iPhones, cameras, Picasa.
_SIDECARS: Final = {".json", ".xmp", ".aae", ".thm", ".ini"}

_OWN: Final = {".head", ".block", ".examples", ".store", ".store-wal", ".store-shm", ".store-room"}

_SETS: Final = {
    "train", "training", "val", "valid", "validation", "dev", "test", "testing", "holdout",
}  # fmt: skip
"""Names of the parts that data sets are split into."""

MAX_DEPTH: Final = 64
"""How many folders deep photos are looked for."""

OUTSIDE: Final = "lies outside every class folder"
"""Why a file beside the class folders is left out."""

NAMELESS: Final = "has a name that no class can have"
"""Why a folder of photos is left out of one that was dropped."""

_NAMED: Final = 5
"""How many folders an error names at most."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One file and the class that its folder names; "" where photos are not sorted."""

    path: Path
    class_name: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was left out, and why.

    Attributes
    ----------
    path : Path
    reason : str
    is_litter : bool
        Whether it is hidden, or was left by a system, a photo app or headfit itself. Such things
        lie in any folder, so strict reading passes over them.
    errno : int or None
        The system's number of why nobody could see whether photos are there, as in `errno`: no
        permission, a disk that is not there.
    """

    path: Path
    reason: str
    is_litter: bool = False
    errno: int | None = None

    @property
    def is_unread(self) -> bool:
        """Whether there may be photos that nobody could see."""
        return self.errno is not None


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
        All else that lies there: files outside every class folder, empty classes, what is no
        regular file or may not be read, links that lead back, what is hidden or the system's own.
    """

    root: Path
    photos: tuple[PhotoFile, ...]
    skipped: tuple[Skipped, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names, sorted, each once."""
        return tuple(self.class_counts)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many photos each class has, sorted by name."""
        counts: dict[str, int] = {}
        for photo in self.photos:
            counts[photo.class_name] = counts.get(photo.class_name, 0) + 1
        return dict(sorted(counts.items()))


def find_photos(directory: str | os.PathLike[str]) -> PhotoFolder:
    """Return the photos that lie in a folder per class under ``directory``.

    A class is a folder directly inside ``directory``; `class_name_of` its name is the class name,
    and folders of one class name are one class. Its photos are all files inside it, at any depth.
    Whether a file is an image is found out only when it is decoded.

    A link to a folder elsewhere is followed, once. What is hidden or the system's own is skipped.

    Raises
    ------
    InputError
        If there is no photo; if a class name cannot be written into a head file; if the folders
        are no classes but hold a folder per class themselves, or are named like the parts of a data
        set (train, val, test).
    FileNotFoundError, NotADirectoryError, PermissionError
        If ``directory`` is not there, is a file, or may not be read.
    """
    return _find_photos(Path(directory), skips_nameless=False)


def _find_photos(directory: Path, *, skips_nameless: bool) -> PhotoFolder:
    """Find photos in a folder per class; one that cannot be a class is skipped, or refused.

    It is refused in any case if no other folder is a class.
    """
    root, skipped = _walk(directory)
    _refuse_sets(root)
    skipped += [Skipped(path, OUTSIDE) for path in root.files]
    photos: list[PhotoFile] = []
    said = {one.path for one in skipped}
    nameless: InputError | None = None
    for folder in root.folders:
        files = list(folder.all_files())
        if files:
            try:
                name = class_name_of(folder.path)
            except InputError as error:
                if not skips_nameless:
                    raise
                nameless = nameless or error
                skipped.append(Skipped(folder.path, NAMELESS))
            else:
                photos += [PhotoFile(path, name) for path in files]
        elif folder.path not in said:
            skipped.append(Skipped(folder.path, "holds no photo"))
    if nameless and not photos:
        raise nameless
    if not photos:
        raise _nothing_found(root, skipped)
    photos.sort(key=lambda photo: (photo.class_name, photo.path.as_posix()))
    return PhotoFolder(root.path, tuple(photos), _in_order(skipped))


def find_dropped_photos(directory: str | os.PathLike[str]) -> PhotoFolder:
    """Return the photos of a folder of which nobody said what it is.

    If photos lie directly in it, it is one class of its own name, with the folders inside it. Else
    it, or the one folder inside it that does, holds a folder per class: see `find_photos`, but for
    folders whose names no class can have, which are skipped as `NAMELESS`.

    Raises
    ------
    InputError, FileNotFoundError, NotADirectoryError, PermissionError
        As `find_photos`, and if no folder has a name that a class can have.
    """
    root, skipped = _walk(Path(directory))
    if not root.has_photos:
        meant = root.sets()
        directory = meant[0].path if len(meant) == 1 else root.path
        return _find_photos(directory, skips_nameless=True)
    name = class_name_of(Path(os.path.abspath(root.path)))
    photos = [PhotoFile(path, name) for path in sorted(root.all_files())]
    return PhotoFolder(root.path, tuple(photos), _in_order(skipped))


def find_unsorted_photos(directory: str | os.PathLike[str]) -> PhotoFolder:
    """Return the photos below ``directory``, however it is arranged, without a class.

    Raises
    ------
    InputError
        If there is none.
    FileNotFoundError, NotADirectoryError, PermissionError
        As `find_photos`.
    """
    root, skipped = _walk(Path(directory))
    photos = tuple(PhotoFile(path, "") for path in sorted(root.all_files()))
    if not photos:
        raise InputError(f"{root.path}: expected photos, found {_found(skipped)}; give another")
    return PhotoFolder(root.path, photos, _in_order(skipped))


def class_name_of(folder: Path) -> str:
    """Return the class that a folder's name stands for, in the form in which names are kept.

    Names that look the same are the same, as with every class name, however it is given: see
    `headfit.files.normal_name`.

    Raises
    ------
    InputError
        If a head file cannot hold it.
    """
    try:
        folder.name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{os.fsencode(folder)!r}: expected the name of a class in UTF-8, found another "
            "encoding; rename the folder"
        ) from error
    class_name = as_class_name(folder.name)
    if class_name is None:
        raise InputError(
            f"{str(folder)!r}: expected {CLASS_NAME_RULE}, found {folder.name!r}; rename the folder"
        )
    return class_name


@dataclass(slots=True)
class _Folder:
    """A folder as it was read: regular files and folders, without what is skipped."""

    path: Path
    depth: int = 0
    files: list[Path] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)

    def all_files(self) -> Iterator[Path]:
        """Yield the files of this folder and of those inside it."""
        yield from self.files
        for folder in self.folders:
            yield from folder.all_files()

    @property
    def is_empty(self) -> bool:
        return next(self.all_files(), None) is None

    @property
    def has_photos(self) -> bool:
        """Whether photos lie directly in it; notes and lists are none."""
        return any(map(_seems_photo, self.files))

    def sets(self) -> list[_Folder]:
        """Return the innermost folders, this one or below, that hold a folder per class."""
        if self.has_photos:
            return []
        filled = [folder for folder in self.folders if not folder.is_empty]
        inner = [one for folder in filled for one in folder.sets()]
        return inner or ([self] if len(filled) > 1 else [])


def _walk(directory: Path) -> tuple[_Folder, list[Skipped]]:
    """Read a folder and those inside it, each once."""
    root = _Folder(directory)
    real_root = os.path.realpath(directory)
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    waiting = deque([root])
    while waiting:
        folder = waiting.popleft()
        try:
            state = os.stat(folder.path)
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if folder is root:
                raise
            skipped.append(_unread(folder.path, error))
            continue
        if (state.st_dev, state.st_ino) in seen:
            skipped.append(Skipped(folder.path, "is a link to a folder that was read already"))
            continue
        seen.add((state.st_dev, state.st_ino))
        for entry in entries:
            found = _sorted_in(folder, entry, real_root)
            if isinstance(found, Skipped):
                skipped.append(found)
            elif found is not None:
                waiting.append(found)
    return root, skipped


def _unread(path: Path, error: OSError) -> Skipped:
    return Skipped(path, error.strerror or str(error), errno=error.errno or errno.EIO)


def _sorted_in(
    folder: _Folder, entry: os.DirEntry[str], real_root: str
) -> _Folder | Skipped | None:
    """Put an entry where it belongs; return it if it is a folder to read, or why it is skipped."""
    path = folder.path / entry.name
    if entry.name.startswith("."):
        return Skipped(path, "is hidden", is_litter=True)
    if entry.name.lower() in _SYSTEM_NAMES:
        return Skipped(path, "is the system's own", is_litter=True)
    try:
        is_folder, is_file = entry.is_dir(), entry.is_file()
    except OSError as error:
        return _unread(path, error)
    if not is_folder:
        if not is_file:  # such as a pipe, which would block whoever opens it
            if entry.is_symlink() and not path.exists():
                return Skipped(path, "is a link that leads nowhere", errno=errno.ENOENT)
            return Skipped(path, "is no regular file")
        ending = path.suffix.lower()
        if ending in _SIDECARS:
            return Skipped(path, "is what a photo app wrote beside a photo", is_litter=True)
        if ending in _OWN:
            return Skipped(path, "is headfit's own", is_litter=True)
        folder.files.append(path)
        return None
    # Of a folder and a link to it, the folder counts, whichever is met first.
    if entry.is_symlink() and _are_nested(os.path.realpath(path), real_root):
        return Skipped(path, "is a link that leads back into the same folder")
    if folder.depth == MAX_DEPTH:
        return Skipped(path, f"lies more than {MAX_DEPTH} folders deep")
    inner = _Folder(path, folder.depth + 1)
    folder.folders.append(inner)
    return inner


def _are_nested(one: str, other: str) -> bool:
    """Return whether one of two real paths lies in the other."""
    try:
        return os.path.commonpath((one, other)) in (one, other)
    except ValueError:  # on different drives
        return False


def _seems_photo(path: Path) -> bool:
    if path.suffix.lower() in PHOTO_ENDINGS:
        return True
    try:
        with path.open("rb") as stream:
            start = stream.read(START_BYTES)
    except OSError:
        return False
    return format_of(start) in FORMATS


def _refuse_sets(root: _Folder) -> None:
    """Refuse folders that are no classes, and name the folder meant."""
    filled = [folder for folder in root.folders if not folder.is_empty]
    sets = {folder.path: folder.sets() for folder in filled}
    meant = [one.path for inner in sets.values() for one in inner]
    if meant and all(sets.values()):
        raise InputError(
            f"{root.path}: expected a folder per class with photos in it, found folders of folders "
            f"({_names(sets)}); give the one that holds a folder per class: {_listed(meant)}"
        )
    if meant:
        odd = next(path for path, inner in sets.items() if inner)
        raise InputError(
            f"{odd}: expected photos of one class, found nothing but folders beside class folders "
            f"({_names(sets)}); put its photos into it, or give {_listed(meant)} as a folder of "
            "its own"
        )
    parts = [folder.path for folder in filled if folder.path.name.lower() in _SETS]
    if len(parts) > 1:
        raise InputError(
            f"{root.path}: expected a folder per class, found parts of a data set "
            f"({_names(parts)}) without one; put the photos of a class into a folder, such as "
            f"{parts[0] / 'cat'}, and give {parts[0]}"
        )


def _nothing_found(root: _Folder, skipped: list[Skipped]) -> InputError:
    if root.has_photos:
        return InputError(
            f"{root.path}: expected a folder per class with photos in it, found no photo in one "
            f"but {len(root.files)} beside; give the folder above if this is a class, or put them "
            f"into {root.path / 'cat'}, {root.path / 'dog'} and so on"
        )
    return InputError(
        f"{root.path}: expected a folder per class with photos in it, found no photo in one, "
        f"{_found(skipped)}; put them into {root.path / 'cat'}, {root.path / 'dog'} and so on"
    )


def _found(skipped: list[Skipped]) -> str:
    """Say what a folder holds that holds no photo."""
    if not skipped:
        return "nothing at all"
    return f"{len(skipped)} left out, the last {skipped[-1].path} ({skipped[-1].reason})"


def _names(paths: Iterable[Path]) -> str:
    return _shortened([path.name for path in paths])


def _listed(paths: Iterable[Path]) -> str:
    return _shortened(list(map(str, paths)))


def _shortened(texts: list[str]) -> str:
    more = len(texts) - _NAMED
    return ", ".join(texts[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _in_order(skipped: list[Skipped]) -> tuple[Skipped, ...]:
    return tuple(sorted(skipped, key=lambda one: one.path.as_posix()))
