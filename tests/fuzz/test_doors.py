"""Hostile input is refused in a sentence: nothing crashes, hangs, or takes memory without bound."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfit.engines.native.library import load_library
from headfit.errors import EngineMissingError

from .doors import DOORS, Door, knock, mend_container, mend_png

ROOT = Path(__file__).parents[2]

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="Atheris is not installed: it has wheels for Linux on x86-64 alone",
)


@pytest.fixture(scope="module", params=DOORS)
def name(request: pytest.FixtureRequest) -> str:
    """A door that is here: the native engine's is where its library was built."""
    if request.param == "native":
        try:
            load_library()
        except EngineMissingError as error:
            pytest.skip(str(error))
    return str(request.param)


@pytest.fixture(scope="module")
def door(name: str) -> tuple[Door, list[bytes]]:
    """A door and its seeds."""
    one = DOORS[name]
    return one, one.seeds()


@pytest.fixture(autouse=True)
def _keep_folder() -> object:
    """Commands run in folders of their own."""
    folder = Path.cwd()
    yield
    os.chdir(folder)


def test_seeds_get_through(door: tuple[Door, list[bytes]]) -> None:
    """Otherwise mutants of them would try nothing but the lock."""
    one, seeds = door
    assert len(seeds) > 0
    assert all(knock(one, seed) for seed in seeds)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutants_are_let_in_or_refused(door: tuple[Door, list[bytes]], data: st.DataObject) -> None:
    """Pieces replaced, removed and inserted; with lengths and checksums mended or not."""
    one, seeds = door
    mutant = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutant)))
        end = start + data.draw(st.integers(0, 8))
        mutant[start:end] = data.draw(st.binary(max_size=8))
    mended = bytes(mutant)
    knock(one, one.mend(mended) if data.draw(st.booleans()) else mended)


@given(noise=st.binary(max_size=300))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_is_refused(door: tuple[Door, list[bytes]], noise: bytes) -> None:
    """No file comes of it; commands end with codes, and the store's door looks into a refusal."""
    one, _ = door
    assert knock(one, noise) == (one in (DOORS["command"], DOORS["store"]))


def test_mending_writes_checksums_again() -> None:
    """What is whole stays as it is; what was changed gets past the checksum, and no further."""
    (export,) = DOORS["export"].seeds()
    assert mend_container(export) == export
    renamed = export.replace(b"mug", b"cat")
    assert not knock(DOORS["export"], renamed)
    assert knock(DOORS["export"], mend_container(renamed))
    png = next(seed for seed in DOORS["image"].seeds() if seed[1:4] == b"PNG")
    assert mend_png(png) == png
    assert mend_png(png[:-4] + b"oops") == png


def fuzz(name: str, runs: int, folder: Path, seed: int = 1) -> dict[str, float]:
    """Run Atheris on a door in a process of its own, under its limits; return what it tried."""
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(runs), str(folder), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr[-3000:]}\nthe input is {folder}/last"
    result: dict[str, float] = json.loads((folder / "result").read_text())
    assert result["tried"] >= runs
    return result


@needs_atheris
def test_guided_mutants_within_bounds(name: str, tmp_path: Path) -> None:
    """Some hundred mutants chosen by the lines they reach, with little memory and time."""
    fuzz(name, 500, tmp_path / "run")


@needs_atheris
@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_100_000_guided_mutants_within_bounds(name: str, tmp_path: Path) -> None:
    """The same, 100,000 for each door; docs/privacy.md says what the last run found.

    In ten processes: Atheris keeps some 15 kB of every command line to itself, beyond any bound.
    """
    for seed in range(1, 11):
        print(json.dumps(fuzz(name, 10_000, tmp_path / str(seed), seed)))
