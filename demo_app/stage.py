"""Stage: the real app without a display and with a camera that is told what to show."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATIENCE_S = 300.0


class Film:
    """A camera that shows one picture, until it is given another."""

    is_front = False

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.picture = picture

    def start(self) -> None:
        """See `Camera.start`."""

    def stop(self) -> None:
        """See `Camera.stop`."""

    def read(self) -> NDArray[np.uint8]:
        """Return the picture; see `Camera.read`."""
        return self.picture


@dataclass(frozen=True, slots=True)
class Stage:
    """A running app, and the camera that it sees by."""

    app: Any
    film: Film

    @property
    def screens(self) -> Any:
        """The manager of the app's screens."""
        return self.app.shell.ids.screens

    def wait(self, until: Callable[[], object], seconds: float = 0.0) -> None:
        """Let the app run until something is so, and for some seconds more."""
        from kivy.base import EventLoop

        started = time.monotonic()
        while not until():
            if time.monotonic() - started > PATIENCE_S:
                raise TimeoutError(self.app.shell.ids.notice.text)
            EventLoop.idle()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            EventLoop.idle()


@contextmanager
def staged(width: int, height: int, picture: NDArray[np.uint8]) -> Iterator[Stage]:
    """Run the app in a window of this size, once in a process; the camera shows ``picture``."""
    from headfit_demo.window import configure, need_no_display

    need_no_display(Path(tempfile.mkdtemp()))
    configure(width, height)
    from kivy.base import runTouchApp
    from kivy.config import Config

    from headfit_demo.app import DemoApp

    Config.set("graphics", "multisamples", 0)
    film = Film(picture)
    with tempfile.TemporaryDirectory() as temporary:
        app = DemoApp(data_folder=Path(temporary) / "app")
        app.platform.open_camera = lambda index: film
        app._run_prepare()
        runTouchApp(embedded=True)
        yield Stage(app, film)
        app.on_stop()
