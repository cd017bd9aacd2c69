"""``headfit report``: how good a head is, as one page."""

from __future__ import annotations

from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.answers import refuse_for_one_class
from headfit.commands.labels import report_labels
from headfit.commands.options import (
    ENGINE,
    EXTRACTOR,
    HEAD,
    JOBS,
    LABELS,
    PATH,
    PHOTO_FOLDER,
    STRICT,
    output_option,
)
from headfit.commands.paths import MULTI_LABEL, PAGE, Command
from headfit.errors import InputError
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
@LABELS
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
    table: Path | None,
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

    Of a multi-label head DIR is as for training, with --labels or without, and --training a folder
    of any arrangement.
    """
    if MULTI_LABEL.is_of(head):
        if unknown is not None:
            raise InputError(
                "expected --unknown with a head that gives each photo one class, found "
                f"{head}, a multi-label head; photos that show none of the classes belong in "
                f"{directory}, beside the folders or with no class in the table"
            )
        opened = Extractor.open_for(head, extractor, engine=engine)
        page, of_labels = report_labels(
            head, opened, directory, table, training, strict, jobs, not no_thumbnails
        )
        write_atomically(output, page.encode())
        _print_seen(of_labels.seen)
        _print_written(
            output,
            of_labels.evaluation.subset_accuracy,
            of_labels.evaluation.n_samples,
            of_labels.n_effective,
            "right as a whole",
        )
        return
    refuse_for_one_class(head, "--labels", table)
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
    _print_seen(measured.seen)
    evaluation = measured.evaluation
    _print_written(output, evaluation.top1, evaluation.n_samples, measured.n_effective, "right")


def _print_seen(seen: tuple[Path, ...] | None) -> None:
    reason = "the training folder has it, or nearly it"
    terminal.print_skipped([Skipped(path, reason) for path in seen or ()])


def _print_written(output: Path, share: float, n_tested: int, n_effective: int, what: str) -> None:
    effectively = terminal.effectively(n_tested, n_effective)
    terminal.echo(f"Wrote {output}: {share:.1%} of {n_tested} photos{effectively} {what}.")


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
