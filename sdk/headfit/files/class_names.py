"""Class names: what they may be, and the column that each has in a head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

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
            f"expected a new name, found {new_name!r}, which is another class; to merge the two, "
            "teach the examples again under one name"
        )


def checked_names(class_names: Sequence[str] | npt.NDArray[np.str_], n_samples: int) -> list[str]:
    """Return the class name of each of ``n_samples`` examples as str."""
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        found = type(class_names) if isinstance(class_names, str) else _other_type(class_names)
        raise InputError(
            f"expected a class name per example, each a str, found {found.__name__}; pass a list "
            "of names"
        )
    if len(class_names) != n_samples:
        raise InputError(
            f"expected as many class names as embeddings, found {len(class_names)} names and "
            f"{n_samples} embeddings; give each embedding its class"
        )
    names = [str(name) for name in class_names]
    for name in sorted(set(names)):
        check_class_name(name)
    return names


def _other_type(values: Iterable[object]) -> type:
    return next(type(value) for value in values if not isinstance(value, str))


def classes_and_targets(
    names: Sequence[str],
) -> tuple[tuple[str, ...], TargetArray]:
    """Return the sorted classes of checked names, and the column of each name among them."""
    classes = tuple(sorted(set(names)))
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"one class: {classes[0]!r}" if len(classes) == 1 else str(len(classes))
        raise InputError(
            f"expected 2 to {MAX_CLASSES} classes, found {found}; add examples of something else"
        )
    columns = {name: column for column, name in enumerate(classes)}
    return classes, np.array([columns[name] for name in names], np.intp)
