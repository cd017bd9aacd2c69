"""``headfit train``, ``predict`` and ``evaluate``."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from headfit.classifier import ImageClassifier
from headfit.commands import terminal
from headfit.commands.answers import answers_of, refuse_for_one_class
from headfit.commands.exit_codes import DONE, UNUSABLE_INPUT
from headfit.commands.labels import evaluate_labels, train_labels
from headfit.commands.options import (
    ENGINE,
    EXTRACTOR,
    HEAD,
    JOBS,
    JSON,
    LABELS,
    PATH,
    PHOTO_FOLDER,
    PRUNE,
    STRICT,
    THRESHOLD,
    output_option,
)
from headfit.commands.paths import HEAD_FILE, MULTI_LABEL, Command, StorePath
from headfit.commands.teaching import open_extractor, open_store, teach_folder
from headfit.commands.trained import Trained
from headfit.errors import FileFormatError, ImageError, InputError
from headfit.extractor import Extractor
from headfit.extractors.measured import SCENES_TOP1, more_accurate
from headfit.files.disk import read_bounded
from headfit.files.manifest import Manifest
from headfit.photos.ahead import decode_ahead
from headfit.photos.bombs import MAX_FILE_BYTES
from headfit.photos.embedded import find_examples, is_embedded
from headfit.photos.folders import FolderEvaluation, reason, refuse_skipped
from headfit.photos.photo_folder import Skipped, find_unsorted_photos
from headfit.photos.views import CROPPED, FLIPPED, WHOLE, View

VIEWS: Final[dict[str, tuple[View, ...]]] = {
    "whole": (WHOLE,),
    "flipped": FLIPPED,
    "cropped": CROPPED,
}


@click.command(cls=Command)
@PHOTO_FOLDER
@output_option("HEAD", HEAD_FILE, "The head file to write.")
@click.option(
    "--store",
    "store_path",
    metavar="STORE",
    type=StorePath(),
    help="Keep the embeddings in this file, and embed only photos that it does not know.",
)
@PRUNE
@click.option(
    "--views",
    type=click.Choice(list(VIEWS)),
    help="How often to look at each photo: once, also mirrored, also cropped (7 views).",
)
@click.option(
    "--multi-label",
    "is_multi_label",
    is_flag=True,
    help="A photo may show several classes, or none.",
)
@LABELS
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
@JSON
def train(
    directory: Path,
    output: Path,
    store_path: Path | None,
    prune: bool | None,
    views: str | None,
    is_multi_label: bool,
    table: Path | None,
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Train a head on photos.

    DIR holds a folder per class, named after the class. What cannot be read as a photo is skipped
    and named. Without --store nothing is kept but the head.

    With --multi-label a photo in several folders, as a copy or a link, shows several classes, and
    one beside them shows none; or --labels names a table of what each photo shows.
    """
    is_multi_label = is_multi_label or table is not None
    if is_multi_label and store_path is not None:
        raise InputError(
            "expected no --store with several classes a photo, found one; a store keeps one class "
            "of each photo: leave it out"
        )
    if store_path is None and prune is not None:
        raise InputError("expected --prune or --keep with --store alone; name the store")
    eyes = open_extractor(extractor, engine, store_path=store_path, directory=directory)
    if views is not None:
        eyes = eyes.looking(VIEWS[views])
    if extractor is None and store_path is None and not is_embedded(directory):
        _name_better(eyes.manifest)
    if is_multi_label:
        train_labels(eyes, directory, table, output, strict, jobs).print(output, as_json)
        return
    with ExitStack() as stack:
        store = None
        if store_path is not None:
            store = stack.enter_context(open_store(store_path, eyes))
        classifier = ImageClassifier(eyes, store=store)
        _train(classifier, directory, output, prune, strict, jobs, as_json)


def _name_better(used: Manifest) -> None:
    """Say which extractor on this device was more accurate than the one that is used."""
    better = more_accurate(used)
    if better is not None:
        there, here = (SCENES_TOP1[one.fingerprint] for one in (better, used))
        terminal.echo(
            f"--extractor {better.name} would use another one that is installed: {there:.1%} right "
            f"on 15 kinds of scenes, {used.name} {here:.1%}. headfit compare says what it brings "
            "here.",
            err=True,
        )


