"""``headfit cut``: an extractor out of a network of one's own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from headfit.commands import terminal
from headfit.commands.options import ENGINE, JSON, PATH, output_option
from headfit.commands.paths import GOLDEN, MANIFEST, NEW_NETWORK, Command
from headfit.errors import ExtractorError, InputError
from headfit.extractors.finding import ENDINGS
from headfit.extractors.making import MadeExtractor, list_places, make_extractor
from headfit.extractors.onnx_weights import with_weights
from headfit.files.disk import read_bounded
from headfit.files.manifest import MAX_MODEL_BYTES
from headfit.networks.onnx import is_onnx
from headfit.networks.place import AUTOMATIC, POOLS, Place
from headfit.networks.tflite.schema import IDENTIFIER


class _Numbers(click.ParamType):  # type: ignore[type-arg]
    """One number or three, with commas between."""

    name = "NUMBER[,NUMBER,NUMBER]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"expected one number or three with commas, found {value!r}", param, ctx)


class _Size(click.ParamType):  # type: ignore[type-arg]
    """Pixels of a side, or WIDTHxHEIGHT; height comes first in what is returned."""

    name = "PIXELS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
            self.fail(f"expected pixels, as 224 or 320x240, found {value!r}", param, ctx)
        return int(parts[-1]), int(parts[0])


@click.command(cls=Command)
@click.argument("model", metavar="NETWORK", type=PATH)
@output_option(
    "OUT",
    NEW_NETWORK,
    "The file to write; manifest and golden picture go beside it.",
    beside=lambda network: {
        network.with_suffix(".json"): MANIFEST,
        network.with_suffix(".golden.png"): GOLDEN,
    },
    required=False,
)
@click.option(
    "--list", "list_only", is_flag=True, help="List every place, and what it would become."
)
@click.option("--at", metavar="TENSOR", help="Name or number of the tensor to return.")
@click.option(
    "--pool",
    type=click.Choice(POOLS),
    default=AUTOMATIC,
    help="What becomes of a map: the mean of each channel (the default), the largest, all of it.",
)
@click.option("--mean", type=_Numbers(), help="Taken from pixels of 0 to 255, or of each colour.")
@click.option("--std", type=_Numbers(), help="What they are divided by then.")
@click.option("--size", type=_Size(), help="Of the input, where the network takes any.")
@click.option("--resize-to", type=int, help="Shorter side before the crop; else the input's.")
@click.option(
    "--picture", metavar="PHOTO", type=PATH, help="For the self-check; else one is drawn."
)
@ENGINE
@JSON
def cut(
    model: Path,
    output: Path | None,
    list_only: bool,
    at: str | None,
    pool: str,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    size: tuple[int, int] | None,
    resize_to: int | None,
    picture: Path | None,
    engine: str,
    as_json: bool,
) -> None:
    """Make an extractor of a network: cut it before its classifier.

    NETWORK is a .tflite of Larq Compute Engine or TensorFlow, float or quantised, or an ONNX file.
    A map of several places is pooled. How pictures are prepared is read from the file; where it
    does not say, give --mean and --std as it was trained.
    """
    if not list_only and output is None:
        raise click.UsageError("expected -o OUT, or --list")
    data = read_bounded(model, MAX_MODEL_BYTES)
    ending = _ending(model, data)
    if ending == ".onnx":
        data = with_weights(data, model.parent)
    if output is not None and output.suffix != ending:
        stem = output.with_suffix("") if output.suffix in ENDINGS else output
        raise InputError(
            f"{output}: expected a name that ends in {ending}, by which extractors are found, "
            f"found {output.name!r}; call it {stem}{ending}"
        )
    if output is None or list_only:
        _list(*list_places(data, pool=pool, size=size), as_json=as_json)
        return
    made = make_extractor(
        data,
        output.stem,
        at=at,
        pool=pool,
        mean=mean,
        std=std,
        size=size,
        resize_to=resize_to,
        picture=picture,
        engine=engine,
        source=model.name,
    )
    made.write(output)
    if as_json:
        terminal.print_json(**_fields(made, output))
        return
    _tell(made, output, is_own=mean is not None)


def _ending(path: Path, data: bytes) -> str:
    """Return how the name of a network of this format ends."""
    if is_onnx(data):
        return ".onnx"
    if data[4:8] == IDENTIFIER:
        return ".tflite"
    raise ExtractorError(
        f"{path}: expected a .tflite or an ONNX file, found neither; fetch it again (where it is "
        "kept by Git LFS: git lfs pull), or convert it, as TensorFlow and PyTorch do"
    )


def _tell(made: MadeExtractor, output: Path, is_own: bool) -> None:
    cut_at, manifest = made.cut, made.manifest
    preprocessing = manifest.preprocessing
    where = ", chosen by itself" if cut_at.is_automatic else ""
    terminal.echo(
        f"Wrote {output}, {manifest.size_bytes:,} bytes: {manifest.embedding_dim} numbers, "
        f"{cut_at.place.how}, of {cut_at.place.name!r}{where}."
    )
    if cut_at.is_whole and cut_at.is_automatic:
        terminal.echo(
            "No classifier was found at its end, so that is its own output. If it tells classes "
            "apart, name a tensor before: --at, of those that --list shows."
        )
    said = "as you said" if is_own else f"by {cut_at.described.source}"
    mean, std = _numbers(preprocessing.mean), _numbers(preprocessing.std)
    terminal.echo(
        f"It takes {preprocessing.width} x {preprocessing.height} pixels, (pixel - {mean}) / {std} "
        f"{said}; a photo's shorter side becomes {preprocessing.resize_to}."
    )
    if cut_at.described.labels:
        labels = cut_at.described.labels
        terminal.echo(f"It told {len(labels):,} classes apart: {', '.join(labels[:3])}, ...")
    alike = ", ".join(made.engines)
    verb = (
        "embed its golden picture alike" if len(made.engines) > 1 else "embeds its golden picture"
    )
    terminal.echo(f"{alike} {verb}. In its manifest it is called {manifest.name}.")
    terminal.echo(f"Next: headfit train DIR -o mine.head --extractor {shlex.quote(str(output))}")


def _numbers(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{v:g}' for v in values)})"


def _fields(made: MadeExtractor, output: Path) -> dict[str, Any]:
    manifest, cut_at = made.manifest, made.cut
    preprocessing = manifest.preprocessing
    return {
        "extractor": str(output),
        "name": manifest.name,
        "fingerprint": manifest.fingerprint,
        "size_bytes": manifest.size_bytes,
        "embedding_dim": manifest.embedding_dim,
        "at": cut_at.place.name,
        "shape": list(cut_at.place.shape),
        "how": cut_at.place.how,
        "is_output": cut_at.is_whole,
        "width": preprocessing.width,
        "height": preprocessing.height,
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        "resize_to": preprocessing.resize_to,
        "labels": list(cut_at.described.labels),
        "engines": list(made.engines),
    }


def _list(places: Sequence[Place], chosen: int | None, *, as_json: bool) -> None:
    """Print every place; an error says that there is none."""
    if not any(one.embedding_dim for one in places):
        whys = dict.fromkeys(one.how for one in places)
        raise ExtractorError(
            "expected a tensor that can become an embedding, found none: "
            f"{'; '.join(whys) or 'no operator computes anything'}; choose another network"
        )
    if as_json:
        terminal.print_json(
            places=[
                {
                    "number": number,
                    "name": one.name,
                    "shape": list(one.shape),
                    "dtype": one.dtype,
                    "embedding_dim": one.embedding_dim,
                    "how": one.how,
                }
                for number, one in enumerate(places, 1)
            ],
            chosen=None if chosen is None else chosen + 1,
        )
        return
    for number, one in enumerate(places, 1):
        mark = "*" if number - 1 == chosen else " "
        shape = "x".join(map(str, one.shape))
        becomes = (
            f"{one.embedding_dim} numbers, {one.how}" if one.embedding_dim else f"no: {one.how}"
        )
        terminal.echo(f"{mark}{number:4}  {shape:>14} {one.dtype:8} {becomes:40}  {one.name}")
    terminal.echo(
        "* is taken by itself; --at takes another, by name or number."
        if chosen is not None
        else "None is taken by itself: name one with --at, or give its number."
    )
