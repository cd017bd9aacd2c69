"""The camera as the screens see it: a texture that stays up to date, and the newest frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty

from headfit_demo.platforms import Camera, Platform
from headfit_demo.session import MOST_CAMERAS, CameraError, NoOtherCameraError, Pixels
from headfit_demo.widgets import frame_texture

FRAMES_PER_SECOND = 20


class Eye(EventDispatcher):
    """Shows the camera while it is on.

    Parameters
    ----------
    platform : Platform
        Whose camera it is.
    complain : callable
        Called with a `CameraError` when there is no camera or it is gone.
    remember : callable
        Called with the index of a camera that was chosen and gives pictures.
    """

    is_on = BooleanProperty(False)
    texture = ObjectProperty(None, allownone=True)
    index = NumericProperty(0)
    """Which camera, counted from 0."""

    def __init__(
        self,
        platform: Platform,
        complain: Callable[[Exception], None],
        remember: Callable[[int], None],
    ) -> None:
        super().__init__()
        self.frame: Pixels | None = None
        self.platform = platform
        self._complain, self._remember = complain, remember
        self._camera: Camera | None = None
        self._ticking: Any = None
        self._asked_at = 0  # which camera was on, or is wished, when one was asked for
        self._others: list[int] = []  # what is tried if the camera gives no picture
        self._is_another = False  # whether another one than that is asked for
        self._fault: CameraError | None = None  # of the one that was tried first

    def switch_on(self, *_: Any) -> None:
        """Ask for permission where that is needed, and start; one that is not there gives way."""
        if not self.is_on:
            self._asked_at = self.index
            self._others = [index for index in range(MOST_CAMERAS) if index != self.index]
            self.platform.ask_for_camera(self._begin)

    def switch_off(self, *_: Any) -> None:
        """Let go of the camera."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._camera is not None:
            self._camera.stop()
        self._camera = self.frame = self.texture = None
        self._others, self._is_another, self._fault = [], False, None
        self.is_on = False

    def switch_over(self, *_: Any) -> None:
        """Take the next camera that there is; after the last comes the first."""
        self.switch_off()
        self._asked_at, self._is_another = self.index, True
        self._others = [(self.index + step) % MOST_CAMERAS for step in range(1, MOST_CAMERAS + 1)]
        self._try_next()

    def _begin(self, is_allowed: bool) -> None:
        if is_allowed:
            self._start()
        else:
            self._complain(CameraError("the camera may not be used"))

    def _try_next(self) -> None:
        """Start the next of the others; the last may be that from which another was asked for."""
        self.index = self._others.pop(0)
        if self.index == self._asked_at:
            self._is_another = False
            self._complain(NoOtherCameraError("no other camera was found"))
        self._start()

    def _start(self) -> None:
        camera = self.platform.open_camera(self.index)
        try:
            camera.start()
        except CameraError as error:
            self._fail(error)
            return
        self._camera, self.is_on = camera, True
        self._ticking = Clock.schedule_interval(self._look, 1 / FRAMES_PER_SECOND)

    def _fail(self, error: CameraError) -> None:
        """Try another camera while none has given a picture, or say what is wrong."""
        others, is_another, fault = self._others, self._is_another, self._fault or error
        self.switch_off()
        if others:
            self._others, self._is_another, self._fault = others, is_another, fault
            self._try_next()
        else:
            self.index = self._asked_at
            self._complain(fault)

    def _look(self, _: float) -> None:
        assert self._camera is not None
        try:
            frame = self._camera.read()
        except CameraError as error:
            self._fail(error)
            return
        if frame is None or frame is self.frame:
            return
        if self.frame is None:
            if self._is_another:
                self._remember(self.index)
            self._asked_at, self._others, self._is_another = self.index, [], False
            self._fault = None
        self.frame = frame
        shown = frame[:, ::-1] if self._camera.is_front else frame  # as in a mirror
        if self.texture is not None and self.texture.size == (frame.shape[1], frame.shape[0]):
            self.texture.blit_buffer(shown.tobytes(), colorfmt="rgb")
            self.property("texture").dispatch(self)
        else:
            self.texture = frame_texture(shown)
