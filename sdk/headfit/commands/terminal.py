"""Output of commands: consoles, JSON, progress, bars, sizes and times; checks of output files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from headfit.errors import FileFormatError, InputError
from headfit.files.headfile import load_head
from headfit.photos.folders import Skipped
from headfit.photos.images import PhotoProgress

OUTPUT: Final = Console(highlight=False)
ERRORS: Final = Console(stderr=True, highlight=False)
BAR_WIDTH: Final = 28
ACCENT: Final = "cyan"


def print_json(**fields: object) -> None:
    """Print one JSON object for machines."""
    click.echo(json.dumps(fields, indent=2))


@contextmanager
def progress(what: str, console: Console = ERRORS) -> Iterator[PhotoProgress]:
    """Show how far some work has come: a moving bar on a terminal, else a line per quarter.

    Yields
    ------
    callable
        To be called as ``(done, total)``.
    """
    if not console.is_terminal:
        yield lambda done, total: _print_quarters(console, what, done, total)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(BAR_WIDTH, complete_style=ACCENT, finished_style=ACCENT),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _print_quarters(console: Console, what: str, done: int, total: int) -> None:
    if done * 4 // total > (done - 1) * 4 // total:
        console.print(f"{what}: {done} of {total}", highlight=False)


def probability_table(classes: Sequence[tuple[str, float]]) -> Table:
    """Return class names, bars and percentages, in the order given."""
    table = Table.grid(padding=(0, 2))
    for class_name, probability in classes:
        table.add_row(
            Text(class_name),
            bar(probability),
            Text(f"{probability:6.1%}", style="bold" if probability >= 0.5 else ""),
        )
    return table


def bar(fraction: float, width: int = BAR_WIDTH) -> Text:
    """Return a bar filled to ``fraction`` of its width."""
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return Text("━" * filled + " " * (width - filled), style=ACCENT)


def print_skipped(skipped: Sequence[Skipped]) -> None:
    """Count and name what was left out, if anything was."""
    if skipped:
        ERRORS.print(f"[yellow]Skipped {len(skipped)}:[/]")
    for item in skipped:
        ERRORS.print(Text(f"  {item.path}: {item.reason}"), soft_wrap=True)


def size(n_bytes: int) -> str:
    """Return a file size for people: "812 bytes", "2.6 kB", "0.9 MB"."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    if n_bytes < 100_000:
        return f"{n_bytes / 1000:.1f} kB"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:.0f} kB"
    return f"{n_bytes / 1_000_000:.1f} MB"


def duration(seconds: float) -> str:
    """Return a time for people: "0.9 ms", "47 ms", "3.2 s", "2 min 5 s"."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def check_folder(output: Path) -> None:
    """Refuse, before minutes of work, a file whose folder is not there."""
    if not output.absolute().parent.is_dir():
        raise InputError(f"{output}: expected a folder to write into, found none; make it first")


def check_output(output: Path) -> None:
    """Refuse a head file that could not be written, and to overwrite another kind of file."""
    check_folder(output)
    if not output.exists():
        return
    try:
        load_head(output)
    except FileFormatError as error:
        raise InputError(
            f"{output}: expected a new file or a head file to replace, found another kind of file; "
            "choose another name"
        ) from error
