"""What the user set: applied to the app, kept on the disk, and followed by all projects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kivy.core.window import Window

from headfit_demo.language import system_language, tr
from headfit_demo.session import Preferences
from headfit_demo.widgets import theme


class Settings:
    """The preferences of a data folder.

    Parameters
    ----------
    app : DemoApp
        Whose session keeps small pictures, or does not.
    path : Path
        Where they are kept; another window may keep others there meanwhile.
    """

    def __init__(self, app: Any, path: Path) -> None:
        self._app, self._path = app, path
        self.now = Preferences.load(path)
        self._system_look = "light"  # until the system has answered
        self._n_asked = 0
        self._apply()
        self.ask_system()
        if self.now.keeps_thumbnails is False:  # a kill may have left some
            self._keep_thumbnails(False)

    def set(self, name: str, value: Any) -> None:
        """Set something, keep it, and let it be seen."""
        self.now = replace(Preferences.load(self._path, self.now), **{name: value})
        try:
            self.now.save(self._path)
        except OSError as error:
            self._app.complain(error)
        self._apply()
        if name == "style":
            self.ask_system()
        if name == "keeps_thumbnails":
            self._keep_thumbnails(value)

    def ask_system(self) -> None:
        """Look as the system does by now, if that is what the user set and the window is used."""
        if self.now.style == "system" and Window.focus:
            self._n_asked += 1
            self._app.platform.ask_look(partial(self._follow_system, self._n_asked))

    def _follow_system(self, asked: int, look: str | None) -> None:
        # An answer may be late: to an earlier question, or to one of another folder.
        if look is not None and asked == self._n_asked and self._app.settings is self:
            self._system_look = look
            self._apply_look()

    def _apply_look(self) -> None:
        theme.style = self._system_look if self.now.style == "system" else self.now.style
        Window.clearcolor = theme.ground

    def _apply(self) -> None:
        self._apply_look()
        theme.text_scale = self.now.text_scale
        tr.language = self.now.language or system_language()
        if not self._app.eye.is_on:  # which camera is on is its own to say
            self._app.eye.index = self.now.camera
        self._app.keeps_thumbnails = bool(self.now.keeps_thumbnails)
        self._app.session.keeps_thumbnails = self._app.keeps_thumbnails

    def _keep_thumbnails(self, allowed: bool) -> None:
        """Keep the pictures of all that was taught, or erase them, in every project."""

        def say(n_missing: int) -> None:
            if n_missing:
                text = tr.count(
                    "Of {n} photo from before there is no picture any more.",
                    "Of {n} photos from before there are no pictures any more.",
                    n_missing,
                )
                self._app.notify(text)
            self._app.refresh_screen()

        self._app.do(partial(self._app.session.keep_thumbnails, allowed), say)
