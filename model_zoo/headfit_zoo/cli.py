"""The ``headfit-zoo`` command: train, convert, verify; list, install and measure extractors."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from headfit import HeadfitError
from headfit_zoo import training_command
from headfit_zoo.experiments.command import app as paper
from headfit_zoo.experiments.split_command import split
from headfit_zoo.terminal import console, known, progress, progress_console

# TensorFlow's own start-up chatter says nothing to a user; set before its first import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(
    help="Train binary networks in Larq and convert them into headfit extractors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(paper, name="paper")
app.command()(split)
Run = Annotated[Path, typer.Argument(help="Folder of a training, as written by 'train'.")]


app.command()(training_command.train)
app.command()(training_command.distill)


@app.command()
def convert(
    run: Run,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the extractor.")],
    name: Annotated[str, typer.Option(help="Name of the extractor and of its files.")],
    size: Annotated[
        int,
        typer.Option(help="Input height and width in pixels; 0 takes the size of the training."),
    ] = 0,
    version: Annotated[int, typer.Option(help="Version of the extractor.")] = 1,
    description: Annotated[str, typer.Option(help="One sentence for people.")] = "",
    licence: Annotated[str, typer.Option(help="SPDX name of the weights' licence.")] = "Apache-2.0",
) -> None:
    """Convert a trained network to .tflite with its manifest and golden picture."""
    from headfit_zoo.convert import convert as write_extractor
    from headfit_zoo.convert import load_trained

    manifest = write_extractor(
        load_trained(run, size or None),
        output,
        name=name,
        version=version,
        description=description,
        licence=licence,
    )
    console.print(
        f"{output / name}.tflite  {manifest.size_bytes:,} bytes, "
        f"embedding of {manifest.embedding_dim}, SHA-256 {manifest.fingerprint}"
    )


@app.command()
def verify(
    run: Run,
    extractor: Annotated[Path, typer.Argument(help="The .tflite converted from it.")],
    photos: Annotated[Path, typer.Option(help="Folder of real photos, searched in depth.")],
    most: Annotated[int, typer.Option(help="Photos to compare at most.")] = 500,
    data: Annotated[Path | None, typer.Option(help="Data set to score top-1 and top-5 on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compare Keras with the converted network on real photos, and score it."""
    from headfit import Extractor
    from headfit_zoo.convert import load_trained
    from headfit_zoo.datasets import find_pictures, open_or_pack
    from headfit_zoo.verify import compare, score

    device = Extractor.open(extractor)
    size = device.manifest.preprocessing.height
    model = load_trained(run, size)
    pictures = find_pictures(photos, most=most)
    with progress("Comparing") as report:
        parity = compare(model, device, pictures, progress=report)
    result = {"parity": parity.as_dict()}
    if data is not None:
        with progress("Scoring") as report:
            _, validation = open_or_pack(data, run / "data", size)
            result["accuracy"] = score(model, device, validation, progress=report)
    if as_json:
        print(json.dumps(result))
        return
    for title, measures in result.items():
        table = Table("measure", "value", title=f"{title}, engine {device.engine_name}")
        for key, value in measures.items():
            table.add_row(key.replace("_", " "), f"{value:.6g}")
        console.print(table)


@app.command(name="list")
def list_extractors() -> None:
    """List the extractors that there are, and which of them are installed."""
    from headfit.extractors import installed_folder
    from headfit_zoo import document
    from headfit_zoo.cards import load_cards

    table = Table("extractor", "installed", "input", "embedding", "best known accuracy")
    for name, card in load_cards().items():
        here = (installed_folder() / f"{name}.tflite").exists()
        network = card.network
        table.add_row(
            name,
            "yes" if here else "",
            f"{network.input_size} px",
            str(network.embedding_dim),
            document.accuracy(card),
        )
    console.print(table)


@app.command()
def info(name: Annotated[str, typer.Argument(help="Name of an extractor.")]) -> None:
    """Say all that is known of an extractor: origin, licence, accuracy, size, limits."""
    from headfit_zoo.cards import find_card
    from headfit_zoo.document import section

    console.print(Markdown(section(find_card(name))))


@app.command()
def document(
    page: Annotated[Path, typer.Argument(help="The page to write.")] = Path("docs/extractors.md"),
) -> None:
    """Write the page of all extractors from their cards."""
    from headfit_zoo.cards import load_cards
    from headfit_zoo.document import render

    page.write_text(render(load_cards().values()), encoding="utf-8")
    console.print(f"wrote {page}")


