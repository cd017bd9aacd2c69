"""Cameras behind one interface: OpenCV's, and a folder of photos that plays one."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from headfit import ImageError
from headfit_demo.session import CameraError, PickedFile, Pixels, as_pixels, find_pictures

_SIDE = 640
_RETRY_S = 0.02
_PATIENCE_S: Final = 9.0
"""So long an open camera may give no picture; V4L makes its readers wait for 10 s."""


class Camera(Protocol):
    """Gives the newest frame without making anyone wait."""

    is_front: bool
    """Whether it looks at who holds it, who then wants to see a mirror."""

    def start(self) -> None:
        """Begin to take frames; opening a camera may take seconds, in which there is none.

        Raises
        ------
        CameraError
            If it is known at once that there is no camera.
        """

    def stop(self) -> None:
        """Let go of the camera; `start` may follow."""

    def read(self) -> Pixels | None:
        """Return the newest frame, or None if there is none yet.

        Raises
        ------
        CameraError
            If there is no camera, it was taken away, or it gives no pictures.
        """


class OpenCVCamera:
    """The desktop's camera, opened and read by a thread of its own: nobody waits for it.

    Parameters
    ----------
    index : int
        Which camera, counted from 0.
    """

    is_front = True  # a desktop's camera looks at who sits before it

    _at_the_device = threading.Lock()
    """One thread at a time: the next one opens a camera after the last one has let it go."""

    def __init__(self, index: int = 0) -> None:
        self._index = index
        self._frame: Pixels | None = None
        self._fault = ""
        self._seen_at = math.inf  # when it last gave a picture, or was opened
        self._stopping = threading.Event()

    def start(self) -> None:
        """Let a thread open the camera; see `Camera.start`."""
        self._frame, self._fault, self._seen_at = None, "", math.inf
        self._stopping = threading.Event()
        threading.Thread(target=self._watch, args=(self._stopping,), daemon=True).start()

    def stop(self) -> None:
        """Let the thread close the camera; see `Camera.stop`."""
        self._stopping.set()

    def read(self) -> Pixels | None:
        """Return the newest frame; see `Camera.read`."""
        if not self._fault and time.monotonic() - self._seen_at > _PATIENCE_S:
            self._fault = "the camera gives no picture"
        if self._fault:
            raise CameraError(self._fault)
        return self._frame

    def _watch(self, stopping: threading.Event) -> None:
        import cv2

        with self._at_the_device:
            if stopping.is_set():
                return
            cv2.setLogLevel(0)  # that there is no camera is ours to say
            device = cv2.VideoCapture(self._index)
            try:
                if device.isOpened():
                    self._take_frames(device, stopping)
                else:
                    self._fault = "no camera was found"
            finally:
                device.release()

    def _take_frames(self, device: Any, stopping: threading.Event) -> None:
        failures = 0
        self._seen_at = time.monotonic()
        while not stopping.is_set():
            is_read, picture = device.read()
            failures = 0 if is_read else failures + 1
            if is_read:
                self._frame = np.ascontiguousarray(picture[..., ::-1])
                self._seen_at = time.monotonic()
            elif failures > 50:
                is_new = self._frame is None  # another program may have it
                self._fault = "the camera " + ("gives no picture" if is_new else "was unplugged")
                return
            else:
                time.sleep(_RETRY_S)


class FolderCamera:
    """Plays a camera with the photos of a folder, in the order of their names, over and over.

    Parameters
    ----------
    folder : path
        Where the photos lie, in folders below it too.
    seconds : float
        How long each photo stays.
    """

    is_front = False

    def __init__(self, folder: str | Path, seconds: float = 1.0) -> None:
        self._folder = Path(folder)
        self._seconds = seconds
        self._paths: list[Path] = []
        self._started_at = 0.0
        self._shown: tuple[Path, Pixels] | None = None

    def start(self) -> None:
        """Look for photos; see `Camera.start`."""
        try:
            self._paths = find_pictures(self._folder)
        except OSError as error:
            raise CameraError("no camera was found") from error
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
