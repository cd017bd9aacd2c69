"""Types that all rooms share, and the check of embeddings that callers pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""What the device computes with: embeddings, weights, logits, probabilities."""

DoubleArray: TypeAlias = npt.NDArray[np.float64]
"""Sums over many samples, and what is derived from them."""

Array: TypeAlias = npt.NDArray[np.floating[Any]]
"""Of either precision."""

Floats = TypeVar("Floats", bound=Array)
"""The same precision in and out."""

TargetArray: TypeAlias = npt.NDArray[np.intp]
"""The column of each sample's class."""

BoolArray: TypeAlias = npt.NDArray[np.bool_]

HashArray: TypeAlias = npt.NDArray[np.uint64]
"""Perceptual hashes of photos; 0 says nothing."""

Scalar: TypeAlias = str | int | float | bool | None
"""A value that says how something was trained."""

MAX_EMBEDDING_DIM = 65_536


MAX_SIZE_RATIO = 100
"""How many times an embedding's largest number may be what three quarters of them have. Those of
35,000 photos had at most twice that; among 200 photos of five flowers one that was 100 times as
large cost the head 6 points of 65 % accuracy, 1,000 times 22.
"""

MAX_SAMPLE_WEIGHT = 1e9
"""Of examples in all: beyond it what one counts for drowns in the rounding of float32."""


def blocks(n_samples: int, size: int = 256) -> Iterator[slice]:
    """Yield slices of a few rows each.

    What needs several passes or float64 is done so: in cache, and never twice as large as all.
    """
    for start in range(0, n_samples, size):
        yield slice(start, start + size)


def check_dense(values: Any) -> None:
    """Refuse what NumPy would make another array of: masked values, whose mask it forgets.

    Raises
    ------
    InputError
        If some are masked, or it is a sparse matrix.
    """
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        raise InputError(
            f"expected values without a mask, found {np.count_nonzero(values.mask)} masked; leave "
            "their rows out, or fill them in"
        )
    if hasattr(values, "toarray"):
        raise InputError(
            f"expected an array, found the sparse {type(values).__name__}; make a dense one of it"
        )


def column_names(values: Any) -> tuple[str, ...] | None:
    """Return the names of a table's columns; None of an array, or if not all of them are text."""
    columns = getattr(values, "columns", None)
    names = tuple(columns) if isinstance(columns, Iterable) else ()
    return names if names and all(isinstance(name, str) for name in names) else None


