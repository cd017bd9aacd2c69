"""The desktop: file windows of our own, a camera through OpenCV, a data folder of the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path

from headfit.photos import PHOTO_ENDINGS
from headfit_demo.platforms.camera import Camera, FolderCamera, OpenCVCamera
from headfit_demo.session import NETWORK_ENDING, PickedFile
from headfit_demo.widgets import FileWindow, ask_place


class DesktopPlatform:
    """Linux, macOS and Windows; see `headfit_demo.platforms.Platform`.

    Parameters
    ----------
    camera_folder : path, optional
        Photos that play the camera.
    """

    name = "desktop"
    isolates_engine = True

    def __init__(self, camera_folder: Path | None = None) -> None:
        self._camera_folder = camera_folder

    def data_folder(self) -> Path:
        """Return the user's folder for application data."""
        return user_data_path("headfit-app", appauthor=False)

    def pick_photos(self, done: Callable[[list[PickedFile]], None]) -> None:
        """Open a window with folders and photos."""
        FileWindow(
            PHOTO_ENDINGS,
            several=True,
            done=lambda paths: done([PickedFile(path.name, path) for path in paths]),
        ).open()

    def pick_head(self, done: Callable[[PickedFile | None], None]) -> None:
        """Open a window with folders, head files and networks."""
        FileWindow(
            frozenset({".head", NETWORK_ENDING}),
            several=False,
            done=lambda paths: done(PickedFile(paths[0].name, paths[0]) if paths else None),
        ).open()

    def give_file(self, path: Path, done: Callable[[str | None], None]) -> None:
        """Open a window that asks for a folder and a name, and copy the file there."""
        ask_place(path, done)

    def ask_for_camera(self, done: Callable[[bool], None]) -> None:
        """Say yes: a desktop asks nobody."""
        done(True)

    def open_camera(self, index: int) -> Camera:
        """Return one of OpenCV's cameras, or the folder that plays the first."""
        if self._camera_folder is None:
            return OpenCVCamera(index)
        return FolderCamera(self._camera_folder)
