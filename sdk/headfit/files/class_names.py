"""Class names: what they may be, and the column that each has in a head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set, Sized
from typing import Any

import numpy as np

from headfit.errors import InputError
from headfit.files.fields import is_writable_text
from headfit.maths.arrays import TargetArray

MAX_CLASSES = 65_536
MAX_CLASS_NAME_LENGTH = 255
CLASS_NAME_RULE = f"class names of 1 to {MAX_CLASS_NAME_LENGTH} characters, no control characters"


def is_class_name(name: str) -> bool:
    """Return whether a head file can hold ``name``: see `CLASS_NAME_RULE`."""
    return 1 <= len(name) <= MAX_CLASS_NAME_LENGTH and is_writable_text(name)


def check_class_name(name: object) -> None:
    """Refuse what a head file could not hold as a class name."""
    if not (isinstance(name, str) and is_class_name(name)):
        raise InputError(f"expected {CLASS_NAME_RULE}, found {name!r}; choose another")


def check_class(class_name: str, classes: Collection[str]) -> None:
    """Refuse the name of a class that is not there."""
    if not classes:
        raise InputError(
            f"expected the name of a class of which there are examples, found {class_name!r}, and "
            "no examples; a head file holds none"
        )
    if class_name not in classes:
        raise InputError(
            f"expected one of the classes ({', '.join(sorted(classes))}), found {class_name!r}; "
            "name a class that was taught"
        )


def check_rename(classes: Collection[str], class_name: str, new_name: str) -> None:
    """Refuse to rename a class that is not there, or to a name that is taken or unusable."""
    check_class(class_name, classes)
    check_class_name(new_name)
    if new_name in classes and new_name != class_name:
        raise InputError(
            f"expected a new name, found {new_name!r}, which is another class; choose "
            "another, or move the examples there, which merges the two"
        )


def check_known(names: Iterable[str], classes: Collection[str]) -> None:
    """Refuse names of classes that a head does not know."""
    unknown = sorted(set(names).difference(classes))
    if unknown:
        raise InputError(
            f"expected names of the head's classes ({', '.join(classes)}), found also "
            f"{', '.join(map(str, unknown))}; leave these examples out"
        )


def check_merge(classes: Collection[str], class_name: str, into: str) -> None:
    """Refuse to merge classes that are not there, or one with itself."""
    for name in (class_name, into):
        check_class(name, classes)
    if class_name == into:
        raise InputError(f"expected two classes to merge, found {into!r} twice; name another")


def checked_names(class_names: Iterable[str], n_samples: int) -> list[str]:
    """Return the class name of each of ``n_samples`` examples as str.

    Parameters
    ----------
    class_names : list, array, column of a table or any iterable of str
    n_samples : int

    Raises
    ------
    InputError
        If they are no names, or not as many as there are examples; a mapping or a set has no order
        that would say whose they are.
    """
    names = _listed(class_names)
    for name in names:
        if not isinstance(name, str):
            raise InputError(
                f"expected a class name per example, each a str, found {type(name).__name__}; pass "
                "a list of names"
            )
    _check_length(names, n_samples)
    checked = [str(name) for name in names]
    for name in sorted(set(checked)):
        check_class_name(name)
    return checked


def checked_labels(labels: Iterable[str | int], n_samples: int) -> tuple[list[str], bool]:
    """Return the class of each example as str, and whether they were whole numbers.

    As `checked_names`, but for those who count their classes, as scikit-learn's ensembles do.
    """
    listed = _listed(labels)
    is_whole = bool(listed) and all(
        isinstance(label, (int, np.integer)) and not isinstance(label, bool) for label in listed
    )
    if not is_whole:
        return checked_names(listed, n_samples), False
    _check_length(listed, n_samples)
    return [str(label) for label in listed], True


def _listed(class_names: Iterable[Any]) -> list[Any]:
    if isinstance(class_names, (str, bytes, Mapping, Set)):
        raise InputError(
            "expected a class name per example, in their order, found "
            f"{type(class_names).__name__}; pass a list of names"
        )
    if hasattr(class_names, "ndim") or hasattr(class_names, "__array__"):
        array = np.asarray(class_names)
        if array.ndim == 2 and array.shape[1] == 1:  # a table of one column
            array = array[:, 0]
        if array.ndim != 1:
            raise InputError(
                f"expected a class name per example, found an array of shape {array.shape}; pass "
                "one column"
            )
        values: list[Any] = array.tolist()
        return values
    return list(class_names)


def _check_length(names: Sized, n_samples: int) -> None:
    if len(names) != n_samples:
        raise InputError(
            f"expected as many class names as embeddings, found {len(names)} names and "
            f"{n_samples} embeddings; give each embedding its class"
        )


def classes_and_targets(
    names: Sequence[str], *, are_whole: bool = False
) -> tuple[tuple[str, ...], TargetArray]:
    """Return the sorted classes of checked names, and the column of each name among them.

    Whole numbers are sorted as such: 2 before 10.
    """
    classes = tuple(sorted(set(names), key=int if are_whole else None))
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"one class: {classes[0]!r}" if len(classes) == 1 else str(len(classes))
        raise InputError(
            f"expected 2 to {MAX_CLASSES} classes, found {found}; add examples of something else"
        )
    columns = {name: column for column, name in enumerate(classes)}
    return classes, np.array([columns[name] for name in names], np.intp)
