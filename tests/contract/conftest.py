"""What the contracts share: the distributions of this checkout, built once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support.fresh import ROOT, find_python, run


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build headfit and headfit-app as for a release, each wheel from its sdist."""
    folder = tmp_path_factory.mktemp("packages")
    for source in (ROOT, ROOT / "demo_app"):
        run(sys.executable, "-m", "build", "--outdir", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(packages: Path) -> Path:
    """The wheel of headfit, beside a fresh environment `venv` to install it into."""
    (built,) = packages.glob("headfit-*.whl")
    run(find_python(), "-m", "venv", "venv", cwd=packages)
    return built


@pytest.fixture(scope="session")
def app_wheel(packages: Path) -> Path:
    """The wheel of headfit-app."""
    (built,) = packages.glob("headfit_app-*.whl")
    return built
