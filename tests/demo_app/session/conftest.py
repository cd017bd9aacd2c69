"""Sessions without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headfit_demo.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with an empty folder."""
    session = Session(tmp_path / "data", isolate=False)
    yield session
    session.close()


@pytest.fixture
def taught(session: Session, toys_folder: Path) -> Session:
    """The project of two things in a folder of its own, open."""
    shutil.copytree(toys_folder, session.data_folder)
    session.open_project(session.projects()[0].key)
    return session
