"""Groups: which examples are nearly one photo, so that one says nothing of how the rest fare.

A camera that is held still gives many pictures and one photo. A head made without one of them has
seen the others, and what it says of that one is no evidence. So examples of a class are a group
that are nearly the same as one of them, its leader; and so are those that the caller says belong
together. Groups that share an example are one.

Two are nearly the same if their embeddings nearly point the same way, so do the embeddings off the
middle of the classes and, where both photos have a perceptual hash, that says so too, if it can
tell. The middle is the mean of the means of the classes: that of all photos would lie inside a
burst that outnumbers the rest, and from there its photos have nothing in common. Groups
are made around leaders, the one with the most near examples first, and do not go on in steps:
thirteen highways, each like the next, would be one photo. (Leader clustering, Hartigan, "Clustering
Algorithms", 1975, chapter 3; in an order of neighbours that makes every group a star.)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray, HashArray, TargetArray
from headfit.maths.scaling import weighted_mean

COSINE: Final = 0.95
CENTRED_COSINE: Final = 0.65
"""Above which both have to be: the cosine of two embeddings, and that of them off the middle.

Either alone would take too much for a copy: the first where all embeddings have much in common, the
second where classes lie far apart. Chosen on flowers and scenes, judged on birds
(docs/choosing-parameters.md). With features in units of their spread, one picture a class was not
found: between few pictures hardly anything varies in most features but by the camera.
"""

CHANCE: Final = 6.0
"""Standard deviations, ``1 / sqrt(embedding_dim)`` each, that the centred cosine has to be above
that of random directions: in fewer than 86 dimensions it takes more than 0.65, in 36 nothing is
near but what is the same.
"""

HASHED_COSINE: Final = 0.945
"""In place of `COSINE` where both photos have a hash, which is asked too."""

HASH_BITS: Final = 20
BITS_PER_COSINE: Final = 500.0
"""Of 64, in which the hashes of near copies may differ where the cosine is `HASHED_COSINE`, and
how many more for each 1 that it is above: the surer the embeddings are, the less is asked of the
hashes. A hand that holds a camera shifts, turns and lights a picture all at once, and a fifth of
the pairs of hashes differ in more than 22 bits. Chosen on such bursts of flowers and scenes, judged
on birds (docs/choosing-parameters.md).
"""

SURE_COSINE: Final = 0.97
"""Of two embeddings, above which hashes are not asked: those of a wall are noise. That of
pictures of one colour with a camera's noise is 0.971 to 0.996; of two of a class of those sets that
are none of one photo, 0.976 at most.
"""

COMMON_NOISE: Final = 0.5
"""Of what sets a photo apart from the true mean of its class, the share that near copies are taken
to have in common where classes are set against each other. Where a few classes are taught with
copies of one picture and others with as many photos, 1 is best, and 0.5 nearly so; where photos
that are none belong together, as the caller may say, it is less (docs/results.md).
"""

MAX_COMPARED: Final = 10_000
"""Photos of a class up to which each is compared with each; of more the same ones alone are found.
"""

_BLOCK = 128

_logger = logging.getLogger("headfit")


def grouped(
    embeddings: FloatArray,
    targets: TargetArray,
    middle: FloatArray,
    *given: TargetArray | None,
    photo_hashes: HashArray | None = None,
) -> TargetArray:
    """Return the group of each example, counted from 0 in the order of their first examples.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        No two of a class the same.
    targets : ndarray of shape (n_samples,), dtype intp
        A group is always of one class.
    middle : ndarray of shape (embedding_dim,), dtype float32
        See `middle_of`.
    *given : ndarray of shape (n_samples,), dtype intp, or None
        Examples of a class with the same number belong together; one below 0 says nothing.
    photo_hashes : ndarray of shape (n_samples,), dtype uint64, optional
        `headfit.photos.perceptual_hash` of each photo; 0 says nothing.
    """
    pairs = _near_within(embeddings, targets, middle, photo_hashes)
    return _grouped(pairs, targets, *given)


def middle_of(
    embeddings: FloatArray, kinds: TargetArray, weights: DoubleArray | None = None
) -> FloatArray:
    """Return the mean of the means of kinds of examples, by which copies are found.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    kinds : ndarray of shape (n_samples,), dtype intp
        A number that those of one kind have in common: of a class, or of a set of classes.
    weights : ndarray of shape (n_samples,), dtype float64, optional
        How many examples each counts for; by default one.
    """
    order = np.argsort(kinds, kind="stable")
    starts = np.flatnonzero(np.diff(kinds[order], prepend=kinds.min(initial=0) - 1))
    means = [
        weighted_mean(embeddings[rows], None if weights is None else weights[rows])
        for rows in np.split(order, starts[1:])
    ]
    middle: FloatArray = np.mean(means, axis=0).astype(np.float32)
    return middle


def photo_groups(
    embeddings: FloatArray,
    class_names: npt.NDArray[np.str_],
    given: TargetArray | None = None,
    photo_hashes: HashArray | None = None,
    *,
    kinds: TargetArray | None = None,
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
    photo_hashes : ndarray of shape (n_samples,), dtype uint64, optional
        As in `grouped`.
    kinds : ndarray of shape (n_samples,), dtype intp, optional
        As in `middle_of`; by default the classes.
    """
    return groups_and_pairs(embeddings, class_names, given, photo_hashes, kinds=kinds)[0]


