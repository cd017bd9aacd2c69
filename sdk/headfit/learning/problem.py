"""Problem: what is to be learned, and how; every method of fitting takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headfit.learning.background import Background
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead
from headfit.learning.held_out import HeldOut
from headfit.learning.settings import Settings
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.maths.lbfgs import Progress


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
    known_sums : ClassSums or None
        Of these examples, where they are known already.
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
    known_sums: ClassSums | None = None
    start: tuple[FloatArray, FloatArray] | None = None
    background: Background | None = None
    progress: Progress | None = None

    @property
    def n_classes(self) -> int:
        """How many columns there are."""
        return len(self.classes)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Examples of each class: shape (n_classes,)."""
        return np.bincount(self.targets, minlength=self.n_classes)

    @cached_property
    def sums(self) -> ClassSums:
        """Counts, sums and second moments of the examples."""
        if self.known_sums is not None:
            return self.known_sums
        return ClassSums.of(self.embeddings, self.targets, self.n_classes)

    def of(self, rows: TargetArray | slice) -> Problem:
        """Return the problem of some of the examples, from zero and without a word."""
        return replace(
            self,
            embeddings=self.embeddings[rows],
            targets=self.targets[rows],
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
