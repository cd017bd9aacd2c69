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
        self._sought_from: int | None = None  # while another camera is looked for

    def switch_on(self, *_: Any) -> None:
        """Ask for permission where that is needed, and start."""
        if not self.is_on:
            self.platform.ask_for_camera(self._start)

    def switch_off(self, *_: Any) -> None:
        """Let go of the camera."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._camera is not None:
            self._camera.stop()
        self._camera = self.frame = self.texture = self._sought_from = None
        self.is_on = False

    def switch_over(self, *_: Any) -> None:
        """Take the next camera that there is; after the last comes the first."""
        sought_from = self.index
        self.switch_off()
        self._sought_from = sought_from
        self._try_next()

    def _try_next(self) -> None:
        """Start the camera after the one that was tried last, or the one that was on before."""
        self.index = (self.index + 1) % MOST_CAMERAS
        if self.index == self._sought_from:
            self._sought_from = None
            self._complain(NoOtherCameraError("no other camera was found"))
        self._start(True)

    def _start(self, is_allowed: bool) -> None:
        camera = self.platform.open_camera(self.index)
        try:
            if not is_allowed:
                raise CameraError("the camera may not be used")
            camera.start()
        except CameraError as error:
            self._fail(error)
            return
        self._camera, self.is_on = camera, True
        self._ticking = Clock.schedule_interval(self._look, 1 / FRAMES_PER_SECOND)

    def _fail(self, error: CameraError) -> None:
        """Try the next camera if one is looked for, the first if a later one is gone, or say so."""
        sought_from = self._sought_from
        gave_nothing = self.frame is None
        self.switch_off()
        if sought_from is not None:
            self._sought_from = sought_from
            self._try_next()
        elif gave_nothing and self.index > 0:  # it was there when it was chosen
            self.index = 0
            self._start(True)
        else:
            self._complain(error)

    def _look(self, _: float) -> None:
        assert self._camera is not None
        try:
            frame = self._camera.read()
        except CameraError as error:
            self._fail(error)
            return
        if frame is None or frame is self.frame:
            return
        if self._sought_from is not None:  # another one was asked for, and this one is there
            self._sought_from = None
            self._remember(self.index)
        self.frame = frame
        shown = frame[:, ::-1] if self._camera.is_front else frame  # as in a mirror
        if self.texture is not None and self.texture.size == (frame.shape[1], frame.shape[0]):
            self.texture.blit_buffer(shown.tobytes(), colorfmt="rgb")
            self.property("texture").dispatch(self)
        else:
            self.texture = frame_texture(shown)
