"""Embedding a shard of a folder: piece by piece, each kept as soon as it is done."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from headfit.errors import FileFormatError, ImageError, InputError
from headfit.files.manifest import DescribedExtractor
from headfit.learning.origin import WHOLE
from headfit.maths.arrays import FloatArray
from headfit.photos.embedded import (
    MAX_PIECE_PHOTOS,
    MAX_SHARDS,
    Entry,
    Piece,
    Place,
    read_piece,
    sorted_stems,
    write_piece,
)
from headfit.photos.folders import Embedder, embed_each, reason, refuse_skipped
from headfit.photos.images import PhotoProgress
from headfit.photos.photo_folder import PhotoFile, PhotoFolder, Skipped

Embedded: TypeAlias = tuple[FloatArray, int]
Result: TypeAlias = Embedded | ImageError | OSError
File: TypeAlias = tuple[str, str, int, int]
"""What says that a photo is the same: see `Entry.file`."""


class DescribedEmbedder(Embedder, DescribedExtractor, Protocol):
    """An extractor that embeds photos and says what it is."""


@dataclass(frozen=True, slots=True)
class Sharded:
    """What became of a shard.

    Attributes
    ----------
    n_photos : int
        How many photos of the folder are in it.
    n_kept : int
        How many of them had been embedded before, and are the same files. What could not be read is
        tried again.
    skipped : tuple of Skipped
        Those of them that could not be read, and why.
    """

    n_photos: int
    n_kept: int
    skipped: tuple[Skipped, ...]


def embed_shard(
    extractor: DescribedEmbedder,
    folder: PhotoFolder,
    output: Path,
    shard: tuple[int, int] = (1, 1),
    *,
    strict: bool = False,
    jobs: int | None = None,
    progress: PhotoProgress | None = None,
    piece_photos: int = MAX_PIECE_PHOTOS,
) -> Sharded:
    """Embed one of ``n`` parts of a folder's photos into a folder of embeddings.

    What is there already, of the same files and the same extractor, stays; so work that was
    interrupted goes on where it ended.

    Parameters
    ----------
    extractor : Extractor
    folder : PhotoFolder
    output : Path
        The folder of embeddings; made if it is not there.
    shard : tuple of (int, int)
        Which part, from 1, and of how many. Several processes may embed different ones.
    strict : bool
        Refuse what cannot be read instead of listing it as skipped.
    jobs : int, optional
        How many threads decode: see `Extractor.embed`.
    progress : callable, optional
        Called as ``progress(done, total)`` with the photos of this shard.
    piece_photos : int
        How many photos a piece holds at most.

    Raises
    ------
    InputError
        If there is no such shard, the extractor looks at photos in several views, or ``output``
        holds shards of another division.
    ImageError, OSError
        With ``strict``, if a photo cannot be read.
    """
    number, n_shards = shard
    if not 1 <= number <= n_shards <= MAX_SHARDS:
        raise InputError(
            f"expected a shard from 1/n to n/n with n up to {MAX_SHARDS}, found {number}/{n_shards}"
        )
    if tuple(extractor.views) != (WHOLE,):
        raise InputError(
            f"expected an extractor that looks once at each photo, found one of "
            f"{len(extractor.views)} views, which a folder of embeddings does not name; use "
            "extractor.looking([WHOLE])"
        )
    if strict:
        refuse_skipped(folder.skipped)
    output.mkdir(parents=True, exist_ok=True)
    there = sorted_stems(output)
    for _, others, _ in there:
        if others != n_shards:
            raise InputError(
                f"{output}: expected shards of {n_shards}, found shards of {others}; choose "
                f"another folder, or embed {number}/{others}"
            )
    total = len(folder.photos)
    mine = folder.photos[(number - 1) * total // n_shards : number * total // n_shards]
    n_pieces = max(1, -(-len(mine) // piece_photos))
    done = n_kept = 0
    skipped: list[Skipped] = []
    before: dict[File, Embedded] | None = None
    for piece in range(1, n_pieces + 1):
        place = Place(number, n_shards, piece, n_pieces)
        photos = mine[(piece - 1) * piece_photos : piece * piece_photos]
        files = [_entry(folder, photo) for photo in photos]
        old = _same(output, place, files, extractor)
        if old is not None:
            entries: Sequence[Entry] = old.entries
            n_kept += len(entries)
            if progress is not None and entries:
                progress(done + len(entries), len(mine))
        else:
            if before is None:  # of the pieces that follow, before they are written anew
                before = _embedded_before(output, place, there, extractor)
            results = _each(extractor, files, photos, before, jobs)
            with contextlib.closing(results):
                counted = _counted(results, done, len(mine), progress)
                entries, rows = _gathered(files, photos, counted, strict)
            n_kept += sum(file.file in before for file in files)
            rows = rows.reshape(-1, extractor.manifest.embedding_dim)
            write_piece(output, place, extractor.manifest, entries, rows)
        done += len(entries)
        skipped += [
            Skipped(photo.path, entry.skipped)
            for photo, entry in zip(photos, entries, strict=True)
            if entry.skipped is not None
        ]
    for left_shard, _, left_piece in there:
        if left_shard == number and left_piece > n_pieces:  # of a folder that held more photos
            stem = Place(number, n_shards, left_piece, left_piece).stem
            for ending in (".jsonl", ".npy"):
                (output / f"{stem}{ending}").unlink(missing_ok=True)
    return Sharded(len(mine), n_kept, tuple(skipped))


def _entry(folder: PhotoFolder, photo: PhotoFile) -> Entry:
    path = photo.path.relative_to(folder.root).as_posix()
    try:
        state = photo.path.stat()
    except OSError:  # gone since it was found: reading it will say so
        return Entry(path, photo.class_name, 0, 0)
    return Entry(path, photo.class_name, state.st_size, state.st_mtime_ns)


def _same(
    output: Path, place: Place, files: Sequence[Entry], extractor: DescribedEmbedder
) -> Piece | None:
    """Return the piece that is there, if it is whole, of the same files and extractor.

    Not if one of its photos could not be read: perhaps it can be now.
    """
    try:
        piece = read_piece(output, (place.shard, place.n_shards, place.piece))
        is_same = (
            piece.place == place
            and piece.extractor == extractor.manifest.reference()
            and [entry.file for entry in piece.entries] == [entry.file for entry in files]
            and piece.n_rows == len(files)
        )
        if is_same:
            piece.read_rows(output)
    except (FileFormatError, FileNotFoundError):
        return None
    return piece if is_same else None


def _embedded_before(
    output: Path,
    place: Place,
    there: Sequence[tuple[int, int, int]],
    extractor: DescribedEmbedder,
) -> dict[File, Embedded]:
    """Return what this piece and those after it hold: files may have come between."""
    found: dict[File, Embedded] = {}
    for old in there:
        if old[0] != place.shard or old[2] < place.piece:
            continue
        try:
            piece = read_piece(output, old)
            if piece.extractor != extractor.manifest.reference():
                continue
            rows = piece.read_rows(output)
        except (FileFormatError, FileNotFoundError):
            continue
        read = [entry for entry in piece.entries if entry.skipped is None]
        for entry, row in zip(read, rows, strict=True):
            found[entry.file] = (row, entry.photo_hash)
    return found


def _each(
    extractor: DescribedEmbedder,
    files: Sequence[Entry],
    photos: Sequence[PhotoFile],
    before: Mapping[File, Embedded],
    jobs: int | None,
) -> Generator[Result, None, None]:
    """Yield what each photo gives, embedding those that were not embedded before."""
    new = [photo for file, photo in zip(files, photos, strict=True) if file.file not in before]
    with contextlib.closing(embed_each(extractor, new, jobs, with_hashes=True)) as embedded:
        for file in files:
            yield before[file.file] if file.file in before else next(embedded)


def _counted(
    results: Iterator[Result], done: int, total: int, progress: PhotoProgress | None
) -> Iterator[Result]:
    for n_more, result in enumerate(results, 1):
        yield result
        if progress is not None:
            progress(done + n_more, total)


def _gathered(
    files: Sequence[Entry], photos: Sequence[PhotoFile], results: Iterator[Result], strict: bool
) -> tuple[list[Entry], FloatArray]:
    """Return the list of a piece, and its embeddings."""
    entries: list[Entry] = []
    rows: list[FloatArray] = []
    for file, photo, result in zip(files, photos, results, strict=True):
        if isinstance(result, (ImageError, OSError)):
            if strict:
                raise result
            entries.append(replace(file, skipped=reason(result, photo.path)))
        else:
            embedding, photo_hash = result
            rows.append(embedding)
            entries.append(replace(file, photo_hash=photo_hash))
    return entries, np.array(rows, np.float32)
