"""``headfit doctor``, ``lower`` and ``cut``: what runs a network, and making it run elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Column, Table

from headfit.commands import terminal
from headfit.commands.exit_codes import DONE, UNUSABLE_EXTRACTOR
from headfit.commands.options import EXTRACTOR, JSON, MODEL, output_option
from headfit.commands.paths import MANIFEST, NETWORK, Command
from headfit.engines import EngineReport
from headfit.engines.popcount import PopcountEngine
from headfit.extractor import Extractor
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.manifest import MAX_MODEL_BYTES, Manifest, save_manifest
from headfit.learning.origin import Preprocessing
from headfit.networks.cutting import cut as cut_network
from headfit.networks.cutting import cuttable_tensors
from headfit.networks.lowering import lower as lower_network

RGB = (float, float, float)


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
    names = [report.name for report in reports]
    if {"lce", "native"} <= set(names) and names.index("lce") < names.index("native"):
        console.print("\nThe native library has plain C alone for this processor: lce comes first.")
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
@output_option("OUT.TFLITE", NETWORK)
def lower(model: Path, output: Path) -> None:
    """Rewrite a Larq Compute Engine network for plain TFLite, bit for bit.

    The result has builtin operators of version 1 only, and runs wherever TFLite does.
    """
    lowered = lower_network(read_bounded(model, MAX_MODEL_BYTES))
    write_atomically(output, lowered)
    terminal.echo(f"Wrote {output}, {len(lowered):,} bytes.")


@click.command(cls=Command)
@MODEL
@click.option("--at", "tensor", metavar="TENSOR", help="Name of the tensor to return.")
@click.option("--list", "list_only", is_flag=True, help="List the tensors it can be cut at.")
@output_option(
    "OUT.TFLITE",
    NETWORK,
    "The file to write; its manifest goes beside it, as .json.",
    beside=lambda network: {network.with_suffix(".json"): MANIFEST},
    required=False,
)
@click.option("--mean", type=RGB, default=(0, 0, 0), help="Red, green, blue taken from 0..255.")
@click.option("--std", type=RGB, default=(1, 1, 1), help="Red, green, blue it is divided by then.")
@click.option("--resize-to", type=int, help="Shorter side before the crop; else the input's.")
def cut(
    model: Path,
    tensor: str | None,
    list_only: bool,
    output: Path | None,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    resize_to: int | None,
) -> None:
    """Make an extractor of a classifier: the network up to TENSOR, and its manifest.

    A .tflite does not say how photos are prepared for it: give --mean, --std and --resize-to as it
    was trained, or correct them in the manifest.
    """
    data = read_bounded(model, MAX_MODEL_BYTES)
    if list_only:
        for name, shape in cuttable_tensors(data):
            terminal.echo(f"{'x'.join(map(str, shape)):>20}  {name}")
        return
    if tensor is None or output is None:
        raise click.UsageError("expected --at TENSOR and -o OUT.TFLITE, or --list")
    network = cut_network(data, tensor)
    engine = PopcountEngine(network)  # refuses what is no extractor
    _, height, width, _ = engine.input_shape
    manifest = Manifest(
        name=output.stem,
        version=1,
        fingerprint=hashlib.sha256(network).hexdigest(),
        size_bytes=len(network),
        embedding_dim=engine.embedding_dim,
        preprocessing=Preprocessing(
            height=height,
            width=width,
            resize="shorter-side",
            resize_to=resize_to or max(height, width),
            interpolation="bilinear",
            mean=mean,
            std=std,
        ),
        description=f"{model.name} cut at {tensor}",
        licence="not stated",
        golden=None,
    )
    save_manifest(manifest, output.with_suffix(".json"))
    write_atomically(output, network)
    terminal.echo(
        f"Wrote {output}, {len(network):,} bytes, embedding of {engine.embedding_dim}, and "
        f"{output.with_suffix('.json')}. Check mean, std and resize_to there before you train."
    )
