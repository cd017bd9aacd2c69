"""What all screens have in common."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.uix.screenmanager import Screen

from headfit_demo.widgets import fade_in, hide


class AppScreen(Screen):
    """A screen that follows the open project."""

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

    def on_pre_leave(self) -> None:
        """Be gone before the next one appears: for a frame Kivy draws both."""
        hide(self)
