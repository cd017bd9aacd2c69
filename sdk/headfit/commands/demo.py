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

from headfit.classifier import ImageClassifier
from headfit.commands import terminal
from headfit.commands.answers import answers_of
from headfit.commands.options import EXTRACTOR
from headfit.commands.paths import Command, Kind, OutputFolder
from headfit.photos.samples import PICTURES, cut_sample_photos, sample_pictures

_NOTE = "README.txt"
_TEXT = "`headfit demo` made these photos and this head, and makes them anew when it runs again.\n"


def _is_demo(folder: Path) -> bool:
    note = folder / _NOTE
    return note.is_file() and note.read_bytes() == _TEXT.encode()


DEMO = Kind("folder of this command", _is_demo)


def run(into: Path, console: Console, extractor: str | None = None) -> None:
    """Cut the photos, train, evaluate, predict, and say what happened.

    Parameters
    ----------
    into : Path
        Folder for the photos and the head file.
    console : Console
        Where to say it.
    extractor : str, optional
        Name or path of another extractor than the one that came with headfit.
    """
    console.print("[bold]headfit[/] learns new classes of photos on this machine.\n")
    photos, head_file = into / "photos", into / "sample.head"
    pictures = sample_pictures()  # or says what is missing, before anything is written
    into.mkdir(parents=True, exist_ok=True)
    (into / _NOTE).write_bytes(_TEXT.encode())
    cut_sample_photos(pictures, photos)
    console.print(
        f"Sample photos: squares cut from {len(PICTURES)} pictures, "
        f"now in {terminal.visible(photos)}"
    )

    classifier = ImageClassifier(extractor)
    started = time.perf_counter()
    with terminal.progress("Embedding photos to train on", console) as progress:
        classifier.add_folder(photos / "train", strict=True, progress=progress)
    embedded = time.perf_counter()
    classifier.fit()
    fitted = time.perf_counter()
    classifier.save(head_file)
    with terminal.progress("Classifying photos never seen", console) as progress:
        evaluation = classifier.evaluate(photos / "test", strict=True, progress=progress)

    manifest = classifier.extractor.manifest
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_row(
        "Trained on", f"{classifier.n_samples} photos of {len(evaluation.classes)} classes"
    )
    table.add_row(
        "Time per photo",
        f"{terminal.duration((embedded - started) / classifier.n_samples)} "
        f"(engine {classifier.extractor.engine_name})",
    )
    table.add_row("Training the head", terminal.duration(fitted - embedded))
    table.add_row(
        "Right on new photos",
        f"[bold green]{evaluation.top1:.1%}[/] of {evaluation.n_samples} (top-1)",
    )
    table.add_row("The head", f"{terminal.size(head_file.stat().st_size)}, {head_file}")
    table.add_row(
        "The extractor",
        f"{terminal.size(manifest.size_bytes)}, {manifest.name}, shared by all heads",
    )
    console.print()
    console.print(Panel(table, title="What came out", expand=False, padding=(1, 2)))
    console.print(
        "\nThe photos that train come from the left part of each picture, those that test from the "
        "right part, which training never sees. Photos of one picture are alike, so this set is an "
        "easy one: expect less on photos of your own. Where the right part looks unlike the left "
        "one, as the cat's does, `predict` says that a photo looks like none of the classes."
    )

    photo, eyes = photos / "test" / "rocket" / "02.jpg", classifier.extractor
    console.print(f"\nWhat is in {photo}?\n")
    answers_of(head_file, eyes)(eyes.decode(photo)).print(console, 3)

    headfit = command()
    console.print("\nNow with photos of your own, in a folder per class:\n")
    console.print(terminal.plain(f"  {headfit} train photos -o mine.head", style=terminal.ACCENT))
    console.print(terminal.plain(f"  {headfit} predict mine.head new.jpg", style=terminal.ACCENT))


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
    help="The folder for the photos and the head.",
)
@EXTRACTOR
def demo(into: Path, extractor: str | None) -> None:
    """Train a head on sample photos, test it on others, and show what came out.

    The photos are cut from pictures that come with scikit-image: pip install 'headfit[demo]'.
    """
    run(into, terminal.OUTPUT, extractor)
