"""``headfit-zoo`` where it needs TensorFlow: train, convert, verify and measure extractors."""

from __future__ import annotations

import os

import typer

from headfit_zoo.commands import conversion, paper, split, training, transfer
from headfit_zoo.commands.catalogue import COMMANDS
from headfit_zoo.commands.terminal import ending_well

# TensorFlow's own start-up chatter says nothing to a user; set before its first import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

app = typer.Typer(
    help="Train binary networks in Larq and convert them into headfit extractors.",
    epilog="Without TensorFlow: "
    + ", ".join(f"{name} ({text})" for name, text in COMMANDS.items()),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(paper.app, name="paper")
app.command()(split.split)
app.command()(training.train)
app.command()(training.distill)
app.command()(conversion.convert)
app.command()(conversion.verify)
app.command()(conversion.empty)
app.command()(conversion.summary)
app.command()(transfer.transfer)


def main() -> None:
    """Run the command line."""
    ending_well(app)
