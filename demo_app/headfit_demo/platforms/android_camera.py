"""Android's cameras, through Kivy's provider; frames decoded with Pillow."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from headfit_demo.session import CameraError, Pixels

_SIZE: Final = (640, 480)
_FACING_FRONT: Final = 1


class AndroidCamera:
    """Gives the newest frame upright; see `headfit_demo.platforms.Camera`.

    Kivy draws the camera into a texture. Its frames also lie in memory, as the sensor gives them
    and in NV21, which is what is read here: that needs neither OpenCV nor the graphics thread.

    Parameters
    ----------
    activity : PythonActivity
        Knows how the phone is held.
    index : int
        Which of its cameras, counted from 0.
    """

    def __init__(self, activity: Any, index: int) -> None:
        self._activity = activity
        self._index = index
        self.is_front = False
        self._camera: Any = None
        self._mounted = 0

    def start(self) -> None:
        """Open the camera; see `Camera.start`. Must run on the main thread."""
        jnius = import_module("jnius")
        cameras = jnius.autoclass("android.hardware.Camera")
        information = jnius.autoclass("android.hardware.Camera$CameraInfo")()
        try:
            if self._index >= cameras.getNumberOfCameras():
                raise CameraError("no camera was found")
            cameras.getCameraInfo(self._index, information)
            self._mounted = int(information.orientation)
            self.is_front = int(information.facing) == _FACING_FRONT
            provider = import_module("kivy.core.camera.camera_android").CameraAndroid
            self._camera = provider(index=self._index, resolution=_SIZE, stopped=True)
            self._camera.start()
        except jnius.JavaException as error:
            self._camera = None
            raise CameraError("no camera was found") from error

    def stop(self) -> None:
        """Let go of the camera; see `Camera.stop`."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera._release_camera()  # its stop() keeps the camera from all other apps

    def read(self) -> Pixels | None:
        """Return the newest frame; see `Camera.read`."""
        content = None if self._camera is None else self._camera.grab_frame()
        if content is None:
            return None
        width, height = _SIZE
        frame = from_nv21(np.frombuffer(content, np.uint8).reshape(height * 3 // 2, width))
        held = 90 * int(self._activity.getWindowManager().getDefaultDisplay().getRotation())
        if self.is_front:  # it sees the phone turn the other way round
            held = -held
        return np.ascontiguousarray(np.rot90(frame, -((self._mounted - held) % 360 // 90)))


def from_nv21(frame: npt.NDArray[np.uint8]) -> Pixels:
    """Return the colours of a frame in NV21, Android's format for previews.

    Brightness Y comes for every pixel, then V (red) and U (blue) interleaved, for every square of
    four. They are taken as JFIF's YCbCr over the whole range of a byte, as Android's own
    ``YuvImage.compressToJpeg`` takes them.

    Parameters
    ----------
    frame : ndarray of shape (3 / 2 height, width), dtype uint8
        Height and width are even.

    Returns
    -------
    ndarray of shape (height, width, 3), dtype uint8
        Red first.
    """
    rows, width = frame.shape
    height = rows * 2 // 3
    chroma = frame[height:].reshape(height // 2, width // 2, 2)
    red, blue = (
        Image.fromarray(np.ascontiguousarray(plane)).resize(
            (width, height), Image.Resampling.NEAREST
        )
        for plane in (chroma[..., 0], chroma[..., 1])
    )
    bands = (Image.fromarray(frame[:height]), blue, red)
    return np.asarray(Image.merge("YCbCr", bands).convert("RGB"))
