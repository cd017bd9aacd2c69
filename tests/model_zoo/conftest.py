"""Small trainings that the tests of the zoo share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit_zoo.__main__ import main
from headfit_zoo.commands.training import train
from headfit_zoo.training.datasets import PackedSet, open_or_pack

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = {"widths": (32, 32, 64), "blocks": (1, 1, 1)}


def draw_class(kind: int, rng: np.random.Generator, size: int = 72) -> np.ndarray:
    """Stripes in one of three directions, with noise."""
    y, x = np.mgrid[0:size, 0:size]
    phase = (x, y, x + y)[kind] / 5 + rng.uniform(0, 6)
    picture = 128 + 90 * np.sin(phase)[..., None] + rng.normal(0, 12, (size, size, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def folder_of_stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures in each of three class folders, one name in another script."""
    root = tmp_path_factory.mktemp("stripes")
    rng = np.random.default_rng(3)
    for kind, name in enumerate(("across", "Länge und Höhe", "стрелка")):
        (root / name).mkdir()
        for index in range(30):
            Image.fromarray(draw_class(kind, rng)).save(root / name / f"{index:02}.png")
    return root


@pytest.fixture(scope="session")
def packed(
    folder_of_stripes: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PackedSet, PackedSet]:
    """The stripes at 64 px, every tenth held out."""
    return open_or_pack(folder_of_stripes, tmp_path_factory.mktemp("packed"), 64)


@pytest.fixture(scope="session")
def trained(folder_of_stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training of the embedded network by ``headfit-zoo train --recipe smoke``."""
    folder = tmp_path_factory.mktemp("run")
    train(folder_of_stripes, folder, recipe="smoke")
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, where TensorFlow need not start again."""

    def run_here(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["headfit-zoo", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return run_here
