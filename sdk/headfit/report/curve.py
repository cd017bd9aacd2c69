"""The learning curve: accuracy by the number of photos per class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.head import SoftmaxHead
from headfit.learning.groups import near_pairs, photo_groups
from headfit.maths.arrays import BoolArray, FloatArray, TargetArray, checked_groups

CURVE_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
DRAWS: Final = 5
MAX_CURVE_PHOTOS: Final = 3000
"""Photos that heads of the curve are fitted on at most: it should take seconds."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Top-1 of heads fitted on ``per_class`` photos of each class: mean and standard deviation."""

    per_class: int
    mean: float
    deviation: float


def learning_curve(
    embeddings: FloatArray,
    class_names: Sequence[str],
    test_embeddings: FloatArray | None = None,
    test_class_names: Sequence[str] = (),
    *,
    groups: Iterable[str | int | None] | None = None,
) -> tuple[CurvePoint, ...]:
    """Return top-1 by photos per class: `DRAWS` heads each, on photos drawn at random.

    Without photos to test on, every other photo of a class tests, and the rest teaches. Of photos
    that are nearly one (`headfit.learning.groups`), or of one group, a single one is there, and
    none tests that is nearly one that teaches. A class with fewer photos gives all it has. Counts
    that no class has, or that are more than `MAX_CURVE_PHOTOS` in all, are left out, and so is all
    if fewer than two classes are there. The order of the photos does not matter.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    class_names : sequence of str, length n_samples
    test_embeddings : ndarray of shape (n_test, embedding_dim), dtype float32, optional
    test_class_names : sequence of str, length n_test
    groups : iterable of str, int or None, length n_samples, optional
        What belongs together, as in `headfit.SoftmaxHead.fit`.
    """
    names = np.array(class_names, np.str_)
    order = _in_order(embeddings, names)
    embeddings, names = embeddings[order], names[order]
    given = np.full(len(names), -1) if groups is None else checked_groups(groups, len(names))[order]
    if test_embeddings is None:
        is_first = _are_first(embeddings, names, given)
        embeddings, names = embeddings[is_first], names[is_first]
        embeddings, test_embeddings = embeddings[::2], embeddings[1::2]
        names, expected = names[::2], names[1::2]
    else:
        expected = np.array(test_class_names, np.str_)
        order = _in_order(test_embeddings, expected)
        test_embeddings, expected = test_embeddings[order], expected[order]
        is_first = _are_first(
            np.concatenate([embeddings, test_embeddings]),
            np.concatenate([names, expected]),
            np.append(given, np.full(len(expected), -1)),
        )
        teaches, tests = is_first[: len(names)], is_first[len(names) :]
        embeddings, names = embeddings[teaches], names[teaches]
        test_embeddings, expected = test_embeddings[tests], expected[tests]
    classes, counts = np.unique(names, return_counts=True)
    is_tested = np.isin(expected, classes)
    if len(classes) < 2 or not is_tested.any():
        return ()
    rng = np.random.default_rng(0)
    points = []
    for per_class in CURVE_COUNTS:
        if per_class > counts.max() or np.minimum(counts, per_class).sum() > MAX_CURVE_PHOTOS:
            break
        scores = []
        for _ in range(DRAWS):
            rows = np.concatenate(
                [rng.permutation(np.flatnonzero(names == name))[:per_class] for name in classes]
            )
            head = SoftmaxHead().fit(embeddings[rows], names[rows])
            scores.append(head.score(test_embeddings[is_tested], expected[is_tested]))
        points.append(CurvePoint(per_class, float(np.mean(scores)), float(np.std(scores, ddof=1))))
    return tuple(points)


def _in_order(embeddings: FloatArray, names: npt.NDArray[np.str_]) -> TargetArray:
    """Return the rows by class name and embedding."""
    order = sorted(range(len(names)), key=lambda row: (names[row], embeddings[row].tobytes()))
    return np.array(order, np.intp)


def _are_first(
    embeddings: FloatArray, names: npt.NDArray[np.str_], given: TargetArray
) -> BoolArray:
    """Return which rows are the first of their group, and nearly one with none of these before."""
    is_first = np.zeros(len(names), np.bool_)
    is_first[np.unique(photo_groups(embeddings, names, given), return_index=True)[1]] = True
    first, second = near_pairs(embeddings, names)
    order = np.argsort(second, kind="stable")
    rows, starts = np.unique(second[order], return_index=True)
    for row, before in zip(rows, np.split(first[order], starts[1:]), strict=False):
        is_first[row] &= not is_first[before].any()
    return is_first
