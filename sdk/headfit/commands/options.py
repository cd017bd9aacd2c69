"""The arguments and options that several commands share, each defined once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from headfit.commands.paths import HeadPath, InputPath, Kind, OutputPath, StorePath

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH: Final = InputPath(path_type=Path)

HEAD: Final = click.argument("head", metavar="HEAD", type=HeadPath(path_type=Path))
PHOTO_FOLDER: Final = click.argument("directory", metavar="DIR", type=PATH)
STORE: Final = click.argument("store_path", metavar="STORE", type=StorePath())
MODEL: Final = click.argument("model", metavar="IN.TFLITE", type=PATH)

EXTRACTOR: Final = click.option(
    "--extractor",
    metavar="NAME",
    type=InputPath(path_type=str),
    help="Name of an installed extractor, or path of a .tflite or .onnx.",
)
ENGINE: Final = click.option(
    "--engine",
    default="auto",
    help="What runs the extractor; by default the fastest. ENGINE:LIBRARY has a delegate.",
)
LABELS: Final = click.option(
    "--labels",
    "table",
    metavar="CSV",
    type=PATH,
    help="A table of what each photo of DIR shows: photo,cup,pen with 0 or 1, or photo,classes.",
)
THRESHOLD: Final = click.option(
    "--threshold",
    metavar="P",
    type=click.FloatRange(0, 1, min_open=True),
    help="With a multi-label head: from which probability on a class counts as shown.",
)
STRICT: Final = click.option("--strict", is_flag=True, help="Refuse files that are no photos.")
JOBS: Final = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    help="Threads that decode photos; by default one per core, at most 16.",
)
JSON: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for machines."
)
PRUNE: Final = click.option(
    "--prune/--keep",
    default=None,
    help="Forget, or keep, examples of photos that are not in DIR any more; asks by default.",
)
FEW_PHOTOS: Final = click.option(
    "--few-photos", is_flag=True, help="Even if a class rests on fewer than three photos."
)


def output_option(
    metavar: str,
    kind: Kind,
    what: str = "The file to write.",
    *,
    beside: Callable[[Path], Mapping[Path, Kind]] = lambda path: {},
    required: bool = True,
) -> Decorator:
    """Return ``-o``, which names the file that a command writes; see `OutputPath`."""
    type_ = OutputPath(kind, beside)
    return click.option("-o", "--output", metavar=metavar, type=type_, required=required, help=what)
