"""What the commands share: where they print, a bar of progress, and a choice by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

console = Console()
progress_console = Console(stderr=True)

Value = TypeVar("Value")


@contextmanager
def progress(what: str, *, in_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; the block calls what it gets with (done, in all)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress_console) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)


def known(kind: str, name: str, choices: Mapping[str, Value]) -> Value:
    """Return the choice of that name, or refuse the command line."""
    if name not in choices:
        raise typer.BadParameter(f"expected {kind} out of {', '.join(choices)}, found {name!r}")
    return choices[name]
