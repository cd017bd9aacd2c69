"""Types that all rooms share, and the check of embeddings that callers pass."""

from __future__ import annotations

from collections.abc import Iterator
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

Scalar: TypeAlias = str | int | float | bool | None
"""A value that says how something was trained."""

MAX_EMBEDDING_DIM = 65_536


def blocks(n_samples: int, size: int = 256) -> Iterator[slice]:
    """Yield slices of a few rows each.

    What needs several passes or float64 is done so: in cache, and never twice as large as all.
    """
    for start in range(0, n_samples, size):
        yield slice(start, start + size)


def checked_embeddings(embeddings: npt.ArrayLike) -> FloatArray:
    """Return embeddings as finite float32 by rows; the caller's array is not written to.

    Raises
    ------
    InputError
        If they are no finite numbers of shape (n_samples, embedding_dim).
    """
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
