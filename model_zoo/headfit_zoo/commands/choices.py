"""A choice by name on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import typer

Value = TypeVar("Value")


def known(kind: str, name: str, choices: Mapping[str, Value]) -> Value:
    """Return the choice of that name, or refuse the command line."""
    if name not in choices:
        raise typer.BadParameter(f"expected {kind} out of {', '.join(choices)}, found {name!r}")
    return choices[name]