def near_pairs(
    embeddings: FloatArray,
    class_names: npt.NDArray[np.str_] | TargetArray,
    photo_hashes: HashArray | None = None,
    *,
    kinds: TargetArray | None = None,
) -> TargetArray:
    """Return which photos of a class are nearly one, or the same, as pairs of rows.

    Parameters are as in `photo_groups`; numbers do for class names. Of two near ones that have
    other leaders the groups are two: where neither may have seen the other it takes the pairs.

    Returns
    -------
    ndarray of shape (2, n_pairs), dtype intp
        Each pair once, the lower row above. Of photos that are the same to the bit, a pair of the
        first with each.
    """
    return groups_and_pairs(embeddings, class_names, None, photo_hashes, kinds=kinds)[1]


def groups_and_pairs(
    embeddings: FloatArray,
    class_names: npt.NDArray[np.str_] | TargetArray,
    given: TargetArray | None = None,
    photo_hashes: HashArray | None = None,
    *,
    kinds: TargetArray | None = None,
) -> tuple[TargetArray, TargetArray]:
    """Return `photo_groups` and `near_pairs`, for which photos are compared once."""
    if not len(embeddings):
        return np.zeros(0, np.intp), np.zeros((2, 0), np.intp)
    _, targets = np.unique(class_names, return_inverse=True)
    copies = same(embeddings)
    middle = middle_of(embeddings, targets if kinds is None else kinds)
    pairs = _near_within(embeddings, targets, middle, photo_hashes)
    groups = _grouped(pairs, targets, copies, given)
    return groups, np.concatenate([pairs, _alike(_of_class(copies, targets))], axis=1)


def joined(groupings: Sequence[TargetArray]) -> TargetArray:
    """Return the groups in which two examples are together if any of several groupings says so.

    Parameters
    ----------
    groupings : sequence of ndarray of shape (n_samples,), dtype intp

    Returns
    -------
    ndarray of shape (n_samples,), dtype intp
        Counted from 0 in the order of their first examples.
    """
    first, second = np.concatenate([_alike(groups) for groups in groupings], axis=1)
    _, numbers = np.unique(_joined(len(groupings[0]), first, second), return_inverse=True)
    return np.asarray(numbers, np.intp)


def linked(given: TargetArray, targets: TargetArray, starts: TargetArray) -> TargetArray:
    """Return group numbers that runs of the same example have in common, -1 where none was given.

    Parameters
    ----------
    given, targets : ndarray of shape (n_samples,), dtype intp
        As in `grouped`.
    starts : ndarray of shape (n_runs,), dtype intp
        The first row of each run.
    """
    first, second = _alike(_of_class(given, targets))
    runs = np.repeat(starts, np.diff(np.append(starts, len(given))))
    roots = _joined(len(given), np.append(first, np.arange(len(given))), np.append(second, runs))
    is_given = np.isin(roots, roots[given >= 0])
    return np.where(is_given, roots, -1)


def same(embeddings: FloatArray) -> TargetArray:
    """Return numbers that rows have in common which are the same to the bit."""
    places: dict[bytes, int] = {}
    return np.array([places.setdefault(row.tobytes(), len(places)) for row in embeddings], np.intp)


def _of_class(given: TargetArray, targets: TargetArray) -> TargetArray:
    """Return other numbers, which only examples of one class have in common."""
    numbers: TargetArray = np.where(given >= 0, given * (targets.max() + 1) + targets, -1)
    return numbers


def _grouped(pairs: TargetArray, targets: TargetArray, *given: TargetArray | None) -> TargetArray:
    """Return the groups of `grouped` by near pairs, each of one class."""
    links = [_around_leaders(len(targets), pairs)] if pairs.size else []
    for each in given:
        if each is not None and each.max(initial=-1) >= 0:
            links.append(_alike(_of_class(each, targets)))
    if not links:
        return np.arange(len(targets))
    roots = _joined(len(targets), *np.concatenate(links, axis=1))
    return np.asarray(np.unique(roots, return_inverse=True)[1], np.intp)


