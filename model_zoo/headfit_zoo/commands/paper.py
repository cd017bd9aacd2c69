"""``headfit-zoo paper``: run the rows of the paper's table, and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headfit_zoo.commands.terminal import console, progress

app = typer.Typer(
    help="Measure the paper's table with our own parts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Results = Annotated[Path, typer.Option(help="Folder of the results, one JSON file each.")]


@app.command()
def run(
    dataset: Annotated[str, typer.Option(help="flowers102, birds or scenes.")],
    row: Annotated[
        str,
        typer.Option(
            help="fp-scratch, fp-finetuned, binary-scratch, a, b, a-crops, b-crops; beside the "
            "paper fp-frozen, efficientnet; past it block1, block2."
        ),
    ],
    extractor: Annotated[
        str | None,
        typer.Option(help="Frozen network of a, b and blocks: name, or path of a .tflite."),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help="Network of the other rows; float rows take its twin.")
    ] = "residual",
    recipe: Annotated[
        str, typer.Option(help="Their training: scratch, scratch-64, finetune or smoke.")
    ] = "",
    pretrained: Annotated[
        Path | None,
        typer.Option(help="For fp-finetuned, fp-frozen: the twin's training on the large set."),
    ] = None,
    views: Annotated[int, typer.Option(help="For blocks: crops of each photo.")] = 4,
    epochs: Annotated[int, typer.Option(help="For blocks: 0 takes the default.")] = 0,
    dropout: Annotated[float, typer.Option(help="For blocks: -1 takes the default.")] = -1.0,
    results: Results = Path("docs/paper"),
    work: Annotated[
        Path, typer.Option(help="Folder of embeddings and checkpoints; a second start goes on.")
    ] = Path("build/paper"),
) -> None:
    """Run one row on one data set; a result that is there already is shown, not made again."""
    from dataclasses import replace

    from headfit.finetune import TuningSettings
    from headfit_zoo.experiments import Experiment
    from headfit_zoo.experiments import run as run_experiment

    tuning = TuningSettings()
    if epochs:
        tuning = replace(tuning, epochs=epochs)
    if dropout >= 0:
        tuning = replace(tuning, dropout=dropout)
    experiment = Experiment(
        dataset,
        row,
        extractor,
        architecture,
        recipe or ("finetune" if row == "fp-finetuned" else "scratch"),
        pretrained,
        views,
        tuning,
    )
    with progress("Pictures") as report:
        result = run_experiment(experiment, results, work, progress=report, say=console.print)
    for name, share in (("top-1", result.top1), ("top-5", result.top5)):
        console.print(f"{name} {share.value:.1%} (95 %: {share.low:.1%} to {share.high:.1%})")


@app.command()
def report(
    page: Annotated[Path, typer.Option(help="The page that holds the table.")] = Path(
        "docs/paper.md"
    ),
    results: Results = Path("docs/paper"),
) -> None:
    """Write the table of all results into a page, with a CSV and a plot beside it."""
    from headfit_zoo.experiments import load_results, write_report

    found = load_results(results)
    write_report(found, page)
    console.print(f"wrote {len(found)} results into {page}")
