"""What all screens have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.app import App
from kivy.lang import Builder
from kivy.uix.screenmanager import Screen

from headfit_demo import panes as panes  # kv rules use TwoPane


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
        self.refresh()


def load_rules(module_file: str) -> None:
    """Load the kv file beside a screen's module."""
    Builder.load_file(str(Path(module_file).with_suffix(".kv")))
