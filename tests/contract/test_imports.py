"""What `import headfit` may cost: NumPy, Pillow, the standard library, and a moment."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path

import pytest

import headfit


def python(code: str) -> str:
    """Return what a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_the_public_names() -> None:
    """What type checkers see at the top is public, and is what is loaded when it is asked for."""
    tree = ast.parse(Path(headfit.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: block.module
        for part in tree.body
        if isinstance(part, ast.If)
        for block in part.body
        if isinstance(block, ast.ImportFrom)
        for alias in block.names
    }
    assert sorted(seen) == headfit.__all__ == sorted(headfit.__all__)
    for name, home in seen.items():
        assert getattr(headfit, name) is getattr(import_module(str(home)), name)
    assert set(headfit.__all__) <= set(dir(headfit))
    with pytest.raises(AttributeError, match="no attribute 'Forest'"):
        _ = headfit.Forest


def test_the_door_loads_nothing() -> None:
    """So that whoever stops the command while NumPy loads is heard."""
    loaded = python("import sys, headfit; print(*sys.modules)").split()
    assert not {"numpy", "PIL"} & set(loaded)


def test_import_brings_numpy_and_pillow_only() -> None:
    """Nothing outside the base dependencies is loaded, though much more is installed here."""
    # Cython's runtime modules have no spec: no file stands behind them.
    code = """
import sys{}
print(*(name for name, module in sys.modules.items() if getattr(module, "__spec__", None)))
"""
    loaded = python(code.format("\nfrom headfit import *")).split()
    bare = python(code.format("")).split()
    packages = {name.partition(".")[0] for name in set(loaded) - set(bare)}
    assert packages - sys.stdlib_module_names == {"headfit", "numpy", "PIL"}


def test_import_opens_no_network_module() -> None:
    """Neither headfit nor what it imports loads the means to reach a network."""
    code = """
import sys, numpy, PIL.Image
before = set(sys.modules)
from headfit import *
print(*sorted((set(sys.modules) - before) & {"socket", "ssl", "http", "urllib.request", "asyncio"}))
"""
    assert python(code).split() == []


def test_import_takes_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than twice the processor time of NumPy and Pillow before it, the best of five.

    Measured 0.7 to 1.2 times; seconds differ by a factor of three between machines. All of them
    find their bytecode, whatever the environment says: pip compiles what it installs.
    """
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    code = """
import time
start = time.process_time()
import numpy, PIL.Image
before = time.process_time()
from headfit import *
print((time.process_time() - before) / (before - start))
"""
    assert min(float(python(code)) for _ in range(5)) < 2


def test_the_base_dependencies() -> None:
    """`pip install headfit` brings numpy and pillow, nothing else."""
    base = [line for line in requires("headfit") or [] if "extra ==" not in line]
    assert sorted(line.partition(">")[0] for line in base) == ["numpy", "pillow"]
