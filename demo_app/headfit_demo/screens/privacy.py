"""Privacy: what is kept where, how large it is, and how it goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from headfit_demo.language import size, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import OpenProject, Stored
from headfit_demo.widgets import ask_yes, load_rules


class StoredRow(BoxLayout):
    """A kind of thing that is kept, with a button to erase it."""

    __events__ = ("on_erase",)

    icon = StringProperty("")
    what = StringProperty("")
    how_much = StringProperty("")
    can_erase = BooleanProperty(False)

    def on_erase(self) -> None:
        """Do nothing by itself."""


class PrivacyScreen(AppScreen):
    """What the open project keeps."""

    folder = StringProperty("")
    examples = StringProperty("")
    thumbnails = StringProperty("")
    head = StringProperty("")
    n_examples = NumericProperty(0)
    n_thumbnails = NumericProperty(0)
    head_bytes = NumericProperty(0)

    def refresh(self) -> None:
        """Measure."""
        if self.app.project is None:
            self.folder = tr.say("Open one to see what it keeps.")
            self.examples = self.thumbnails = self.head = ""
            self.n_examples = self.n_thumbnails = self.head_bytes = 0
        else:
            key = self.app.project.key
            self.app.do(partial(self.app.session.ask, key, OpenProject.stored), self._show)

    def erase_examples(self) -> None:
        """Ask, then forget all photos."""
        self._ask(
            tr.say("Erase what was learned from photos?"),
            tr.say("The skill still works, but cannot learn more. This cannot be undone."),
            self._erase_examples,
        )

    def _erase_examples(self) -> None:
        self.app.jobs.stop(self.app.project.key)  # what was about to be learned stays unlearned
        self.app.change(OpenProject.erase_examples)

    def erase_thumbnails(self) -> None:
        """Ask, then erase the small pictures."""
        self._ask(
            tr.say("Erase the small pictures?"),
            tr.say("What was learned stays. This cannot be undone."),
            lambda: self.app.change(OpenProject.erase_thumbnails),
        )

    def keep_thumbnails(self) -> None:
        """Allow small pictures, or ask, then forbid them, which erases those of all projects."""
        if not self.app.keeps_thumbnails:
            self.app.set_preference("keeps_thumbnails", True)
            return
        self._ask(
            tr.say("Erase the small pictures of all projects?"),
            tr.say("What was learned stays. This cannot be undone."),
            lambda: self.app.set_preference("keeps_thumbnails", False),
        )

    def erase_head(self) -> None:
        """Ask, then delete the head."""
        self._ask(
            tr.say("Erase the skill?"),
            tr.say("It can be learned again from what was learned from photos.")
            if self.n_examples
            else tr.say("What it learned from is gone, too. This cannot be undone."),
            lambda: self.app.change(OpenProject.erase_head),
        )

    def erase_everything(self) -> None:
        """Ask, then delete all projects."""
        self._ask(
            tr.say("Erase everything?"),
            tr.say("Every project goes for good. This cannot be undone."),
            self.app.projects.erase_all,
        )

    def _ask(self, heading: str, text: str, done: Callable[[], Any]) -> None:
        ask_yes(heading, text, tr.say("Erase"), done)

    def _show(self, stored: Stored) -> None:
        self.folder = str(stored.folder)
        self.n_examples, self.n_thumbnails = stored.n_examples, stored.n_thumbnails
        self.head_bytes = stored.head_bytes
        self.examples = (
            ", ".join(
                (
                    tr.count("{n} photo", "{n} photos", stored.n_examples),
                    tr.count("{n} name", "{n} names", stored.n_classes),
                    size(stored.example_bytes),
                )
            )
            if stored.n_examples
            else tr.say("none kept; their empty file has {size}").format(
                size=size(stored.example_bytes)
            )
        )
        self.thumbnails = (
            ", ".join(
                (
                    tr.count("{n} picture", "{n} pictures", stored.n_thumbnails),
                    size(stored.thumbnail_bytes),
                )
            )
            if stored.n_thumbnails
            else tr.say("none kept")
        )
        self.head = size(stored.head_bytes) if stored.head_bytes else tr.say("none yet")


load_rules(__file__)
