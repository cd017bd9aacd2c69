"""Problem: what is to be learned, and how; every method of fitting takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headfit.learning.background import Background
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead
from headfit.learning.groups import COMMON_NOISE, grouped, middle_of
from headfit.learning.held_out import HeldOut, LeftOut, left_out_of
from headfit.learning.settings import Settings
from headfit.maths.arrays import DoubleArray, FloatArray, HashArray, TargetArray
from headfit.maths.grid import Grid
from headfit.maths.lbfgs import Progress
from headfit.maths.once import once


@dataclass(frozen=True, eq=False)
class Problem:
    """Examples with their classes, and the settings of the fit.

    Attributes
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Not written to.
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each example's class; no class is empty.
    classes : tuple of str
        Class names in column order.
    settings : Settings
    weights : ndarray of shape (n_samples,), dtype float64, or None
        How many examples each counts for, above 0; None: one.
    given_groups : ndarray of shape (n_samples,), dtype intp, or None
        Examples of a class with the same number belong together, besides those that
        `headfit.learning.groups` finds; one below 0 says nothing.
    photo_hashes : ndarray of shape (n_samples,), dtype uint64, or None
        By which near copies are told, besides embeddings: see `headfit.learning.groups`.
    known_groups : ndarray of shape (n_samples,), dtype intp, or None
        The group of each, counted from 0, where they are known already.
    known_grid : Grid or None
        Of these embeddings as often as they count, where it is known already.
    known_sums : ClassSums or None
        Of these examples on the grid, where they are known already.
    start : weights and bias, or None
        Where logistic regression begins; from zero by default.
    background : Background or None
        Of the extractor that made the embeddings.
    progress : callable or None
        Called as ``progress(iteration, loss)``; only logistic regression iterates.
    """

    embeddings: FloatArray
    targets: TargetArray
    classes: tuple[str, ...]
    settings: Settings
    weights: DoubleArray | None = None
    given_groups: TargetArray | None = None
    photo_hashes: HashArray | None = None
    known_groups: TargetArray | None = None
    known_grid: Grid | None = None
    known_sums: ClassSums | None = None
    start: tuple[FloatArray, FloatArray] | None = None
    background: Background | None = None
    progress: Progress | None = None

    @property
    def n_classes(self) -> int:
        """How many columns there are."""
        return len(self.classes)

    @once
    def masses(self) -> DoubleArray:
        """How many examples those of each class count for: shape (n_classes,)."""
        return np.bincount(self.targets, self.weights, self.n_classes).astype(np.float64)

    @property
    def mass(self) -> float:
        """How many examples all of them count for."""
        return float(self.masses.sum())

    @once
    def groups(self) -> TargetArray:
        """The group of each example: see `headfit.learning.groups`."""
        if self.known_groups is not None:
            return self.known_groups
        return grouped(
            self.embeddings,
            self.targets,
            middle_of(self.embeddings, self.targets, self.weights),
            self.given_groups,
            photo_hashes=self.photo_hashes,
        )

    @once
    def counted(self) -> DoubleArray:
        """What each example counts for: shape (n_samples,); 1 without weights."""
        return np.ones(len(self.targets)) if self.weights is None else self.weights

    @once
    def group_counts(self) -> npt.NDArray[np.int64]:
        """Groups of each class, which is how many photos there effectively are."""
        _, first = np.unique(self.groups, return_index=True)
        return np.bincount(self.targets[first], minlength=self.n_classes).astype(np.int64)

    @once
    def effective_masses(self) -> DoubleArray:
        """How many independent photos have a mean as near to the true one: shape (n_classes,).

        Kish's effective sample size, ``sum(w) ** 2 / sum(w ** 2)`` over the masses ``w`` of groups
        (Kish, "Survey Sampling", 1965).
        """
        _, first = np.unique(self.groups, return_index=True)
        masses = np.bincount(self.groups, self.weights)
        squares = np.bincount(self.targets[first], np.square(masses), self.n_classes)
        effective: DoubleArray = np.square(self.masses) / squares
        return effective

    @once
    def noise_masses(self) -> DoubleArray:
        """As `effective_masses`, of groups whose members share `COMMON_NOISE` of their noise alone.

        ``n ** 2 / sum((1 - c) * sum(v ** 2) + c * w ** 2)`` with the masses ``v`` of a group's
        examples (Kish, "Survey Sampling", 1965, chapter 5).
        """
        apart = np.bincount(self.targets, np.square(self.counted), self.n_classes)
        together = np.square(self.masses) / self.effective_masses
        squares = (1 - COMMON_NOISE) * apart + COMMON_NOISE * together
        effective: DoubleArray = np.square(self.masses) / squares
        return effective

    @once
    def left_out(self) -> LeftOut:
        """The examples that heads are to be made without."""
        return left_out_of(self.targets, self.groups, self.group_counts, self.counted)

    @once
    def sums(self) -> ClassSums:
        """Counts, sums and second moments of the examples."""
        if self.known_sums is not None:
            return self.known_sums
        return ClassSums.of(self.embeddings, self.targets, self.n_classes, self.weights)

    def of(self, rows: TargetArray | slice) -> Problem:
        """Return the problem of some of the examples, from zero and without a word.

        Groups stay what they are among all.
        """
        return replace(
            self,
            embeddings=self.embeddings[rows],
            targets=self.targets[rows],
            weights=None if self.weights is None else self.weights[rows],
            given_groups=None,
            photo_hashes=None,
            known_groups=np.unique(self.groups[rows], return_inverse=True)[1],
            known_grid=None,
            known_sums=None,
            start=None,
            progress=None,
        )

    def under(self, settings: Settings) -> Problem:
        """Return the problem with other settings."""
        return replace(self, settings=settings)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted head, and what fitting it found out besides.

    Attributes
    ----------
    head : FittedHead
        Which extractor made the embeddings is for the caller to say.
    held_out : HeldOut
        Examples, and what heads fitted without them say of them.
    optimum : weights and bias, or None
        Of logistic regression before anything was added to it: where the next fit begins.
    """

    head: FittedHead
    held_out: HeldOut
    optimum: tuple[FloatArray, FloatArray] | None = None


Method = Callable[[Problem], Fit]
