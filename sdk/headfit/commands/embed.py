"""``headfit embed``: embeddings of any number of photos, in shards."""

from __future__ import annotations

import re
import time
from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.options import ENGINE, EXTRACTOR, JOBS, JSON, PHOTO_FOLDER, STRICT
from headfit.commands.paths import Command, Kind, OutputFolder
from headfit.extractor import Extractor
from headfit.photos.embedded import MAX_SHARDS, is_embedded
from headfit.photos.photo_folder import find_photos
from headfit.photos.shards import embed_shard


def _shard(context: click.Context, option: click.Parameter, value: str) -> tuple[int, int]:
    """Return which part of how many "3/100" names."""
    found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", value, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(
            f"expected 1/n to n/n with n up to {MAX_SHARDS}, found {value!r}", context, option
        )
    return int(found[1]), int(found[2])


@click.command(cls=Command)
@PHOTO_FOLDER
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=OutputFolder(Kind("folder of embeddings", is_embedded)),
    required=True,
    help="The folder to write into.",
)
@click.option(
    "--shard",
    metavar="i/n",
    default="1/1",
    callback=_shard,
    help="Only the i-th of n parts of the photos.",
)
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
@JSON
def embed(
    directory: Path,
    output: Path,
    shard: tuple[int, int],
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Embed photos once, to train, evaluate and report on later.

    OUT may be given to 'train', 'evaluate' and 'report' instead of the photos. If the work is
    interrupted, the same command goes on where it ended; of a folder that changed, what changed is
    embedded again, and what another extractor made is replaced. Several machines may write
    different shards into one OUT.
    """
    folder = find_photos(directory)
    terminal.print_found(folder)
    opened = Extractor.open(extractor, engine=engine)
    started = time.perf_counter()
    with terminal.progress("Embedding photos") as progress:
        done = embed_shard(
            opened, folder, output, shard, strict=strict, jobs=jobs, progress=progress
        )
    seconds = time.perf_counter() - started
    skipped = (*folder.skipped, *done.skipped)
    if as_json:
        terminal.print_json(
            embeddings=str(output),
            shard=f"{shard[0]}/{shard[1]}",
            n_photos=done.n_photos,
            n_kept=done.n_kept,
            embed_s=seconds,
            engine=opened.engine_name,
            skipped=[{"path": str(one.path), "reason": one.reason} for one in skipped],
        )
        return
    terminal.print_skipped(skipped)
    n_embedded = done.n_photos - done.n_kept - len(done.skipped)
    text = f"Embedded {n_embedded} photos in {terminal.duration(seconds)} into {output}"
    if done.n_kept:
        text += f"; {done.n_kept} were there"
    terminal.OUTPUT.print(terminal.plain(f"{text}."), soft_wrap=True)
