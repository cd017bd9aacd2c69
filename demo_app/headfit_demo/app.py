"""The app: its window, its session and the worker between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.app import App
from kivy.uix.label import Label
from kivy.uix.screenmanager import Screen, ScreenManager

from headfit_demo.platforms import this_platform
from headfit_demo.session import Session
from headfit_demo.worker import Worker


class DemoApp(App):
    """Teach your phone to see, and ship only a head.

    Parameters
    ----------
    camera_folder : Path, optional
        Photos that play the camera.
    data_folder : Path, optional
        Where projects lie; by default the platform's place.
    extractor : str, optional
        Name or path of another extractor than the one that came with headfit.
    """

    title = "headfit"

    def __init__(
        self,
        *,
        camera_folder: Path | None = None,
        data_folder: Path | None = None,
        extractor: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.platform = this_platform(camera_folder)
        self.worker = Worker()
        self.session = Session(
            data_folder or self.platform.data_folder(),
            extractor=extractor,
            isolate=self.platform.isolates_engine,
        )

    def build(self) -> ScreenManager:
        """Return the screens."""
        screens = ScreenManager()
        home = Screen(name="home")
        self.greeting = Label(text="headfit")
        home.add_widget(self.greeting)
        screens.add_widget(home)
        self.worker.do(self.session.projects, self._show_projects)
        return screens

    def on_stop(self) -> None:
        """Close what is open."""
        self.worker.do(self.session.close, lambda result, error: None)
        self.worker.stop()

    def _show_projects(self, projects: Any, error: Exception | None) -> None:
        names = [project.name for project in projects or ()]
        self.greeting.text = str(error) if error else "\n".join(names) or "No project yet."
