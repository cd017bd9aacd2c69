"""``headfit-zoo split``: the fixed binary part against the head, in figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headfit import InputError
from headfit_zoo.commands.terminal import console


def split(
    architectures: Annotated[
        list[str], typer.Argument(help="Binary networks with a float twin, by name.")
    ],
    size: Annotated[
        int, typer.Option(help="Height and width of the picture in pixels; 0: the network's own.")
    ] = 0,
    classes: Annotated[int, typer.Option(help="Classes of one app.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    markdown: Annotated[bool, typer.Option(help="Print Markdown tables.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw it into this PNG.")] = None,
) -> None:
    """Count operations, bytes and energy of the fixed part and the head, and an app's bytes."""
    from headfit_zoo.architectures import ARCHITECTURES, usual_size
    from headfit_zoo.catalogue import table as markdown_table
    from headfit_zoo.experiments import hardware

    with_twin = [name for name in ARCHITECTURES if f"{name}_float" in ARCHITECTURES]
    for name in architectures:
        if name not in with_twin:
            raise InputError(f"expected a network of {', '.join(with_twin)}, found {name!r}")
    splits = {
        name: hardware.split_network(name, size or usual_size(name), classes)
        for name in architectures
    }
    if as_json:
        print(json.dumps({name: asdict(each) for name, each in splits.items()}))
    for name, each in splits.items():
        if as_json:
            break
        shipped = [(what, f"{n_bytes:,}") for what, n_bytes in each.app_bytes.items()]
        if markdown:
            print(f"**{name}**\n")
            print(markdown_table(("one photo", *hardware.PARTS), hardware.table_rows(each)) + "\n")
            print(markdown_table((f"one app of {classes} classes ships", "bytes"), shipped) + "\n")
            continue
        table = Table("one photo", *hardware.PARTS, title=name)
        for row in hardware.table_rows(each):
            table.add_row(*row)
        console.print(table)
        console.print(f"One app of {classes} classes ships:")
        for what, n_bytes in shipped:
            console.print(f"  {what:16} {n_bytes:>12} bytes", highlight=False)
    if plot is not None:
        hardware.write_plot(splits, classes, plot)
