"""`pip install headfit` and nothing more, in an environment of its own, classifies photos.

Builds the wheel and installs it beside NumPy and Pillow, so it needs the package registry.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from tests.support.fresh import ROOT, WANTED, python_in, run

EXTRACTORS = ROOT / "sdk" / "headfit" / "extractors"

SCRIPT = """
import json, sys
from importlib.metadata import distributions
from headfit import Extractor, ImageClassifier

photos, golden = sys.argv[1:]
extractor = Extractor.open()
classifier = ImageClassifier.from_folder(photos)
classifier.save("mine.head")
loaded = ImageClassifier.load("mine.head")
print(json.dumps({
    "python": "{}.{}".format(*sys.version_info),
    "installed": sorted(one.metadata["Name"].lower() for one in distributions()),
    "engine": extractor.engine_name,
    "embeddings": extractor.embed([golden, photos + "/striped/0.jpg"]).tolist(),
    "predicted": {
        name: loaded.predict(f"{photos}/{name}/0.jpg")[0][0] for name in loaded.head.fitted_.classes
    },
}))
"""


def draw_photos(folder: Path) -> None:
    """Draw JPEGs of two classes: stripes and noise."""
    rng = np.random.default_rng(0)
    for number in range(3):
        noisy = rng.integers(0, 256, (90, 120, 3))
        striped = np.where(np.arange(120) // 12 % 2, 210, 40)[None, :, None] + noisy // 8
        for name, pixels in (("noisy", noisy), ("striped", striped)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.jpg")


@pytest.fixture(scope="module")
def found(wheel: Path) -> dict[str, Any]:
    """Install the wheel, use it, and return what was seen."""
    folder = wheel.parent
    python = python_in(folder)
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel, cwd=folder)
    draw_photos(folder / "photos")
    (golden,) = EXTRACTORS.glob("*.golden.png")
    # -I: neither PYTHONPATH nor this checkout can lend it anything.
    printed = run(python, "-I", "-c", SCRIPT, folder / "photos", golden, cwd=folder)
    result: dict[str, Any] = json.loads(printed)
    return result


def test_the_wheel_holds_the_extractor(wheel: Path) -> None:
    """Network, manifest and golden picture, byte by byte."""
    with ZipFile(wheel) as archive:
        for path in EXTRACTORS.iterdir():
            assert archive.read(f"headfit/extractors/{path.name}") == path.read_bytes()


def test_numpy_and_pillow_are_enough(found: dict[str, Any]) -> None:
    """Beside them and pip, nothing is installed; so the popcount engine runs."""
    assert set(found["installed"]) - {"pip", "setuptools"} == {"headfit", "numpy", "pillow"}
    assert found["engine"] == "popcount"


def test_photos_become_embeddings(found: dict[str, Any]) -> None:
    """The golden picture gives the manifest's embedding, a photo another one."""
    (manifest,) = EXTRACTORS.glob("*.json")
    expected = np.array(json.loads(manifest.read_text())["golden"]["embedding"])
    golden, photo = np.array(found["embeddings"])
    np.testing.assert_allclose(golden, expected, rtol=0, atol=1e-5 * np.ptp(expected))
    assert photo.shape == expected.shape
    assert np.isfinite(photo).all()
    assert np.ptp(photo - golden) > 0


def test_a_head_is_trained_saved_and_loaded(found: dict[str, Any]) -> None:
    assert found["predicted"] == {"noisy": "noisy", "striped": "striped"}


@pytest.mark.parametrize(
    ("program", "extra"),
    [("headfit", "headfit[cli]"), ("headfit-zoo", "headfit[zoo]"), ("headfit-app", "headfit[app]")],
)
def test_a_program_without_its_libraries_says_what_brings_them(
    found: dict[str, Any], wheel: Path, app_wheel: Path, program: str, extra: str
) -> None:
    """One line, of the programs as pip installs them."""
    python = python_in(wheel.parent)
    if program == "headfit-app":
        pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-compile")
        run(python, *pip, app_wheel, cwd=wheel.parent)
    ended = subprocess.run(
        [python.with_name(program)], cwd=wheel.parent, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert f"pip install '{extra}'" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_wanted_python_was_there(found: dict[str, Any]) -> None:
    """Where none is, the rest was tried on this Python only, and that is said."""
    if found["python"] not in WANTED:
        pytest.skip(f"tried on Python {found['python']}: neither {' nor '.join(WANTED)} is here")
