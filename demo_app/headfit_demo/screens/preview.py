"""Try while teaching: what the camera or a photo is taken for, with every photo taught anew."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty
from kivy.uix.boxlayout import BoxLayout

from headfit_demo.session import PickedFile
from headfit_demo.widgets import load_rules, theme


class Preview(BoxLayout):
    """A picture, its bars, and what to touch when they are wrong; as high with as without one."""

    is_wide = BooleanProperty(True)
    is_column = BooleanProperty(True)
    """Whether what is seen stands below the picture, not beside it."""

    room = NumericProperty(0)
    """How high the answers were; with each that is shorter what lies below would move."""

    def on_kv_post(self, _: Any) -> None:
        """Keep room for answers as long as something is seen, and text is as large."""
        sight, answer = App.get_running_app().sight, self.ids.answer
        keep = Clock.create_trigger(self._keep_room)  # in the next frame it has its width
        answer.fbind("height", keep)

        def begin_anew(*_: Any) -> None:
            self.room = 0
            keep()

        def see(_: Any, texture: Any) -> None:
            if texture is None:
                begin_anew()

        answer.fbind("width", begin_anew)
        theme.fbind("text_scale", begin_anew)
        sight.fbind("texture", see)

    def _keep_room(self, _: float) -> None:
        is_seen = App.get_running_app().sight.texture is not None
        self.room = max(self.room, self.ids.answer.height) if is_seen else 0

    def toggle_camera(self) -> None:
        """Turn the camera on or off."""
        eye = App.get_running_app().eye
        if eye.is_on:
            eye.switch_off()
        else:
            eye.switch_on()

    def pick(self) -> None:
        """Let the user choose a photo to try."""
        App.get_running_app().platform.pick_photos(self._picked)

    def _picked(self, files: list[PickedFile]) -> None:
        if files:
            App.get_running_app().sight.look_at(files[0])


load_rules(__file__)
