"""The ``headfit-zoo`` command: train, convert, verify."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from headfit.errors import HeadfitError

if TYPE_CHECKING:
    from headfit_zoo import datasets

# TensorFlow's own start-up chatter says nothing to a user; set before its first import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(
    help="Train binary networks in Larq and convert them into headfit extractors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console()
progress_console = Console(stderr=True)

Value = TypeVar("Value")
Run = Annotated[Path, typer.Argument(help="Folder of a training, as written by 'train'.")]


@contextmanager
def _progress(what: str) -> Iterator[datasets.Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress_console) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@app.command()
def train(
    data: Annotated[
        Path,
        typer.Argument(
            help="A folder with a folder of pictures per class, "
            "or one that holds such folders train/ and val/."
        ),
    ],
    run: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for log and checkpoints; a second start goes on from its last checkpoint.",
        ),
    ],
    architecture: Annotated[str, typer.Option(help="Network, by name.")] = "residual",
    recipe: Annotated[
        str, typer.Option(help="Training settings, by name.")
    ] = "tiny-imagenet-short",
) -> None:
    """Train a network; stop it when you like and start it again."""
    from headfit_zoo.architectures import ARCHITECTURES
    from headfit_zoo.datasets import open_or_pack
    from headfit_zoo.recipes import RECIPES
    from headfit_zoo.training import train as run_training

    build = _known("architecture", architecture, ARCHITECTURES)
    settings = _known("recipe", recipe, RECIPES)
    with _progress("Packing pictures") as report:
        training, validation = open_or_pack(
            data, run / "data", settings.final_size, progress=report
        )
    console.print(
        f"{len(training)} training and {len(validation)} validation pictures, "
        f"{len(training.classes)} classes; {settings.epochs} epochs into {run}"
    )
    verbose = 1 if sys.stdout.isatty() else 2
    last = run_training(
        build(len(training.classes), None), training, validation, settings, run, verbose=verbose
    )
    console.print(f"validation top-1 {last['val_top1']:.1%}, top-5 {last['val_top5']:.1%}")


@app.command()
def convert(
    run: Run,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the extractor.")],
    name: Annotated[str, typer.Option(help="Name of the extractor and of its files.")],
    size: Annotated[
        int,
        typer.Option(help="Input height and width in pixels; 0 takes the size of the training."),
    ] = 0,
    version: Annotated[int, typer.Option(help="Version of the extractor.")] = 1,
    description: Annotated[str, typer.Option(help="One sentence for people.")] = "",
    licence: Annotated[str, typer.Option(help="SPDX name of the weights' licence.")] = "Apache-2.0",
) -> None:
    """Convert a trained network to .tflite with its manifest and golden picture."""
    from headfit_zoo.convert import convert as write_extractor
    from headfit_zoo.convert import load_trained

    manifest = write_extractor(
        load_trained(run, size or None),
        output,
        name=name,
        version=version,
        description=description,
        licence=licence,
    )
    console.print(
        f"{output / name}.tflite  {manifest.size_bytes:,} bytes, "
        f"embedding of {manifest.embedding_dim}, SHA-256 {manifest.fingerprint}"
    )


@app.command()
def verify(
    run: Run,
    extractor: Annotated[Path, typer.Argument(help="The .tflite converted from it.")],
    photos: Annotated[Path, typer.Option(help="Folder of real photos, searched in depth.")],
    most: Annotated[int, typer.Option(help="Photos to compare at most.")] = 500,
    data: Annotated[Path | None, typer.Option(help="Data set to score top-1 and top-5 on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compare Keras with the converted network on real photos, and score it."""
    from headfit import Extractor
    from headfit_zoo.convert import load_trained
    from headfit_zoo.datasets import find_pictures, open_or_pack
    from headfit_zoo.verify import compare, score

    device = Extractor.open(extractor)
    size = device.manifest.preprocessing.height
    model = load_trained(run, size)
    pictures = find_pictures(photos, most=most)
    with _progress("Comparing") as report:
        result: dict[str, float] = compare(model, device, pictures, progress=report).as_dict()
    if data is not None:
        with _progress("Scoring") as report:
            _, validation = open_or_pack(data, run / "data", size)
            result |= score(model, device, validation, progress=report)
    if as_json:
        print(json.dumps(result))
        return
    table = Table("measure", "value", title=f"Keras against {device.engine_name}")
    for key, value in result.items():
        table.add_row(key.replace("_", " "), f"{value:.6g}")
    console.print(table)


def _known(kind: str, name: str, choices: Mapping[str, Value]) -> Value:
    if name not in choices:
        raise typer.BadParameter(f"expected {kind} out of {', '.join(choices)}, found {name!r}")
    return choices[name]


def main() -> None:
    """Run the command; errors of ours become one line and exit code 1."""
    try:
        app()
    except HeadfitError as error:
        progress_console.print(f"[bold red]error:[/] {error}", highlight=False)
        raise SystemExit(1) from None
