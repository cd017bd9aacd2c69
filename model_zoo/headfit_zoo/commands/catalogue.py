"""``headfit-zoo list``, ``info``, ``document``, ``install`` and ``remove``: without TensorFlow.

And without a library for the command line: installing asks for httpx and rich alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.markdown import Markdown
from rich.table import Table

from headfit.extractors import installed_folder
from headfit_zoo import catalogue
from headfit_zoo.commands.terminal import console, ending_well, progress, progress_console

COMMANDS = {
    "list": "which extractors there are, and which of them are installed",
    "info": "all that is known of an extractor: origin, licence, accuracy, size, limits",
    "install": "put an extractor where every app of this user finds it by name",
    "remove": "remove an installed extractor",
    "document": "write the page of all extractors from their cards",
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="headfit-zoo",
        description="List, install and remove extractors.",
        epilog="Training and conversion: headfit-zoo --help",
    )
    parsers = {
        name: kinds.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for kinds in [parser.add_subparsers(dest="command", required=True)]
        for name, text in COMMANDS.items()
    }
    for name in ("info", "install", "remove"):
        parsers[name].add_argument("name", metavar="NAME", help="of an extractor, see 'list'")
    parsers["install"].add_argument(
        "--from",
        dest="given",
        metavar="FILE",
        type=Path,
        help="the published weights, or a .tflite with its manifest and golden picture beside it, "
        "instead of fetching them",
    )
    parsers["document"].add_argument(
        "page", metavar="PAGE", nargs="?", type=Path, default=Path("docs/extractors.md")
    )
    options = vars(parser.parse_args())
    commands: dict[str, Callable[..., None]] = {
        "list": list_extractors,
        "info": info,
        "install": install,
        "remove": remove,
        "document": document,
    }
    command = commands[options.pop("command")]
    ending_well(lambda: command(**options))


def list_extractors() -> None:
    """List the extractors that there are, and which of them are installed."""
    table = Table("extractor", "installed", "input", "embedding", "best known accuracy")
    for name, card in catalogue.load_cards().items():
        here = (installed_folder() / f"{name}.tflite").exists()
        network = card.network
        table.add_row(
            name,
            "yes" if here else "",
            f"{network.input_size} px",
            str(network.embedding_dim),
            catalogue.accuracy(card),
        )
    console.print(table)


def info(name: str) -> None:
    """Say all that is known of an extractor: origin, licence, accuracy, size, limits."""
    console.print(Markdown(catalogue.section(catalogue.find_card(name))))


def document(page: Path) -> None:
    """Write the page of all extractors from their cards."""
    page.write_text(catalogue.render(catalogue.load_cards().values()), encoding="utf-8")
    console.print(f"wrote {page}")


def install(name: str, given: Path | None) -> None:
    """Put an extractor where every app of this user finds it by name."""
    card = catalogue.find_card(name)
    fetched = installed_folder().parent / "downloads" / name

    def fetch() -> Path:
        source = catalogue.published(card)
        fetched.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"Fetching {name}", in_bytes=True) as report:
            catalogue.download(source.url, fetched, sha256=source.sha256, progress=report)
        return fetched

    manifest = catalogue.install(card, given, fetch)
    fetched.unlink(missing_ok=True)
    console.print(
        f"installed {name}: {manifest.size_bytes:,} bytes, embedding of {manifest.embedding_dim}, "
        f"SHA-256 {manifest.fingerprint}"
    )
    if card.file and card.file.fingerprint != manifest.fingerprint:
        progress_console.print(
            f"[yellow]warning:[/] the card names another fingerprint, {card.file.fingerprint}: "
            "another converter or processor made this .tflite, and heads trained on the card's "
            "file do not fit it"
        )


def remove(name: str) -> None:
    """Remove an installed extractor."""
    catalogue.remove(name)
    console.print(f"removed {name}")
