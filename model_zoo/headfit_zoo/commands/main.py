"""The ``headfit-zoo`` command: train, convert, verify; list, install and measure extractors."""

from __future__ import annotations

import os

import typer
from rich.text import Text

from headfit import HeadfitError
from headfit_zoo.commands import catalogue, conversion, paper, split, training, transfer
from headfit_zoo.commands.terminal import progress_console

# TensorFlow's own start-up chatter says nothing to a user; set before its first import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(
    help="Train binary networks in Larq and convert them into headfit extractors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(paper.app, name="paper")
app.command()(split.split)
app.command()(training.train)
app.command()(training.distill)
app.command()(conversion.convert)
app.command()(conversion.verify)
app.command(name="list")(catalogue.list_extractors)
app.command()(catalogue.info)
app.command()(catalogue.document)
app.command()(catalogue.install)
app.command()(catalogue.remove)
app.command()(conversion.summary)
app.command()(transfer.transfer)


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
