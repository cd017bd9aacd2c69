"""Notebooks of docs/ run from top to bottom, and show in the repository what they show when run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.names import ROOT

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
RUN = ROOT / "docs" / "notebooks" / "run.py"


def kinds(notebook: Path) -> list[tuple[str, list[str]]]:
    """Return the code of each cell, and what kinds of things it showed."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        (
            "".join(cell["source"]),
            sorted(
                {name for one in cell["outputs"] for name in (one.get("data") or [one["name"]])}
            ),
        )
        for cell in cells
        if cell["cell_type"] == "code"
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_the_same_kinds_of_things(
    notebook: Path, tmp_path: Path, require: Callable[[bool, str], None]
) -> None:
    """Numbers may differ by processor; a warning or an error printed into it would show here."""
    needed = ("ipykernel", "matplotlib", "nbclient", "skimage")
    require(all(map(find_spec, needed)), "Jupyter and its parts: pip install 'headfit[docs,demo]'")
    done = subprocess.run(
        [sys.executable, RUN, notebook, tmp_path / "run.ipynb"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert kinds(tmp_path / "run.ipynb") == kinds(notebook)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_as_it_ran(notebook: Path) -> None:
    """Every cell was run, in order, without a time or a machine's name in it."""
    text = notebook.read_text(encoding="utf-8")
    cells = [one for one in json.loads(text)["cells"] if one["cell_type"] == "code"]
    assert [one["execution_count"] for one in cells] == list(range(1, len(cells) + 1))
    assert "iopub" not in text
    assert "/root" not in text
    assert "/home" not in text
