"""What `import headfit` may cost: NumPy, Pillow, the standard library, and a moment."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires
from types import ModuleType

import headfit


def python(code: str) -> str:
    """Return what a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_the_public_names() -> None:
    """What is imported at the top is public, and nothing else; rooms are no names of users."""
    there = {
        name
        for name, value in vars(headfit).items()
        if not (name.startswith("_") or isinstance(value, ModuleType))
    }
    assert {*headfit.__all__} == there - {"annotations"}
    assert sorted(headfit.__all__) == headfit.__all__


def test_import_brings_numpy_and_pillow_only() -> None:
    """Nothing outside the base dependencies is loaded, though much more is installed here."""
    # Cython's runtime modules have no spec: no file stands behind them.
    code = """
import sys{}
print(*(name for name, module in sys.modules.items() if getattr(module, "__spec__", None)))
"""
    loaded = python(code.format(", headfit")).split()
    bare = python(code.format("")).split()
    packages = {name.partition(".")[0] for name in set(loaded) - set(bare)}
    assert packages - sys.stdlib_module_names == {"headfit", "numpy", "PIL"}


def test_import_opens_no_network_module() -> None:
    """Neither headfit nor what it imports loads the means to reach a network."""
    code = """
import sys, numpy, PIL.Image
before = set(sys.modules)
import headfit
print(*sorted((set(sys.modules) - before) & {"socket", "ssl", "http", "urllib.request", "asyncio"}))
"""
    assert python(code).split() == []


def test_import_takes_a_moment() -> None:
    """Less than twice the processor time of NumPy and Pillow before it, the best of five.

    Measured 0.7 to 1.2 times; seconds differ by a factor of three between machines.
    """
    code = """
import time
start = time.process_time()
import numpy, PIL.Image
before = time.process_time()
import headfit
print((time.process_time() - before) / (before - start))
"""
    assert min(float(python(code)) for _ in range(5)) < 2


def test_the_base_dependencies() -> None:
    """`pip install headfit` brings numpy and pillow, nothing else."""
    base = [line for line in requires("headfit") or [] if "extra ==" not in line]
    assert sorted(line.partition(">")[0] for line in base) == ["numpy", "pillow"]
