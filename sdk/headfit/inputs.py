"""What callers pass is checked here, once: embeddings, class names, settings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.headfile import CLASS_NAME_RULE, MAX_CLASSES, is_class_name
from headfit.manifest import MAX_EMBEDDING_DIM

MAX_L2 = 1e9
"""Beyond it the weights drown in the rounding of float32."""


def check_settings(l2: float, tolerance: float, max_iterations: int) -> None:
    """Refuse settings of a head that make no sense."""
    if not 0 <= l2 <= MAX_L2:
        raise InputError(f"expected l2 from 0 to {MAX_L2:g}, found {l2}")
    if not 0 <= tolerance < 1:
        raise InputError(f"expected a tolerance from 0 to below 1, found {tolerance}")
    if max_iterations < 1:
        raise InputError(f"expected max_iterations of at least 1, found {max_iterations}")


def checked_embeddings(embeddings: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return embeddings as finite float32 by rows; the caller's array is not written to."""
    try:
        given = np.asarray(embeddings)
    except ValueError as error:  # rows of different lengths
        raise InputError(f"expected embeddings of one width, found: {error}") from error
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise InputError(
            "expected numbers of shape (n_samples, embedding_dim), found "
            f"{given.dtype} of shape {given.shape}; for one embedding write embedding[None]"
        )
    if not 1 <= given.shape[1] <= MAX_EMBEDDING_DIM:
        raise InputError(
            f"expected embeddings of width 1 to {MAX_EMBEDDING_DIM}, found {given.shape[1]}"
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


def classes_and_targets(
    class_names: Sequence[str] | npt.NDArray[np.str_], n_samples: int
) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return the sorted classes, and each example's column among them."""
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise InputError("expected a class name per example, each a str, found something else")
    if len(class_names) != n_samples:
        raise InputError(
            f"expected as many class names as embeddings, found {len(class_names)} names and "
            f"{n_samples} embeddings"
        )
    classes = tuple(sorted({str(name) for name in class_names}))
    for name in classes:
        if not is_class_name(name):
            raise InputError(f"expected {CLASS_NAME_RULE}, found {name!r}; rename the class")
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"one: {classes[0]!r}" if len(classes) == 1 else str(len(classes))
        raise InputError(
            f"expected 2 to {MAX_CLASSES} classes, found {found}; add examples of something else"
        )
    columns = {name: column for column, name in enumerate(classes)}
    return classes, np.array([columns[str(name)] for name in class_names], np.intp)
