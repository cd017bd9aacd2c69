"""A small plot: the loss while training, the accuracy as photos come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivy.graphics import Color, Line
from kivy.metrics import dp
from kivy.properties import AliasProperty, ListProperty
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from headfit_demo.language import tr
from headfit_demo.widgets.look import theme


class Plot(Widget):
    """Two lines, each over its own width and scale.

    Attributes
    ----------
    losses : list of float
        Loss per training step; drawn from 0 to its largest.
    history : list of (int, float)
        Number of photos and the accuracy then; drawn from 0 to 1.
    """

    losses = ListProperty()
    history = ListProperty()
    has_something = AliasProperty(
        lambda self: len(self.losses) > 1 or len(self.history) > 1, bind=("losses", "history")
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loss_name = Label(font_name="Noto", size_hint=(None, None))
        self._accuracy_name = Label(font_name="Noto", size_hint=(None, None))
        self.add_widget(self._loss_name)
        self.add_widget(self._accuracy_name)
        for name in ("losses", "history", "size", "pos"):
            self.fbind(name, self._draw)
        theme.fbind("second", self._draw)
        tr.fbind("say", self._draw)

    def _draw(self, *_: Any) -> None:
        self.canvas.before.clear()
        has_losses, has_history = len(self.losses) > 1, len(self.history) > 1
        self._name(self._accuracy_name, tr.say("accuracy") if has_history else "", theme.accent, 0)
        self._name(self._loss_name, tr.say("loss") if has_losses else "", theme.second, 1)
        if not self.has_something:
            return
        with self.canvas.before:
            Color(*theme.outline)
            for share in (0, 0.5, 1):
                y = self._y(share)
                Line(points=(self.x, y, self.x + self.width, y), width=1)
        if has_losses:
            top = max(self.losses) or 1.0
            self._curve([loss / top for loss in self.losses], theme.second)
        if has_history:
            self._curve([accuracy for _, accuracy in self.history], theme.accent)

    def _curve(self, values: Sequence[float], colour: Any) -> None:
        step = self.width / (len(values) - 1)
        points = [
            place for n, value in enumerate(values) for place in (self.x + n * step, self._y(value))
        ]
        with self.canvas.before:
            Color(*colour)
            Line(points=points, width=dp(1.4), joint="round", cap="round")

    def _y(self, share: float) -> float:
        return self.y + dp(4) + share * (self.height - dp(26))

    def _name(self, label: Label, text: str, colour: Any, place: int) -> None:
        label.text, label.color, label.font_size = text, colour, theme.small
        label.texture_update()
        label.size = label.texture_size
        label.pos = (
            self.x if place == 0 else self.x + self.width - label.width,  # right may be old here
            self.y + self.height - label.height,
        )
