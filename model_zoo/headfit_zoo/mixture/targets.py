"""What a teacher saw of each crop, stored once.

Per source a file ``<name>.npy`` of records (n_pictures * crops,), made at full length with holes;
``done`` says which are there. It is filled in an order drawn at random, so that any beginning of it
is a fair sample. ``<name>.json`` says of which pictures, crops and teacher; ``basis.npz`` holds the
directions that features are projected on.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit_zoo.mixture.crops import Box, crop_of, cut, number_of
from headfit_zoo.mixture.lite import Teacher
from headfit_zoo.mixture.packing import Pack, Progress

TOP = 16
"""Outputs that are kept, the likeliest ones."""
WIDTH = 256
"""Of the projected features."""
BATCH = 32
RECORD = np.dtype(
    [
        ("box", "<u2", 4),
        ("mirrored", "u1"),
        ("done", "u1"),
        ("outputs", "<u2", TOP),
        ("log_probabilities", "<f2", TOP),
        ("features", "<f2", WIDTH),
    ]
)


@dataclass(frozen=True)
class Basis:
    """The directions in which a teacher's pooled features vary most.

    Attributes
    ----------
    mean : ndarray of shape (n_features,), dtype float32
    directions : ndarray of shape (n_features, `WIDTH`), dtype float32
    explained : float
        Share of the variance that they hold.
    fingerprint : str
        Of the teacher.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    explained: float
    fingerprint: str

    @classmethod
    def of(cls, features: NDArray[np.float32], fingerprint: str) -> Basis:
        """Find it by principal component analysis of features (n, n_features)."""
        mean = features.mean(0)
        values, vectors = np.linalg.eigh(np.cov((features - mean).T))
        directions = vectors[:, ::-1][:, :WIDTH]
        explained = float(values[::-1][:WIDTH].sum() / values.sum())
        return cls(mean, directions.astype(np.float32), explained, fingerprint)

    def project(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, `WIDTH`)."""
        return np.asarray((features - self.mean) @ self.directions)

    def digest(self) -> str:
        """Return a SHA-256 of its numbers, hex."""
        return hashlib.sha256(self.mean.tobytes() + self.directions.tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it to a file that is there whole or not at all."""
        part = path.with_name(path.name + ".part")
        with part.open("wb") as stream:
            np.savez(stream, **asdict(self))
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> Basis:
        """Open what `save` wrote."""
        with np.load(path) as found:
            return cls(
                found["mean"],
                found["directions"],
                float(found["explained"]),
                str(found["fingerprint"]),
            )


@dataclass(frozen=True)
class Looking:
    """How a source is looked at.

    Attributes
    ----------
    size : int
        Pixels that the teacher sees a crop at.
    crops : int
        Of each picture.
    seed : int
        Of the crops.
    """

    size: int
    crops: int
    seed: int = 1


class Targets:
    """The records of a source.

    Parameters
    ----------
    folder : Path
    pack : Pack
    writable : bool
        False (default) for training.

    Raises
    ------
    InputError
        If they are missing, damaged, or of other pictures than the pack's.
    """

    def __init__(self, folder: Path, pack: Pack, *, writable: bool = False) -> None:
        name = pack.name
        try:
            self.about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            self.records: NDArray[np.void] = np.load(folder / f"{name}.npy", mmap_mode="r")
            if writable:  # only now: NumPy lengthens a file that is too short for writing
                self.records = np.load(folder / f"{name}.npy", mmap_mode="r+")
        except FileNotFoundError:
            raise InputError(f"expected targets of {name} in {folder}, found none") from None
        except ValueError as error:
            raise InputError(
                f"expected whole targets of {name} in {folder}, found {error}; remove them"
            ) from None
        if self.about["jpegs_sha256"] != pack.about["jpegs_sha256"]:
            raise InputError(
                f"expected targets of the packed pictures of {name}, found in {folder} those of "
                "other pictures; remove them or choose another folder"
            )
        expected = (len(pack) * self.about["crops"],)
        if self.records.shape != expected or self.records.dtype != RECORD:
            raise InputError(
                f"expected {expected[0]} records for {name} in {folder}, found "
                f"{len(self.records)}; the file is damaged: remove it"
            )
        self.pack = pack

    def available(self, pictures: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the positions of the records that are there of some pictures, ascending."""
        crops = self.about["crops"]
        rows = (np.sort(pictures)[:, None] * crops + np.arange(crops)).ravel()
        found: NDArray[np.intp] = rows[self.records["done"][rows] == 1]
        return found

    def pixels(self, row: int, size: int, *, smooth: bool = False) -> NDArray[np.uint8]:
        """Cut the crop of a record."""
        record = self.records[row]
        box: Box = tuple(int(side) for side in record["box"])  # type: ignore[assignment]
        picture = self.pack.picture(row // self.about["crops"])
        return cut(picture, box, bool(record["mirrored"]), size, smooth=smooth)


def order_of(pack: Pack, pictures: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Return pictures in the order in which they are looked at."""
    order = np.random.default_rng((seed, number_of(pack.name))).permutation(len(pack))
    return order[np.isin(order, pictures)]


def open_targets(
    folder: Path, pack: Pack, teacher: Teacher, basis: Basis, looking: Looking
) -> Targets:
    """Open the records of a source to fill them, or make the empty file.

    Raises
    ------
    InputError
        If those in the folder are of another teacher, other crops or other pictures.
    """
    name = pack.name
    about = {
        "jpegs_sha256": pack.about["jpegs_sha256"],
        "teacher": teacher.name,
        "teacher_sha256": teacher.fingerprint,
        "basis_sha256": basis.digest(),
        **asdict(looking),
    }
    if (folder / f"{name}.json").exists():
        targets = Targets(folder, pack, writable=True)
        different = [key for key in about if targets.about.get(key) != about[key]]
        if different:
            raise InputError(
                f"expected targets of {name} by this teacher and these crops in {folder}, found "
                f"another {', '.join(different)}; remove them or choose another folder"
            )
        return targets
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.npy.part"
    np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        part, mode="w+", dtype=RECORD, shape=(len(pack) * looking.crops,)
    ).flush()
    os.replace(part, folder / f"{name}.npy")
    part = folder / f"{name}.json.part"
    part.write_text(json.dumps(about, indent=1), encoding="utf-8")
    os.replace(part, folder / f"{name}.json")
    return Targets(folder, pack, writable=True)


