"""Draws docs/terminal.svg, the terminal in the README: ``python docs/capture.py``.

Runs the three commands of the README for real, on the sample photos, and records what they print.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from headfit.commands import terminal
from headfit.commands.main import main as headfit
from headfit.photos.samples import cut_sample_photos, sample_pictures

DOCS = Path(__file__).parent
PICTURE = DOCS / "terminal.svg"
KEPT = ("cat", "coffee", "rocket", "coins", "motorcycle")
"""Of the samples: as many classes as fit into a picture."""


def commands() -> list[str]:
    """Return the commands of the README, from its block that trains, predicts and evaluates."""
    readme = (DOCS.parent / "README.md").read_text()
    block = re.search(r"```\n(headfit train .*?)```", readme, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def make_photos(place: Path) -> None:
    """Put photos where the commands name them."""
    samples = place / "samples"
    cut_sample_photos(sample_pictures(), samples)
    for part, name in (("train", "photos"), ("test", "photos-kept-apart")):
        for kind in KEPT:
            shutil.copytree(samples / part / kind, place / name / kind)
    shutil.copy(samples / "test" / "rocket" / "02.jpg", place / "new.jpg")


def main() -> None:
    """Run the commands on a recording console and write the picture."""
    console = Console(
        record=True, width=102, file=io.StringIO(), highlight=False, color_system="truecolor"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patch.object(terminal, "OUTPUT", console),
        patch.object(terminal, "ERRORS", console),
    ):
        make_photos(Path(folder))
        for command in commands():
            console.print(f"[bold green]$[/] [bold]{command}[/]")
            assert headfit(command.split()[1:]) == 0
            console.print()
    svg = console.export_svg(title="headfit", unique_id="headfit")
    # rich links to web fonts; a picture in a README should fetch nothing.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    PICTURE.write_text(svg.replace("Fira Code, monospace", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    main()
