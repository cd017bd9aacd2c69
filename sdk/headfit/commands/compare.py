"""``headfit compare``: which extractor would be the best on these photos."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from rich.table import Column, Table

from headfit.commands import terminal
from headfit.commands.options import ENGINE, JOBS, JSON, PHOTO_FOLDER, STRICT, output_option
from headfit.commands.paths import PAGE, Command, Kind, OutputFolder
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.extractors.finding import list_extractors
from headfit.files.disk import write_atomically
from headfit.photos.embedded import is_embedded, read_embedded
from headfit.photos.folders import FolderExamples, embed_folder
from headfit.photos.photo_folder import PhotoFolder, find_photos
from headfit.photos.shards import embed_shard
from headfit.report import ComparedExtractor, learning_curves, write_comparison

TIMED = 5
"""Embeddings that the time of one is the median of."""


def _holds_embedded(path: Path) -> bool:
    """Return whether a folder holds folders of embeddings and nothing else."""
    return all(one.is_dir() and is_embedded(one) for one in path.iterdir())


def _names(context: click.Context, option: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise click.BadParameter(
            f"expected names of extractors, each once, with commas between, found {value!r}",
            context,
            option,
        )
    return names


@click.command(cls=Command)
@PHOTO_FOLDER
@click.option(
    "--extractors",
    "names",
    metavar="A,B,...",
    callback=_names,
    help="Names or paths of extractors; by default all that are on this device.",
)
@output_option("OUT.HTML", PAGE, "Write a page of it, too.", required=False)
@click.option(
    "--embeddings",
    metavar="OUT",
    type=OutputFolder(Kind("folder of this command's embeddings", _holds_embedded)),
    help="Keep the embeddings in a folder per extractor here; what is there is not embedded again.",
)
@ENGINE
@STRICT
@JOBS
@JSON
def compare(
    directory: Path,
    names: list[str] | None,
    output: Path | None,
    embeddings: Path | None,
    engine: str,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Say what each extractor on this device would bring on photos.

    DIR holds a folder per class. For every extractor: how often heads are right on photos held out,
    by the number of photos that taught them; how long one embedding takes; how large the network
    is. Photos that are nearly one are there once. Nothing is kept without --embeddings or -o.
    """
    folder = find_photos(directory)
    terminal.print_found(folder)
    chosen = names or [path.stem for path in list_extractors()]
    opened = [Extractor.open(name, engine=engine) for name in chosen]
    found = [_embed(one, folder, embeddings, strict, jobs) for one in opened]
    terminal.print_skipped(found[0].skipped)
    class_names = _same_photos(directory, found)
    curves = learning_curves([one.embeddings for one in found], class_names)
    if not curves[0]:
        raise InputError(
            f"{directory}: expected two classes of at least two photos that are not nearly one, "
            "found too few to teach and to test; take more photos"
        )
    compared = sorted(
        (
            ComparedExtractor(
                one.manifest.name,
                one.fingerprint,
                one.manifest.size_bytes,
                one.embedding_dim,
                one.engine_name,
                _milliseconds(one),
                curve,
            )
            for one, curve in zip(opened, curves, strict=True)
        ),
        key=lambda one: (-one.best, one.milliseconds),
    )
    counts = {name: class_names.count(name) for name in sorted(set(class_names))}
    if output is not None:
        page = write_comparison(compared, counts, directory.resolve().name)
        write_atomically(output, page.encode())
    if as_json:
        terminal.print_json(
            photos=str(directory),
            n_samples=len(class_names),
            class_counts=counts,
            extractors=[asdict(one) for one in compared],
            skipped=[{"path": str(one.path), "reason": one.reason} for one in found[0].skipped],
        )
        return
    _print(compared)
    if output is not None:
        terminal.echo(f"Wrote {output}.")


def _print(compared: list[ComparedExtractor]) -> None:
    table = Table(
        Column("extractor", overflow="fold"),  # a name is never cut
        "MB",
        "ms",
        *(str(one.per_class) for one in compared[0].curve),
    )
    for one in compared:
        table.add_row(
            terminal.plain(one.name),
            f"{one.size_bytes / 1e6:.2f}",
            f"{one.milliseconds:.3g}",
            *(f"{point.mean:.1%}" for point in one.curve),
        )
    terminal.OUTPUT.print("Right on photos held out, by photos per class that teach:")
    terminal.OUTPUT.print(table)
    if len(compared) > 1:
        first, second = compared[:2]
        terminal.echo(
            f"{first.name} is the best here, by {100 * (first.best - second.best):.1f} points. "
            f"A head on it is taught from the photos: --extractor {first.name}"
        )


def _embed(
    extractor: Extractor, folder: PhotoFolder, kept: Path | None, strict: bool, jobs: int | None
) -> FolderExamples:
    with terminal.progress(f"Embedding by {extractor.manifest.name}") as progress:
        if kept is None:
            return embed_folder(extractor, folder, strict, progress, jobs=jobs)
        place = kept / f"{extractor.manifest.name}-{extractor.fingerprint[:12]}"
        kept.mkdir(exist_ok=True)
        done = embed_shard(extractor, folder, place, strict=strict, jobs=jobs, progress=progress)
    examples = embed_folder(extractor, read_embedded(place), False, None)
    return FolderExamples(
        examples.embeddings,
        examples.class_names,
        [folder.root / path.relative_to(place) for path in examples.paths],
        (*folder.skipped, *done.skipped),
    )


def _same_photos(directory: Path, found: list[FolderExamples]) -> list[str]:
    """Return the classes of the photos, which must be the same for every extractor."""
    seen = {tuple(zip(one.paths, one.class_names, strict=True)) for one in found}
    if len(seen) > 1:
        raise InputError(
            f"{directory}: expected the same photos for every extractor, found others: the folder "
            "changed meanwhile; run the same command again"
        )
    return found[0].class_names


def _milliseconds(extractor: Extractor) -> float:
    """Return the time of one embedding of a picture that needs no resizing: the median of a few."""
    side = extractor.manifest.preprocessing.resize_to
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    extractor.embed([picture])
    times = []
    for _ in range(TIMED):
        started = time.perf_counter()
        extractor.embed([picture])
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)
