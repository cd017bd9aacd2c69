"""Names of projects and things: what they may be, and what they become when files give them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from headfit.files import as_class_name, normal_name
from headfit_demo.session.errors import EmptyNameError, LongNameError, UnprintableNameError

MAX_NAME: Final = 60
"""Longest name of a project, in characters."""

MAX_THING_NAME: Final = 255
"""Longest name of a thing: what a head file can hold."""


def checked_name(name: str, longest: int) -> str:
    """Return a name in the form in which headfit keeps names: see `normal_name`.

    Raises
    ------
    EmptyNameError
        If nothing is left.
    LongNameError
        If it has more than ``longest`` characters.
    UnprintableNameError
        If it has control characters.
    """
    name = normal_name(name.strip())
    if not name:
        raise EmptyNameError("expected a name, found none; type one")
    if len(name) > longest:
        raise LongNameError(f"expected a name of 1 to {longest} characters, found {len(name)}")
    if as_class_name(name) is None:
        raise UnprintableNameError(f"expected a name without control characters, found {name!r}")
    return name


def readable(path: Path | str) -> str:
    r"""Return a path, or a name in one, as text that can be shown, whatever bytes it is made of.

    What is no UTF-8 is written as ``\xe9``, so that two names stay two.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def readable_name(path: Path) -> str:
    """Return what to call a file or folder: see `readable`."""
    return readable(path.name)


def project_name(path: Path) -> str:
    """Return a name for a project that comes of a file or folder."""
    name = "".join(one if one.isprintable() else " " for one in readable_name(path))
    return name.strip()[:MAX_NAME].strip() or "?"
