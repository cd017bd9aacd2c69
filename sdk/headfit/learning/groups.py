"""Groups: which examples are nearly one photo, so that one says nothing of how the rest fare.

A camera that is held still gives many pictures and one photo. A head made without one of them has
seen the others, and what it says of that one is no evidence. So examples of a class whose
embeddings nearly point the same way are a group, and so are those that the caller says belong
together; groups that share an example are one group.
"""

from __future__ import annotations

import logging
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import BoolArray, FloatArray, TargetArray

COSINE: Final = 0.94
CENTRED_COSINE: Final = 0.75
"""Above which both have to be: the cosine of two embeddings, and that of them off the mean of all.

Either alone would take too much for a copy: the first where all embeddings have much in common, the
second where classes lie far apart. Chosen on flowers, scenes and objects, judged on birds
(docs/results.md). With features in units of their spread, one picture a class was not found:
between few pictures hardly anything varies in most features but by the camera.
"""

CHANCE: Final = 6.0
"""Standard deviations, ``1 / sqrt(embedding_dim)`` each, that the centred cosine has to be above
that of random directions: in fewer than 64 dimensions it takes more than 0.75, in 36 nothing is
near but what is the same.
"""

MAX_COMPARED: Final = 10_000
"""Photos of a class up to which each is compared with each; of more the same ones alone are found.
"""

_BLOCK = 128

_logger = logging.getLogger("headfit")


def grouped(
    embeddings: FloatArray,
    targets: TargetArray,
    mean: FloatArray,
    *given: TargetArray | None,
) -> TargetArray:
    """Return the group of each example, counted from 0 in the order of their first examples.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        No two of a class the same.
    targets : ndarray of shape (n_samples,), dtype intp
        A group is always of one class.
    mean : ndarray of shape (embedding_dim,), dtype float32
        Of all embeddings.
    *given : ndarray of shape (n_samples,), dtype intp, or None
        Examples of a class with the same number belong together; one below 0 says nothing.
    """
    groups = np.arange(len(targets))
    for column in np.unique(targets):
        rows = np.flatnonzero(targets == column)
        links = _near(embeddings[rows], mean)
        links += [_alike(each[rows]) for each in given if each is not None]
        first, second = np.concatenate(links, axis=1)
        if len(first):
            groups[rows] = rows[_joined(len(rows), first, second)]
    _, numbers = np.unique(groups, return_inverse=True)
    return np.asarray(numbers, np.intp)


def photo_groups(
    embeddings: FloatArray,
    class_names: npt.NDArray[np.str_],
    given: TargetArray | None = None,
) -> TargetArray:
    """Return the group of each photo, counted from 0 in the order of their first ones.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        The same ones belong together, however few numbers they have.
    class_names : ndarray of shape (n_samples,), dtype str
        A group is always of one class.
    given : ndarray of shape (n_samples,), dtype intp, optional
        As in `grouped`.
    """
    if not len(embeddings):
        return np.zeros(0, np.intp)
    _, targets = np.unique(class_names, return_inverse=True)
    places: dict[bytes, int] = {}
    same = [places.setdefault(row.tobytes(), len(places)) for row in embeddings]
    return grouped(embeddings, targets, embeddings.mean(axis=0), np.array(same, np.intp), given)


def linked(given: TargetArray, targets: TargetArray, starts: TargetArray) -> TargetArray:
    """Return group numbers that runs of the same example have in common, -1 where none was given.

    Parameters
    ----------
    given, targets : ndarray of shape (n_samples,), dtype intp
        As in `grouped`.
    starts : ndarray of shape (n_runs,), dtype intp
        The first row of each run.
    """
    within_class = np.where(given >= 0, given * (targets.max() + 1) + targets, -1)
    first, second = _alike(within_class)
    runs = np.repeat(starts, np.diff(np.append(starts, len(given))))
    roots = _joined(len(given), np.append(first, np.arange(len(given))), np.append(second, runs))
    is_given = np.isin(roots, roots[given >= 0])
    return np.where(is_given, roots, -1)


def _near(embeddings: FloatArray, mean: FloatArray) -> list[TargetArray]:
    """Return pairs of rows that are nearly one photo, as arrays of two rows."""
    nothing = [np.zeros((2, 0), np.intp)]
    least = max(CENTRED_COSINE, CHANCE / math.sqrt(embeddings.shape[1]))
    if least >= 1:
        return nothing
    if len(embeddings) > MAX_COMPARED:
        _logger.warning(
            "%d photos of one class are too many to look for near duplicates among them",
            len(embeddings),
        )
        return nothing
    units = _units(embeddings)
    is_near = np.zeros(len(units), np.bool_)
    for start in range(0, len(units), _BLOCK):
        near = np.triu(units[start : start + _BLOCK] @ units[start:].T > COSINE, 1)
        is_near[start : start + _BLOCK] |= near.any(axis=1)
        is_near[start:] |= near.any(axis=0)
    rows = np.flatnonzero(is_near)
    units = units[rows]
    with np.errstate(over="ignore"):  # what overflows has no direction
        centred = _units(embeddings[rows] - mean)
    pairs = nothing
    for start in range(0, len(rows), _BLOCK):
        here = slice(start, start + _BLOCK)
        near = centred[here] @ centred[start:].T > least
        near &= units[here] @ units[start:].T > COSINE
        first, second = np.nonzero(np.triu(near, 1))
        pairs.append(rows[np.stack([first, second]) + start])
    return pairs


def _units(rows: FloatArray) -> FloatArray:
    """Return rows of length 1, whatever their length was; of one without a direction zeros."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    has_direction = (largest > 0) & np.isfinite(largest)
    scaled = np.where(has_direction, rows, 0) / np.where(has_direction, largest, 1)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    units: FloatArray = scaled / np.where(has_direction, norms, 1)
    return units


def _alike(given: TargetArray) -> TargetArray:
    """Return pairs that link each row to the next with the same number."""
    order = np.argsort(given, kind="stable")
    is_same: BoolArray = (given[order][1:] == given[order][:-1]) & (given[order][1:] >= 0)
    return np.stack([order[:-1][is_same], order[1:][is_same]])


def _joined(n_rows: int, first: TargetArray, second: TargetArray) -> TargetArray:
    """Return for each row the first row that pairs lead to, in however many steps."""
    roots = np.arange(n_rows)
    while True:
        lowest = roots.copy()
        np.minimum.at(lowest, first, roots[second])
        np.minimum.at(lowest, second, roots[first])
        lowest = lowest[lowest]  # half the way at once
        if (lowest == roots).all():
            return roots
        roots = lowest
