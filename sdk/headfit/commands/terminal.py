"""Output of commands: consoles, JSON, progress, bars, sizes and times."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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

from headfit.photos.images import PhotoProgress
from headfit.photos.labelled import LabelledFolder
from headfit.photos.photo_folder import PhotoFolder, Skipped

OUTPUT: Final = Console(highlight=False)
ERRORS: Final = Console(stderr=True, highlight=False)
BAR_WIDTH: Final = 28
CLASSES_LISTED: Final = 24
SKIPPED_LISTED: Final = 8
ACCENT: Final = "cyan"


# Bidi controls turn the letters around them, so "gpj.exe" can look like "exe.jpg".
_TURNING: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def visible(text: object) -> str:
    """Return text with its control characters escaped: a file's name moves no cursor.

    What they print passes here, in `plain`, `echo` or `ask`; JSON escapes by itself.
    """
    return "".join(
        one.encode("unicode_escape").decode()
        if one in _TURNING or unicodedata.category(one) in ("Cc", "Zl", "Zp")
        else one
        for one in str(text)
    )


def plain(text: object, style: str = "") -> Text:
    """Return text for a console as it is, without markup; see `visible`."""
    return Text(visible(text), style)


def echo(line: object, *, err: bool = False) -> None:
    """Print one line as it is; see `visible`."""
    click.echo(visible(line), err=err)


def ask(question: str) -> bool:
    """Ask for a yes or no on standard error; see `visible`."""
    return click.confirm(visible(question), err=True)


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
    table.add_column(overflow="fold")  # a name is never cut
    for class_name, probability in classes:
        table.add_row(
            plain(class_name),
            bar(probability),
            Text(f"{probability:6.1%}", style="bold" if probability >= 0.5 else ""),
        )
    return table


def bar(fraction: float, width: int = BAR_WIDTH) -> Text:
    """Return a bar filled to ``fraction`` of its width."""
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return Text("━" * filled + " " * (width - filled), style=ACCENT)


def print_found(folder: PhotoFolder) -> None:
    """Say which classes a folder holds, before minutes are spent on them."""
    counts = folder.class_counts
    found = f"Found {len(folder.photos)} photos of {_kinds(counts)}: {class_list(counts)}."
    ERRORS.print(plain(found), soft_wrap=True)


def print_labelled(labelled: LabelledFolder) -> None:
    """Say which classes photos show, and how many show several or none."""
    counts = labelled.class_counts
    n_shown = list(map(len, labelled.label_sets))
    found = (
        f"Found {len(n_shown)} photos of {_kinds(counts)}: {class_list(counts)}. "
        f"{sum(number > 1 for number in n_shown)} show several, {n_shown.count(0)} none."
    )
    ERRORS.print(plain(found), soft_wrap=True)


def _kinds(counts: Mapping[str, int]) -> str:
    return "1 class" if len(counts) == 1 else f"{len(counts)} classes"


def class_list(counts: Mapping[str, int]) -> str:
    """Return class names with their counts: "cat (12), dog (3)"; of many the first ones."""
    named = [f"{name} ({count})" for name, count in counts.items()]
    more = len(named) - CLASSES_LISTED
    return ", ".join(named[:CLASSES_LISTED]) + (f" and {more} more classes" if more > 0 else "")


def print_skipped(skipped: Sequence[Skipped]) -> None:
    """Count and name what was left out, if anything was; of many for one reason the first ones."""
    by_reason: dict[str, list[Skipped]] = {}
    for item in skipped:
        if not item.is_litter:
            by_reason.setdefault(item.reason, []).append(item)
    if by_reason:
        ERRORS.print(f"[yellow]Skipped {sum(map(len, by_reason.values()))}:[/]")
    for reason, items in by_reason.items():
        for item in items[:SKIPPED_LISTED]:
            ERRORS.print(plain(f"  {item.path}: {reason}"), soft_wrap=True)
        if (more := len(items) - SKIPPED_LISTED) > 0:
            ERRORS.print(plain(f"  and {more} more: {reason}"), soft_wrap=True)
    litter = [item.path.name for item in skipped if item.is_litter]
    if litter:
        names = ", ".join(sorted(set(litter))[:SKIPPED_LISTED])
        dots = ", ..." if len(set(litter)) > SKIPPED_LISTED else ""
        said = f"Passed over {len(litter)} hidden, or left by systems and apps: {names}{dots}."
        ERRORS.print(plain(said), soft_wrap=True)


def skipped_as_json(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Return what was left out, for machines."""
    return [{"path": str(item.path), "reason": item.reason} for item in skipped]


def counted(count: int, what: str = "example") -> str:
    """Return a number of things for people."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def effectively(count: int, n_effective: int) -> str:
    """Return what follows a number of photos of which some are nearly the same."""
    return f" (effectively {n_effective})" if n_effective < count else ""


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
