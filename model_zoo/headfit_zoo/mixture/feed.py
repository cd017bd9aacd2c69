"""Batches of crops with all that a student learns of them: a function of the step alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit_zoo.mixture.packing import Pack
from headfit_zoo.mixture.sources import Source
from headfit_zoo.mixture.targets import TOP, WIDTH, Targets

GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, are spread evenly: each epoch takes another crop of a picture."""


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes
    ----------
    images : ndarray of shape (n, size, size, 3), dtype uint8
    labels : ndarray of shape (n,), dtype int32
        Among the classes of all label spaces; -1 without one.
    spaces : ndarray of shape (n, 2), dtype int32
        First class of the picture's label space, and the first beyond it.
    outputs : ndarray of shape (n, `TOP`), dtype int32
    log_probabilities : ndarray of shape (n, `TOP`), dtype float32
    features : ndarray of shape (n, `WIDTH`), dtype float32
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    spaces: NDArray[np.int32]
    outputs: NDArray[np.int32]
    log_probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


class LabelSpaces:
    """The classes of all sources, side by side: ``space/class``.

    Parameters
    ----------
    sources : sequence of Source
    packs : sequence of Pack
        Of the same sources.
    """

    def __init__(self, sources: Sequence[Source], packs: Sequence[Pack]) -> None:
        spaces: dict[str, set[str]] = {}
        for source, pack in zip(sources, packs, strict=True):
            if source.space is not None:
                classes: list[str] = pack.about["classes"]  # type: ignore[assignment]
                spaces.setdefault(source.space, set()).update(classes)
        self.names = tuple(
            f"{space}/{name}" for space in sorted(spaces) for name in sorted(spaces[space])
        )
        self._position = {name: index for index, name in enumerate(self.names)}
        self._bounds: dict[str, tuple[int, int]] = {}
        start = 0
        for space in sorted(spaces):
            self._bounds[space] = (start, start + len(spaces[space]))
            start += len(spaces[space])

    def of(self, source: Source, pack: Pack) -> tuple[NDArray[np.int32], tuple[int, int]]:
        """Return the label of each picture, -1 without one, and the bounds of its space."""
        if source.space is None:
            return np.full(len(pack), -1, np.int32), (0, len(self.names))
        classes: list[str] = pack.about["classes"]  # type: ignore[assignment]
        mapped = [self._position[f"{source.space}/{name}"] for name in classes] + [-1]
        return np.array(mapped, np.int32)[pack.labels], self._bounds[source.space]


class Feed:
    """Crops in an order that a seed gives; each epoch is drawn by the sources' weights.

    Parameters
    ----------
    sources : sequence of Source
    targets : sequence of Targets
        Of the same sources.
    pictures : sequence of ndarray
        Positions of those that may be used, per source.
    seed : int

    Raises
    ------
    InputError
        If no crop has been looked at.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        targets: Sequence[Targets],
        pictures: Sequence[NDArray[np.intp]],
        *,
        seed: int,
    ) -> None:
        self.targets, self.seed = list(targets), seed
        packs = [target.pack for target in targets]
        self.spaces = LabelSpaces(sources, packs)
        self._labels, self._bounds = [], []
        rows, owners, weights = [], [], []
        for index, (source, target, chosen) in enumerate(
            zip(sources, targets, pictures, strict=True)
        ):
            labels, bounds = self.spaces.of(source, target.pack)
            self._labels.append(labels)
            self._bounds.append(bounds)
            found = target.available(chosen)
            rows.append(found)
            owners.append(np.full(len(found), index, np.intp))
            # A picture of which some crops are missing yet counts as much as any other.
            of_picture = found // target.about["crops"]
            _, inverse, counts = np.unique(of_picture, return_inverse=True, return_counts=True)
            weights.append(source.weight / counts[inverse])
        self._rows, self._owners = np.concatenate(rows), np.concatenate(owners)
        if not len(self._rows):
            raise InputError("expected targets of some crops, found none; let a teacher look")
        self._bounds_of_weights = np.cumsum(np.concatenate(weights))
        self.epoch_length = int(self._bounds_of_weights[-1])
        if not self.epoch_length:
            raise InputError(f"expected weights for a picture or more, found {len(self._rows)}")
        self._epoch, self._order = -1, np.empty(0, np.intp)

    def digest(self) -> str:
        """Return a SHA-256 of which crops there are, hex."""
        return hashlib.sha256(self._rows.tobytes() + self._owners.tobytes()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Return how many crops there are of each source."""
        return {
            target.pack.name: int((self._owners == index).sum())
            for index, target in enumerate(self.targets)
        }

    def batch(self, step: int, n: int, size: int) -> Batch:
        """Return the batch of a step, counted from 0, of `n` crops at `size` pixels."""
        images = np.empty((n, size, size, 3), np.uint8)
        labels, spaces = np.empty(n, np.int32), np.empty((n, 2), np.int32)
        outputs = np.empty((n, TOP), np.int32)
        log_probabilities = np.empty((n, TOP), np.float32)
        features = np.empty((n, WIDTH), np.float32)
        for place in range(n):
            position = self._position(step * n + place)
            owner, row = self._owners[position], int(self._rows[position])
            target = self.targets[owner]
            record = target.records[row]
            images[place] = target.pixels(row, size)
            labels[place] = self._labels[owner][row // target.about["crops"]]
            spaces[place] = self._bounds[owner]
            outputs[place] = record["outputs"]
            log_probabilities[place] = record["log_probabilities"]
            features[place] = record["features"]
        return Batch(images, labels, spaces, outputs, log_probabilities, features)

    def _position(self, sample: int) -> int:
        """Return which crop the sample is, counted from the first step."""
        epoch, place = divmod(sample, self.epoch_length)
        if epoch != self._epoch:
            # Systematic sampling: whoever weighs w is drawn floor(w) or ceil(w) times.
            marks = (epoch * GOLDEN) % 1 + np.arange(self.epoch_length)
            drawn = np.searchsorted(self._bounds_of_weights, marks, side="right")
            drawn = np.minimum(drawn, len(self._rows) - 1)
            rng = np.random.default_rng((self.seed, epoch))
            self._epoch, self._order = epoch, rng.permutation(drawn)
        return int(self._order[place])