@app.command()
def install(
    name: Annotated[str, typer.Argument(help="Name of an extractor, see 'list'.")],
    given: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="The published weights, or a .tflite with its manifest beside it, "
            "instead of fetching them.",
        ),
    ] = None,
) -> None:
    """Put an extractor where every app of this user finds it by name."""
    from headfit.extractors import installed_folder
    from headfit_zoo.cards import find_card
    from headfit_zoo.download import download
    from headfit_zoo.install import install as put

    card = find_card(name)
    fetched = installed_folder().parent / "downloads" / name

    def fetch() -> Path:
        assert card.source is not None  # 'install' asks for weights of others alone
        fetched.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"Fetching {name}", in_bytes=True) as report:
            download(card.source.url, fetched, sha256=card.source.sha256, progress=report)
        return fetched

    manifest = put(card, given, fetch)
    fetched.unlink(missing_ok=True)
    console.print(
        f"installed {name}: {manifest.size_bytes:,} bytes, embedding of {manifest.embedding_dim}, "
        f"SHA-256 {manifest.fingerprint}"
    )
    if card.file and card.file.fingerprint != manifest.fingerprint:
        progress_console.print(
            "[yellow]warning:[/] the card names another fingerprint, "
            f"{card.file.fingerprint}: another version of the converter made this file, and heads "
            "trained on the card's file do not fit it"
        )


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Name of an installed extractor.")]) -> None:
    """Remove an installed extractor."""
    from headfit_zoo.install import remove as take_away

    take_away(name)
    console.print(f"removed {name}")


@app.command()
def summary(
    architecture: Annotated[
        str | None, typer.Argument(help="Network, by name; without one, a line for each.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Height and width of the picture in pixels; by default the usual ones."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Count parameters, multiply-adds and bytes, without the classifier."""
    from headfit_zoo.architectures import ARCHITECTURES, usual_size
    from headfit_zoo.summary import Cost, summarise

    def costs(name: str) -> tuple[tuple[Cost, ...], Cost]:
        return summarise(ARCHITECTURES[name](2, size or usual_size(name)))

    if architecture is not None:
        known("architecture", architecture, ARCHITECTURES)
        layers, whole = costs(architecture)
        lines = [(cost.name, cost) for cost in (*layers, whole)]
    else:
        lines = [
            (f"{name}, {size or usual_size(name)} px", costs(name)[1]) for name in ARCHITECTURES
        ]
    if as_json:
        print(json.dumps(asdict(lines[-1][1]) if architecture else [asdict(c) for _, c in lines]))
        return
    table = Table("", "output", "parameters", "of one bit", "multiply-adds", "binary", "bytes")
    for title, cost in lines:
        numbers = list(asdict(cost).values())[2:]
        table.add_row(title, "x".join(map(str, cost.shape)), *(f"{n:,}" for n in numbers))
    console.print(table)


@app.command()
def transfer(
    extractor: Annotated[str, typer.Argument(help="Name of an extractor or path of a .tflite.")],
    data: Annotated[Path, typer.Option(help="Folder or zip with a folder of pictures per class.")],
    train_part: Annotated[
        str | None, typer.Option("--train", help="First folder of the training pictures.")
    ] = None,
    test_part: Annotated[
        str | None, typer.Option("--test", help="First folder of the test pictures.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Folder that keeps embeddings.")] = Path(
        "build/embeddings"
    ),
    engine: Annotated[str, typer.Option(help="What runs the extractor.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Measure how well a linear head learns a data set; halves it unless parts are named."""
    from headfit import Extractor
    from headfit_zoo import transfer as protocol

    pictures = protocol.Pictures.open(data)
    if train_part is not None and test_part is not None:
        pictures = pictures.of(train_part, test_part)
    parts = protocol.split(pictures.names, train_part, test_part)
    with progress("Embedding") as report:
        embeddings = protocol.embed(
            Extractor.open(extractor, engine=engine), pictures, cache, progress=report
        )
    result = protocol.measure(embeddings, pictures.names, parts)
    if as_json:
        print(json.dumps(asdict(result)))
        return
    console.print(
        f"{result.top1:.1%} top-1, {result.top5:.1%} top-5 on {result.n_test} pictures of "
        f"{result.n_classes} classes, trained on {result.n_train} by "
        f"{result.method}, l2 = {result.l2:g}, {'compressed' if result.compressed else 'plain'}"
    )


def main() -> None:
    """Run the command; errors of ours become one line and exit code 1."""
    try:
        app()
    except HeadfitError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    else:
        return
    progress_console.print(Text.assemble(("error: ", "bold red"), problem))
    raise SystemExit(1)
