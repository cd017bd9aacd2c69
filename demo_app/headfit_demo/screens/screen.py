"""What all screens have in common."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.properties import NumericProperty
from kivy.uix.screenmanager import Screen

from headfit_demo.widgets import fade_in, hide


class AppScreen(Screen):
    """A screen that follows the open project."""

    lift = NumericProperty(0)
    """How high it reaches up with what no notice may cover."""

    @property
    def app(self) -> Any:
        """The running app."""
        return App.get_running_app()

    def refresh(self) -> None:
        """Show the project as it is now; called when it changed and when the screen is entered."""

    def on_pre_enter(self) -> None:
        """Show what is new."""
        fade_in(self)
        self.refresh()
        self.app.shell.lift = self.lift

    def on_lift(self, *_: Any) -> None:
        """Let notices follow."""
        if self.manager is not None and self.manager.current_screen is self:
            self.app.shell.lift = self.lift

    def on_pre_leave(self) -> None:
        """Be gone before the next one appears: for a frame Kivy draws both."""
        hide(self)
