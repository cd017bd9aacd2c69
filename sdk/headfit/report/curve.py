"""The learning curve: accuracy by the number of photos per class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.head import SoftmaxHead
from headfit.learning.groups import groups_and_pairs, joined
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
    if test_embeddings is None:
        return learning_curves([embeddings], class_names, groups=groups)[0]
    names = np.array(class_names, np.str_)
    order = _in_order([embeddings], names)
    embeddings, names, given = embeddings[order], names[order], _given(groups, order)
    expected = np.array(test_class_names, np.str_)
    order = _in_order([test_embeddings], expected)
    test_embeddings, expected = test_embeddings[order], expected[order]
    is_first = _are_first(
        [np.concatenate([embeddings, test_embeddings])],
        np.concatenate([names, expected]),
        np.append(given, np.full(len(expected), -1)),
    )
    teaches, tests = is_first[: len(names)], is_first[len(names) :]
    return _curves(
        [embeddings[teaches]], names[teaches], [test_embeddings[tests]], expected[tests]
    )[0]


def learning_curves(
    embeddings: Sequence[FloatArray],
    class_names: Sequence[str],
    *,
    groups: Iterable[str | int | None] | None = None,
) -> tuple[tuple[CurvePoint, ...], ...]:
    """Return the learning curve of each of several extractors on the same photos.

    As `learning_curve` without photos to test on. The same photos teach and test for all, draw by
    draw, and photos that are nearly one to any of them count as one for all: what differs is the
    extractor.

    Parameters
    ----------
    embeddings : sequence of ndarray of shape (n_samples, embedding_dim), dtype float32
        Of the same photos in the same order, each by another extractor.
    class_names : sequence of str, length n_samples
    groups : iterable of str, int or None, length n_samples, optional
        As in `learning_curve`.

    Returns
    -------
    tuple of tuple of CurvePoint
        In the order of `embeddings`.
    """
    names = np.array(class_names, np.str_)
    order = _in_order(embeddings, names)
    kept = order[
        _are_first([rows[order] for rows in embeddings], names[order], _given(groups, order))
    ]
    teaches, tests = kept[::2], kept[1::2]
    return _curves(
        [rows[teaches] for rows in embeddings],
        names[teaches],
        [rows[tests] for rows in embeddings],
        names[tests],
    )


def _curves(
    embeddings: Sequence[FloatArray],
    names: npt.NDArray[np.str_],
    test_embeddings: Sequence[FloatArray],
    expected: npt.NDArray[np.str_],
) -> tuple[tuple[CurvePoint, ...], ...]:
    classes, counts = np.unique(names, return_counts=True)
    is_tested = np.isin(expected, classes)
    if len(classes) < 2 or not is_tested.any():
        return tuple(() for _ in embeddings)
    rng = np.random.default_rng(0)
    points: list[list[CurvePoint]] = [[] for _ in embeddings]
    for per_class in CURVE_COUNTS:
        if per_class > counts.max() or np.minimum(counts, per_class).sum() > MAX_CURVE_PHOTOS:
            break
        draws = [
            np.concatenate(
                [rng.permutation(np.flatnonzero(names == name))[:per_class] for name in classes]
            )
            for _ in range(DRAWS)
        ]
        for curve, taught, tested in zip(points, embeddings, test_embeddings, strict=True):
            heads = [SoftmaxHead().fit(taught[rows], names[rows]) for rows in draws]
            scores = [head.score(tested[is_tested], expected[is_tested]) for head in heads]
            mean, deviation = float(np.mean(scores)), float(np.std(scores, ddof=1))
            curve.append(CurvePoint(per_class, mean, deviation))
    return tuple(map(tuple, points))


def _in_order(embeddings: Sequence[FloatArray], names: npt.NDArray[np.str_]) -> TargetArray:
    """Return the rows by class name and embedding."""

    def key(row: int) -> tuple[str, bytes]:
        return str(names[row]), b"".join(rows[row].tobytes() for rows in embeddings)

    return np.array(sorted(range(len(names)), key=key), np.intp)


def _given(groups: Iterable[str | int | None] | None, order: TargetArray) -> TargetArray:
    """Return the caller's groups in this order, -1 where none is given."""
    if groups is None:
        return np.full(len(order), -1)
    return checked_groups(groups, len(order))[order]


def _are_first(
    embeddings: Sequence[FloatArray], names: npt.NDArray[np.str_], given: TargetArray
) -> BoolArray:
    """Return which rows are the first of their group, and nearly one with none of these before.

    By any of the embeddings.
    """
    found = [groups_and_pairs(rows, names, given) for rows in embeddings]
    groups = joined([groups for groups, _ in found])
    is_first = np.zeros(len(names), np.bool_)
    is_first[np.unique(groups, return_index=True)[1]] = True
    first, second = np.concatenate([pairs for _, pairs in found], axis=1)
    order = np.argsort(second, kind="stable")
    rows, starts = np.unique(second[order], return_index=True)
    for row, before in zip(rows, np.split(first[order], starts[1:]), strict=False):
        is_first[row] &= not is_first[before].any()
    return is_first
