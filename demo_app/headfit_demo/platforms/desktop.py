"""The desktop: its windows for files or our own, OpenCV's cameras, a data folder of the user."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from kivy.clock import mainthread
from platformdirs import user_data_path

from headfit.files import write_atomically
from headfit.photos import PHOTO_ENDINGS
from headfit_demo.language import tr
from headfit_demo.platforms.camera import Camera, FolderCamera, OpenCVCamera
from headfit_demo.platforms.file_dialog import FileDialog
from headfit_demo.platforms.system_look import system_look
from headfit_demo.session import NETWORK_ENDING, VIDEO_ENDINGS, PickedFile, picked, readable
from headfit_demo.widgets import FileWindow, ask_place, wait_for_window, with_ending


class DesktopPlatform:
    """Linux, macOS and Windows; see `headfit_demo.platforms.Platform`.

    Parameters
    ----------
    camera_folder : path, optional
        Photos that play the camera.
    dialog : FileDialog, optional
        The desktop's own windows for files; without them the app's own are opened.
    """

    name = "desktop"
    isolates_engine = True
    picks_folders = True

    def __init__(self, camera_folder: Path | None = None, dialog: FileDialog | None = None) -> None:
        self._camera_folder = camera_folder
        self._dialog = dialog

    def data_folder(self) -> Path:
        """Return the user's folder for application data."""
        return user_data_path("headfit-app", appauthor=False)

    def pick_photos(
        self, done: Callable[[list[PickedFile]], None], *, videos: bool = False
    ) -> None:
        """Open a window with folders and photos."""
        endings = PHOTO_ENDINGS | VIDEO_ENDINGS if videos else PHOTO_ENDINGS
        self._pick(tr.say("Photos"), endings, True, lambda paths: done([*map(picked, paths)]))

    def pick_head(self, done: Callable[[PickedFile | None], None]) -> None:
        """Open a window with folders, head files and networks."""
        self._pick_one(tr.say("Import a skill"), frozenset({".head", NETWORK_ENDING}), done)

    def pick_round(self, done: Callable[[PickedFile | None], None]) -> None:
        """Open a window with folders and rounds."""
        self._pick_one(tr.say("Choose a round"), frozenset({".round"}), done)

    def pick_folder(self, done: Callable[[Path | None], None]) -> None:
        """Open a window in which a folder is chosen."""

        def ask_here() -> None:
            FileWindow(PHOTO_ENDINGS, of_folders=True, done=first).open()

        def first(paths: list[Path]) -> None:
            done(paths[0] if paths else None)

        if self._dialog is None:
            ask_here()
        else:
            self._ask(self._dialog.folder(tr.say("A folder of photos")), first, ask_here)

    def give_file(self, path: Path, done: Callable[[str | None], None]) -> None:
        """Open a window that asks for a folder and a name, and copy the file there.

        Under a name with the file's ending, by which it is found again.
        """

        def save(paths: list[Path]) -> None:
            if not paths:
                done(None)
                return
            place = with_ending(paths[0], path.suffix)
            if place != paths[0] and os.path.lexists(place):  # of it nobody was asked there
                ask_place(path, done, place=place).accept()
                return
            try:
                write_atomically(place, path.read_bytes())
            except OSError as error:
                ask_place(path, done, complaint=error)
            else:
                done(readable(place))

        if self._dialog is None:
            ask_place(path, done)
        else:
            command = self._dialog.place(tr.say("Save the file"), path.name)
            self._ask(command, save, lambda: ask_place(path, done))

    def _pick_one(
        self, title: str, endings: frozenset[str], done: Callable[[PickedFile | None], None]
    ) -> None:
        self._pick(title, endings, False, lambda paths: done(picked(paths[0]) if paths else None))

    def _pick(
        self,
        title: str,
        endings: frozenset[str],
        several: bool,
        done: Callable[[list[Path]], None],
    ) -> None:
        def ask_here() -> None:
            FileWindow(endings, several=several, done=done).open()

        if self._dialog is None:
            ask_here()
        else:
            command = self._dialog.files(title, endings, several=several)
            self._ask(command, done, ask_here)

    def _ask(
        self,
        command: list[str],
        done: Callable[[list[Path]], None],
        ask_here: Callable[[], object],
    ) -> None:
        """Open the desktop's window; what is asked is about what is shown, so nothing else goes on.

        Where it does not open, ``ask_here`` opens one of the app's own.
        """
        assert self._dialog is not None

        def end(paths: list[Path] | None) -> None:
            waiting.dismiss(animation=False)
            if paths is None:
                ask_here()
            else:
                done(paths)

        close = self._dialog.ask(command, end)
        waiting = wait_for_window(close)

    def ask_for_camera(self, done: Callable[[bool], None]) -> None:
        """Say yes: a desktop asks nobody."""
        done(True)

    def ask_look(self, done: Callable[[str | None], None]) -> None:
        """Ask the desktop on a thread of its own: it may take its time."""
        told = mainthread(done)
        threading.Thread(target=lambda: told(system_look()), daemon=True).start()

    def open_camera(self, index: int) -> Camera:
        """Return one of OpenCV's cameras, or the folder that plays the first."""
        if self._camera_folder is None:
            return OpenCVCamera(index)
        return FolderCamera(self._camera_folder)
