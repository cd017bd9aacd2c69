"""``headfit-zoo convert``, ``empty``, ``verify`` and ``summary``."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headfit_zoo.commands.choices import known
from headfit_zoo.commands.terminal import console, progress

N_CLASSES = 1000
"""Of ImageNet, which published weights were trained on."""

Run = Annotated[Path, typer.Argument(help="Folder of a training, as written by 'train'.")]


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
    from headfit_zoo.conversion import convert as write_extractor
    from headfit_zoo.conversion import load_trained

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


def empty(
    name: Annotated[str, typer.Argument(help="Extractor whose weights others publish.")],
    given: Annotated[
        Path | None,
        typer.Option("--from", help="Published weights; without them, the graph fits any."),
    ] = None,
) -> None:
    """Write the graph that 'install' fills: a converted network without its weights."""
    import tensorflow as tf

    from headfit_zoo import conversion, graphs
    from headfit_zoo.architectures import ARCHITECTURES
    from headfit_zoo.catalogue import find_card, read_weights
    from headfit_zoo.importers import IMPORTERS

    card = find_card(name)
    importer = known("extractor of published weights", name, IMPORTERS)
    # Keras numbers layers as they come, and their names go into the file and so into its hash.
    tf.keras.backend.clear_session()
    model = ARCHITECTURES[card.network.architecture](N_CLASSES, card.network.input_size)
    shapes = conversion.shapes_of(model)
    if given is None:
        weights = conversion.random_weights(model, seed=0)
    else:
        weights = dict(importer.read(read_weights(card, given), given.name, shapes))
    conversion.set_weights(model, weights)
    graph, flatbuffer = conversion.empty(model, keep_last_bits=given is not None)
    if given is not None:
        golden = conversion.golden_embedding(flatbuffer, importer.preprocessing)
        graph = replace(graph, golden=golden)
    graphs.save_graph(graph, name)
    console.print(
        f"{graphs.FOLDER / name}.tflite.gz  a network of {len(flatbuffer):,} bytes, "
        f"{len(graph.fills)} of its constants left out"
    )


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
    from headfit_zoo.conversion import compare, load_trained, score
    from headfit_zoo.training import find_pictures, open_or_pack

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
    from headfit_zoo.architectures import ARCHITECTURES, Cost, summarise, usual_size

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
