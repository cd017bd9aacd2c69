"""A small plot of one curve, with its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivy.graphics import Color, Line
from kivy.metrics import dp
from kivy.properties import AliasProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from headfit_demo.widgets.look import theme


class Plot(Widget):
    """One curve from 0 up, over where it begins to where it ends.

    Attributes
    ----------
    name : str
        What is drawn.
    points : list of (float, float)
        In the order in which they came.
    top : float
        What is at the upper edge; 0 for the largest value.
    form : str
        How the value at the upper edge is written, for `str.format`.
    across : str
        What is counted from left to right.
    """

    name = StringProperty("")
    points = ListProperty()
    top = NumericProperty(0.0)
    form = StringProperty("{:.2g}")
    across = StringProperty("")
    has_something = AliasProperty(lambda self: len(self.points) > 1, bind=("points",))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._labels = [Label(font_name="Noto", size_hint=(None, None)) for _ in range(4)]
        for label in self._labels:
            self.add_widget(label)
        for name in ("name", "points", "top", "form", "across", "size", "pos"):
            self.fbind(name, self._draw)
        theme.fbind("second", self._draw)
        theme.fbind("text_scale", self._draw)

    def _draw(self, *_: Any) -> None:
        self.canvas.before.clear()
        said = ["", "", "", ""]
        if self.has_something:
            top = self.top or max(value for _, value in self.points) or 1.0
            across = [x for x, _ in self.points]
            first, last = min(across), max(across)  # what was taken back leads to the left
            said = [self.name, self.form.format(top), f"{first:g}", f"{last:g} {self.across}"]
            self._draw_curve([value / top for _, value in self.points], first, last)
        for number, (label, text) in enumerate(zip(self._labels, said, strict=True)):
            self._place(label, text, is_right=number % 2 == 1, is_below=number > 1)

    def _draw_curve(self, shares: Sequence[float], first: float, last: float) -> None:
        margin = theme.small * 1.6
        bottom, height = self.y + margin, max(self.height - 2 * margin, 1)
        points: list[float] = []
        for (x, _), share in zip(self.points, shares, strict=True):
            across = (x - first) / (last - first) if last > first else 0.0
            points += [self.x + across * self.width, bottom + share * height]
        with self.canvas.before:
            Color(*theme.outline)
            for share in (0, 0.5, 1):
                y = bottom + share * height
                Line(points=(self.x, y, self.x + self.width, y), width=1)
            Color(*theme.accent)
            Line(points=points, width=dp(1.4), joint="round", cap="round")

    def _place(self, label: Label, text: str, *, is_right: bool, is_below: bool) -> None:
        label.text, label.color, label.font_size = text, theme.faint, theme.small
        label.texture_update()
        label.size = label.texture_size
        label.pos = (
            self.x + self.width - label.width if is_right else self.x,  # right may be old here
            self.y if is_below else self.y + self.height - label.height,
        )
