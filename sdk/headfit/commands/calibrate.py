"""``headfit calibrate``: how sure a head may be, from examples of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.examples import examples_of
from headfit.commands.options import EXTRACTOR, HEAD, STORE, output_option
from headfit.commands.paths import HEAD_FILE, Command
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead


@click.command(cls=Command)
@HEAD
@STORE
@output_option("OUT", HEAD_FILE)
@EXTRACTOR
def calibrate(head: Path, store_path: Path, output: Path, extractor: str | None) -> None:
    """Learn from the examples of STORE how sure HEAD may be, and write it to OUT.

    For heads that nothing was left out to judge: those that were pooled, and private ones. OUT is
    for this device, and private no more. Examples of other classes are left out.
    """
    eyes = Extractor.open_for(head, extractor)
    fitted = SoftmaxHead.load(head, extractor=eyes)
    examples = examples_of(store_path, fitted, head)
    classes, names = fitted.fitted_.classes, examples.class_names
    rows = [row for row, name in enumerate(names) if name in classes]
    if not rows:
        raise InputError(
            f"{store_path}: expected examples of {', '.join(classes)}, found none among "
            f"{len(names)}; teach some"
        )
    fitted.calibrate(examples.embeddings[rows], [names[row] for row in rows])
    fitted.save(output)
    terminal.echo(f"Wrote {output}, calibrated on {terminal.counted(len(rows))}.")
    if len(rows) < len(names):
        terminal.echo(f"Left out {len(names) - len(rows)} of other classes.")
