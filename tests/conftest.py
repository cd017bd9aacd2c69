"""What every test shares: the settings of Hypothesis, and data that cannot be committed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.small_disk import SmallDisk

# Deadlines measure the machine, not the code. In CI the same examples run every time.
settings.register_profile(
    "headfit",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    max_examples=int(os.environ.get("HEADFIT_EXAMPLES", "100")),
)
settings.load_profile("headfit")

_SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Give the path of a data set by file name, or skip the test and say why.

    The data sets are other people's photographs and cannot be committed. They lie where
    ``HEADFIT_DATA`` points, by default in ``../shared/data`` from the project's root.
    """
    folder = Path(os.environ.get("HEADFIT_DATA") or _SHARED_DATA)

    def find(name: str) -> Path:
        path = folder / name
        if not path.is_file():
            pytest.skip(f"{name} is not in {folder}; set HEADFIT_DATA to the folder that holds it")
        return path

    return find


@pytest.fixture(scope="session")
def require() -> Callable[[bool, str], None]:
    """Skip the test where a tool is missing, saying how to get it; in CI that is an error."""

    def check(is_there: bool, what: str) -> None:
        if is_there:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"missing in CI: {what}")
        pytest.skip(f"not tested, missing: {what}")

    return check


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A folder that is a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
