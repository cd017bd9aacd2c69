"""``headfit doctor`` and ``lower``: what runs a network, and making it run elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Column, Table

from headfit.commands import terminal
from headfit.commands.exit_codes import DONE, UNUSABLE_EXTRACTOR
from headfit.commands.options import EXTRACTOR, JSON, MODEL, output_option
from headfit.commands.paths import NEW_NETWORK, Command
from headfit.engines import EngineReport
from headfit.extractor import Extractor
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.manifest import MAX_MODEL_BYTES
from headfit.networks.lowering import lower as lower_network


@click.command(cls=Command)
@EXTRACTOR
@JSON
def doctor(extractor: str | None, as_json: bool) -> int:
    """Say which engines there are, which are right, how fast, and which one is used.

    Each opens the extractor in a process of its own and embeds the golden picture. The exit code
    is 4 if none can be used.
    """
    manifest, reports = Extractor.survey(extractor)
    chosen = next((report.name for report in reports if report.usable), None)
    code = DONE if chosen else UNUSABLE_EXTRACTOR
    if as_json:
        terminal.print_json(
            extractor=manifest.name,
            fingerprint=manifest.fingerprint,
            chosen=chosen,
            engines=[asdict(report) for report in reports],
        )
        return code
    console = terminal.OUTPUT
    console.print(f"Extractor {manifest.name}, SHA-256 {manifest.fingerprint}\n", soft_wrap=True)
    console.print(_engine_table(reports, chosen))
    if manifest.golden is None:
        console.print("\nIts manifest has no golden picture: no engine was checked.")
    present = [report.name for report in reports if report.present]
    if {"lce", "native"} <= set(present) and present.index("lce") < present.index("native"):
        console.print("\nThe native library has plain C alone for this processor: lce is faster.")
    if chosen:
        which = "works" if manifest.golden is None else "is right"
        console.print(f"\nUsed: [bold]{chosen}[/], the fastest kind that {which}.")
    return code


def _engine_table(reports: tuple[EngineReport, ...], chosen: str | None) -> Table:
    table = Table(
        Column("engine", no_wrap=True),
        "version",
        "self-check",
        "ms a photo",
        "",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for report in reports:
        check = ""
        if report.cosine is not None and report.difference is not None:
            check = f"cosine {report.cosine:.7f}, difference {report.difference:.1e}"
        verdict = "used" if report.name == chosen else "right" if check else "works"
        table.add_row(
            report.name,
            report.version or "",
            check,
            f"{report.milliseconds:.1f}" if report.milliseconds is not None else "",
            terminal.plain(report.reason or verdict),
            style=None if report.usable else "dim",
        )
    return table


@click.command(cls=Command)
@MODEL
@output_option("OUT.TFLITE", NEW_NETWORK)
def lower(model: Path, output: Path) -> None:
    """Rewrite a Larq Compute Engine network for plain TFLite, bit for bit.

    The result has builtin operators of version 1 only, and runs wherever TFLite does.
    """
    lowered = lower_network(read_bounded(model, MAX_MODEL_BYTES))
    write_atomically(output, lowered)
    terminal.echo(f"Wrote {output}, {len(lowered):,} bytes.")
