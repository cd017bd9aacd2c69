"""What differs between a desktop and a phone, behind one interface.

`Platform` is the whole list: how photos and files are picked, how a file is given away, which
camera there is, where data lies. `desktop` provides it with widgets of our own and OpenCV;
`android` with the system's photo picker, its share sheet and Kivy's camera, and must

* call every ``done`` on Kivy's main thread (Android answers on a thread of its own: wrap it with
  ``kivy.clock.mainthread``), with nothing (an empty list, None, False) when the user went back;
* read picked files through the content resolver's file descriptors and hand over their bytes: no
  path, hence no storage permission;
* ask for the CAMERA permission in `ask_for_camera`, and nowhere else;
* keep data in the app's own files (``getFilesDir()``), which no other app can read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from headfit_demo.platforms.camera import Camera
from headfit_demo.session import PickedFile


class Platform(Protocol):
    """What the app asks of the system it runs on. All methods are called on the main thread."""

    name: str
    """"desktop" or "android"."""

    isolates_engine: bool
    """Whether the extractor runs in a process of its own (Android: no, Java lets the UI live)."""

    def data_folder(self) -> Path:
        """Return the folder for everything the app keeps; it need not exist."""

    picks_folders: bool
    """Whether `pick_folder` is there; the window of a phone gives files only."""

    def pick_photos(
        self, done: Callable[[list[PickedFile]], None], *, videos: bool = False
    ) -> None:
        """Let the user choose photos, several at once, and call ``done`` with them.

        And ``videos``, where they can be read.
        """

    def pick_head(self, done: Callable[[PickedFile | None], None]) -> None:
        """Let the user choose one head file, or the extractor, and call ``done`` with it."""

    def pick_round(self, done: Callable[[PickedFile | None], None]) -> None:
        """Let the user choose one file that calls a round, and call ``done`` with it."""

    def pick_folder(self, done: Callable[[Path | None], None]) -> None:
        """Let the user choose a folder, and call ``done`` with it."""

    def give_file(self, path: Path, done: Callable[[str | None], None]) -> None:
        """Save a file where the user says, or share it.

        Calls ``done`` with a few words on where it went, or None. ``path`` lies in the app's cache
        and may be overwritten by the next call.
        """

    def ask_for_camera(self, done: Callable[[bool], None]) -> None:
        """Ask for permission to use the camera, if the system wants that."""

    def ask_look(self, done: Callable[[str | None], None]) -> None:
        """Call ``done`` with the system's look, "light" or "dark", or None if it does not say."""

    def open_camera(self, index: int) -> Camera:
        """Return a camera, counted from 0, not yet started; there may be none."""


def this_platform(camera_folder: Path | None = None) -> Platform:
    """Return the platform that the app runs on; ``camera_folder`` may play a desktop's camera."""
    from kivy.utils import platform

    if platform == "android":
        from headfit_demo.platforms.android import AndroidPlatform

        return AndroidPlatform()
    from headfit_demo.platforms.desktop import DesktopPlatform
    from headfit_demo.platforms.file_dialog import FileDialog

    return DesktopPlatform(camera_folder, FileDialog.find())
