"""The learning curve: accuracy by the number of photos per class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.files.class_names import checked_labels
from headfit.head import SoftmaxHead
from headfit.learning.groups import groups_and_pairs, joined
from headfit.maths.arrays import (
    BoolArray,
    FloatArray,
    TargetArray,
    check_columns,
    checked_embeddings,
    checked_groups,
    column_names,
    listed,
)

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
    embeddings: npt.ArrayLike,
    class_names: Iterable[str | int],
    test_embeddings: npt.ArrayLike | None = None,
    test_class_names: Iterable[str | int] = (),
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
    embeddings : array of shape (n_samples, embedding_dim)
    class_names : iterable of str or int, length n_samples
    test_embeddings : array of shape (n_test, embedding_dim), optional
    test_class_names : iterable of str or int, length n_test
    groups : iterable of str, int or None, length n_samples, optional
        What belongs together, as in `headfit.SoftmaxHead.fit`.

    Raises
    ------
    InputError
        If they cannot be used, as in `headfit.SoftmaxHead.fit`, or those to test on do not fit
        those to teach with.
    """
    if test_embeddings is None:
        return learning_curves([embeddings], class_names, groups=groups)[0]
    check_columns(test_embeddings, column_names(embeddings))
    taught, names = _checked(embeddings, class_names)
    tested, expected = _checked(test_embeddings, test_class_names)
    if tested.shape[1] != taught.shape[1]:
        raise InputError(
            f"expected test embeddings of width {taught.shape[1]} as the others, found width "
            f"{tested.shape[1]}; use one extractor for all"
        )
    order = _in_order([taught], names)
    taught, names, given = taught[order], names[order], _given(groups, order)
    order = _in_order([tested], expected)
    tested, expected = tested[order], expected[order]
    is_first = _are_first(
        [np.concatenate([taught, tested])],
        np.concatenate([names, expected]),
        np.append(given, np.full(len(expected), -1)),
    )
    teaches, tests = is_first[: len(names)], is_first[len(names) :]
    return _curves([taught[teaches]], names[teaches], [tested[tests]], expected[tests])[0]


def learning_curves(
    embeddings: Sequence[npt.ArrayLike],
    class_names: Iterable[str | int],
    *,
    groups: Iterable[str | int | None] | None = None,
) -> tuple[tuple[CurvePoint, ...], ...]:
    """Return the learning curve of each of several extractors on the same photos.

    As `learning_curve` without photos to test on. The same photos teach and test for all, draw by
    draw, and photos that are nearly one to any of them count as one for all: what differs is the
    extractor.

    Parameters
    ----------
    embeddings : sequence of arrays of shape (n_samples, embedding_dim)
        Of the same photos in the same order, each by another extractor.
    class_names : iterable of str or int, length n_samples
    groups : iterable of str, int or None, length n_samples, optional
        As in `learning_curve`.

    Returns
    -------
    tuple of tuple of CurvePoint
        In the order of `embeddings`.

    Raises
    ------
    InputError
        If they cannot be used, as in `headfit.SoftmaxHead.fit`, or there are none.
    """
    labels = listed(class_names, "class names")
    checked = [_checked(rows, labels) for rows in embeddings]
    if not checked:
        raise InputError("expected embeddings of one extractor at least, found none")
    found, names = [rows for rows, _ in checked], checked[0][1]
    order = _in_order(found, names)
    kept = order[_are_first([rows[order] for rows in found], names[order], _given(groups, order))]
    teaches, tests = kept[::2], kept[1::2]
    return _curves(
        [rows[teaches] for rows in found],
        names[teaches],
        [rows[tests] for rows in found],
        names[tests],
    )


def _checked(
    embeddings: npt.ArrayLike, class_names: Iterable[str | int]
) -> tuple[FloatArray, npt.NDArray[np.str_]]:
    """Return embeddings and names as arrays, the latter in the form that heads keep."""
    checked = checked_embeddings(embeddings)
    return checked, np.array(checked_labels(class_names, len(checked))[0], np.str_)


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
    """Return the rows by class name and embeddings, whichever extractor's come first."""

    def key(row: int) -> tuple[str, bytes]:
        return str(names[row]), b"".join(sorted(rows[row].tobytes() for rows in embeddings))

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
