"""Cameras behind one interface: OpenCV's, and a folder of photos that plays one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headfit import ImageError
from headfit_demo.session import CameraError, PickedFile, Pixels, as_pixels, find_pictures

_SIDE = 640
_RETRY_S = 0.02


class Camera(Protocol):
    """Gives the newest frame without making anyone wait."""

    def start(self) -> None:
        """Begin to take frames.

        Raises
        ------
        CameraError
            If there is no camera.
        """

    def stop(self) -> None:
        """Let go of the camera; `start` may follow."""

    def read(self) -> Pixels | None:
        """Return the newest frame, or None if there is none yet.

        Raises
        ------
        CameraError
            If the camera was taken away.
        """


class OpenCVCamera:
    """The desktop's camera, read by a thread of its own.

    Parameters
    ----------
    index : int
        Which camera, counted from 0.
    """

    def __init__(self, index: int = 0) -> None:
        self._index = index
        self._frame: Pixels | None = None
        self._lost = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the camera; see `Camera.start`."""
        import cv2

        cv2.setLogLevel(0)  # that there is no camera is ours to say
        device = cv2.VideoCapture(self._index)
        if not device.isOpened():
            device.release()
            raise CameraError("no camera was found")
        self._frame, self._lost = None, False
        self._stopping.clear()
        self._thread = threading.Thread(target=self._watch, args=(device,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the camera; see `Camera.stop`."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
            self._thread = None

    def read(self) -> Pixels | None:
        """Return the newest frame; see `Camera.read`."""
        if self._lost:
            raise CameraError("the camera was unplugged")
        return self._frame

    def _watch(self, device: Any) -> None:
        failures = 0
        while not self._stopping.is_set():
            is_read, picture = device.read()
            failures = 0 if is_read else failures + 1
            if is_read:
                self._frame = np.ascontiguousarray(picture[..., ::-1])
            elif failures > 50:
                self._lost = True
                break
            else:
                time.sleep(_RETRY_S)
        device.release()


class FolderCamera:
    """Plays a camera with the photos of a folder, in the order of their names, over and over.

    Parameters
    ----------
    folder : path
        Where the photos lie, in folders below it too.
    seconds : float
        How long each photo stays.
    """

    def __init__(self, folder: str | Path, seconds: float = 1.0) -> None:
        self._folder = Path(folder)
        self._seconds = seconds
        self._paths: list[Path] = []
        self._started_at = 0.0
        self._shown: tuple[Path, Pixels] | None = None

    def start(self) -> None:
        """Look for photos; see `Camera.start`."""
        self._paths = find_pictures(self._folder)
        if not self._paths:
            raise CameraError("no camera was found")
        self._started_at = time.monotonic()

    def stop(self) -> None:
        """Stop the show; see `Camera.stop`."""
        self._paths = []

    def read(self) -> Pixels | None:
        """Return the photo whose turn it is; see `Camera.read`."""
        if not self._paths:
            return None
        turn = int((time.monotonic() - self._started_at) / self._seconds)
        path = self._paths[turn % len(self._paths)]
        if self._shown is None or self._shown[0] != path:
            try:
                self._shown = path, as_pixels(PickedFile(path.name, path), _SIDE)
            except (ImageError, OSError) as error:
                raise CameraError("the camera was unplugged") from error
        return self._shown[1]