def _train(
    classifier: ImageClassifier,
    directory: Path,
    output: Path,
    prune: bool | None,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    started = time.perf_counter()
    skipped = teach_folder(classifier, directory, strict=strict, prune=prune, jobs=jobs)
    embedded = time.perf_counter()
    head = classifier.fit()
    fitted = time.perf_counter()
    classifier.save(output)
    embed_s, fit_s = embedded - started, fitted - embedded
    counts = dict(zip(head.fitted_.classes, head.class_counts_, strict=True))
    n_effective = sum(classifier.effective_counts().values())
    engine_name = classifier.extractor.engine_name
    Trained(classifier.n_samples, n_effective, counts, embed_s, fit_s, engine_name, skipped).print(
        output, as_json
    )


@click.command(cls=Command)
@HEAD
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--top",
    metavar="K",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How many classes of each photo, best first.",
)
@THRESHOLD
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
@JSON
def predict(
    head: Path,
    images: tuple[Path, ...],
    top: int,
    threshold: float | None,
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Say what photos show.

    An IMAGE is a photo, a folder of photos that need not be sorted, or - for standard input. Prints
    the best classes of each, and whether it looks like none of them; or, by a multi-label head, all
    that it shows. A file that is no photo is named and the others are classified; the exit code is
    then 3.
    """
    opened = Extractor.open_for(head, extractor, engine=engine)
    answer = answers_of(head, opened, threshold)
    results: list[dict[str, Any]] = []
    photos, skipped = _photos(images, strict)

    def decode(image: Path) -> NDArray[np.uint8] | ImageError | FileFormatError | OSError:
        try:
            return opened.decode(_source(image), name=str(image))
        except (ImageError, FileFormatError, OSError) as error:
            return error

    # A pipe may block, where Ctrl-C would not reach a thread.
    found = decode_ahead(photos, decode, jobs, is_lasting=Path.is_file)
    for image, pixels in zip(photos, found, strict=True):
        if isinstance(pixels, Exception):
            if strict:
                raise pixels
            skipped.append(Skipped(image, reason(pixels, image)))
            continue
        seen = answer(pixels)
        if as_json:
            best = [{"class": name, "probability": p} for name, p in seen.ranking[:top]]
            results.append({"image": str(image), **seen.fields, "classes": best})
        else:
            terminal.OUTPUT.print(terminal.plain(str(image), style="bold"), soft_wrap=True)
            seen.print(terminal.OUTPUT, top)
    if as_json:
        terminal.print_json(
            head=str(head), predictions=results, skipped=terminal.skipped_as_json(skipped)
        )
    else:
        terminal.print_skipped(skipped)
    return DONE if all(one.is_litter for one in skipped) else UNUSABLE_INPUT


def _photos(images: tuple[Path, ...], strict: bool) -> tuple[list[Path], list[Skipped]]:
    """Return the photos that were named, those of folders in their place."""
    photos: list[Path] = []
    skipped: list[Skipped] = []
    for image in images:
        if not image.is_dir():
            photos.append(image)
            continue
        try:
            folder = find_unsorted_photos(image)
        except (InputError, OSError) as error:
            if strict:
                raise
            skipped.append(Skipped(image, reason(error, image)))
            continue
        photos += [photo.path for photo in folder.photos]
        skipped += folder.skipped
    if strict:
        refuse_skipped(skipped)
    return photos, skipped


def _source(image: Path) -> Path | bytes:
    """Return a photo's path, or its bytes where they can be read only once."""
    if str(image) == "-":
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if image.exists() and not image.is_file():  # a pipe
        return read_bounded(image, MAX_FILE_BYTES)
    return image


@click.command(cls=Command)
@HEAD
@PHOTO_FOLDER
@LABELS
@THRESHOLD
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
@JSON
def evaluate(
    head: Path,
    directory: Path,
    table: Path | None,
    threshold: float | None,
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Count how often a head is right.

    DIR holds a folder per class, as for training. Photos that the head was trained on say nothing
    here: keep some apart.
    """
    opened = Extractor.open_for(head, extractor, engine=engine)
    if MULTI_LABEL.is_of(head):
        evaluate_labels(head, opened, directory, table, threshold, strict, jobs, as_json)
        return
    refuse_for_one_class(head, "--labels", table)
    refuse_for_one_class(head, "--threshold", threshold)
    classifier = ImageClassifier.load(head, extractor=opened)
    folder = find_examples(directory)
    terminal.print_found(folder)
    with terminal.progress("Classifying photos") as progress:
        evaluation = classifier.evaluate(folder, strict=strict, jobs=jobs, progress=progress)
    if as_json:
        terminal.print_json(
            top1=evaluation.top1,
            top5=evaluation.top5,
            n_samples=evaluation.n_samples,
            n_effective=evaluation.n_effective,
            recall={
                name: None if np.isnan(recall) else float(recall)
                for name, recall in zip(evaluation.classes, evaluation.recall, strict=True)
            },
            classes=list(evaluation.classes),
            confusion=evaluation.confusion.tolist(),
            skipped=terminal.skipped_as_json(evaluation.skipped),
        )
        return
    terminal.print_skipped(evaluation.skipped)
    _print_evaluation(evaluation)


def _print_evaluation(evaluation: FolderEvaluation) -> None:
    """Print how much was right, how much of each class, and what is taken for what."""
    terminal.OUTPUT.print(
        f"[bold]{evaluation.top1:.1%}[/] right of {evaluation.n_samples} photos"
        f"{terminal.effectively(evaluation.n_samples, evaluation.n_effective)} (top-1); "
        f"{evaluation.top5:.1%} among the five best."
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    counts = evaluation.confusion.sum(axis=1)
    for name, recall, count in zip(evaluation.classes, evaluation.recall, counts, strict=True):
        if count:
            table.add_row(
                terminal.plain(name), terminal.bar(recall), f"{recall:6.1%}", f"of {count}"
            )
    terminal.OUTPUT.print("\nRecognised, by class:")
    terminal.OUTPUT.print(table)
    confused = evaluation.most_confused(5)
    if confused:
        terminal.OUTPUT.print("\nMost confused:")
    for class_name, taken_for, count in confused:
        terminal.OUTPUT.print(terminal.plain(f"  {count} x {class_name} taken for {taken_for}"))
