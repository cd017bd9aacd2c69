"""``headfit demo``: train a head on sample photos and show what it can do."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from headfit.commands import terminal
from headfit.commands.answers import answers_of
from headfit.commands.options import EXTRACTOR
from headfit.commands.paths import Command, Kind, OutputFolder
from headfit.extractor import Extractor
from headfit.files.disk import write_atomically
from headfit.learner import HeadLearner
from headfit.photos.folders import FolderExamples, embed_folder
from headfit.photos.photo_folder import PhotoFolder, find_photos, find_unsorted_photos
from headfit.photos.samples import PICTURES, cut_sample_photos, sample_pictures
from headfit.report import measure_head, write_page

_NOTE = "README.txt"
_TEXT = "`headfit demo` made these photos and this head, and makes them anew when it runs again.\n"


def _is_demo(folder: Path) -> bool:
    note = folder / _NOTE
    return note.is_file() and note.read_bytes() == _TEXT.encode()


DEMO = Kind("folder of this command", _is_demo)


def run(into: Path, console: Console, extractor: str | None = None) -> None:
    """Cut the photos, train, measure, predict, and say what happened.

    Parameters
    ----------
    into : Path
        Folder for the photos, the head file and the report.
    console : Console
        Where to say it.
    extractor : str, optional
        Name or path of another extractor than the one that came with headfit.
    """
    console.print("[bold]headfit[/] learns new classes of photos on this machine.\n")
    photos, head_file, page = into / "photos", into / "sample.head", into / "report.html"
    pictures = sample_pictures()  # or says what is missing, before anything is written
    into.mkdir(parents=True, exist_ok=True)
    (into / _NOTE).write_bytes(_TEXT.encode())
    cut_sample_photos(pictures, photos)
    console.print(
        f"Sample photos: squares cut from {len(PICTURES)} pictures, turned and lit by chance, "
        f"now in {terminal.visible(photos)}"
    )

    eyes = Extractor.open(extractor)
    started = time.perf_counter()
    taught = _embed(eyes, find_photos(photos / "train"), "Embedding photos to train on", console)
    embedded = time.perf_counter()
    learner = HeadLearner(extractor=eyes)
    learner.add_examples(taught.embeddings, taught.class_names, photo_hashes=taught.photo_hashes)
    head = learner.fit()
    fitted = time.perf_counter()
    head.save(head_file)
    tested = _embed(eyes, find_photos(photos / "test"), "Embedding photos never seen", console)
    others = _embed(
        eyes, find_unsorted_photos(photos / "other"), "Embedding photos of other things", console
    )
    measured = measure_head(head, tested, training=taught, unknown=others.embeddings)
    write_atomically(page, write_page(measured, head, head_file.name).encode())

    evaluation, rejection = measured.evaluation, measured.rejection
    assert rejection is not None  # there were others
    n_effective = sum(learner.effective_counts().values())
    effectively = terminal.effectively(learner.n_samples, n_effective)
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    for name, value in {
        "Trained on": f"{learner.n_samples} photos{effectively} of {len(evaluation.classes)} "
        "classes",
        "Time per photo": f"{terminal.duration((embedded - started) / learner.n_samples)} "
        f"(engine {eyes.engine_name})",
        "Training the head": terminal.duration(fitted - embedded),
        "Right on new photos": f"[bold green]{evaluation.top1:.1%}[/] of {evaluation.n_samples} "
        "(top-1)",
        "Called unknown": f"{1 - rejection.unknown_accepted:.0%} of {rejection.n_unknown} photos "
        f"of other things, and {1 - rejection.known_accepted:.0%} of the new ones",
        "The head": f"{terminal.size(head_file.stat().st_size)}, {terminal.visible(head_file)}",
        "The extractor": f"{terminal.size(eyes.manifest.size_bytes)}, {eyes.manifest.name}, shared "
        "by all heads",
        "A report": terminal.visible(page),
    }.items():
        table.add_row(name, value)
    console.print()
    console.print(Panel(table, title="What came out", expand=False, padding=(1, 2)))
    console.print("\nRight on new photos, by how many of each class it is taught:\n")
    curve = [(f"{point.per_class:4}", point.mean) for point in measured.curve]
    console.print(terminal.probability_table(curve))
    console.print(
        "\nSome parts of each picture teach and the others test; of these, what is nearly a photo "
        "that teaches is left out. Still they are parts of one picture, and the classes are "
        "unlike: expect less on photos of your own."
    )

    photo = photos / "test" / "rocket" / "02.jpg"
    console.print(f"\nWhat is in {terminal.visible(photo)}?\n")
    answers_of(head_file, eyes)(eyes.decode(photo)).print(console, 3)

    headfit = command()
    console.print("\nNow with photos of your own, in a folder per class, some kept apart:\n")
    for line in (
        "photos/cat/...              photos/dog/...",
        "photos-kept-apart/cat/...   photos-kept-apart/dog/...",
    ):
        console.print(terminal.plain(f"  {line}"))
    console.print()
    for line in (
        "train photos -o mine.head",
        "evaluate mine.head photos-kept-apart",
        "predict mine.head new.jpg",
    ):
        console.print(terminal.plain(f"  {headfit} {line}", style=terminal.ACCENT))


def _embed(eyes: Extractor, folder: PhotoFolder, what: str, console: Console) -> FolderExamples:
    with terminal.progress(what, console) as progress:
        return embed_folder(eyes, folder, True, progress, with_hashes=True)


def command() -> str:
    """Return what to type for ``headfit`` in the environment that runs this."""
    script = Path(os.path.relpath(Path(sys.executable).with_name("headfit")))
    return str(script) if ".." not in script.parts else "headfit"


@click.command(cls=Command)
@click.option(
    "--into",
    metavar="DIR",
    type=OutputFolder(DEMO),
    default=Path("headfit-demo"),
    show_default=True,
    help="The folder for the photos, the head and its report.",
)
@EXTRACTOR
def demo(into: Path, extractor: str | None) -> None:
    """Train a head on sample photos, test it on others, and show what came out.

    The photos are cut from pictures that come with scikit-image: pip install 'headfit[demo]'.
    """
    run(into, terminal.OUTPUT, extractor)
