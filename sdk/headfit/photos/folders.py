"""Photos in a folder per class: found, named and sorted; embedded, or named as left out."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Set
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from headfit.errors import ImageError, InputError
from headfit.files.class_names import CLASS_NAME_RULE, is_class_name
from headfit.learning.evaluation import Evaluation, evaluate_head
from headfit.learning.fitted_head import FittedHead
from headfit.maths.arrays import FloatArray
from headfit.photos.images import ImageSource, PhotoProgress
from headfit.photos.likeness import perceptual_hash

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


@dataclass(frozen=True, slots=True, eq=False)
class FolderExamples:
    """The examples of a folder.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    class_names : list of str
        The class of each, in the same order.
    paths : list of Path
        The photo of each, in the same order.
    skipped : tuple of Skipped
        What was left out, and why.
    photo_hashes : tuple of int
        `headfit.photos.perceptual_hash` of each photo, where they were asked for.
    """

    embeddings: FloatArray
    class_names: list[str]
    paths: list[Path]
    skipped: tuple[Skipped, ...]
    photo_hashes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FolderEvaluation(Evaluation):
    """How well a head knows the photos of a folder.

    Attributes
    ----------
    skipped : tuple of Skipped
        What was left out, and why.
    """

    skipped: tuple[Skipped, ...]

    @classmethod
    def of(cls, head: FittedHead, examples: FolderExamples) -> FolderEvaluation:
        """Evaluate a head on examples of its classes."""
        found = evaluate_head(head, examples.embeddings, examples.class_names)
        values = {field.name: getattr(found, field.name) for field in fields(found)}
        return cls(**values, skipped=examples.skipped)


class Embedder(Protocol):
    """What embeds photos: an `Extractor`, or something that gives more than a row for each."""

    def decode(self, image: ImageSource, /) -> npt.NDArray[np.uint8]:
        """Return a photo's pixels, as many as are looked at."""

    def embed(self, images: list[ImageSource], /) -> FloatArray:
        """Return what each image gives, along the first axis."""


def embed_folder(
    extractor: Embedder,
    folder: PhotoFolder,
    strict: bool,
    progress: PhotoProgress | None,
    *,
    with_hashes: bool = False,
) -> FolderExamples:
    """Embed what can be decoded; say what cannot, and which classes are lost by it.

    Raises
    ------
    InputError
        If no photo can be read; with ``strict``, if anything lies in the folder that is no photo.
    ImageError, OSError
        With ``strict``, if a photo cannot be read.
    """
    skipped = list(folder.skipped)
    if strict and skipped:
        raise InputError(
            f"{skipped[0].path}: expected nothing but photos in a folder per class, found one that "
            f"{skipped[0].reason}; remove it, or do without strict"
        )
    embeddings: list[FloatArray] = []
    class_names: list[str] = []
    paths: list[Path] = []
    hashes: list[int] = []
    for index, photo in enumerate(folder.photos):
        try:
            if with_hashes:  # from the same pixels: a photo is decoded once
                pixels = extractor.decode(photo.path)
                embedding = extractor.embed([pixels])[0]
                hashes.append(perceptual_hash(pixels))
            else:
                embedding = extractor.embed([photo.path])[0]
            embeddings.append(embedding)
            class_names.append(photo.class_name)
            paths.append(photo.path)
        except (ImageError, OSError) as error:
            if strict:
                raise
            skipped.append(Skipped(photo.path, reason(error, photo.path)))
        if progress is not None:
            progress(index + 1, len(folder.photos))
    if not class_names:
        raise InputError(
            f"{folder.root}: expected photos, found {len(folder.photos)} files that cannot be "
            f"read, the last {skipped[-1].path} ({skipped[-1].reason}); give photos as JPEG or PNG"
        )
    lost = sorted(set(folder.class_names) - set(class_names))
    skipped += [Skipped(folder.root / name, "holds no photo that can be read") for name in lost]
    return FolderExamples(np.stack(embeddings), class_names, paths, tuple(skipped), tuple(hashes))


def reason(error: ImageError | OSError, path: Path) -> str:
    """Return why ``path`` cannot be used, without naming it again."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).removeprefix(f"{path}: ")


def require_two_classes(folder: PhotoFolder, class_names: Set[str]) -> None:
    """Refuse what leaves nothing to tell apart, with an error that names the folder."""
    if len(class_names) < 2:
        raise InputError(
            f"{folder.root}: expected photos of at least two classes, found one: "
            f"{', '.join(class_names)}; add a folder with photos of something else"
        )
