"""Photos in a folder per class: embedded, or named as left out."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Iterable, Sequence, Set
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from headfit.errors import ExtractorMismatchError, HeadfitError, ImageError, InputError
from headfit.learning.evaluation import Evaluation, evaluate_head
from headfit.learning.fitted_head import FittedHead
from headfit.learning.groups import photo_groups
from headfit.learning.origin import WHOLE
from headfit.maths.arrays import FloatArray, HashArray, TargetArray
from headfit.photos.ahead import decode_ahead
from headfit.photos.embedded import EmbeddedFolder
from headfit.photos.images import ImageSource, PhotoProgress
from headfit.photos.likeness import perceptual_hash
from headfit.photos.photo_folder import PhotoFile, PhotoFolder, Skipped


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

    @property
    def hashes(self) -> HashArray:
        """The hashes of all photos, 0 where they were not asked for."""
        return np.array(self.photo_hashes or [0] * len(self.class_names), np.uint64)

    def groups(self) -> TargetArray:
        """Return which photos of a class are nearly one: `headfit.learning.groups.photo_groups`."""
        names = np.array(self.class_names, np.str_)
        return photo_groups(self.embeddings, names, photo_hashes=self.hashes)


@dataclass(frozen=True, slots=True, eq=False)
class FolderEvaluation(Evaluation):
    """How well a head knows the photos of a folder.

    Attributes
    ----------
    n_effective : int
        How many photos there effectively are, where nearly the same ones count as one: see
        `headfit.learning.groups`.
    skipped : tuple of Skipped
        What was left out, and why.
    """

    n_effective: int
    skipped: tuple[Skipped, ...]

    @classmethod
    def of(
        cls, head: FittedHead, examples: FolderExamples, groups: TargetArray
    ) -> FolderEvaluation:
        """Evaluate a head on examples of its classes, some of which may be nearly one photo."""
        found = evaluate_head(head, examples.embeddings, examples.class_names)
        values = {field.name: getattr(found, field.name) for field in fields(found)}
        n_effective = len(np.unique(groups))
        return cls(**values, n_effective=n_effective, skipped=examples.skipped)


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
    jobs: int | None = None,
    known: Collection[str] = (),
) -> FolderExamples:
    """Embed what can be decoded; say what cannot, and which classes are lost by it.

    ``jobs`` threads decode ahead: see `decode_ahead`. ``known`` are the classes of photos of the
    same folder that need not be read: these are not lost.

    Raises
    ------
    InputError
        If no photo can be read; with ``strict``, if anything lies in the folder that is no photo.
    ImageError, OSError
        With ``strict``, if a photo cannot be read.
    """
    if strict:
        refuse_skipped(folder.skipped)
    if isinstance(folder, EmbeddedFolder):
        return _read_examples(extractor, folder, progress)
    skipped = list(folder.skipped)
    embeddings: list[FloatArray] = []
    class_names: list[str] = []
    paths: list[Path] = []
    hashes: list[int] = []

    found = embed_each(extractor, folder.photos, jobs, with_hashes=with_hashes)
    with contextlib.closing(found):
        for index, (photo, result) in enumerate(zip(folder.photos, found, strict=True)):
            if isinstance(result, (ImageError, OSError)):
                if strict:
                    raise result
                skipped.append(Skipped(photo.path, reason(result, photo.path)))
            else:
                embedding, photo_hash = result
                embeddings.append(embedding)
                hashes.append(photo_hash)
                class_names.append(photo.class_name)
                paths.append(photo.path)
            if progress is not None:
                progress(index + 1, len(folder.photos))
    if not (class_names or known):
        raise InputError(
            f"{folder.root}: expected photos, found {len(folder.photos)} files that cannot be "
            f"read, the last {skipped[-1].path} ({skipped[-1].reason}); give photos as JPEG or PNG"
        )
    lost = sorted(set(folder.class_names) - {*class_names, *known})
    skipped += [Skipped(folder.root / name, "holds no photo that can be read") for name in lost]
    photo_hashes = tuple(hashes) if with_hashes else ()
    stacked = np.stack(embeddings) if embeddings else np.empty((0, 0), np.float32)
    return FolderExamples(stacked, class_names, paths, tuple(skipped), photo_hashes)


def embed_each(
    extractor: Embedder, photos: Sequence[PhotoFile], jobs: int | None, *, with_hashes: bool
) -> Generator[tuple[FloatArray, int] | ImageError | OSError, None, None]:
    """Yield for each photo its embedding and its perceptual hash, or why it cannot be read.

    Without ``with_hashes`` the hash is 0.
    """

    def decode(photo: PhotoFile) -> tuple[npt.NDArray[np.uint8], int] | ImageError | OSError:
        try:
            pixels = extractor.decode(photo.path)
        except (ImageError, OSError) as error:
            return error
        return pixels, perceptual_hash(pixels) if with_hashes else 0

    with contextlib.closing(decode_ahead(photos, decode, jobs)) as decoded:
        for result in decoded:
            if isinstance(result, tuple):
                pixels, photo_hash = result
                yield extractor.embed([pixels])[0], photo_hash
            else:
                yield result


def _read_examples(
    extractor: Embedder, folder: EmbeddedFolder, progress: PhotoProgress | None
) -> FolderExamples:
    """Return examples that were embedded before, if by this extractor."""
    manifest = getattr(extractor, "manifest", None)
    if manifest is None:
        raise InputError(
            f"{folder.root}: expected photos, found their embeddings, of which the last blocks "
            "cannot be retrained; give the folder of photos"
        )
    folder.check_extractor(manifest)
    if getattr(extractor, "views", (WHOLE,)) != (WHOLE,):
        raise ExtractorMismatchError(
            f"{folder.root}: expected photos, to be looked at in several views, found embeddings "
            "of one view of each; give the folder of photos, or look once"
        )
    rows = np.concatenate([piece.read_rows(folder.root) for piece in folder.pieces])
    entries = [one for piece in folder.pieces for one in piece.entries if one.skipped is None]
    if progress is not None:
        progress(len(entries), len(entries))
    return FolderExamples(
        rows,
        [entry.class_name for entry in entries],
        [photo.path for photo in folder.photos],
        folder.skipped,
        tuple(entry.photo_hash for entry in entries),
    )


def refuse_skipped(skipped: Iterable[Skipped]) -> None:
    """Refuse a folder out of which something was left that may have been meant."""
    for one in skipped:
        if not one.is_litter:
            raise InputError(
                f"{one.path}: expected nothing but photos in a folder per class, found one that "
                f"was left out: {one.reason}; remove it, or do without strict"
            )


def reason(error: HeadfitError | OSError, path: Path) -> str:
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
