"""Try while teaching: what the camera or a photo is taken for, with every photo taught anew."""

from __future__ import annotations

from kivy.app import App
from kivy.properties import BooleanProperty
from kivy.uix.boxlayout import BoxLayout

from headfit_demo.session import PickedFile
from headfit_demo.widgets import load_rules


class Preview(BoxLayout):
    """A picture, its bars, and what to touch when they are wrong; as high with as without one."""

    is_wide = BooleanProperty(True)
    is_column = BooleanProperty(True)
    """Whether what is seen stands below the picture, not beside it."""

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
