"""A folder of photos as examples: what can be decoded is embedded, what cannot is named."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ImageError, InputError
from headfit.extractor import Progress
from headfit.photos.folders import PhotoFolder, Skipped
from headfit.photos.images import ImageSource


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
    """

    embeddings: NDArray[np.float32]
    class_names: list[str]
    paths: list[Path]
    skipped: tuple[Skipped, ...]


class Embedder(Protocol):
    """What embeds photos: an `Extractor`, or something that gives more than a row for each."""

    def embed(self, images: list[ImageSource], /) -> NDArray[np.float32]:
        """Return what each image gives, along the first axis."""


def embed_folder(
    extractor: Embedder, folder: PhotoFolder, strict: bool, progress: Progress | None
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
    embeddings: list[NDArray[np.float32]] = []
    class_names: list[str] = []
    paths: list[Path] = []
    for index, photo in enumerate(folder.photos):
        try:
            embeddings.append(extractor.embed([photo.path])[0])
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
    return FolderExamples(np.stack(embeddings), class_names, paths, tuple(skipped))


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
