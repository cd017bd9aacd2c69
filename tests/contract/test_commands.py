"""Every command of ``headfit`` stands in the documents, and every code that it ends with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from headfit.commands.exit_codes import EXIT_CODES
from headfit.commands.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(group: click.Group, name: str) -> Iterator[str]:
    """Yield what to type for each command below a group."""
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}"


def test_every_command_stands_in_the_documents() -> None:
    """As a reader would type it, in the README or on a page."""
    text = "\n".join(page.read_text() for page in PAGES)
    found = list(commands(app, "headfit"))
    assert "headfit store repair" in found
    assert [name for name in found if not re.search(rf"{name}(?![\w-])", text)] == []


def test_the_help_names_every_exit_code() -> None:
    assert app.epilog is not None
    for code, meaning in EXIT_CODES.items():
        assert f"{code:5}  {meaning}" in app.epilog
