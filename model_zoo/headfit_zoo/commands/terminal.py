"""What the commands share: where they print, how they end, and a bar of progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from headfit import HeadfitError

console = Console()
progress_console = Console(stderr=True)


def ending_well(command: Callable[[], None]) -> None:
    """Run a command; errors of ours become one line and exit code 1, Ctrl-C becomes 130."""
    try:
        command()
    except KeyboardInterrupt:
        problem, code = "stopped", 130
    except HeadfitError as error:
        problem, code = str(error), 1
    except OSError as error:
        reason = error.strerror or str(error)
        problem, code = f"{error.filename}: {reason}" if error.filename else reason, 1
    else:
        return
    progress_console.print(Text.assemble(("error: ", "bold red"), problem))
    raise SystemExit(code)


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
