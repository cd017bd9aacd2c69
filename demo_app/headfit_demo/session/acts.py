"""What the user did in a project since it was opened: acts, each taken back and redone as one.

What was forgotten is gone from the disk at once; only the memory of the running app holds it, until
the project is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TypeAlias
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from headfit import SoftmaxHead
from headfit_demo.session.photos import Photo


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that has no photo yet was named, as the one at ``place``."""

    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Unnamed:
    """The name of a thing without photos went from ``place``."""

    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A thing was called by another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Taught:
    """Photos were taught: the ids of their examples, to which more may come."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class Moved:
    """Photos were given another thing: what they were before, by their examples' ids."""

    was: dict[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Forgotten:
    """Photos were forgotten: everything that brings them back.

    Attributes
    ----------
    ids : tuple of int
        What the examples were numbered; they come back under new numbers.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    example_classes : tuple of str
    photo_hashes : tuple of int
    pictures : tuple of (bytes or None)
        Thumbnails.
    """

    ids: tuple[int, ...]
    embeddings: npt.NDArray[np.float32]
    example_classes: tuple[str, ...]
    photo_hashes: tuple[int, ...]
    pictures: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Headed:
    """The head became another, without training."""

    before: SoftmaxHead | None
    after: SoftmaxHead | None


Change: TypeAlias = Named | Unnamed | Renamed | Taught | Moved | Forgotten | Headed


class Act:
    """What the user did at one go, and takes back at one go: a drop, a recording, a new name.

    Made when the user does it, and passed to all that is done for it, however long that takes.

    Attributes
    ----------
    changes : list of Change
        In the order in which they were made, but for the head's: it is turned back last.
    things : dict of str to (str or Unnamed)
        What its things are called now, by what they were called when it began; of one that is
        forgotten, how its name went.
    rest : dict of str to list of Photo
        What was not taught because it was taken back or their thing forgotten, by what that was
        called when it began.
    passed_over : set of int
        The examples of photos that it was given and that had been taught before.
    is_taken_back : bool
        Nothing more is done for it then, until it is done again.
    number : int
        Another one for every act of this run of the app, from 1.
    """

    _numbers = count(1)

    def __init__(self) -> None:
        self.number = next(self._numbers)
        self.changes: list[Change] = []
        self.things: dict[str, str | Unnamed] = {}
        self.rest: dict[str, list[Photo]] = {}
        self.passed_over: set[int] = set()
        self.is_taken_back = False

    @property
    def n_photos(self) -> int:
        """How many photos it taught or forgot."""
        changes = (one for one in self.changes if isinstance(one, Taught | Forgotten))
        return sum(len(one.ids) for one in changes)

    @property
    def example_ids(self) -> set[int]:
        """The examples that it taught."""
        return {i for one in self.changes if isinstance(one, Taught) for i in one.ids}

    @property
    def is_gone(self) -> bool:
        """Whether it was taken back, or all its things were forgotten."""
        return self.is_taken_back or (
            bool(self.things) and not any(isinstance(one, str) for one in self.things.values())
        )

    @property
    def can_go_on(self) -> bool:
        """Whether photos wait that could be taught by now."""
        return any(map(self.wants, self.rest))

    def wants(self, class_name: str) -> bool:
        """Return whether photos of a thing, as it was called when it began, are taught by now."""
        return not self.is_taken_back and isinstance(self.things.get(class_name, class_name), str)

    def leave(self, class_name: str, photos: Sequence[Photo]) -> None:
        """Let photos wait until it wants them."""
        self.rest.setdefault(class_name, []).extend(photos)

    def take_rest(self) -> dict[str, list[Photo]]:
        """Return what waits, to be taught, or left once more."""
        rest, self.rest = self.rest, {}
        return rest

    def taught(self, example_id: int) -> None:
        """Note a photo that was taught."""
        if not (self.changes and isinstance(last := self.changes[-1], Taught)):
            self.changes.append(last := Taught([]))
        last.ids.append(example_id)


class History:
    """Acts that can be taken back, the last one last, and acts that can be done again."""

    def __init__(self) -> None:
        self.done: list[Act] = []
        self.undone: list[Act] = []
        self._followed: WeakSet[Act] = WeakSet()

    def did(self, act: Act) -> None:
        """Note an act that changes something; what was taken back before it stays so."""
        if act not in self.done:
            self.done.append(act)
            self.undone.clear()

    def follow(self, act: Act, class_name: str, now: str) -> None:
        """Let an act know what becomes of a thing from now on, before it changes anything of it."""
        act.things[class_name] = now
        self._followed.add(act)

    def renamed(self, old: str, new: str | Unnamed) -> None:
        """Let acts that go on follow a thing to its new name, or know that it is gone."""
        for act in self._followed:
            act.things = {then: new if now == old else now for then, now in act.things.items()}

    def named_again(self, gone: Unnamed) -> None:
        """Let acts know that a thing is back; another one may have gone by the same name."""
        for act in self._followed:
            act.things = {
                then: gone.name if now is gone else now for then, now in act.things.items()
            }

    def go_on(self, act: Act) -> None:
        """Let more be done for an act after all: what was taken back before stays so."""
        if act in self.done:
            self.undone.clear()

    def renumber(self, new_ids: Mapping[int, int]) -> None:
        """Follow examples that came back under new numbers."""
        for act in chain(self.done, self.undone):
            for change in act.changes:
                if isinstance(change, Taught):
                    change.ids[:] = [new_ids.get(one, one) for one in change.ids]
                elif isinstance(change, Moved):
                    was = {new_ids.get(one, one): name for one, name in change.was.items()}
                    change.was.clear()
                    change.was.update(was)

    def stop(self) -> None:
        """Let nothing more be done for any act."""
        for act in self._followed:
            act.is_taken_back = True

    def clear(self) -> None:
        """Forget all acts, and with them what was forgotten."""
        self.done.clear()
        self.undone.clear()
