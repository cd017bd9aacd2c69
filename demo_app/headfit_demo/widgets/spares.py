"""Widgets that are shown again: to make one takes thousands of objects, and to free it as many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from kivy.uix.widget import Widget

from headfit_demo.widgets.basics import take_focus

W = TypeVar("W", bound=Widget)


class Spares(Generic[W]):
    """Those of one kind that are not shown now.

    Parameters
    ----------
    make : callable
        Makes one, when there is no spare one.
    clear : callable
        Lets one be as new.
    """

    def __init__(
        self, make: Callable[[], W], clear: Callable[[W], object] = lambda _: None
    ) -> None:
        self._make, self._clear = make, clear
        self._widgets: list[W] = []

    def take(self) -> W:
        """Return a widget to be shown."""
        return self._widgets.pop() if self._widgets else self._make()

    def put(self, widget: W) -> None:
        """Show a widget no more, and keep it."""
        widget = widget.__self__  # rules know it by a weak name
        take_focus(widget)
        widget.parent.remove_widget(widget)
        self._clear(widget)
        self._widgets.append(widget)

    def fit(self, box: Widget, n_wanted: int) -> list[W]:
        """Let a box hold so many; return them in their order."""
        while len(box.children) > n_wanted:
            self.put(box.children[0])
        while len(box.children) < n_wanted:
            box.add_widget(self.take())
        return box.children[::-1]
