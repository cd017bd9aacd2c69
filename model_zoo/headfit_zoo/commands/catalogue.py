"""``headfit-zoo list``, ``info``, ``document``, ``install`` and ``remove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from headfit.extractors import installed_folder
from headfit_zoo import catalogue
from headfit_zoo.commands.terminal import console, progress, progress_console


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


def info(name: Annotated[str, typer.Argument(help="Name of an extractor.")]) -> None:
    """Say all that is known of an extractor: origin, licence, accuracy, size, limits."""
    console.print(Markdown(catalogue.section(catalogue.find_card(name))))


def document(
    page: Annotated[Path, typer.Argument(help="The page to write.")] = Path("docs/extractors.md"),
) -> None:
    """Write the page of all extractors from their cards."""
    page.write_text(catalogue.render(catalogue.load_cards().values()), encoding="utf-8")
    console.print(f"wrote {page}")


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
    card = catalogue.find_card(name)
    fetched = installed_folder().parent / "downloads" / name

    def fetch() -> Path:
        assert card.source is not None  # 'install' asks for weights of others alone
        fetched.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"Fetching {name}", in_bytes=True) as report:
            catalogue.download(card.source.url, fetched, sha256=card.source.sha256, progress=report)
        return fetched

    manifest = catalogue.install(card, given, fetch)
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


def remove(name: Annotated[str, typer.Argument(help="Name of an installed extractor.")]) -> None:
    """Remove an installed extractor."""
    catalogue.remove(name)
    console.print(f"removed {name}")
