"""What scrolls up and down, and keeps what is looked at where it is."""

from __future__ import annotations

from typing import Any, Final

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.uix.scrollview import ScrollView
from kivy.uix.widget import Widget

from headfit_demo.widgets.rules import load_rules

_NESTED: Final = 8
"""So many layouts lie in each other at most; each is done after the one that it lies in."""


class Page(ScrollView):
    """What scrolls up and down.

    What is seen stays where it is when something above it grows or shrinks, and so does what a
    finger is on; of itself Kivy keeps the share that is scrolled, by which everything would move.
    At its upper end a page stays there.
    """

    def __init__(self, **options: Any) -> None:
        self._held: tuple[Widget, float] | None = None
        self._seen: tuple[Widget, float] | None = None
        """What shall stay, and how far it was below the upper edge of what is seen."""

        self._scroll = 1.0
        self._height = 0.0  # of the content
        self._n_left = 0
        self._note = Clock.create_trigger(self._note_seen)  # in the next frame all has its place
        super().__init__(**options)

    def on_touch_down(self, touch: Any) -> bool:
        """Note what the finger is on."""
        if self.collide_point(*touch.pos) and self._is_long():
            self._held = self._place(_under(self._viewport, *self.to_local(*touch.pos)))
        return bool(super().on_touch_down(touch))

    def on_touch_up(self, touch: Any) -> bool:
        """Let go of what the finger was on, once what it did is done."""
        if self._held is not None:
            self._note()
        return bool(super().on_touch_up(touch))

    def on_scroll_y(self, _: Any, share: float) -> None:
        """Note what is seen, unless this page moved by itself."""
        if abs(share - self._scroll) > 1e-6:  # Kivy sets nearly the same when the content grows
            self._scroll = share
            self._held = self._seen = None
            self._note()

    def update_from_scroll(self, *_: Any) -> None:
        """Put the content into its place."""
        if self._is_long() and self._viewport.height != self._height:
            self._height, self._n_left = self._viewport.height, _NESTED
        if self._n_left:
            self._n_left -= 1
            self._stay()
            self._trigger_update_from_scroll()
        super().update_from_scroll()

    def _is_long(self) -> bool:
        return self._viewport is not None and self._viewport.height > self.height

    def _stay(self) -> None:
        """Scroll so that what is held, or seen, is where it was."""
        for kept in (self._held, self._seen):
            if kept is not None and kept[0].height > 0 and self._has(kept[0]):
                widget, was = kept
                hidden = self._viewport.height - self.height
                if hidden > 0:
                    above = self._depth(widget) - was
                    self._scroll = self.scroll_y = min(max(1 - above / hidden, 0.0), 1.0)
                return
        self._note()

    def _note_seen(self, _: float) -> None:
        self._held = self._seen = None
        if self._is_long() and self.scroll_y < 1:
            edge = self._viewport.height - self._above()
            self._seen = self._place(_first_below(self._viewport, edge))

    def _place(self, widget: Widget) -> tuple[Widget, float]:
        return widget, self._depth(widget) - self._above()

    def _above(self) -> float:
        """Return how much of the content lies above what is seen."""
        return float((1 - self.scroll_y) * (self._viewport.height - self.height))

    def _depth(self, widget: Widget) -> float:
        """Return how far below the upper end of the content a widget begins."""
        _, top = self._viewport.to_widget(*widget.to_window(widget.x, widget.top))
        return float(self._viewport.height - top)

    def _has(self, widget: Widget | None) -> bool:
        while isinstance(widget, Widget) and widget is not self:
            widget = widget.parent
        return widget is self


def scroll_to(widget: Widget) -> None:
    """Move the page that a widget lies on so that the widget is seen."""
    parent = widget.parent
    while isinstance(parent, Widget):
        if isinstance(parent, Page):
            if parent.viewport_size[1] > parent.height:
                parent.scroll_to(widget, padding=dp(12), animate=False)
            return
        parent = parent.parent


def _under(widget: Widget, x: float, y: float) -> Widget:
    """Return the innermost widget at a place, given as those in the outermost have theirs."""
    for child in widget.children:
        if child.collide_point(x, y):
            return _under(child, *child.to_local(x, y))
    return widget


def _first_below(widget: Widget, edge: float) -> Widget:
    """Return the first of what lies in a widget that begins below an edge, or reaches below it."""
    for child in reversed(widget.children):
        if child.height > 0 and child.y < edge:
            return child if child.top <= edge else _first_below(child, child.to_local(0, edge)[1])
    return widget


load_rules(__file__)
