"""The three data sets of the table, and how each is split."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit.photos import PhotoProgress
from headfit_zoo.experiments.transfer import Pictures, class_of, places, split
from headfit_zoo.training import PackedSet, pack


@dataclass(frozen=True)
class PaperSet:
    """One data set.

    Attributes
    ----------
    file : str
        The zip's name.
    train, test : str or None
        First folders of the two parts; without them every second picture of a class, by sorted
        name, is for training.
    paper : str
        The paper's name for its own set in this place.
    """

    file: str
    train: str | None
    test: str | None
    paper: str


SETS: Final[Mapping[str, PaperSet]] = {
    # The official test part is the larger one: the paper trains on it.
    "flowers102": PaperSet("flowers102-64.zip", "test", "val", "Flowers"),
    "birds": PaperSet("cub200-2010-224.zip", None, None, "Birds"),
    "scenes": PaperSet("scene15-200.zip", "train", "test", "Indoor scenes"),
}


@dataclass(frozen=True, eq=False)
class SplitPictures:
    """The pictures of a set with their classes, and which are for what.

    Attributes
    ----------
    pictures : Pictures
    classes : ndarray of shape (n_samples,), dtype str
    train, test : ndarray of positions
    """

    pictures: Pictures
    classes: NDArray[np.str_]
    train: NDArray[np.intp]
    test: NDArray[np.intp]

    @classmethod
    def open(cls, name: str) -> SplitPictures:
        """Open a set by its name in `SETS`, from where ``HEADFIT_DATA`` points.

        Raises
        ------
        InputError
            If there is no such set, or its file is not there.
        """
        if name not in SETS:
            raise InputError(f"expected a data set of {', '.join(SETS)}, found {name!r}")
        folder = Path(os.environ.get("HEADFIT_DATA") or "../shared/data")
        path = folder / SETS[name].file
        if not path.is_file():
            raise InputError(
                f"expected {path.name} in {folder}, found none; set HEADFIT_DATA to the folder "
                "that holds it"
            )
        return cls.split(Pictures.open(path), SETS[name].train, SETS[name].test)

    @classmethod
    def split(cls, pictures: Pictures, train: str | None, test: str | None) -> SplitPictures:
        """Split pictures as `headfit_zoo.experiments.transfer.split` does."""
        parts = split(pictures.names, train, test)
        return cls(pictures, np.array([class_of(name) for name in pictures.names]), *parts)

    def held_out(self) -> NDArray[np.bool_]:
        """Say of every training picture whether it is kept apart to choose settings by.

        It is every fourth of its class.
        """
        return np.asarray(places(self.classes[self.train]) % 4 == 3)

    def pack(
        self, folder: Path, size: int, *, progress: PhotoProgress | None = None
    ) -> tuple[PackedSet, PackedSet]:
        """Return training and test pictures at one size, packed below `folder` the first time."""
        classes = tuple(sorted(set(self.classes)))
        packed = []
        for part, positions in (("train", self.train), ("test", self.test)):
            target = folder / part
            if not (target / "classes.json").exists():
                files = self._files(folder / "pictures")
                listed = [(files[i], str(self.classes[i])) for i in positions]
                pack(listed, target, size, classes=classes, progress=progress)
            packed.append(PackedSet.load(target))
        return packed[0], packed[1]

    def _files(self, folder: Path) -> list[Path]:
        if self.pictures.source.is_dir():
            folder = self.pictures.source
        elif not folder.exists():
            with zipfile.ZipFile(self.pictures.source) as archive:
                archive.extractall(folder, self.pictures.names)
        return [folder / name for name in self.pictures.names]
