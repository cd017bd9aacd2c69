"""A small plot of one curve, with its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivy.graphics import Color, Line
from kivy.metrics import dp
from kivy.properties import AliasProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from headfit_demo.language import number
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
        How the value at the upper edge is written, for `format`.
    across : str
        What is counted from left to right.
    """

    name = StringProperty("")
    points = ListProperty()
    top = NumericProperty(0.0)
    form = StringProperty(".2g")
    across = StringProperty("")
    beside = NumericProperty(0)
    """How high is what stands above and below the curve."""

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
        name, at_top, at_left, at_right = self._labels
        if not self.has_something:
            for label in self._labels:
                label.text = ""
            return
        top = self.top or max(value for _, value in self.points) or 1.0
        across = [x for x, _ in self.points]
        first, last = min(across), max(across)  # what was taken back leads to the left
        above = self._say(name, self.name, at_top, number(top, self.form))
        below = self._say(at_right, f"{last:g} {self.across}", at_left, f"{first:g}")
        for label in (name, at_top):
            label.y = self.y + self.height - label.height
        for label in (at_left, at_right):
            label.y = self.y + below - label.height
        name.x = at_left.x = self.x
        for label in (at_top, at_right):
            label.x = self.x + self.width - label.width  # the property "right" may be old here
        gap = theme.small * 0.3
        shares = [value / top for _, value in self.points]
        self.beside = above + below + 2 * gap
        bottom = self.y + below + gap
        self._draw_curve(shares, first, last, bottom, self.height - self.beside)

    def _draw_curve(
        self, shares: Sequence[float], first: float, last: float, bottom: float, height: float
    ) -> None:
        height = max(height, 1)
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

    def _say(self, words: Label, text: str, number: Label, value: str) -> float:
        """Write words beside a number, in lines where they are long; return how high both are."""
        for label, said in ((number, value), (words, text)):
            label.text, label.color, label.font_size = said, theme.faint, theme.small
            label.text_size = (None, None)
            label.texture_update()
            label.size = label.texture_size
        room = max(self.width - number.width - dp(8), 1)
        if words.width > room:
            words.text_size = (room, None)
            words.texture_update()
            words.size = words.texture_size
        return max(words.height, number.height)
