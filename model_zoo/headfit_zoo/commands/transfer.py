"""``headfit-zoo transfer``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headfit_zoo.commands.terminal import console, progress


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
    from headfit_zoo.experiments import transfer as protocol

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
