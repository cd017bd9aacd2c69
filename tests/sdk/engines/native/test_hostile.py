"""Mutated networks and plans in a library built with sanitizers: none leads outside its memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sdk.engines.native.conftest import IS_SIMULATED
from tests.support import simde

ROOT = Path(__file__).parents[4]
HOSTILE = Path(__file__).with_name("hostile.py")
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -g1 -O1 -Wl,-z,undefs"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Build with AddressSanitizer and UndefinedBehaviorSanitizer, whose runtimes go first."""
    folder = tmp_path_factory.mktemp("sanitized")
    runtimes = []
    for name in ("libasan.so", "libubsan.so"):
        try:
            asked = ["gcc", f"-print-file-name={name}"]
            found = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        except OSError:
            found = ""
        if not Path(found).is_absolute():
            pytest.skip(f"no gcc with {name} here")
        runtimes.append(found)
    flags = f"{FLAGS} {simde.FLAGS}" if IS_SIMULATED and simde.has_simde() else FLAGS
    command = [sys.executable, ROOT / "sdk/native/build.py", "--folder", folder, f"--flags={flags}"]
    subprocess.run(command, check=True, env={**os.environ, "CC": "gcc"})
    return folder / "libheadfit_native.so", ":".join(runtimes)


def attack(sanitized: tuple[Path, str], kind: str, count: int) -> int:
    """Return how many of the mutants ran; a fault that a sanitizer found is an error."""
    library, runtimes = sanitized
    done = subprocess.run(
        [sys.executable, HOSTILE, library, kind, str(count)],
        env={
            **os.environ,
            "LD_PRELOAD": runtimes,
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk")]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[:3000]
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_tests_of_the_engine(sanitized: tuple[Path, str], tmp_path: Path) -> None:
    """All operators and networks in the library with sanitizers, in the place of headfit-native."""
    library, runtimes = sanitized
    package = tmp_path / "headfit_native"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(library, package)
    here = HOSTILE.parent
    its_size = f"{here.relative_to(ROOT)}/test_engine.py::test_the_library_needs_nothing"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(here / "test_operators.py", here / "test_engine.py", "--deselect", its_size),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "LD_PRELOAD": runtimes,
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "sdk")]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[:3000]
    assert "skipped" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("kind", ["plans", "networks"])
def test_some_mutants(sanitized: tuple[Path, str], kind: str) -> None:
    """The library checks plans by itself: these mutants no Python has seen."""
    assert attack(sanitized, kind, 300) > 10


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("kind", "count"), [("plans", 200_000), ("networks", 100_000)])
def test_many_mutants(sanitized: tuple[Path, str], kind: str, count: int) -> None:
    assert attack(sanitized, kind, count) > count // 100
