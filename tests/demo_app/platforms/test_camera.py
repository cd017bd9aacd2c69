"""The desktop's camera: nobody waits for it, and it is let go of before it is opened again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headfit_demo.platforms.camera import OpenCVCamera
from headfit_demo.session import CameraError

PATIENCE_S = 60.0


class Device:
    """What OpenCV opens: a camera that takes as long as it is told to."""

    may_open = threading.Event()
    is_there = True
    gives: bool | None = True
    """Whether there is a picture; None: it is waited for."""

    log: list[str]

    def __init__(self, index: int) -> None:
        Device.log.append(f"open {index}")
        self._index = index
        Device.may_open.wait(PATIENCE_S)

    def isOpened(self) -> bool:  # noqa: N802
        """Return whether there is such a camera."""
        return Device.is_there

    def read(self) -> tuple[bool, Any]:
        """Return a picture, blue first."""
        while Device.gives is None:
            time.sleep(0.001)
        time.sleep(0.001)
        if not Device.gives:
            return False, None
        return True, np.full((4, 6, 3), (self._index, 0, 9), np.uint8)

    def release(self) -> None:
        """Let go."""
        Device.log.append(f"release {self._index}")


@pytest.fixture(autouse=True)
def opencv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenCV with such cameras."""
    Device.log, Device.is_there, Device.gives = [], True, True
    Device.may_open.clear()
    fake = SimpleNamespace(VideoCapture=Device, setLogLevel=lambda level: None)
    monkeypatch.setitem(sys.modules, "cv2", fake)  # type: ignore[arg-type]
    yield
    Device.gives = False
    Device.may_open.set()
    with OpenCVCamera._at_the_device:  # no thread is left in it
        pass


def wait(until: Callable[[], Any]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_nobody_waits_for_a_camera_that_opens_slowly() -> None:
    """Neither who starts it, nor who reads it, nor who changes their mind."""
    camera = OpenCVCamera(1)
    camera.start()
    wait(lambda: Device.log == ["open 1"])
    assert camera.read() is None
    camera.stop()
    Device.may_open.set()
    wait(lambda: Device.log == ["open 1", "release 1"])
    assert camera.read() is None


def test_the_next_camera_is_opened_after_the_last_was_let_go() -> None:
    first, second = OpenCVCamera(0), OpenCVCamera(2)
    first.start()
    wait(lambda: Device.log)
    first.stop()
    second.start()
    Device.may_open.set()
    wait(lambda: second.read() is not None)
    assert Device.log == ["open 0", "release 0", "open 2"]
    frame = second.read()
    assert frame is not None
    assert frame[0, 0].tolist() == [9, 0, 2]  # red first
    second.stop()
    wait(lambda: Device.log[-1] == "release 2")


def test_where_no_camera_is_the_reader_hears_so() -> None:
    Device.is_there = False
    Device.may_open.set()
    camera = OpenCVCamera()
    camera.start()
    wait(lambda: "release 0" in Device.log)
    with pytest.raises(CameraError):
        camera.read()


def test_a_camera_that_gives_no_picture_is_told_from_one_that_was_unplugged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another program may have it, which opens as well."""
    monkeypatch.setattr("headfit_demo.platforms.camera._RETRY_S", 0.001)
    Device.may_open.set()
    Device.gives = False
    camera = OpenCVCamera()
    camera.start()
    wait(lambda: "release 0" in Device.log)
    with pytest.raises(CameraError, match="gives no picture"):
        camera.read()
    Device.gives = True
    camera.start()
    wait(lambda: camera.read() is not None)
    Device.gives = False
    wait(lambda: Device.log.count("release 0") == 2)
    with pytest.raises(CameraError, match="unplugged"):
        camera.read()


def test_nobody_waits_for_a_picture_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether none comes at all, or no more; the time to open it does not count."""
    monkeypatch.setattr("headfit_demo.platforms.camera._PATIENCE_S", 0.2)
    camera = OpenCVCamera()
    camera.start()
    time.sleep(0.4)
    assert camera.read() is None  # it is still being opened
    Device.may_open.set()
    wait(lambda: camera.read() is not None)
    Device.gives = None

    def is_given_up() -> bool:
        try:
            camera.read()
        except CameraError as error:
            return "gives no picture" in str(error)
        return False

    wait(is_given_up)
    camera.stop()
