"""The site of docs/: it builds without a warning, holds every public name, and asks nobody."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.names import ROOT

import headfit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]) -> Path:
    """The built site."""
    needed = ("furo", "myst_nb", "numpydoc", "sphinx", "sphinx_click")
    require(all(map(find_spec, needed)), "Sphinx and its parts: pip install 'headfit[docs]'")
    folder = tmp_path_factory.mktemp("site")
    given = ["-q", "-W", "--keep-going", "-c", str(ROOT / "docs" / "sphinx")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *given, str(ROOT / "docs"), str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_public_name_and_command_is_on_it(site: Path) -> None:
    text = (site / "python.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="headfit\.(?:[\w.]*\.)?([A-Z]\w+)"', text))
    assert set(headfit.__all__) <= shown
    assert 'id="headfit.SoftmaxHead.predict_proba"' in text
    for door in re.findall(r"automodule:: ([\w.]+)", (ROOT / "docs/python.md").read_text()):
        assert f'id="module-{door}"' in text
    doors = {path.parent.name for path in (ROOT / "sdk/headfit").glob("*/__init__.py")}
    named = set(re.findall(r"automodule:: headfit\.(\w+)", (ROOT / "docs/python.md").read_text()))
    assert named == doors - {"commands", "report"}
    from headfit.commands.main import app

    commands = (site / "commands.html").read_text(encoding="utf-8")
    assert [name for name in app.commands if f'id="headfit-{name}"' not in commands] == []


def test_the_first_page_is_the_readme_and_leads_to_all(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "ImageClassifier.from_folder" in re.sub(r"<[^>]+>", "", text)
    pages = {
        page.relative_to(ROOT / "docs").with_suffix(".html")
        for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.ipynb")]
    }
    missing = [
        page.as_posix()
        for page in pages
        if page.name not in ("README.html", "index.html") and f'href="{page.as_posix()}' not in text
    ]
    assert missing == []


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    """Fonts and scripts of a theme are what such sites leak their readers by."""
    load = re.compile(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]+)"')
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    assert [page for page in pages if load.search(page.read_text(encoding="utf-8"))] == []
