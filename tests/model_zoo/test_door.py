"""What the commands of zoo and app say where their libraries are missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ZOO, APP = "headfit_zoo", "headfit_demo"
BLOCK = """
import importlib.abc, runpy, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["it", *{arguments!r}]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""
HEAVY = ["h5py", "keras", "kivy", "larq", "larq_compute_engine", "matplotlib", "tensorflow"]


def without(missing: list[str], module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a command where some libraries cannot be imported."""
    code = BLOCK.format(missing=missing, arguments=arguments, module=module)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("missing", "module", "arguments", "extra"),
    [
        (["httpx"], ZOO, ("install", "quicknet"), "headfit[install]"),
        (["rich"], ZOO, ("list",), "headfit[install]"),
        (["typer", *HEAVY], ZOO, ("train", "photos", "-o", "out"), "headfit[zoo]"),
        (["typer", *HEAVY], ZOO, (), "headfit[zoo]"),
        (HEAVY, ZOO, ("convert", "run", "-o", "out", "--name", "x"), "headfit[zoo]"),
        (HEAVY, ZOO, ("summary",), "headfit[zoo]"),
        (["kivy"], APP, (), "headfit[app]"),
        (["platformdirs"], APP, (), "headfit[app]"),
    ],
)
def test_a_missing_library_is_one_line(
    missing: list[str], module: str, arguments: tuple[str, ...], extra: str
) -> None:
    """Which pip command brings it, and no traceback."""
    ended = without(missing, module, *arguments)
    assert ended.returncode == 2
    assert f"pip install '{extra}'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_catalogue_works_without_the_rest() -> None:
    """Listing asks for nothing of the zoo's."""
    ended = without(["typer", "click", *HEAVY], ZOO, "list")
    assert ended.returncode == 0, ended.stderr
    assert "quicknet-large" in ended.stdout


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    """A module of headfit's own that is missing is no matter of pip."""
    ended = without(["headfit_zoo.graphs", "numpy"], ZOO, "list")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals as POSIX has them")
def test_killed_while_installing_leaves_nothing_that_opens(tmp_path: Path) -> None:
    """At moments spread over an installation: all three files and they open, or none is found."""
    data = Path(os.environ.get("HEADFIT_DATA") or "../shared/data")
    (weights, *_) = [*(data.parent / "weights").glob("*resnet18*/*.params"), None]
    if weights is None:
        pytest.skip(f"the published weights are not in {data.parent / 'weights'}")
    user = {name: str(tmp_path) for name in ("XDG_DATA_HOME", "HOME")}
    name = "resnet18-binary-imagenet"
    command = [sys.executable, "-m", ZOO, "install", name, "--from", str(weights)]
    started = time.monotonic()
    subprocess.run(command, env={**os.environ, **user}, check=True, capture_output=True)
    whole = time.monotonic() - started
    folder = next(tmp_path.rglob("extractors"))
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(expected) == 3
    for part in (0.5, 0.7, 0.8, 0.9, 0.97):
        with subprocess.Popen(command, env={**os.environ, **user}, stderr=-3, stdout=-3) as one:
            time.sleep(whole * part)
            one.send_signal(signal.SIGKILL)
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert found == expected or f"{name}.tflite" not in found
