"""``headfit report``: how good a head is, as one page."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from headfit.commands.options import ENGINE, EXTRACTOR, HEAD, PATH, PHOTO_FOLDER, output_option
from headfit.commands.terminal import check_folder
from headfit.errors import ImageError, InputError
from headfit.extractor import Extractor
from headfit.files.disk import write_atomically
from headfit.head import SoftmaxHead
from headfit.maths.arrays import FloatArray
from headfit.photos.folders import FolderExamples, embed_folder, find_photos
from headfit.report import measure_head, write_page


@click.command()
@HEAD
@PHOTO_FOLDER
@output_option("OUT.HTML", "The page to write.")
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
def report(
    head: Path,
    directory: Path,
    output: Path,
    training: Path | None,
    unknown: Path | None,
    no_thumbnails: bool,
    extractor: str | None,
    engine: str,
) -> None:
    """Write a page about how good a head is.

    DIR holds a folder per class, of photos that the head was not trained on. The page is one file
    that needs no network; unless --no-thumbnails is given it holds small pictures of mistakes.
    """
    check_folder(output)
    opened = Extractor.open(extractor, engine=engine)
    fitted = SoftmaxHead.load(head, extractor=opened)
    measured = measure_head(
        fitted,
        _embed(opened, directory),
        training=None if training is None else _embed(opened, training),
        unknown=None if unknown is None else _embed_all(opened, unknown),
    )
    page = write_page(measured, fitted, head.name, thumbnails=not no_thumbnails)
    write_atomically(output, page.encode())
    click.echo(
        f"Wrote {output}: {measured.evaluation.top1:.1%} of {measured.evaluation.n_samples} photos "
        "right."
    )


def _embed(extractor: Extractor, directory: Path) -> FolderExamples:
    return embed_folder(extractor, find_photos(directory), False, None)


def _embed_all(extractor: Extractor, directory: Path) -> FloatArray:
    """Embed whatever can be read below a folder, however it is arranged."""
    embeddings = []
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        try:
            embeddings.append(extractor.embed([path])[0])
        except (ImageError, OSError):
            continue
    if not embeddings:
        raise InputError(f"{directory}: expected photos, found none that can be read")
    return np.stack(embeddings)
