"""The transfer protocol: how well a linear head on frozen embeddings learns a data set.

Every picture is embedded once, from one centre view. `headfit.SoftmaxHead` is trained on the
training part and scored on the test part. Which of `SETTINGS` it is trained with is chosen on the
training part alone: of two halves, every second example of a class, each is scored by the head of
the other. Embeddings may be compressed first: the root of each value, with its sign, then to one
length (Perronnin et al., "Improving the Fisher Kernel", 2010).
"""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headfit import InputError, SoftmaxHead
from headfit.files import replacing
from headfit.photos import PHOTO_ENDINGS, PhotoProgress, find_unsorted_photos

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
"""For `SoftmaxHead`'s l2."""
METHODS = (("lda", 0.0), *(("logistic", l2) for l2 in PENALTIES[1:]))
"""Of `SoftmaxHead`, each with its l2."""
SETTINGS = tuple((compressed, *method) for compressed in (True, False) for method in METHODS)
"""Tried in this order; the first of equals is taken, and of all where a class has one example."""
SAVE_EVERY = 200
"""Pictures after which the cache is written, so that a killed run goes on from there."""


class Embedder(Protocol):
    """A frozen network: `headfit.Extractor`, or another that is measured beside it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its file, hex."""

    @property
    def engine_name(self) -> str:
        """What runs it."""

    def embed(self, pictures: Sequence[bytes], /) -> NDArray[np.float32]:
        """Return embeddings of shape (n_samples, embedding_dim)."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder or a zip, by name, sorted.

    Attributes
    ----------
    source : Path
    names : tuple of str
        With forward slashes; the last folder is the class, the first may be a part of a split.
    """

    source: Path
    names: tuple[str, ...]

    @classmethod
    def open(cls, source: Path) -> Pictures:
        """List the pictures of `source`.

        Raises
        ------
        InputError
            If there is none.
        """
        if source.is_dir():
            photos = find_unsorted_photos(source).photos
            found: Iterable[str] = (one.path.relative_to(source).as_posix() for one in photos)
        elif zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                found = archive.namelist()
        else:
            raise InputError(f"expected a folder or a zip of pictures, found {source}")
        names = [
            name
            for name in found
            if PurePosixPath(name).suffix.lower() in PHOTO_ENDINGS and "/" in name
        ]
        if not names:
            raise InputError(f"expected pictures in class folders in {source}, found none")
        return cls(source, tuple(sorted(names)))

    def of(self, *parts: str) -> Pictures:
        """Return those whose first folder is one of `parts`."""
        return Pictures(self.source, tuple(n for n in self.names if n.split("/")[0] in parts))

    def identity(self) -> str:
        """Return a SHA-256 over names and sizes, to tell this data set from others."""
        if self.source.is_dir():
            sizes = [(self.source / name).stat().st_size for name in self.names]
        else:
            with zipfile.ZipFile(self.source) as archive:
                sizes = [archive.getinfo(name).CRC for name in self.names]
        return hashlib.sha256(repr((self.names, sizes)).encode()).hexdigest()

    def read(self, names: Sequence[str]) -> list[bytes]:
        """Return the bytes of some pictures."""
        if self.source.is_dir():
            return [(self.source / name).read_bytes() for name in names]
        with zipfile.ZipFile(self.source) as archive:
            return [archive.read(name) for name in names]


@dataclass(frozen=True)
class Transfer:
    """What a linear head reached.

    Attributes
    ----------
    top1, top5 : float
    compressed : bool
    method : str
    l2 : float
        The setting that was chosen; linear discriminant analysis has no penalty.
    n_train, n_test, n_classes : int
    """

    top1: float
    top5: float
    compressed: bool
    method: str
    l2: float
    n_train: int
    n_test: int
    n_classes: int


