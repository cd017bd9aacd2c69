"""What was done to a project since it was opened, so that it can be taken back.

What was forgotten is gone from the disk at once; only the memory of the running app holds it, until
the project is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit import SoftmaxHead


@dataclass(frozen=True, slots=True)
class Named:
    """A class was named that has no photo yet."""

    name: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A class was called by another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Taught:
    """Photos were taught: the ids of their examples."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Forgotten:
    """Photos, or a class with all of them, were forgotten: everything that brings them back.

    Attributes
    ----------
    name : str
        The class, or "" if single photos were forgotten.
    class_names : tuple of str
        Of all classes before, in the order in which they were named.
    head : SoftmaxHead or None
        The head before.
    ids : tuple of int
        What the examples were numbered; they come back under new numbers.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    example_classes : tuple of str
    photo_hashes : tuple of int
    pictures : tuple of (bytes or None)
        Thumbnails.
    """

    name: str
    class_names: tuple[str, ...]
    head: SoftmaxHead | None
    ids: tuple[int, ...]
    embeddings: npt.NDArray[np.float32]
    example_classes: tuple[str, ...]
    photo_hashes: tuple[int, ...]
    pictures: tuple[bytes | None, ...]


Step: TypeAlias = Named | Renamed | Taught | Forgotten


class Steps:
    """The steps that can be taken back, the last one first."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def __bool__(self) -> bool:
        return bool(self._steps)

    def did(self, step: Step) -> None:
        """Note a step."""
        self._steps.append(step)

    def taught(self, ids: Sequence[int], *, goes_on: bool) -> None:
        """Note photos that were taught; with ``goes_on`` they belong to the step before."""
        if goes_on and self._steps and isinstance(last := self._steps[-1], Taught):
            self._steps[-1] = Taught((*last.ids, *ids))
        elif ids:
            self.did(Taught(tuple(ids)))

    def last(self) -> Step | None:
        """Return the step that is taken back next."""
        return self._steps[-1] if self._steps else None

    def took_back(self) -> None:
        """Note that the last step is undone."""
        self._steps.pop()

    def renumber(self, new_ids: Mapping[int, int]) -> None:
        """Follow examples that came back under new numbers."""
        self._steps = [
            replace(step, ids=tuple(new_ids.get(i, i) for i in step.ids))
            if isinstance(step, Taught)
            else step
            for step in self._steps
        ]

    def clear(self) -> None:
        """Forget all steps, and with them what was forgotten."""
        self._steps.clear()
