"""Runs commands in a fresh environment of the newest Python that is here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WANTED = ("3.12", "3.13")


def find_python() -> str:
    """Return the first Python of `WANTED` that can make environments, or else this one."""
    for version in WANTED:
        on_path = shutil.which(f"python{version}")
        by_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for python in filter(None, [on_path, *map(str, by_pyenv)]):
            # A shim on the path may stand for no Python; Debian's may lack ensurepip.
            tried = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True)
            if tried.returncode == 0:
                return python
    return sys.executable


def run(*command: object, cwd: Path) -> str:
    """Return what a command prints; fail with its words."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python_in(folder: Path) -> Path:
    """Return the Python of the environment in a folder."""
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
