"""Photos that show several classes, or none: found in folders or by a table, and embedded."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.learning.groups import photo_groups
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.photos.embedded import is_embedded
from headfit.photos.folders import Embedder, embed_folder
from headfit.photos.images import PhotoProgress
from headfit.photos.label_table import LabelTable, read_label_table
from headfit.photos.photo_folder import (
    OUTSIDE,
    PhotoFile,
    PhotoFolder,
    Skipped,
    find_photos,
    find_unsorted_photos,
)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledExamples:
    """Embedded photos and what each shows: what `headfit.MultiLabelHead.fit` takes.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    label_sets : list of tuples of str
        The classes that each shows, sorted; in the same order.
    paths : list of Path
        The photo of each, in the same order.
    skipped : tuple of Skipped
        What was left out, and why.
    photo_hashes : tuple of int
        `headfit.photos.perceptual_hash` of each photo, where they were asked for.
    """

    embeddings: FloatArray
    label_sets: list[tuple[str, ...]]
    paths: list[Path]
    skipped: tuple[Skipped, ...]
    photo_hashes: tuple[int, ...] = ()

    def groups(self) -> TargetArray:
        """Return which photos are nearly one, whatever they show: `photo_groups`."""
        kinds = kinds_of(self.label_sets)
        hashes = np.array(self.photo_hashes or [0] * len(kinds), np.uint64)
        everything = np.full(len(kinds), "")
        return photo_groups(self.embeddings, everything, photo_hashes=hashes, kinds=kinds)


def kinds_of(label_sets: Iterable[Iterable[str]]) -> TargetArray:
    """Return a number for each set of classes, by which `headfit.learning.groups` finds copies."""
    numbers: dict[frozenset[str], int] = {}
    shown = [numbers.setdefault(frozenset(each), len(numbers)) for each in label_sets]
    return np.array(shown, np.intp)


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """Photos of which it is known which classes each shows.

    Attributes
    ----------
    folder : PhotoFolder
        The photos, without a class, each once; and what was left out.
    label_sets : tuple of tuples of str
        The classes that each photo shows, sorted; in the same order.
    classes : tuple of str or None
        The classes in the order of a table's columns; None if they are those that occur.
    """

    folder: PhotoFolder
    label_sets: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...] | None = None

    @property
    def class_counts(self) -> dict[str, int]:
        """How many photos show each class: in the order of the columns, else sorted by name."""
        counts = Counter(name for names in self.label_sets for name in names)
        return {name: counts[name] for name in self.classes or sorted(counts)}

    def embed(
        self,
        extractor: Embedder,
        *,
        strict: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
        with_hashes: bool = False,
    ) -> LabelledExamples:
        """Embed the photos that can be read.

        Parameters
        ----------
        extractor : Extractor
        strict : bool
            Refuse the folder if anything was left out of it that may have been meant.
        jobs : int, optional
            Threads that decode: as for `headfit.Extractor.embed`.
        progress : callable, optional
            Called as ``progress(done, total)`` after every photo.
        with_hashes : bool
            Hash the photos too.

        Raises
        ------
        InputError
            If no photo can be read; with ``strict``, if anything was left out.
        ImageError, OSError
            With ``strict``, if a photo cannot be read.
        """
        found = embed_folder(
            extractor, self.folder, strict, progress, with_hashes=with_hashes, jobs=jobs
        )
        by_path = dict(
            zip((photo.path for photo in self.folder.photos), self.label_sets, strict=True)
        )
        shown = [by_path[path] for path in found.paths]
        return LabelledExamples(
            found.embeddings, shown, found.paths, found.skipped, found.photo_hashes
        )


def find_labelled_photos(
    directory: str | os.PathLike[str], table: str | os.PathLike[str] | None = None
) -> LabelledFolder:
    """Return the photos of a folder and which classes each shows.

    Without a table, ``directory`` holds a folder per class. A photo that lies in several of them,
    as a link or as a file of the same bytes, shows several classes; what lies beside them shows
    none.

    Parameters
    ----------
    directory : path
    table : path, optional
        A CSV file; see `headfit.photos.label_table.read_label_table`. It names photos by their
        paths from ``directory``, however that is arranged, or by absolute ones. Slashes of Windows,
        another form of Unicode and, where one photo alone is meant, other capitals count as the
        same. A photo that it does not name is left out, and so is what it names and is not there.

    Raises
    ------
    InputError
        If there is no photo, none that the table names, or the table cannot be used.
    FileNotFoundError, NotADirectoryError, PermissionError
        If ``directory`` or the table cannot be read.
    """
    if is_embedded(directory):
        raise InputError(
            f"{os.fspath(directory)}: expected photos, found embeddings, which hold one class of "
            "each; give the folder of photos"
        )
    if table is None:
        try:
            return _by_folders(find_photos(directory))
        except InputError as error:
            raise InputError(f"{error}; or give a table of what each photo shows") from error
    return _by_table(find_unsorted_photos(directory), read_label_table(table))


def _by_folders(folder: PhotoFolder) -> LabelledFolder:
    beside = [PhotoFile(one.path, "") for one in folder.skipped if one.reason == OUTSIDE]
    photos = [*folder.photos, *beside]
    shown: dict[Path, set[str]] = {}
    for photo, first in zip(photos, _firsts([photo.path for photo in photos]), strict=True):
        shown.setdefault(first, set()).update({photo.class_name} - {""})
    kept = replace(
        folder,
        photos=tuple(PhotoFile(path, "") for path in shown),
        skipped=tuple(one for one in folder.skipped if one.reason != OUTSIDE),
    )
    return LabelledFolder(kept, tuple(tuple(sorted(names)) for names in shown.values()))


def _firsts(paths: list[Path]) -> list[Path]:
    """Return for each file the first one of the same bytes; of what cannot be read, itself."""
    sizes = [_size(path) for path in paths]
    counts = Counter(sizes)
    firsts: dict[object, Path] = {}
    return [
        firsts.setdefault((size, _digest(path)) if counts[size] > 1 else path, path)
        for size, path in zip(sizes, paths, strict=True)
    ]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(path: Path) -> bytes | Path:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while part := stream.read(1 << 20):
                digest.update(part)
    except OSError:
        return path
    return digest.digest()


def _by_table(folder: PhotoFolder, table: LabelTable) -> LabelledFolder:
    meant = _Meant(folder)
    shown: dict[Path, frozenset[str]] = {}
    skipped = list(folder.skipped)
    for written, labels in table.label_sets.items():
        path = meant.by(written)
        if path is None:
            reason = f"{table.path.name} names it, but it is not there"
            skipped.append(Skipped(folder.root / written, reason))
            continue
        if shown.setdefault(path, labels) != labels:
            raise InputError(
                f"{table.path}: expected each photo once, found {path} by several names that say "
                "different things; keep the right one"
            )
    if not shown:
        raise InputError(
            f"{table.path}: expected paths of photos from {folder.root}, such as "
            f"{meant.example}, found {next(iter(table.label_sets), 'no row')}; write them so, or "
            "give the folder that they start from"
        )
    itself = os.path.realpath(table.path)
    photos = tuple(photo for photo in folder.photos if photo.path in shown)
    skipped += [
        Skipped(photo.path, f"{table.path.name} does not name it")
        for photo in folder.photos
        if photo.path not in shown and os.path.realpath(photo.path) != itself
    ]
    kept = replace(folder, photos=photos, skipped=tuple(skipped))
    return LabelledFolder(
        kept, tuple(tuple(sorted(shown[photo.path])) for photo in photos), table.classes
    )


class _Meant:
    """Which photo of a folder a table means: as it is there, in another form or other capitals."""

    _FORMS: Final[tuple[Callable[[str], str], ...]] = (
        lambda name: name,
        lambda name: unicodedata.normalize("NFC", name),
        lambda name: unicodedata.normalize("NFC", name).casefold().strip(),
    )

    def __init__(self, folder: PhotoFolder) -> None:
        self._roots = dict.fromkeys((os.path.abspath(folder.root), os.path.realpath(folder.root)))
        self._photos: list[dict[str, list[Path]]] = [{} for _ in self._FORMS]
        for photo in folder.photos:
            name = photo.path.relative_to(folder.root).as_posix()
            for photos, form in zip(self._photos, self._FORMS, strict=True):
                photos.setdefault(form(name), []).append(photo.path)

    @property
    def example(self) -> str:
        """How a photo is named."""
        return next(iter(self._photos[0]))

    def by(self, written: str) -> Path | None:
        """Return the one photo of this name, None if there is none or which is meant is open."""
        names = [written, *self._from_root(written), *self._from_root(written.replace("\\", "/"))]
        for photos, form in zip(self._photos, self._FORMS, strict=True):
            for name in names:
                found = photos.get(form(name), ())
                if len(found) == 1:
                    return found[0]
        return None

    def _from_root(self, written: str) -> Iterator[str]:
        for root in self._roots:
            path = Path(os.path.normpath(os.path.join(root, written)))
            if path.is_relative_to(root):
                yield path.relative_to(root).as_posix()
