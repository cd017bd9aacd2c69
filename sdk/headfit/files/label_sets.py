"""Label sets: which classes each example shows, as callers pass them, checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.files.class_names import MAX_CLASSES, checked_class_name
from headfit.maths.arrays import BoolArray, check_dense

LabelSets = Iterable[Iterable[str]] | npt.NDArray[Any]
"""A collection of class names per example, empty ones too; or an array of 0 and 1."""


def checked_label_sets(
    label_sets: LabelSets,
    n_samples: int,
    classes: Iterable[str] | None = None,
) -> tuple[tuple[str, ...], BoolArray]:
    """Return class names and which of them each of ``n_samples`` examples shows.

    Parameters
    ----------
    label_sets : sequence of collections of str, or array of shape (n_samples, n_classes)
        An array holds 0 and 1, or booleans, a column for each of ``classes``; so does a table
        (``columns``), whose columns have names of their own.
    n_samples : int
    classes : sequence of str, optional
        The class of each column; by default the names that occur, sorted.

    Returns
    -------
    classes : tuple of str
        In the order given, in normal form.
    is_shown : ndarray of shape (n_samples, n_classes), dtype bool

    Raises
    ------
    InputError
        If they cannot be used, are not as many as the examples, or name others than ``classes``.
    """
    columns = _columns(label_sets, classes)
    indicator = _as_indicator(label_sets)
    if indicator is not None:
        if columns is None:
            raise InputError(
                f"expected classes=, the class of each column, with an array of numbers of shape "
                f"{indicator.shape}, found none; name them, or pass a table whose columns are "
                "named, or a list of names per example"
            )
        return columns, _checked_indicator(indicator, n_samples, columns)
    names = _checked_names(label_sets, n_samples)
    if columns is None:
        columns = tuple(sorted(set().union(*names)))
    places = {name: column for column, name in enumerate(columns)}
    is_shown = np.zeros((n_samples, len(columns)), np.bool_)
    for row, shown in enumerate(names):
        unknown = sorted(shown.difference(places))
        if unknown:
            raise InputError(
                f"expected names of the classes ({', '.join(columns)}), found also "
                f"{', '.join(unknown)} at example {row}; leave these examples out, or name the "
                "class among the classes"
            )
        is_shown[row, [places[name] for name in shown]] = True
    return columns, is_shown


def _columns(label_sets: LabelSets, classes: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the class of each column: as they were given, or as a table names its columns."""
    named = getattr(label_sets, "columns", None)
    named = None if named is None else list(named)
    if not named or not all(isinstance(name, str) for name in named):
        return None if classes is None else _checked_classes(classes)
    of_table = _checked_classes(named)
    if classes is not None and (given := _checked_classes(classes)) != of_table:
        raise InputError(
            f"expected classes= as the table names its columns ({', '.join(of_table)}), found "
            f"{', '.join(given)}; leave it out, or order the columns so"
        )
    return of_table


def _as_indicator(label_sets: LabelSets) -> npt.NDArray[Any] | None:
    """Return an array of numbers in two dimensions, or a table of them, as an array."""
    check_dense(label_sets)
    if hasattr(label_sets, "ndim") or hasattr(label_sets, "__array__"):
        array = np.asarray(label_sets)
        if array.ndim == 2 and array.dtype == object:  # a table whose columns are of several kinds
            array = np.array(array.tolist())
        if array.ndim == 2 and array.dtype.kind in "biuf":
            return array
        if array.dtype.kind in "biuf" or (array.ndim != 1 and array.dtype.kind != "U"):
            raise InputError(
                "expected a list of names per example, or an array of 0 and 1 of shape "
                f"(n_samples, n_classes), found {array.dtype} of shape {array.shape}; pass either"
            )
    return None


def _checked_indicator(
    indicator: npt.NDArray[Any], n_samples: int, classes: Sequence[str]
) -> BoolArray:
    if indicator.shape != (n_samples, len(classes)):
        raise InputError(
            f"expected an array of shape ({n_samples}, {len(classes)}), a row per embedding and a "
            f"column per class, found {indicator.shape}; give each embedding its row"
        )
    is_one: BoolArray = indicator == 1
    is_other = ~(is_one | (indicator == 0))
    if is_other.any():
        row, column = np.argwhere(is_other)[0]
        raise InputError(
            f"expected 0 and 1, found {indicator[row, column]} for {classes[column]!r} at example "
            f"{row}; write 1 where the class is shown, else 0"
        )
    return is_one


def _checked_classes(classes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(classes, (str, bytes, Mapping, Set)):
        raise InputError(
            f"expected class names in the order of the columns, found {type(classes).__name__}; "
            "pass a list of names"
        )
    names = tuple(checked_class_name(name) for name in list(classes))
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(
            f"expected different class names, found {', '.join(twice)} twice; name each column "
            "otherwise"
        )
    return names


def _checked_names(label_sets: LabelSets, n_samples: int) -> list[set[str]]:
    """Return the names of each example in normal form."""
    if isinstance(label_sets, (str, bytes, Mapping, Set)):
        raise InputError(
            "expected a list of names per example, in their order, found "
            f"{type(label_sets).__name__}; pass a list of lists of names"
        )
    listed = list(label_sets)
    if len(listed) != n_samples:
        raise InputError(
            f"expected as many sets of names as embeddings, found {len(listed)} sets and "
            f"{n_samples} embeddings; give each embedding its set, an empty one if it shows none"
        )
    known: dict[str, str] = {}
    checked = []
    for row, names in enumerate(listed):
        if isinstance(names, (str, bytes, Mapping)) or not isinstance(names, Iterable):
            remedy = f"write [{names!r}]" if isinstance(names, str) else "write [] for none"
            raise InputError(
                f"expected a list of class names per example, found {names!r} at example {row}; "
                f"{remedy}"
            )
        shown = set()
        for name in names:
            if not isinstance(name, str):
                raise InputError(
                    f"expected class names, each a str, found {type(name).__name__} at example "
                    f"{row}; for an array of 0 and 1 use numpy.array, and name its classes="
                )
            text = str.__str__(name)
            if text not in known:
                known[text] = checked_class_name(text)
            shown.add(known[text])
        checked.append(shown)
    return checked


def check_both_sides(classes: Sequence[str], is_shown: BoolArray) -> None:
    """Refuse what leaves nothing to tell apart: no class, one that nothing shows, or everything.

    Raises
    ------
    InputError
    """
    if not 1 <= len(classes) <= MAX_CLASSES:
        raise InputError(
            f"expected 1 to {MAX_CLASSES} classes, found {len(classes)}; name what photos show"
        )
    counts = is_shown.sum(axis=0)
    for count, what, remedy in (
        (0, "none", "or leave the class out"),
        (len(is_shown), "all of them", "or leave the class out: it says nothing"),
    ):
        wrong = [name for name, found in zip(classes, counts, strict=True) if found == count]
        if wrong:
            raise InputError(
                "expected examples that show each class, and others that do not, found that "
                f"{what} show {_listed(wrong)}; add others, {remedy}"
            )


def _listed(names: Collection[str]) -> str:
    first = ", ".join(list(map(repr, names))[:5])
    return first + (f" and {len(names) - 5} more" if len(names) > 5 else "")
