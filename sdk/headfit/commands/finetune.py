"""``headfit finetune``: retrain the extractor's last binary block together with a head."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.options import (
    ENGINE,
    EXTRACTOR,
    JOBS,
    JSON,
    PHOTO_FOLDER,
    STRICT,
    output_option,
)
from headfit.commands.paths import BLOCK_FILE, HEAD_FILE, Command
from headfit.files.blockfile import SUFFIX
from headfit.finetune import DEFAULT_VIEWS, FineTuner, TuningSettings
from headfit.maths.arrays import FloatArray
from headfit.photos.folders import embed_folder
from headfit.photos.images import ImageSource
from headfit.photos.photo_folder import find_photos


@click.command(cls=Command)
@PHOTO_FOLDER
@output_option(
    "HEAD",
    HEAD_FILE,
    "The head file to write; the blocks go beside it, as .block.",
    beside=lambda head: {head.with_suffix(SUFFIX): BLOCK_FILE},
)
@EXTRACTOR
@ENGINE
@click.option(
    "--blocks", type=click.IntRange(1, 9), default=1, help="How many blocks; by default 1."
)
@click.option(
    "--views",
    type=click.IntRange(1, 64),
    default=DEFAULT_VIEWS,
    help=f"Cuttings of each photo to train on; by default {DEFAULT_VIEWS}.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, 10_000),
    default=TuningSettings().epochs,
    help=f"By default {TuningSettings().epochs}.",
)
@STRICT
@JOBS
@JSON
def finetune(
    directory: Path,
    output: Path,
    extractor: str | None,
    engine: str,
    blocks: int,
    views: int,
    epochs: int,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Train a head on photos together with the extractor's last binary block.

    Takes minutes where 'train' takes seconds, and pays where there are many photos. Writes two
    files, which belong together: predict with HEAD finds the blocks beside it.
    """
    tuner = FineTuner(extractor, n_blocks=blocks, engine=engine)
    started = time.perf_counter()
    folder = find_photos(directory)
    terminal.print_found(folder)
    with terminal.progress("Embedding photos") as progress:
        photos = _Views(tuner, views)
        examples = embed_folder(photos, folder, strict, progress, jobs=jobs)
    embedded = time.perf_counter()
    with terminal.progress("Training, epochs") as progress:
        tuned = tuner.fit(
            examples.embeddings,
            examples.class_names,
            settings=replace(TuningSettings(), epochs=epochs),
            progress=lambda epoch, _: progress(epoch, epochs),
        )
    fit_s = time.perf_counter() - embedded
    written = tuned.save(output)
    sizes = {path: path.stat().st_size for path in (output, written)}
    terminal.print_skipped(examples.skipped)
    if as_json:
        terminal.print_json(
            head=str(output),
            blocks=str(written),
            size_bytes=sum(sizes.values()),
            n_samples=len(examples.class_names),
            classes=list(tuned.head.fitted_.classes),
            embed_s=embedded - started,
            fit_s=fit_s,
        )
        return
    terminal.OUTPUT.print(
        f"Trained on [bold]{len(examples.class_names)}[/] photos of "
        f"[bold]{len(tuned.head.fitted_.classes)}[/] classes: embedded in "
        f"{terminal.duration(embedded - started)}, trained in {terminal.duration(fit_s)}."
    )
    for path, size_bytes in sizes.items():
        terminal.OUTPUT.print(
            terminal.plain(f"Wrote {path}, {terminal.size(size_bytes)}."), soft_wrap=True
        )
    terminal.OUTPUT.print(terminal.plain(f"Try it: headfit predict {output} PHOTO"), soft_wrap=True)


class _Views:
    """What embeds a folder of photos, as activations of several views of each."""

    def __init__(self, tuner: FineTuner, n_views: int) -> None:
        self._tuner, self._n_views = tuner, n_views
        self._seed = 0
        self.decode = tuner.decode

    def embed(self, images: list[ImageSource]) -> FloatArray:
        self._seed += 1
        return self._tuner.activations(images, n_views=self._n_views, seed=self._seed)
