"""What the contracts share: the wheel of this checkout, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fresh import ROOT, find_python, python_in, run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel in a fresh environment, which `found` then installs it into."""
    folder = tmp_path_factory.mktemp("fresh")
    run(find_python(), "-m", "venv", "venv", cwd=folder)
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT)
    run(python_in(folder), *build, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built
