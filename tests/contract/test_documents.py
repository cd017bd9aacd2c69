"""What the pages name is there: tests, files, modules, links; and the glossary is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.names import ROOT, exists

import headfit
from headfit.extractors.finding import known_extractor

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted(
    path
    for folder in ("sdk", "model_zoo/headfit_zoo", "model_zoo/headfit_federated", "demo_app")
    for path in (ROOT / folder).rglob("*.py")
)
GLOSSARY = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")

A_NAME = re.compile(r"(?<![\w/.@-])headfit(?:_zoo|_federated|_demo)?(?:\.\w+)+(?![\w-])")
A_PATH = re.compile(r"(?<![\w/.])(?:sdk|tests|docs|demo_app|model_zoo)/[\w./*-]*\w")
A_FILE = re.compile(r"`(?:\w+/)*(\w+\.(?:py|kv))`")
A_LINK = re.compile(r"\]\(([^)\s]+)\)")
# Names of files that begin like names of modules.
NO_MODULES = ("headfit_demo.po", "headfit_demo.mo")


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_what_a_page_names_exists(page: Path) -> None:
    """Modules with what is in them, paths, files by their bare name, links with their anchors."""
    text = page.read_text(encoding="utf-8")
    others = ("tests/**/*.py", "docs/**/*.py", "**/*.kv")
    files = {path.name for path in (*SOURCES, *(one for each in others for one in ROOT.glob(each)))}
    wrong = [name for name in A_NAME.findall(text) if name not in NO_MODULES and not exists(name)]
    wrong += [path for path in A_PATH.findall(text) if not any(ROOT.glob(path))]
    wrong += [name for name in A_FILE.findall(text) if name not in files]
    wrong += [link for link in A_LINK.findall(text) if not leads_somewhere(link, page)]
    assert wrong == []


@pytest.mark.parametrize("source", SOURCES, ids=page_id)
def test_what_a_docstring_names_exists(source: Path) -> None:
    """`headfit.x.y` in docstrings, messages and comments, and pages of docs/."""
    text = source.read_text(encoding="utf-8")
    wrong = [name for name in A_NAME.findall(text) if not re.search(r"\.__\w+__$", name)]
    wrong = [name for name in wrong if not exists(name)]
    wrong += [path for path in A_PATH.findall(text) if not any(ROOT.glob(path))]
    assert wrong == []


def test_the_checks_find_what_is_wrong() -> None:
    """Each would fail: a module, a member, a member of a class behind a door, a path, an anchor."""
    assert exists("headfit.SoftmaxHead.predict_proba")
    assert not exists("headfit.no_module")
    assert not exists("headfit.errors.NoError")
    assert not exists("headfit.SoftmaxHead.predict_nothing")
    assert not exists("headfit.store.ExampleStore.no_method")
    assert A_PATH.findall("see `docs/none.md`.") == ["docs/none.md"]
    page = ROOT / "docs" / "concepts.md"
    assert leads_somewhere("#numbers", page)
    assert not leads_somewhere("#no-such-heading", page)
    assert not leads_somewhere("none.md", page)


def leads_somewhere(link: str, page: Path) -> bool:
    """Return whether a relative link's file is there, and in it the heading it names."""
    if link.startswith(("https://", "http://", "mailto:")):
        return True
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made on GitHub."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_test_that_the_privacy_page_names_exists() -> None:
    """Each function in the file that is named before it."""
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    named = list(promised(page))
    assert len({file for file, _ in named}) > 5
    assert len(named) > 15
    for file, function in named:
        sources = [path.read_text(encoding="utf-8") for path in ROOT.glob(f"tests/**/{file}")]
        assert any(f"def {function}(" in source for source in sources), f"{file}: {function}"


def promised(page: str) -> Iterator[tuple[str, str]]:
    """Yield the file and the function of every test that a page names."""
    file = ""
    for name in re.findall(r"`(test_\w+(?:\.py)?)`", page):
        if name.endswith(".py"):
            file = name
        else:
            yield file, name


def test_the_glossary_has_every_public_class() -> None:
    """Errors stand in `headfit.errors`, which draws their tree."""
    public = {name for name in headfit.__all__ if not name.endswith("Error") and name[0] != "_"}
    assert "SoftmaxHead" in public
    assert {name for name in public if f"`headfit.{name}`" not in GLOSSARY} == set()


