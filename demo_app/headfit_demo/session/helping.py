"""Helping a shared head: what would leave this device for a round, before any of it does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headfit import FileFormatError, UnsupportedVersionError, UntrustedHeadError
from headfit.files import write_atomically
from headfit.pooling import (
    Part,
    RoundFile,
    check_source,
    chosen,
    contributed,
    contributed_plain,
    part_bytes,
    read_round_bytes,
)
from headfit.store import ExampleStore
from headfit_demo.session.errors import NoRoundError
from headfit_demo.session.photos import PickedFile, content_of

MAX_ROUND_BYTES = 1 << 25
SHOWN_NUMBERS = 6
"""So many numbers of a long file are written out."""

SHOWN_SUMS = 1 << 14
"""So many sums are drawn."""


class Hindrance(Enum):
    """Why nothing can be contributed to a round."""

    NO_NOISE = auto()
    SIGNED_ONLY = auto()
    NO_PHOTOS = auto()
    HELPED = auto()


@dataclass(frozen=True, slots=True)
class Leaving:
    """A file that would leave.

    Attributes
    ----------
    name : str
        Of the file; no other device has one of this name.
    content : bytes
    numbers : tuple of str
        What stands in it, the first of many.
    n_numbers : int
        How many there are.
    """

    name: str
    content: bytes
    numbers: tuple[str, ...]
    n_numbers: int


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a device would contribute to a round.

    Attributes
    ----------
    digest, caller : str
        The round's digest, and the public key that signed it.
    things : tuple of (str, int)
        Each class that is asked for, and how many photos of it are here.
    n_used, n_left_out, max_photos : int
        How many photos count, how many do not, and how many may at most.
    devices, min_devices : int
        How many are expected, and with how few nothing is opened.
    epsilon, epsilon_at_least, delta : float
        Of all photos of this device, if so many devices contribute, or so few.
    files : tuple of Leaving
        One for each side; none if there is a hindrance.
    sums, together : ndarray of shape (n_numbers,), dtype int64
        What stays here, and what both files add up to: the sums with this device's noise. The
        first `SHOWN_SUMS` of them.
    hindrance : Hindrance or None
    """

    digest: str
    caller: str
    things: tuple[tuple[str, int], ...]
    n_used: int
    n_left_out: int
    max_photos: int
    devices: int
    min_devices: int
    epsilon: float
    epsilon_at_least: float
    delta: float
    files: tuple[Leaving, ...]
    sums: npt.NDArray[np.int64]
    together: npt.NDArray[np.int64]
    hindrance: Hindrance | None


def read_round(file: PickedFile) -> RoundFile:
    """Return the round of a file that the user chose, its signature checked.

    Raises
    ------
    NoRoundError
        If it is none, or damaged.
    UnsupportedVersionError
        If a newer headfit wrote it.
    UntrustedHeadError
        If it was changed after it was signed.
    """
    content = content_of(file, MAX_ROUND_BYTES)
    try:
        return read_round_bytes(content, None, file.name)
    except (UnsupportedVersionError, UntrustedHeadError):
        raise
    except FileFormatError as error:
        raise NoRoundError(str(error)) from error


def offer_of(called: RoundFile, store: ExampleStore, helped: bool) -> Offer:
    """Return what the examples of a store would contribute to a round; nothing leaves by it.

    Parameters
    ----------
    called : RoundFile
    store : ExampleStore
    helped : bool
        Whether this device contributed to it before.

    Raises
    ------
    ExtractorMismatchError
        If they are of another extractor, or of other views of photos.
    """
    asked = called.round
    check_source(asked, store.fingerprint, store.views, "this project")
    examples = store.load()
    counts = store.class_counts
    things = tuple((name, counts.get(name, 0)) for name in asked.classes)
    hindrance = None
    if helped:
        hindrance = Hindrance.HELPED
    elif asked.noise == 0:
        hindrance = Hindrance.NO_NOISE
    elif asked.device_keys is not None:
        hindrance = Hindrance.SIGNED_ONLY
    elif not any(count for _, count in things):
        hindrance = Hindrance.NO_PHOTOS
    files: tuple[Leaving, ...] = ()
    sums = together = np.zeros(0, np.int64)
    n_used = 0
    if hindrance is None:
        rows = chosen(asked, examples.class_names)
        n_used = len(rows)
        photos = examples.embeddings[rows], [examples.class_names[row] for row in rows]
        parts = contributed(called, *photos)
        files = tuple(map(_leaving, parts))
        sums = _first(contributed_plain(called, *photos).sums)
        together = _first(parts[0].words(asked.n_numbers) + parts[1].words(asked.n_numbers))
    return Offer(
        digest=called.digest,
        caller=called.caller,
        things=things,
        n_used=n_used,
        n_left_out=len(examples.class_names) - n_used,
        max_photos=asked.max_photos,
        devices=asked.devices,
        min_devices=asked.min_devices,
        epsilon=asked.epsilon(asked.devices),
        epsilon_at_least=asked.epsilon(asked.min_devices),
        delta=asked.delta,
        files=files,
        sums=sums,
        together=together,
        hindrance=hindrance,
    )


def _first(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return words[:SHOWN_SUMS].view(np.int64).copy()


def _leaving(part: Part) -> Leaving:
    if part.side == "a":
        numbers = tuple(part.body[at : at + 4].hex() for at in range(0, len(part.body), 4))
        n_numbers = len(numbers)
    else:
        words = np.frombuffer(part.body, "<u8")
        numbers, n_numbers = tuple(map(str, words[:SHOWN_NUMBERS].tolist())), len(words)
    # No two devices' files have one name: they lie in one folder where they are collected.
    return Leaving(f"{part.contribution[:12]}.{part.side}", part_bytes(part), numbers, n_numbers)


class Helped:
    """The rounds that this device contributed to: twice would cost the epsilon twice.

    Parameters
    ----------
    path : Path
        A JSON list of the rounds' digests; what is no such list is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[str]:
        """Return the rounds' digests."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def add(self, digest: str) -> None:
        """Remember a round, once."""
        there = self.all()
        if digest not in there:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps([*there, digest]).encode(), owner_only=True)

    def forget(self) -> None:
        """Forget all of them."""
        self._path.unlink(missing_ok=True)
