"""Class names: what they may be, their one form, and the column that each has in a head."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Iterable, Sequence, Sized
from typing import Any, Final

import numpy as np

from headfit.errors import InputError
from headfit.files.fields import is_writable_text
from headfit.maths.arrays import TargetArray, listed

MAX_CLASSES = 65_536
MAX_CLASS_NAME_LENGTH = 255
CLASS_NAME_RULE = f"class names of 1 to {MAX_CLASS_NAME_LENGTH} characters, no control characters"

_DIRECTIONS: Final = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Space of no width, marks of direction and the soft hyphen, none of which is seen. Not the joiners,
# which letters and emoji are written with.
_NO_WIDTH: Final = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\xad" + _DIRECTIONS))
_SPACES: Final = ("Zs", "Zl", "Zp")

_logger = logging.getLogger("headfit")


def normal_name(name: str) -> str:
    """Return a name in the one form in which names are kept: what looks the same is the same.

    Unicode is composed (NFC), space around the name is dropped, space in it is one blank, and
    what has no width is dropped: space, marks of direction, soft hyphens. Case stays: "Cat" and
    "cat" may be two.
    """
    composed = unicodedata.normalize("NFC", str.__str__(name).translate(_NO_WIDTH))
    blanks = "".join(" " if unicodedata.category(one) in _SPACES else one for one in composed)
    return " ".join(filter(None, blanks.split(" ")))


def as_class_name(value: object) -> str | None:
    """Return the class name that a text stands for, in normal form; None if it can be none.

    Every way in comes through here: folders, arrays, files, commands, the app.
    """
    if not isinstance(value, str):
        return None
    name = normal_name(value)
    return name if 1 <= len(name) <= MAX_CLASS_NAME_LENGTH and is_writable_text(name) else None


def checked_class_name(name: object) -> str:
    """Return a class name in normal form; refuse what a head file could not hold as one."""
    checked = as_class_name(name)
    if checked is None:
        raise InputError(f"expected {CLASS_NAME_RULE}, found {name!r}; choose another")
    return checked


def checked_class(class_name: str | int, classes: Collection[str]) -> str:
    """Return the name of a class in normal form; refuse one that is not there.

    A whole number is the class of that name: heads may count their classes.
    """
    given: str = _as_text(class_name)
    class_name = as_class_name(given) or given
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
    return class_name


def checked_rename(
    classes: Collection[str], class_name: str | int, new_name: str | int
) -> tuple[str, str]:
    """Return both names in normal form; refuse a class that is not there, or a name that is taken.

    ``new_name`` must not be unusable either. Whole numbers are as in `checked_class`.
    """
    class_name = checked_class(class_name, classes)
    new_name = checked_class_name(_as_text(new_name))
    if new_name in classes and new_name != class_name:
        raise InputError(
            f"expected a new name, found {new_name!r}, which is another class; choose "
            "another, or move the examples there, which merges the two"
        )
    return class_name, new_name


def check_known(names: Iterable[str], classes: Collection[str]) -> None:
    """Refuse names of classes that a head does not know."""
    unknown = sorted(set(names).difference(classes))
    if unknown:
        raise InputError(
            f"expected names of the head's classes ({', '.join(classes)}), found also "
            f"{', '.join(map(str, unknown))}; leave these examples out"
        )


def checked_merge(
    classes: Collection[str], class_name: str | int, into: str | int
) -> tuple[str, str]:
    """Return both names in normal form; refuse classes that are not there, or one with itself."""
    class_name, into = checked_class(class_name, classes), checked_class(into, classes)
    if class_name == into:
        raise InputError(f"expected two classes to merge, found {into!r} twice; name another")
    return class_name, into


def checked_names(class_names: Iterable[str], n_samples: int) -> list[str]:
    """Return the class name of each of ``n_samples`` examples in normal form.

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
    names = listed(class_names, "class names")
    for name in names:
        if not isinstance(name, str):
            raise InputError(
                f"expected a class name per example, each a str, found {type(name).__name__}; pass "
                "a list of names"
            )
    _check_length(names, n_samples)
    texts = [str.__str__(name) for name in names]  # of an enumeration too, what it stands for
    checked = {text: checked_class_name(text) for text in sorted(set(texts))}
    return [checked[text] for text in texts]


def checked_labels(labels: Iterable[str | int], n_samples: int) -> tuple[list[str], bool]:
    """Return the class of each example as str, and whether they were whole numbers.

    As `checked_names`, but for those who count their classes, as scikit-learn's ensembles do. Names
    that are kept in another form than given are logged: predictions do not equal what was given.
    """
    given_labels = listed(labels, "class names")
    if not (given_labels and all(map(is_whole_number, given_labels))):
        names = checked_names(given_labels, n_samples)
        for given, kept in zip(given_labels, names, strict=True):
            if given != kept:
                _logger.warning(
                    "class names are kept in one form, %s as %s: compare predictions with that",
                    ascii(given),
                    ascii(kept),
                )
                break
        return names, False
    _check_length(given_labels, n_samples)
    return [_as_text(label) for label in given_labels], True


def is_whole_number(label: object) -> bool:
    """Return whether a class is named by a whole number."""
    return isinstance(label, (int, np.integer)) and not isinstance(label, bool)


def _as_text(label: Any) -> Any:
    """Return a whole number as text, as files have it; whatever else as it is."""
    if not is_whole_number(label):
        return label
    if not -(2**63) <= label < 2**63:
        raise InputError(f"expected whole numbers of 64 bits for classes, found {label}")
    return str(int(label))


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