def test_the_glossary_names_what_exists() -> None:
    """Every row's name in code; every word stands once, in bold."""
    rows = re.findall(r"^\| (\*\*.+?) \| (.+) \| (.*) ?\|$", GLOSSARY, re.MULTILINE)
    named = [name for _, _, cell in rows for name in re.findall(r"`([\w.]+)`", cell)]
    assert len(named) > 30
    assert [name for name in named if not exists(name)] == []
    words = [word for cell, _, _ in rows for word in re.findall(r"\*\*(.+?)\*\*", cell)]
    assert sorted(words) == sorted(set(words))
    assert {"learner", "held out", "calibration", "typicality", "sureness"} <= set(words)
    assert {"view", "public view", "store", "candidate", "sealing"} <= set(words)


def test_every_command_stands_in_the_pages() -> None:
    """Each subcommand is shown or explained somewhere, subcommands of groups too."""
    click = pytest.importorskip("click", reason="not tested, missing: pip install headfit[cli]")
    from headfit.commands.main import app

    text = " ".join(" ".join(path.read_text(encoding="utf-8") for path in PAGES).split())
    names = []
    for name, command in app.commands.items():
        subcommands = command.commands if isinstance(command, click.Group) else {}
        names += [name, *(f"{name} {subcommand}" for subcommand in subcommands)]
    assert len(names) > 20
    assert [name for name in names if not re.search(rf"headfit {name}\b", text)] == []


def test_every_page_is_in_the_list_of_pages() -> None:
    """Decisions have a folder of their own, which is in it."""
    folder = ROOT / "docs"
    listed = set(A_LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    notebooks = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb")}
    pages = {path.name for path in folder.glob("*.md")} - {"README.md", "index.md"}
    assert listed == pages | notebooks | {"decisions/"}


def test_readme_is_short_and_its_sizes_are_the_files() -> None:
    """The first page fits on two screens; what it says of the extractor and of Python holds."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 81
    size = known_extractor().size_bytes / 1000
    assert set(re.findall(r"(\d+) kB(?! more)", text.replace("1.7 kB", ""))) == {f"{size:.0f}"}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (oldest, past) = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)[0]
    assert f"Python 3.{oldest} to 3.{int(past) - 1}" in text


@pytest.mark.parametrize("name", ["results.md", "paper.md"])
def test_figures_in_short_are_those_of_their_sections(name: str) -> None:
    """Each number of the table on top stands in a section that its row leads to."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    short = page.partition("\n## In short\n")[2].partition("\n## ")[0]
    rows = [line for line in short.splitlines() if line.startswith("| ") and "](#" in line]
    assert len(rows) > 3
    missing = []
    for row in rows:
        text = "".join(section(page, anchor) for anchor in re.findall(r"\]\(#([^)]+)\)", row))
        told = row.rpartition("| ")[0].partition(" | ")[2]
        for number in re.findall(r"\d[\d.,]*\d|\d", told):
            if not re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d]|[.,]\d)", text):
                missing.append(f"{number} of {row}")
    assert missing == []


def section(page: str, anchor: str) -> str:
    """Return what stands under a heading, and under those below it."""
    parts = re.split(r"^(#+ .+)$", page, flags=re.MULTILINE)
    for i in range(1, len(parts), 2):
        if re.sub(r"[^\w\- ]", "", parts[i].lstrip("# ").lower()).replace(" ", "-") == anchor:
            depth = len(parts[i]) - len(parts[i].lstrip("#"))
            text = parts[i + 1]
            for k in range(i + 2, len(parts), 2):
                if len(parts[k]) - len(parts[k].lstrip("#")) <= depth:
                    break
                text += parts[k + 1]
            return text
    raise AssertionError(f"no heading {anchor}")


def test_the_tree_in_contributing_is_the_tree() -> None:
    """Every room and file at the top of `headfit`, and none that is not there."""
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+(?:/|\.py)) ", page, re.MULTILINE))
    top = ROOT / "sdk" / "headfit"
    rooms = {f"{path.parent.name}/" for path in top.glob("*/__init__.py")}
    files = {path.name for path in top.glob("*.py") if path.name[0] != "_"}
    assert drawn == rooms | files - {"version.py"}


def test_the_layers_in_the_decision_are_those_that_are_held() -> None:
    """Copied from pyproject.toml, in its order."""
    page = (ROOT / "docs" / "decisions" / "0009-rooms.md").read_text(encoding="utf-8")
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    held = [
        re.findall(r'"(.+)"', layers)
        for layers in re.findall(r"^layers = \[$(.+?)^\]$", contracts, re.MULTILINE | re.DOTALL)
    ]
    drawn = re.findall(r"^```$(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [block.split("\n")[1:-1] for block in drawn] == held