def fill(
    targets: Targets,
    pictures: NDArray[np.intp],
    teacher: Teacher,
    basis: Basis,
    *,
    most: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Let the teacher look at the crops of some pictures, in that order, that it has not seen.

    A call that is cut goes on where it ended: a record is marked as done after it is written.

    Parameters
    ----------
    targets : Targets
    pictures : ndarray of shape (n,)
        Positions in the pack.
    teacher : Teacher
    basis : Basis
    most : int, optional
        Crops of a picture to look at, the first ones; by default all.
    progress : callable, optional

    Returns
    -------
    int
        Crops looked at.

    Raises
    ------
    InputError
        If a picture is damaged or the disk is full.
    """
    about, records, name = targets.about, targets.records, targets.pack.name
    crops = about["crops"]
    first = np.arange(min(crops, most or crops))
    rows = (np.asarray(pictures)[:, None] * crops + first).ravel()
    rows = rows[records["done"][rows] == 0]
    _reserve(targets, len(rows))
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        fresh = np.zeros(len(batch), RECORD)
        for record, row in zip(fresh, batch, strict=True):
            picture, crop = divmod(int(row), crops)
            height, width = targets.pack.sizes[picture]
            box, mirrored = crop_of(
                height, width, seed=about["seed"], source=name, picture=picture, crop=crop
            )
            record["box"], record["mirrored"] = box, mirrored
        records[batch] = fresh
        images = np.stack([targets.pixels(int(row), about["size"], smooth=True) for row in batch])
        logits, features = teacher.see(images)
        log_probabilities = logits - _log_sum(logits)
        top = np.argsort(-logits, axis=1)[:, :TOP]
        fresh["outputs"] = top
        fresh["log_probabilities"] = np.take_along_axis(log_probabilities, top, 1)
        fresh["features"] = basis.project(features)
        records[batch] = fresh
        fresh["done"] = 1
        records[batch] = fresh
        if progress is not None:
            progress(name, start + len(batch), len(rows))
    records.flush()  # type: ignore[attr-defined]
    return len(rows)


def find_basis(
    packs: Sequence[tuple[Pack, NDArray[np.intp], Looking]], teacher: Teacher, *, n: int
) -> Basis:
    """Find the basis on the first crop of about `n` pictures, a fair share of each source."""
    total = sum(len(pictures) for _, pictures, _ in packs)
    features = []
    for pack, pictures, looking in packs:
        share = order_of(pack, pictures, looking.seed)[: max(1, n * len(pictures) // total)]
        for start in range(0, len(share), BATCH):
            images = []
            for picture in map(int, share[start : start + BATCH]):
                height, width = pack.sizes[picture]
                box, mirrored = crop_of(
                    height, width, seed=looking.seed, source=pack.name, picture=picture, crop=0
                )
                images.append(cut(pack.picture(picture), box, mirrored, looking.size, smooth=True))
            features.append(teacher.see(np.stack(images))[1])
    return Basis.of(np.concatenate(features), teacher.fingerprint)


def _log_sum(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    most = logits.max(1, keepdims=True)
    return np.asarray(most + np.log(np.exp(logits - most).sum(1, keepdims=True)))


def _reserve(targets: Targets, n: int) -> None:
    """Refuse now what a full disk would end later: a write into a hole of a map kills a process."""
    path = Path(str(targets.records.filename))  # type: ignore[attr-defined]
    where = os.statvfs(path)
    free, need = where.f_bavail * where.f_frsize, n * RECORD.itemsize
    if free < need:
        raise InputError(
            f"expected {need >> 20} MiB free for targets beside {path}, found {free >> 20} MiB "
            f"({os.strerror(errno.ENOSPC)})"
        )
