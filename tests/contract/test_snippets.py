"""What pages show can be typed: Python runs as written, commands have such names and options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support import embedded
from tests.support.names import ROOT

from headfit.networks.lowering import lower

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Libraries that a page asks for.
ELSEWHERE = {
    "ai_edge_litert": "headfit[litert]",
    "headfit_zoo.conversion": "headfit[zoo]",
    "ray": "ray",
}
COLOURS = {"cat": (200, 60, 40), "dog": (40, 80, 200)}


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the blocks of code of a page that are in one of these languages."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language in languages]


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader of the pages has: photos, networks, a head."""
    rng = np.random.default_rng(0)

    def write(name: str, colour: tuple[int, int, int]) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.normal(0, 40, (80, 100, 3))
        Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(path)

    for name, colour in COLOURS.items():
        for number in range(12):
            write(f"photos/{name}/{number}.jpg", colour)
        for number in range(1, 3):
            write(f"{name}{number}.jpg", colour)
    for name in ("new.jpg", "photo.jpg"):
        write(name, COLOURS["cat"])
    rows = [f"{name}/{number}.jpg,{name}" for name in COLOURS for number in range(12)]
    (tmp_path / "labels.csv").write_text("\n".join(["photo,classes", *rows, ""]))
    shutil.copy(embedded.MODEL, tmp_path)
    network = (ROOT / "tests" / "data" / "engines" / "residual.tflite").read_bytes()
    (tmp_path / "quicknet.tflite").write_bytes(network)
    (tmp_path / "quicknet-plain.tflite").write_bytes(lower(network))
    return tmp_path


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=page_id)
def test_python_runs_as_written(page: Path, folder: Path) -> None:
    """All blocks of a page one after the other, in a process of their own; nothing is added."""
    script = folder / "page.py"
    code = "\n".join(blocks(page, "python"))
    for library, extra in ELSEWHERE.items():
        if f"import {library}" in code or f"from {library}" in code:
            pytest.importorskip(library, reason=f"not tested, missing: pip install '{extra}'")
    if "mine.head" in code and "save(" not in code:
        code = f"{TRAIN}\n{code}"
    script.write_text(code, encoding="utf-8")
    data = {"XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=folder,
        env={**os.environ, **data, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


TRAIN = """
import headfit
headfit.ImageClassifier.from_folder("photos").save("mine.head")
"""


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every line of a page that calls the command, and what it passes."""
    for page in PAGES:
        for text in blocks(page, "", "sh", "bash"):
            for line in text.replace("\\\n", " ").splitlines():
                if re.match(r"\s*(\.venv/bin/)?headfit\s", line):  # a drawn tree is no command
                    yield page_id(page), shlex.split(line, comments=True)[1:]


def test_commands_have_the_names_and_options_that_pages_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Parsed as the command itself does; nothing is run."""
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt="": "y")
    click = pytest.importorskip("click", reason="not tested, missing: pip install headfit[cli]")
    from headfit.commands.main import app

    shown = list(commands())
    assert len(shown) > 20
    wrong = []
    for page, words in shown:
        command, name, rest = app, "headfit", words
        try:
            while isinstance(command, click.Group):
                context = command.make_context(name, list(rest))
                name, command, rest = command.resolve_command(context, rest_of(context))
            command.make_context(name, list(rest))
        except click.exceptions.Exit:
            pass  # --help
        except click.ClickException as error:
            wrong.append(f"{page}: {' '.join(words)}: {error.format_message()}")
    assert wrong == []


def rest_of(context: object) -> list[str]:
    """Return what a group has not parsed: its subcommand and what follows."""
    protected = getattr(context, "_protected_args", None) or getattr(context, "protected_args", [])
    return [*protected, *context.args]  # type: ignore[attr-defined]


def test_targets_of_make_are_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {
        target
        for page in PAGES
        for target in re.findall(
            r"(?:^|`)make ([a-z][\w-]*)", page.read_text(encoding="utf-8"), re.M
        )
    }
    assert len(shown) > 5
    assert shown <= targets
