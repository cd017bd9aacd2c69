"""Settings: look, text size, language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.uix.boxlayout import BoxLayout

from headfit_demo.language import LANGUAGES, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.widgets import TEXT_SIZES, Press, load_rules, theme


class Choice(BoxLayout):
    """One of several."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._presses: dict[Any, Press] = {}

    def offer(self, options: dict[Any, str], chosen: Any, choose: Callable[[Any], None]) -> None:
        """Show the options, the same ones every time, by their words."""
        for value, text in options.items():
            if value not in self._presses:
                press = self._presses[value] = Press()
                press.bind(on_release=lambda _, value=value: choose(value))
                self.add_widget(press)
            self._presses[value].text = text
            self._presses[value].kind = "filled" if value == chosen else "plain"


class SettingsScreen(AppScreen):
    """What the user sets."""

    def refresh(self) -> None:
        """Show what is set."""
        app = self.app
        self.ids.style.offer(
            {
                "system": tr.say("As the system"),
                "light": tr.say("Light"),
                "dark": tr.say("Dark"),
            },
            app.preferences.style,
            lambda value: app.set_preference("style", value),
        )
        self.ids.text_scale.offer(
            {one: f"{one:.0%}" for one in TEXT_SIZES},
            theme.text_scale,
            lambda value: app.set_preference("text_scale", value),
        )
        self.ids.language.offer(
            LANGUAGES, tr.language, lambda value: app.set_preference("language", value)
        )


load_rules(__file__)
