"""``headfit report``: how good a head is, as one page."""

from __future__ import annotations

from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.options import (
    ENGINE,
    EXTRACTOR,
    HEAD,
    JOBS,
    PATH,
    PHOTO_FOLDER,
    STRICT,
    output_option,
)
from headfit.commands.paths import PAGE, Command
from headfit.extractor import Extractor
from headfit.files.disk import write_atomically
from headfit.head import SoftmaxHead
from headfit.photos.embedded import find_examples
from headfit.photos.folders import FolderExamples, embed_folder
from headfit.photos.photo_folder import PhotoFolder, Skipped, find_unsorted_photos
from headfit.report import measure_head, write_page


@click.command(cls=Command)
@HEAD
@PHOTO_FOLDER
@output_option("OUT.HTML", PAGE, "The page to write.")
@click.option(
    "--training",
    metavar="DIR",
    type=PATH,
    help="What the head was trained on: left out of the test, and the curve is fitted on it.",
)
@click.option("--unknown", metavar="DIR", type=PATH, help="Photos of none of the classes.")
@click.option("--no-thumbnails", is_flag=True, help="Leave the pictures of mistakes out.")
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
def report(
    head: Path,
    directory: Path,
    output: Path,
    training: Path | None,
    unknown: Path | None,
    no_thumbnails: bool,
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
) -> None:
    """Write a page about how good a head is.

    DIR holds a folder per class, of photos that the head was not trained on. The page is one file
    that needs no network; unless --no-thumbnails is given it holds small pictures of mistakes.
    """
    folders = [find_examples(path) for path in (directory, training) if path is not None]
    others = None if unknown is None else find_unsorted_photos(unknown)
    for folder in folders:
        terminal.print_found(folder)
    opened = Extractor.open_for(head, extractor, engine=engine)
    fitted = SoftmaxHead.load(head, extractor=opened)
    tested, *trained = [_embed(opened, folder, strict, jobs) for folder in folders]
    strangers = None
    if others is not None:
        what = "Embedding photos of none of the classes"
        strangers = _embed(opened, others, strict, jobs, what).embeddings
    measured = measure_head(
        fitted,
        tested,
        training=trained[0] if trained else None,
        unknown=strangers,
    )
    page = write_page(measured, fitted, head.name, thumbnails=not no_thumbnails)
    write_atomically(output, page.encode())
    if measured.seen:
        reason = "the training folder has it, or nearly it"
        terminal.print_skipped([Skipped(path, reason) for path in measured.seen])
    n_tested = measured.evaluation.n_samples
    effectively = f" (effectively {measured.n_effective})" * (measured.n_effective < n_tested)
    terminal.echo(
        f"Wrote {output}: {measured.evaluation.top1:.1%} of {n_tested} photos{effectively} right."
    )


def _embed(
    extractor: Extractor,
    folder: PhotoFolder,
    strict: bool,
    jobs: int | None,
    what: str = "Embedding photos",
) -> FolderExamples:
    with terminal.progress(what) as progress:
        examples = embed_folder(extractor, folder, strict, progress, with_hashes=True, jobs=jobs)
    terminal.print_skipped(examples.skipped)
    return examples
