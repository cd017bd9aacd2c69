"""`make bundle`: a folder that starts the app where there is no Python. Minutes: `make slow`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import embedded
from tests.support.x11 import picture_of, screen

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "dist" / "headfit-app"
PATIENCE_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="Xvfb is Linux's"),
]


@pytest.fixture(scope="module")
def bundle() -> Path:
    """The folder, made anew."""
    shutil.rmtree(BUNDLE, ignore_errors=True)
    subprocess.run(["make", "bundle"], cwd=ROOT, check=True)
    return BUNDLE


def children_of(process: int) -> list[str]:
    """Return the numbers of the processes that any thread of this one started."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [child for thread in threads for child in thread.read_text().split()]


def test_it_holds_the_extractor_and_its_interpreter(bundle: Path) -> None:
    """The desktop app brings the network, as the wheel does, and Larq Compute Engine's one file."""
    names = {path.name for path in bundle.rglob("*") if path.is_file()}
    assert embedded.MODEL.name in names
    assert any(name.startswith("interpreter_wrapper_lite") for name in names)
    assert not any("tensorflow" in str(path).lower() for path in bundle.rglob("*"))


def test_it_starts_without_python(
    bundle: Path, tmp_path: Path, require: Callable[[bool, str], None]
) -> None:
    """Its window is drawn, with the engine in a process of its own; its picture is kept."""
    require(shutil.which("Xvfb") is not None, "Xvfb: on Debian, apt-get install xvfb")
    log = tmp_path / "log"
    with screen() as display, log.open("w") as output:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "DISPLAY": display,
            "KIVY_HOME": str(tmp_path / "kivy"),
            "KIVY_CLIPBOARD": "dummy",
        }
        command = [bundle / "headfit-app", "--data", tmp_path / "data"]
        app = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline, colours, engines = time.monotonic() + PATIENCE_S, 0, 0
            while colours < 500 or engines < 1:
                assert app.poll() is None, log.read_text()
                assert time.monotonic() < deadline, (colours, engines, log.read_text())
                time.sleep(1)
                picture = picture_of(display)
                colours = len(picture.getcolors(1 << 20) or ())
                engines = len(children_of(app.pid))
            time.sleep(5)
            picture_of(display).save(ROOT / "build" / "bundle.png")
            assert app.poll() is None
        finally:
            app.terminate()
            app.wait(timeout=30)
    assert "Traceback" not in log.read_text()
