"""Recognise: what the camera or a photo shows, as bars, and when it is none of these."""

from __future__ import annotations

from headfit_demo.screens import answer as answer  # kv rules use Bars and Corrections
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import PickedFile
from headfit_demo.widgets import load_rules


class RecogniseScreen(AppScreen):
    """The picture, and what it is taken for."""

    def on_leave(self) -> None:
        """Let the camera go unless the next screen wants it."""
        if self.app.shell.ids.screens.current != "teach":
            self.app.eye.switch_off()

    def toggle_camera(self) -> None:
        """Turn the camera on or off."""
        if self.app.eye.is_on:
            self.app.eye.switch_off()
        else:
            self.app.eye.switch_on()

    def pick(self) -> None:
        """Let the user choose a photo."""
        self.app.platform.pick_photos(self._picked)

    def _picked(self, files: list[PickedFile]) -> None:
        if files:
            self.app.sight.look_at(files[0])


load_rules(__file__)
