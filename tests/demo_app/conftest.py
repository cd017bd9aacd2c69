"""The real app in this process, without a display, driven by touches and keys.

Kivy has one window and one event loop per process, so one app serves all tests; each test gets an
empty data folder. Kivy reads its settings when it is first imported: they are made here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.hand import PATIENCE_S, Hand
from tests.support.photos import THINGS, frames

from headfit_demo.session import Session
from headfit_demo.window import configure, need_no_display

os.environ["LANGUAGE"] = "en"
need_no_display(Path(tempfile.mkdtemp(prefix="kivy")))
configure(1120, 760)


@pytest.fixture(scope="session")
def running_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The app, started once."""
    from kivy.base import EventLoop, runTouchApp
    from kivy.config import Config

    from headfit_demo.app import DemoApp

    Config.set("graphics", "multisamples", 0)
    app = DemoApp(data_folder=tmp_path_factory.mktemp("first"))
    app._run_prepare()
    runTouchApp(embedded=True)
    app.litter.stop()
    yield app
    app.on_stop()
    EventLoop.close()


@pytest.fixture
def hand(running_app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    """The app as at its first start, at home, with a folder of photos for its camera."""
    monkeypatch.setattr("headfit_demo.shell.NOTICE_S", PATIENCE_S)  # there until it was read
    from kivy.core.window import Window

    from headfit_demo.platforms.desktop import DesktopPlatform

    app, hand = running_app, Hand(running_app)
    app.litter.start()
    hand.settle()
    app.worker.do(app.session.close, lambda result, error: None)
    app.project = None
    app.platform = app.eye.platform = DesktopPlatform(tmp_path / "camera")
    app.use_folder(tmp_path / "data")
    app.shell.ids.notice.hide()
    app.go("home")
    app.refresh_screen()
    hand.settle()
    yield hand
    app.eye.switch_off()
    for window in list(Window.children):
        if window is not app.shell:
            window.dismiss(animation=False)
    hand.settle()
    app.litter.stop()  # tests of other rooms have Python's collector


@pytest.fixture(scope="session")
def toys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a project of two things, five photos each, and its head; to be copied."""
    folder = tmp_path_factory.mktemp("toys")
    session = Session(folder, isolate=False)
    session.create_project("Toys")
    for thing in THINGS[:2]:
        session.project.add_class(thing)
        session.project.add_photos(thing, frames(thing, 5))
    session.project.settle()
    session.close()
    return folder


@pytest.fixture
def toys(hand: Hand, toys_folder: Path, tmp_path: Path) -> Hand:
    """The app with that project open."""
    shutil.copytree(toys_folder, tmp_path / "data", dirs_exist_ok=True)
    hand.app.projects.open(next((tmp_path / "data" / "projects").iterdir()).name)
    hand.wait(lambda: hand.app.project is not None and hand.screen.name == "teach")
    hand.settle()
    return hand
