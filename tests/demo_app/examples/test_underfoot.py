"""The second app: another head on the extractor that the first one uses, rebuilt at will."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from headfit.extractors.finding import known_extractor
from headfit.files.headfile import load_head
from headfit.photos import cut_sample_photos, sample_pictures

APP = Path(__file__).parents[3] / "demo_app"
EXAMPLES = APP / "examples"
HEADS = sorted(APP.rglob("*.head"))
CLASSES = ("bricks", "grass", "gravel")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample photos that the head has not seen, by class."""
    folder = tmp_path_factory.mktemp("photos")
    cut_sample_photos(sample_pictures(), folder)
    return folder / "test"


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.stem)
def test_every_head_fits_the_extractor(path: Path) -> None:
    """When headfit brings another extractor, the heads are made again by one command."""
    head = load_head(path).head
    assert head.extractor is not None
    assert head.extractor.fingerprint == known_extractor().fingerprint, "run: make heads"


def test_the_second_app_has_a_head_of_its_own() -> None:
    assert EXAMPLES / "underfoot.head" in HEADS
    assert load_head(EXAMPLES / "underfoot.head").head.classes == CLASSES


def test_it_is_small() -> None:
    """Under 80 lines, its layout among them."""
    lines = [(EXAMPLES / f"underfoot.{ending}").read_text().splitlines() for ending in ("py", "kv")]
    assert sum(map(len, lines)) < 80


def test_its_head_is_made_again_by_one_command(tmp_path: Path) -> None:
    """From sample photos; most photos that it has not seen are right."""
    output = tmp_path / "again.head"
    done = subprocess.run(
        [sys.executable, EXAMPLES / "train_underfoot.py", output],
        capture_output=True,
        text=True,
        check=True,
    )
    right, of = map(int, re.findall(r"^(\d+) of (\d+) unseen", done.stdout)[0])
    assert of == 30
    assert right >= 21  # crops of one picture a class count as one photo: little to choose by
    assert load_head(output).head.classes == CLASSES


def test_it_runs(photos: Path, tmp_path: Path, require: Callable[[bool, str], None]) -> None:
    """Photos are dropped on its window; a file that is none is told in a sentence."""
    require(importlib.util.find_spec("kivy") is not None, "kivy: pip install 'headfit[app]'")
    (tmp_path / "text.jpg").write_text("no photo")
    dropped = [photos / name / f"{number:02}.jpg" for name in CLASSES for number in range(1, 6)]
    environment = {
        "SDL_VIDEODRIVER": "offscreen",
        "KIVY_WINDOW": "sdl2",
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_METRICS_DENSITY": "1",
        "KIVY_HOME": str(tmp_path / "kivy"),
    }
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parents[2] / "support" / "drive_example.py",
            tmp_path / "window.png",
            *dropped,
            tmp_path / "text.jpg",
        ],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    start, *seen, broken = json.loads(done.stdout.splitlines()[-1])
    assert start[0] == "Drop a photo of the ground here"
    assert known_extractor().name in start[1]
    answers = [
        (answer, path.parent.name) for path, (answer, _, _) in zip(dropped, seen, strict=True)
    ]
    known = [answer == name for answer, name in answers if answer != "none of these"]
    assert len(known) >= 7  # of 15: where it is not sure it says so
    assert sum(known) >= len(known) - 1
    for path, (_, shown, shares) in zip(dropped, seen, strict=True):
        assert shown == str(path)
        assert sum(shares) == pytest.approx(1, abs=0.001)
    assert "text.jpg" in broken[0]
    (picture,) = tmp_path.glob("window*.png")
    with Image.open(picture) as image:
        assert image.size == (480, 640)
        colours = image.convert("RGB").getcolors(1 << 20)
    assert any(colour == (89, 199, 140) for _, colour in colours or ()), "no bar was drawn"
