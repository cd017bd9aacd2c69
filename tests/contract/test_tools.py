"""The command as an application of its own, by the tools that people install such with.

The index is a folder with headfit's wheel and what it needs, so that nothing else is asked.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.fresh import run

from headfit.version import __version__

WANTED = "headfit[cli]"
VERSION = f"headfit {__version__}\n"


@pytest.fixture(scope="module")
def index(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels."""
    folder = tmp_path_factory.mktemp("index")
    shutil.copy(wheel, folder)
    wanted = f"headfit[cli] @ {wheel.as_uri()}"
    run(sys.executable, "-m", "pip", "download", "--quiet", "-d", folder, wanted, "pip", cwd=folder)
    return folder


@pytest.fixture
def tool(
    index: Path,
    tmp_path: Path,
    require: Callable[[bool, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, Iterable[str]], str]:
    """Run a tool by its module, which keeps everything in the test's folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "PIPX_"))]:
        monkeypatch.delenv(name)
    for name in ("UV_TOOL_DIR", "UV_CACHE_DIR", "PIPX_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("UV_TOOL_BIN_DIR", "PIPX_BIN_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "bin"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    def call(module: str, words: Iterable[str]) -> str:
        require(find_spec(module) is not None, f"{module}: pip install 'headfit[dev]'")
        return run(sys.executable, "-m", module, *words, cwd=tmp_path)

    return call


def test_uv_tool_install(
    index: Path, tmp_path: Path, tool: Callable[[str, Iterable[str]], str]
) -> None:
    offline = ["--no-index", "--find-links", str(index), "--python", sys.executable]
    tool("uv", ["tool", "install", *offline, WANTED])
    assert run(tmp_path / "bin" / "headfit", "--version", cwd=tmp_path) == VERSION
    assert "popcount" in run(tmp_path / "bin" / "headfit", "doctor", cwd=tmp_path)


def test_uvx(index: Path, tool: Callable[[str, Iterable[str]], str]) -> None:
    offline = ["--no-index", "--find-links", str(index), "--python", sys.executable]
    said = tool("uv", ["tool", "run", *offline, "--from", WANTED, "headfit", "--version"])
    assert said == VERSION


def test_pipx(index: Path, tmp_path: Path, tool: Callable[[str, Iterable[str]], str]) -> None:
    offline = f"--pip-args=--no-index --find-links={index}"
    tool("pipx", ["install", offline, "--python", sys.executable, WANTED])
    assert run(tmp_path / "bin" / "headfit", "--version", cwd=tmp_path) == VERSION
