"""The real app in this process, without a display, driven by touches and keys.

Kivy has one window and one event loop per process, so one app serves all tests; each test gets an
empty data folder. Kivy reads its settings when it is first imported: they are made here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.photos import THINGS, frames

from headfit_demo.session import Session
from headfit_demo.window import configure, need_no_display

os.environ["LANGUAGE"] = "en"
need_no_display(Path(tempfile.mkdtemp(prefix="kivy")))
configure(1120, 760)

PATIENCE_S = 120.0  # of a busy machine; nothing waits longer than it must


def run_one_frame() -> None:
    """Do what Kivy's event loop does for a frame, but for drawing, which takes most of the time."""
    from kivy.base import EventLoop
    from kivy.clock import Clock
    from kivy.lang import Builder

    Clock.tick()
    EventLoop.dispatch_input()
    Builder.sync()
    Clock.tick_draw()
    Builder.sync()


class Hand:
    """A user's eyes and fingers on the app."""

    def __init__(self, app: Any) -> None:
        self.app = app

    @property
    def screen(self) -> Any:
        """The screen that is shown."""
        return self.app.shell.ids.screens.current_screen

    @property
    def notice(self) -> str:
        """What the app says just now."""
        notice = self.app.shell.ids.notice
        return "" if notice.disabled else str(notice.text)

    def wait(self, until: Callable[[], Any], frames: int = 3) -> None:
        """Let the app run until something is so, and some frames longer."""
        started = time.monotonic()
        while not until():
            assert time.monotonic() - started < PATIENCE_S, f"waited in vain; notice: {self.notice}"
            run_one_frame()
        for _ in range(frames):
            run_one_frame()

    def settle(self) -> None:
        """Let the worker finish what it has, and the screen show it."""
        for _ in range(2):
            done: list[int] = []
            self.app.worker.do(lambda: 1, lambda result, error, done=done: done.append(1))
            self.wait(lambda done=done: done)

    def tap(self, widget: Any, hold_s: float = 0.0) -> None:
        """Touch the middle of a widget as a finger does, after scrolling it into sight."""
        from kivy.tests.common import UnitTestTouch
        from kivy.uix.scrollview import ScrollView

        self.wait(lambda: True)  # a page that was just entered is laid out first
        parent = widget.parent
        while parent is not None and parent is not parent.parent:
            if isinstance(parent, ScrollView):
                if parent.viewport_size[1] > parent.height:
                    parent.scroll_to(widget, animate=False)
                    self.wait(lambda: True)
                break
            parent = parent.parent
        touch = UnitTestTouch(*widget.to_window(*widget.center))
        touch.touch_down()
        ends = time.monotonic() + max(hold_s, 0.07)  # a scroll view waits whether it is a swipe
        self.wait(lambda: time.monotonic() > ends)
        touch.touch_up()
        self.wait(lambda: True)

    def hold(self, widget: Any) -> Any:
        """Put a finger on a widget and leave it there; return the touch, whose end is yours."""
        from kivy.tests.common import UnitTestTouch

        touch = UnitTestTouch(*widget.to_window(*widget.center))
        touch.touch_down()
        return touch

    def press(self, text: str) -> None:
        """Touch the button that has these words."""
        self.tap(self.find(text))

    def find(self, text: str) -> Any:
        """Return what can be pressed and has these words, of dialogs the topmost first."""
        from kivy.core.window import Window

        from headfit_demo.widgets import Touchable

        for root in Window.children:
            for widget in root.walk(restrict=True):
                is_shown = isinstance(widget, Touchable) and not widget.disabled
                says = getattr(widget, "text", None)  # a thumbnail says nothing
                if is_shown and says == text and widget.get_root_window():
                    return widget
        raise AssertionError(f"nothing to press says {text!r}")

    def type(self, text: str) -> None:
        """Type into the field that has the focus, as soon as one has."""
        from kivy.core.window import Window

        from headfit_demo.widgets import Field

        def has_focus() -> bool:
            widgets = (widget for root in Window.children for widget in root.walk(restrict=True))
            return any(isinstance(widget, Field) and widget.focus for widget in widgets)

        self.wait(has_focus)
        for character in text:
            Window.dispatch("on_textinput", character)
        self.wait(lambda: True)

    def key(self, code: int, modifiers: tuple[str, ...] = ()) -> None:
        """Press a key, by its code in pygame."""
        from kivy.core.window import Window

        if not Window.dispatch("on_key_down", code, 0, None, list(modifiers)):
            Window.dispatch("on_keyboard", code, 0, None, list(modifiers))
        Window.dispatch("on_key_up", code, 0)
        self.wait(lambda: True)

    def begin(self, name: str = "Toys") -> None:
        """Begin a project through the first page."""
        self.press("Teach something new")
        self.type(name)
        self.press("Begin")
        self.wait(lambda: self.app.project is not None and self.screen.name == "teach")
        self.wait(lambda: self.n_windows == 0)

    @property
    def n_windows(self) -> int:
        """How many dialogs are over the app; a closing one still takes touches."""
        from kivy.core.window import Window

        return len(Window.children) - 1

    def answer(self, text: str) -> None:
        """Press a button of a dialog, and wait until the dialog is gone."""
        self.wait(lambda: self.n_windows)
        self.press(text)
        self.wait(lambda: self.n_windows == 0)
        self.settle()

    def rows(self) -> list[str]:
        """Return what the file window lists, from above."""
        from kivy.core.window import Window

        return [row["name"] for row in Window.children[0].ids.rows.data]

    def press_row(self, name: str) -> None:
        """Touch a folder or a file in the file window."""
        from kivy.core.window import Window

        listed = Window.children[0].ids.rows.children[0]
        self.wait(lambda: name in [row.name for row in listed.children])
        self.tap(next(row for row in listed.children if row.name == name))

    def teach(self, name: str, photos: list[Any]) -> None:
        """Name a thing by the fields of the page, and give photos of it."""
        n_before = self.app.project.n_photos
        self.screen.ids.new_name.focus = True
        self.type(name)
        self.press("Add")
        self.wait(lambda: name in [one.name for one in self.app.project.classes])
        self.app.add_photos(name, photos)
        self.wait(lambda: self.app.project.n_photos == n_before + len(photos))


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
    hand.settle()
    app.worker.do(app.session.close, lambda result, error: None)
    app.project, app.photos = None, {}
    app.platform = app.eye._platform = DesktopPlatform(tmp_path / "camera")
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


@pytest.fixture(scope="session")
def toys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a project of two things, five photos each, and its head; to be copied."""
    folder = tmp_path_factory.mktemp("toys")
    session = Session(folder, isolate=False)
    session.create_project("Toys")
    for thing in THINGS[:2]:
        session.add_class(thing)
        session.add_photos(thing, frames(thing, 5))
    session.train()
    session.close()
    return folder


@pytest.fixture
def toys(hand: Hand, toys_folder: Path, tmp_path: Path) -> Hand:
    """The app with that project open."""
    shutil.copytree(toys_folder, tmp_path / "data", dirs_exist_ok=True)
    hand.app.open_project(next((tmp_path / "data" / "projects").iterdir()).name)
    hand.wait(lambda: hand.app.project is not None and hand.screen.name == "teach")
    hand.settle()
    return hand


class SmallDisk:
    """A disk of 3 MB that really runs full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._ballast.open("wb", 0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink()


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
