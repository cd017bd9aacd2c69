"""Pictures of the mixture that an evaluation set holds too are dropped.

Two looks at each: a difference hash of 64 bits (the grey picture at 9x8, each pixel against its
right neighbour), of which up to `BITS` may differ; then, of those that come so near, the
correlation of the grey pictures at 16x16, which must reach `CORRELATION`. The hash alone calls
many different skies and beaches the same.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError

if TYPE_CHECKING:
    from headfit_zoo.mixture.packing import Pack

BITS = 12
CORRELATION = 0.95
ROWS = 4096
"""Pictures compared at once."""

Look = tuple[NDArray[np.bool_], NDArray[np.uint8]]


def look_of(picture: Image.Image) -> Look:
    """Return hash (64,) and thumbnail (16, 16) of a picture; a square is made of any shape."""
    grey = picture.convert("L")
    small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
    thumbnail = np.asarray(grey.resize((16, 16), Image.Resampling.BOX), np.uint8)
    return (small[:, 1:] > small[:, :-1]).ravel(), thumbnail


@dataclass(frozen=True)
class Looks:
    """Hashes and thumbnails of an evaluation set.

    Attributes
    ----------
    name : str
    names : tuple of str
        Of its pictures.
    hashes : ndarray of shape (n, 64), dtype bool
    thumbnails : ndarray of shape (n, 16, 16), dtype uint8
    """

    name: str
    names: tuple[str, ...]
    hashes: NDArray[np.bool_]
    thumbnails: NDArray[np.uint8]

    @classmethod
    def of(cls, name: str, pictures: Iterable[tuple[str, bytes]]) -> Looks:
        """Look at encoded pictures, by name."""
        names, looks = [], []
        for picture_name, blob in pictures:
            with Image.open(io.BytesIO(blob)) as picture:
                looks.append(look_of(picture))
            names.append(picture_name)
        if not names:
            raise InputError(f"expected pictures in {name}, found none")
        hashes, thumbnails = zip(*looks, strict=True)
        return cls(name, tuple(names), np.array(hashes), np.array(thumbnails))

    @classmethod
    def of_zip(cls, path: Path) -> Looks:
        """Look at all pictures of a zip."""
        try:
            with zipfile.ZipFile(path) as archive:
                suffixes = {".jpg", ".jpeg", ".png"}
                names = sorted(
                    name
                    for name in archive.namelist()
                    if PurePosixPath(name).suffix.lower() in suffixes
                )
                return cls.of(path.stem, ((name, archive.read(name)) for name in names))
        except (FileNotFoundError, zipfile.BadZipFile) as error:
            raise InputError(f"expected a zip of pictures at {path}, found {error}") from None

    @classmethod
    def cached(cls, path: Path, make: Callable[[], Looks]) -> Looks:
        """Open what an earlier call wrote to `path` (.npz), or make and write it."""
        if not path.exists():
            looks = make()
            part = path.with_name(path.name + ".part")
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                np.savez(
                    stream,
                    name=looks.name,
                    names=np.array(looks.names),
                    hashes=looks.hashes,
                    thumbnails=looks.thumbnails,
                )
            os.replace(part, path)
        with np.load(path) as found:
            names = tuple(str(name) for name in found["names"])
            return cls(str(found["name"]), names, found["hashes"], found["thumbnails"])


@dataclass(frozen=True)
class Twin:
    """A picture of the mixture that is one of an evaluation set.

    Attributes
    ----------
    index : int
        In the pack.
    of : str
        The evaluation set and the picture's name in it.
    bits : int
        How many of 64 differ.
    correlation : float
    """

    index: int
    of: str
    bits: int
    correlation: float


def find_twins(
    hashes: NDArray[np.bool_], thumbnails: NDArray[np.uint8], evaluation: Looks
) -> list[Twin]:
    """Find the pictures that an evaluation set holds, each with its nearest there."""
    theirs = np.where(evaluation.hashes, 1, -1).astype(np.float32).T
    mine = np.where(hashes, 1, -1).astype(np.float32)
    their_thumbnails, my_thumbnails = (
        _standardised(evaluation.thumbnails),
        _standardised(thumbnails),
    )
    found: dict[int, Twin] = {}
    for start in range(0, len(mine), ROWS):
        # The product of signs counts equal bits less different ones.
        products = mine[start : start + ROWS] @ theirs
        for row, column in np.argwhere(products >= 64 - 2 * BITS):
            index = start + int(row)
            likeness = float(my_thumbnails[index] @ their_thumbnails[column])
            if likeness < CORRELATION or (index in found and found[index].correlation >= likeness):
                continue
            name = f"{evaluation.name}/{evaluation.names[column]}"
            bits = round((64 - float(products[row, column])) / 2)
            found[index] = Twin(index, name, bits, likeness)
    return [found[index] for index in sorted(found)]


def drop_twins(
    pack: Pack, folder: Path, evaluations: Sequence[Looks], listed: frozenset[str] = frozenset()
) -> list[str]:
    """Write ``<name>.dropped``, a line a picture: index, path, reason.

    Parameters
    ----------
    pack : Pack
    folder : Path
        The pack's.
    evaluations : sequence of Looks
    listed : frozenset of str
        Paths to drop in any case.

    Returns
    -------
    list of str
        The lines.
    """
    paths = (folder / f"{pack.name}.paths").read_text("utf-8", "surrogateescape").split("\n")
    reasons = {index: "listed as a twin" for index, path in enumerate(paths[:-1]) if path in listed}
    for evaluation in evaluations:
        for twin in find_twins(pack.hashes, pack.thumbnails, evaluation):
            reason = f"{twin.of}, {twin.bits} bits, correlation {twin.correlation:.3f}"
            before = reasons.get(twin.index)
            reasons[twin.index] = f"{before}; {reason}" if before else reason
    lines = [f"{index}\t{paths[index]}\t{reasons[index]}" for index in sorted(reasons)]
    part = folder / f"{pack.name}.dropped.part"
    part.write_text("".join(f"{line}\n" for line in lines), "utf-8", "surrogateescape")
    os.replace(part, folder / f"{pack.name}.dropped")
    return lines


def kept(pack: Pack, folder: Path) -> NDArray[np.intp]:
    """Return the positions of the pictures that were not dropped.

    Raises
    ------
    InputError
        If nobody has looked for twins yet.
    """
    path = folder / f"{pack.name}.dropped"
    if not path.exists():
        raise InputError(f"expected {path}, found none; look for twins before training")
    lines = path.read_text("utf-8", "surrogateescape").splitlines()
    dropped = [int(line.split("\t")[0]) for line in lines]
    return np.setdiff1d(np.arange(len(pack)), np.array(dropped, np.intp))


def _standardised(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)