def _near_within(
    embeddings: FloatArray,
    targets: TargetArray,
    middle: FloatArray,
    photo_hashes: HashArray | None,
) -> TargetArray:
    """Return pairs of rows of one class that are nearly one photo, the lower one above."""
    pairs = [np.zeros((2, 0), np.intp)]
    for column in np.unique(targets):
        rows = np.flatnonzero(targets == column)
        hashes = None if photo_hashes is None else photo_hashes[rows]
        pairs.append(rows[_near(embeddings[rows], middle, hashes)])
    return np.concatenate(pairs, axis=1)


def _near(
    embeddings: FloatArray, middle: FloatArray, photo_hashes: HashArray | None
) -> TargetArray:
    """Return pairs of rows that are nearly one photo: shape (2, n_pairs), the lower one above."""
    nothing = np.zeros((2, 0), np.intp)
    least = max(CENTRED_COSINE, CHANCE / math.sqrt(embeddings.shape[1]))
    if least >= 1:
        return nothing
    if len(embeddings) > MAX_COMPARED:
        _logger.warning(
            "%d photos of one class are too many to look for near duplicates among them",
            len(embeddings),
        )
        return nothing
    cosine = COSINE if photo_hashes is None else HASHED_COSINE
    units = _units(embeddings)
    is_near = np.zeros(len(units), np.bool_)
    for start in range(0, len(units), _BLOCK):
        near = np.triu(units[start : start + _BLOCK] @ units[start:].T > cosine, 1)
        is_near[start : start + _BLOCK] |= near.any(axis=1)
        is_near[start:] |= near.any(axis=0)
    rows = np.flatnonzero(is_near)
    if not len(rows):
        return nothing
    units = units[rows]
    with np.errstate(over="ignore"):  # what overflows has no direction
        centred = _units(embeddings[rows] - middle)
    pairs = [nothing]
    for start in range(0, len(rows), _BLOCK):
        here = slice(start, start + _BLOCK)
        near = centred[here] @ centred[start:].T > least
        cosines = units[here] @ units[start:].T
        near &= cosines > cosine
        first, second = np.nonzero(np.triu(near, 1))
        found = rows[np.stack([first, second]) + start]
        if photo_hashes is not None:
            found = found[:, _look_alike(photo_hashes[found], cosines[first, second])]
        pairs.append(found)
    return np.concatenate(pairs, axis=1)


def _look_alike(photo_hashes: HashArray, cosines: FloatArray) -> BoolArray:
    """Return of which pairs the hashes differ in few bits, for such cosines, or say nothing."""
    first, second = photo_hashes
    may_differ = HASH_BITS + BITS_PER_COSINE * (cosines - HASHED_COSINE)
    bits = np.unpackbits((first ^ second).view(np.uint8).reshape(-1, 8), axis=1)
    says_nothing = (first == 0) | (second == 0)
    is_alike: BoolArray = np.where(says_nothing, cosines > COSINE, bits.sum(axis=1) <= may_differ)
    return is_alike | (cosines > SURE_COSINE)


def _around_leaders(n_rows: int, pairs: TargetArray) -> TargetArray:
    """Return pairs of a leader and another, so that no leader is near another one.

    The row with the most near ones leads first, the lower of several.
    """
    both = np.concatenate([pairs, pairs[::-1]], axis=1)
    order = np.argsort(both[0], kind="stable")
    near = both[1][order]
    ends = np.searchsorted(both[0][order], np.arange(n_rows + 1))
    counts = np.diff(ends)
    leaders = np.arange(n_rows)
    is_free = np.ones(n_rows, np.bool_)
    for row in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        if is_free[row]:
            led = near[ends[row] : ends[row + 1]]
            led = led[is_free[led]]
            leaders[led] = row
            is_free[led] = is_free[row] = False
    led = np.flatnonzero(leaders != np.arange(n_rows))
    return np.stack([leaders[led], led])


def _units(rows: FloatArray) -> FloatArray:
    """Return rows of length 1, whatever their length was; of one without a direction zeros."""
    largest = np.maximum(rows.max(axis=1, keepdims=True), -rows.min(axis=1, keepdims=True))
    has_direction = (largest > 0) & np.isfinite(largest)
    units = np.zeros_like(rows)
    np.divide(rows, largest, out=units, where=has_direction)
    norms = np.linalg.norm(units, axis=1, keepdims=True)
    np.divide(units, norms, out=units, where=has_direction)
    return units


def _alike(given: TargetArray) -> TargetArray:
    """Return pairs of the first row with a number and each other row with it."""
    _, firsts, numbers = np.unique(given, return_index=True, return_inverse=True)
    first = firsts[numbers]
    others = np.flatnonzero((first != np.arange(len(given))) & (given >= 0))
    return np.stack([first[others], others])


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
