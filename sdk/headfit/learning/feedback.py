"""What to tell a teacher: how well each class is known, where photos lack, which look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headfit.learning.groups import MAX_COMPARED, near_pairs
from headfit.learning.held_out import HeldOut
from headfit.maths.arrays import FloatArray, HashArray, TargetArray

DOUBT_RATIO = 10.0
"""How many times as probable another class must be before a photo's own is doubted."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An example that may have the wrong class name.

    Attributes
    ----------
    number : int
        Of the example.
    class_name : str
        As given.
    likelier : str
        What the head, made without the example, takes it for.
    """

    number: int
    class_name: str
    likelier: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """How well the examples teach their classes.

    Attributes
    ----------
    accuracy : dict of str to float or None
        For each class the share of its examples that a head made without them recognises; None
        where the class has a single example. Examples that are nearly one photo are left out
        together and count as one. Of many examples some are judged
        (`headfit.learning.held_out.MAX_JUDGED`).
    effective_counts : dict of str to int
        How many photos there effectively are of each class, where nearly the same ones count as
        one: see `headfit.learning.groups`.
    needs_photos : tuple of str
        Classes with effectively a single example, and those that are recognised less often than
        all are, by more than chance does (one standard deviation); the one most in need first.
    likely_mislabelled : tuple of Doubt
        Examples whose class a head made without them finds ten times less probable than another,
        the most dubious first.
    near_duplicates : tuple of pairs of int
        Numbers of examples that are nearly one photo, by the rule of `headfit.learning.groups`, in
        order. Those of two classes are among them, if there are no more than
        `headfit.learning.groups.MAX_COMPARED` examples: one of the two names may be wrong.
    """

    accuracy: dict[str, float | None]
    effective_counts: dict[str, int]
    needs_photos: tuple[str, ...]
    likely_mislabelled: tuple[Doubt, ...]
    near_duplicates: tuple[tuple[int, int], ...]


def feedback_on(
    held_out: HeldOut,
    classes: tuple[str, ...],
    numbers: Sequence[int],
    embeddings: FloatArray,
    targets: TargetArray,
    photo_hashes: HashArray,
) -> Feedback:
    """Return what the examples that a head was made without say.

    Parameters
    ----------
    held_out : HeldOut
        Its rows count ``numbers`` and ``embeddings``.
    classes : tuple of str
        Class names in column order.
    numbers : sequence of int, length n_samples
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        A number for each class.
    photo_hashes : ndarray of shape (n_samples,), dtype uint64
        As in `headfit.learning.groups.near_pairs`.
    """
    best = held_out.probabilities.argmax(axis=1)
    is_right = best == held_out.targets
    counts = np.bincount(held_out.targets, held_out.shares, len(classes))
    right = np.bincount(held_out.targets, held_out.shares * is_right, len(classes))
    overall = right.sum() / max(counts.sum(), 1)
    shares = right / np.maximum(counts, 1)
    lag = overall - shares - np.sqrt(overall * (1 - overall) / np.maximum(counts, 1))
    lag[counts == 0] = np.inf
    order = np.argsort(-lag, kind="stable")

    rows = np.arange(len(best))
    own = held_out.probabilities[rows, held_out.targets]
    ratio = held_out.probabilities[rows, best] / np.maximum(own, np.finfo(float).tiny)
    doubted = np.argsort(-ratio, kind="stable")[: int((ratio >= DOUBT_RATIO).sum())]
    compared = np.zeros_like(targets) if len(targets) <= MAX_COMPARED else targets
    pairs = near_pairs(embeddings, compared, photo_hashes, kinds=targets)
    near = np.unique(pairs, axis=1)
    return Feedback(
        accuracy={
            name: float(share) if count else None
            for name, share, count in zip(classes, shares, counts, strict=True)
        },
        effective_counts=dict(zip(classes, held_out.group_counts.tolist(), strict=True)),
        needs_photos=tuple(classes[column] for column in order if lag[column] > 0),
        likely_mislabelled=tuple(
            Doubt(numbers[held_out.rows[row]], classes[held_out.targets[row]], classes[best[row]])
            for row in doubted
        ),
        near_duplicates=tuple(
            (numbers[first], numbers[second]) for first, second in near.T.tolist()
        ),
    )
