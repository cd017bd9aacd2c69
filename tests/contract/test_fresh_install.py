"""`pip install headfit` and nothing more, in an environment of its own, classifies photos.

Builds the wheel and installs it beside NumPy and Pillow, so it needs the package registry.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
EXTRACTORS = ROOT / "sdk" / "headfit" / "extractors"
WANTED = ("3.13", "3.12")

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
        name: loaded.predict(f"{photos}/{name}/0.jpg")[0][0] for name in loaded.head.classes_
    },
}))
"""


def find_python() -> str:
    """Return the newest Python of `WANTED` that can make environments, or else this one."""
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


def draw_photos(folder: Path) -> None:
    """Draw JPEGs of two classes: stripes and noise."""
    rng = np.random.default_rng(0)
    for number in range(3):
        noisy = rng.integers(0, 256, (90, 120, 3))
        striped = np.where(np.arange(120) // 12 % 2, 210, 40)[None, :, None] + noisy // 8
        for name, pixels in (("noisy", noisy), ("striped", striped)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.jpg")


def python_in(folder: Path) -> Path:
    """Return the Python of the environment in a folder."""
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel in a fresh environment, which `found` then installs it into."""
    folder = tmp_path_factory.mktemp("fresh")
    run(find_python(), "-m", "venv", "venv", cwd=folder)
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT)
    run(python_in(folder), *build, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


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


def test_the_newest_python_was_there(found: dict[str, Any]) -> None:
    """Where it is not, the rest was tried on this Python only, and that is said."""
    if found["python"] not in WANTED:
        pytest.skip(f"tried on Python {found['python']}: neither {' nor '.join(WANTED)} is here")