def row_names(values: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of one row of a table; None of what has none."""
    index = getattr(values, "index", None)  # of a list it is a method
    names = tuple(index) if isinstance(index, Iterable) else ()
    return names if names and all(isinstance(name, str) for name in names) else None


def feature_names_in(names: tuple[str, ...] | None) -> npt.NDArray[np.object_]:
    """Return names of columns as scikit-learn's ``feature_names_in_`` has them.

    Raises
    ------
    AttributeError
        If there are none, as scikit-learn has it.
    """
    if names is None:
        raise AttributeError("the head was fitted on no table whose columns have names")
    return np.array(names, np.object_)


def check_columns(values: Any, expected: tuple[str, ...] | None) -> None:
    """Refuse a table whose columns are not those of the table before, in their order.

    Arrays have no names of columns and pass.

    Raises
    ------
    InputError
        If both have names, and they differ.
    """
    check_column_names(column_names(values), expected)


def check_column_names(found: tuple[str, ...] | None, expected: tuple[str, ...] | None) -> None:
    """Refuse names of columns that are not those of before, in their order; None passes.

    Raises
    ------
    InputError
        If both are there, and differ.
    """
    if found is None or expected is None or found == expected:
        return
    place = next(
        (i for i, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    said = [names[place] if place < len(names) else "no more" for names in (expected, found)]
    raise InputError(
        f"expected the columns of the table before, in their order, found {said[1]!r} where "
        f"{said[0]!r} was (column {place}); take the columns as they were"
    )


def checked_embeddings(embeddings: npt.ArrayLike) -> FloatArray:
    """Return embeddings as finite float32 by rows; the caller's array is not written to.

    Raises
    ------
    InputError
        If they are no finite numbers of shape (n_samples, embedding_dim).
    """
    check_dense(embeddings)
    try:
        given = np.asarray(embeddings)
    except ValueError as error:  # rows of different lengths
        raise InputError(
            f"expected embeddings of one width, found: {error}; use one extractor for all"
        ) from error
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise InputError(
            "expected numbers of shape (n_samples, embedding_dim), found "
            f"{given.dtype} of shape {given.shape}; for one embedding write embedding[None]"
        )
    if not 1 <= given.shape[1] <= MAX_EMBEDDING_DIM:
        raise InputError(
            f"expected embeddings of width 1 to {MAX_EMBEDDING_DIM}, found {given.shape[1]}; pass "
            "what an extractor returns"
        )
    with np.errstate(over="ignore"):
        checked = np.ascontiguousarray(given, np.float32)
    is_bad = ~np.isfinite(checked).all(axis=1)
    if is_bad.any():
        raise InputError(
            f"expected finite embeddings, found NaN or infinity in {is_bad.sum()} of "
            f"{len(checked)}, the first at row {is_bad.argmax()}; leave them out"
        )
    return checked


def check_sizes(
    embeddings: FloatArray, numbers: Sequence[int] | None = None, what: str = "row"
) -> None:
    """Refuse to learn of embeddings that are out of all proportion to the others: few spoil a head.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    numbers : sequence of int, length n_samples, optional
        What the caller knows them by; by default the number of the row.
    what : str
        What is numbered, in the singular.

    Raises
    ------
    InputError
        If numbers of one are more than `MAX_SIZE_RATIO` times those of three quarters of the
        embeddings, leaving out zeros. It says which.
    """
    sizes = np.maximum(embeddings.max(axis=1), -embeddings.min(axis=1)).astype(np.float64)
    if not sizes.any():
        return
    usual = float(np.quantile(sizes[sizes > 0], 0.75, method="lower"))
    wild = np.flatnonzero(sizes > MAX_SIZE_RATIO * usual)
    if not len(wild):
        return
    named = [int(row) if numbers is None else numbers[row] for row in wild[:5]]
    raise InputError(
        f"expected embeddings of about one size, found numbers up to {sizes.max():.2g} where "
        f"most have none beyond {usual:.2g}, in {what} {', '.join(map(str, named))}"
        f"{' and others' if len(wild) > len(named) else ''} ({len(wild)} of {len(sizes)}); leave "
        "out what no extractor made of a photo, or scale features of a table"
    )


def checked_weights(sample_weight: npt.ArrayLike, n_samples: int) -> DoubleArray:
    """Return how many examples each counts for, as float64; the caller's array is not written to.

    Raises
    ------
    InputError
        If they are not finite numbers from 0 on, one for each example, some of them above 0.
    """
    check_dense(sample_weight)
    try:
        given = np.asarray(sample_weight)
    except ValueError as error:
        raise InputError(f"expected a weight for each example, found: {error}") from error
    if given.shape != (n_samples,) or given.dtype.kind not in "fiub":
        raise InputError(
            f"expected {n_samples} numbers for sample_weight, one for each embedding, found "
            f"{given.dtype} of shape {given.shape}"
        )
    weights = given.astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError("expected finite weights from 0 on, found others; 0 leaves an example out")
    if not weights.any():
        raise InputError(
            "expected weights above zero for some examples, found that every weight is zero; leave "
            "sample_weight out to count each once"
        )
    if weights.sum() > MAX_SAMPLE_WEIGHT:
        raise InputError(
            f"expected weights with a sum of up to {MAX_SAMPLE_WEIGHT:g}, found "
            f"{weights.sum():g}; 1 is the weight of an example without any"
        )
    return weights


def checked_hashes(photo_hashes: Iterable[Any]) -> list[int]:
    """Return perceptual hashes as integers.

    Raises
    ------
    InputError
        If one is none.
    """
    hashes = listed(photo_hashes, "photo hashes")
    for photo_hash in hashes:
        if not (isinstance(photo_hash, (int, np.integer)) and 0 <= photo_hash < 1 << 64):
            raise InputError(f"expected photo hashes from 0 to 2^64 - 1, found {photo_hash!r}")
    return list(map(int, hashes))


def checked_numbers(numbers: Iterable[Any]) -> list[int]:
    """Return numbers of examples as int, in their order.

    Raises
    ------
    InputError
        If they are not several, or one is no whole number.
    """
    check_dense(numbers)
    try:
        found = [numbers] if isinstance(numbers, (str, bytes)) else list(numbers)
    except TypeError as error:  # one number
        raise InputError(
            f"expected numbers of examples, found {numbers!r}; give a list, if only of one"
        ) from error
    for number in found:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise InputError(
                f"expected numbers that adding returned, found {number!r}; give them as int"
            )
    return list(map(int, found))


def checked_groups(groups: Iterable[Any], n_samples: int) -> TargetArray:
    """Return the number of each example's group, -1 where it is None; see `listed_groups`."""
    found = listed_groups(groups, n_samples)
    numbers = {group: number for number, group in enumerate(dict.fromkeys(found))}
    return np.array([-1 if group is None else numbers[group] for group in found], np.intp)


def listed_groups(groups: Iterable[Any], n_samples: int) -> list[str | int | None]:
    """Return the group of each example as it was given.

    Raises
    ------
    InputError
        If they are not text, whole numbers or None, one for each example.
    """
    found = listed(groups, "groups")
    for group in found:
        if not (group is None or isinstance(group, (str, int, np.integer))):
            raise InputError(
                "expected text, whole numbers or None for groups, found "
                f"{type(group).__name__}; name what belongs together alike"
            )
    if len(found) != n_samples:
        raise InputError(
            f"expected as many groups as embeddings, found {len(found)} groups and {n_samples} "
            "embeddings; give None to examples that belong to nothing"
        )
    return found


def listed(values: Iterable[Any], what: str) -> list[Any]:
    """Return what there is one of for each example, as a list in the order of the examples.

    Parameters
    ----------
    values : list, array, column of a table, table of one column, or another iterable
    what : str
        What they are, in the plural, for the error.

    Raises
    ------
    InputError
        If they are a mapping or a set, which has no order that would say whose they are, a text, an
        array of another shape, or if some of them are masked.
    """
    if isinstance(values, (str, bytes, Mapping, Set)):
        raise InputError(
            f"expected {what}, one per example in their order, found {type(values).__name__}; pass "
            "a list"
        )
    check_dense(values)
    if hasattr(values, "ndim") or hasattr(values, "__array__"):
        array = np.asarray(values)
        if array.ndim == 2 and array.shape[1] == 1:  # a table of one column
            array = array[:, 0]
        if array.ndim != 1:
            raise InputError(
                f"expected {what}, one per example, found an array of shape {array.shape}; pass "
                "one column"
            )
        values = array.tolist()
    return list(values)


def shortest(array: FloatArray) -> list[Any]:
    """Return an array as lists of the shortest numbers that are the same float32."""
    numbers = np.array([float(str(value)) for value in array.ravel()])
    lists: list[Any] = numbers.reshape(array.shape).tolist()
    return lists