def split(
    names: Sequence[str], train: str | None, test: str | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of training and test pictures.

    Parameters
    ----------
    names : sequence of str
        Sorted.
    train, test : str or None
        First folders of the two parts; without them every second picture of a class is for
        training, the first of them included.

    Raises
    ------
    InputError
        If a part is empty, or a test class has no training picture.
    """
    if train is None or test is None:
        place = _place_in_class(names)
        parts = np.flatnonzero(place % 2 == 0), np.flatnonzero(place % 2 == 1)
    else:
        first = np.array([name.split("/")[0] for name in names])
        parts = np.flatnonzero(first == train), np.flatnonzero(first == test)
    classes = [{class_of(names[index]) for index in part} for part in parts]
    if not classes[1] or not classes[1] <= classes[0]:
        raise InputError(
            f"expected test pictures of {len(classes[0])} trained classes, found "
            f"{len(classes[1])} classes of which {len(classes[1] - classes[0])} have no training "
            "picture; name the parts of the split with --train and --test"
        )
    return parts


def class_of(name: str) -> str:
    """Return the class of a picture: the folder it lies in."""
    return name.split("/")[-2]


def embed(
    extractor: Embedder, pictures: Pictures, cache: Path, *, progress: PhotoProgress | None = None
) -> NDArray[np.float32]:
    """Embed pictures, or read what an earlier run has embedded.

    Parameters
    ----------
    extractor : Embedder
    pictures : Pictures
    cache : Path
        A folder; a file in it belongs to one extractor, engine and data set.

    Returns
    -------
    ndarray of shape (n_samples, embedding_dim), dtype float32
    """
    key = f"{extractor.fingerprint[:16]}-{extractor.engine_name}-{pictures.identity()[:16]}.npy"
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / key
    parts = [np.load(path)] if path.exists() else []
    done = sum(map(len, parts))
    for start in range(done, len(pictures.names), SAVE_EVERY):
        batch = pictures.names[start : start + SAVE_EVERY]
        parts.append(extractor.embed(pictures.read(batch)))
        with replacing(path) as stream:
            np.save(stream, np.concatenate(parts))
        if progress is not None:
            progress(start + len(batch), len(pictures.names))
    return np.concatenate(parts)


def measure(
    embeddings: NDArray[np.float32],
    names: Sequence[str],
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> Transfer:
    """Train a head on the first part, with the setting that suits it, and score the second."""
    classes = np.array([class_of(name) for name in names])
    train, test = parts
    half = _place_in_class([names[index] for index in train]) % 2 == 0
    chosen = SETTINGS[0]
    if len(set(classes[train[half]])) == len(set(classes[train[~half]])):
        halves = train[half], train[~half]
        scores = {
            setting: sum(
                _score(embeddings, classes, first, second, setting)[0] * len(second)
                for first, second in (halves, halves[::-1])
            )
            for setting in SETTINGS
        }
        chosen = max(scores, key=scores.__getitem__)
    top1, top5 = _score(embeddings, classes, train, test, chosen)
    return Transfer(top1, top5, *chosen, len(train), len(test), len(set(classes)))


def compress(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the signed roots of embeddings, each brought to the length of all ones."""
    roots = np.sign(embeddings) * np.sqrt(np.abs(embeddings))
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    scaled = roots * np.sqrt(roots.shape[1]) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return np.asarray(scaled, np.float32)


def _score(
    embeddings: NDArray[np.float32],
    classes: NDArray[np.str_],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    setting: tuple[bool, str, float],
) -> tuple[float, float]:
    compressed, method, l2 = setting
    if compressed:
        embeddings = compress(embeddings)
    head = SoftmaxHead(method=method, l2=l2).fit(embeddings[train], classes[train])
    best = np.argsort(-head.predict_proba(embeddings[test]), axis=1)[:, :5]
    hits = np.array(head.classes_)[best] == classes[test][:, None]
    return float(hits[:, 0].mean()), float(hits.any(axis=1).mean())


def places(keys: Iterable[str]) -> NDArray[np.intp]:
    """Return how many equal keys stand before each one."""
    seen: Counter[str] = Counter()
    found = []
    for key in keys:
        found.append(seen[key])
        seen[key] += 1
    return np.array(found, np.intp)


def _place_in_class(names: Sequence[str]) -> NDArray[np.intp]:
    """Return how many pictures of the same folder stand before each one."""
    return places(name.rpartition("/")[0] for name in names)
