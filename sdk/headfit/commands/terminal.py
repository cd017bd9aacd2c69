"""What commands share: progress, bars, tables and sizes on a terminal, and where to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
from headfit.files.headfile import HeadFile, load_head
from headfit.learning.calibration import Calibration
from headfit.learning.evaluation import Evaluation
from headfit.photos.folders import Skipped
from headfit.photos.images import PhotoProgress

BAR_WIDTH = 28
ACCENT = "cyan"


@contextmanager
def progress(console: Console, what: str) -> Iterator[PhotoProgress]:
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


def print_skipped(console: Console, skipped: Sequence[Skipped]) -> None:
    """Count and name what was left out, if anything was."""
    if skipped:
        console.print(f"[yellow]Skipped {len(skipped)}:[/]")
    for item in skipped:
        console.print(Text(f"  {item.path}: {item.reason}"), soft_wrap=True)


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print how much was right, how much of each class, and what is taken for what."""
    console.print(
        f"[bold]{evaluation.top1:.1%}[/] right of {evaluation.n_samples} photos (top-1); "
        f"{evaluation.top5:.1%} among the five best."
    )
    table = Table.grid(padding=(0, 2))
    counts = evaluation.confusion.sum(axis=1)
    for name, recall, count in zip(evaluation.classes, evaluation.recall, counts, strict=True):
        if count:
            table.add_row(Text(name), bar(recall), f"{recall:6.1%}", f"of {count}")
    console.print("\nRecognised, by class:")
    console.print(table)
    confused = evaluation.most_confused(5)
    if confused:
        console.print("\nMost confused:")
    for class_name, taken_for, count in confused:
        console.print(Text(f"  {count} x {class_name} taken for {taken_for}"))


def head_table(path: Path, file: HeadFile) -> Table:
    """Return what a head file holds, as rows of names and values."""
    head = file.head
    counts = zip(head.classes, head.class_counts, strict=True)
    rows = {
        "File": f"{path}, {size(path.stat().st_size)}",
        "Classes": ", ".join(f"{name} ({count})" for name, count in counts),
        "Embedding": f"{len(head.weights)} wide",
        "Weights": f"stored as {head.storage}",
        "Extractor": "not recorded",
    }
    if head.extractor is not None:
        rows["Extractor"] = f"{head.extractor.name}, version {head.extractor.version}"
        rows["Fingerprint"] = head.extractor.fingerprint
    rows["Training"] = ", ".join(f"{key} {value}" for key, value in head.training.items())
    if head.calibration is not None:
        rows["Unknown"] = _unknown(head.calibration)
    if head.privacy is not None:
        promise = f"epsilon {head.privacy.epsilon:g}, delta {head.privacy.delta:g}"
        rows["Privacy"] = f"{promise}, by {head.privacy.mechanism}: {head.privacy.assumptions}"
    if file.signature is not None:
        rows["Signed by"] = f"{file.signature.public_key} (not checked here)"
    rows["Written by"] = f"headfit {file.headfit_version}"
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _unknown(calibration: Calibration) -> str:
    held_out = f"as judged by {calibration.n_held_out} held-out examples"
    if calibration.threshold is None:
        return f"not known from when on, {held_out}"
    score = calibration.score.replace("_", " ")
    return (
        f"where the {score} is below {calibration.threshold:.3g}; {calibration.known_share:.0%} of "
        f"known photos are above, {held_out}"
    )


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


def check_output(output: Path) -> None:
    """Refuse, before minutes of work, a file that could not be written or should not be lost."""
    if not output.absolute().parent.is_dir():
        raise InputError(f"{output}: expected a folder to write into, found none; make it first")
    if not output.exists():
        return
    try:
        load_head(output)
    except FileFormatError as error:
        raise InputError(
            f"{output}: expected a new file or a head file to replace, found another kind of file; "
            "choose another name"
        ) from error
