"""What lies under the mouse shows that it can be pressed."""

from __future__ import annotations

from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.uix.widget import Widget

from headfit_demo.widgets import Touchable


class Hover:
    """Follows the mouse, once a frame, while it is in the window."""

    def __init__(self) -> None:
        self._over: Touchable | None = None
        self._is_inside = False
        self._look = Clock.create_trigger(self._mark)
        Window.bind(mouse_pos=self._move, on_cursor_enter=self._move)
        Window.bind(on_cursor_leave=self._leave, on_touch_up=self._scroll)

    def _move(self, *_: Any) -> None:
        self._is_inside = True
        self._look()

    def _leave(self, *_: Any) -> None:
        self._is_inside = False
        self._look()

    def _scroll(self, *_: Any) -> None:
        """Look again: a wheel or a press may have put something else under it."""
        if self._is_inside:
            self._look()

    def _mark(self, _: float) -> None:
        over = pressable_at(Window.children[0], *Window.mouse_pos) if self._is_inside else None
        if over is not self._over:
            if self._over is not None:
                self._over.is_hovered = False
            if over is not None:
                over.is_hovered = True
            self._over = over


def pressable_at(root: Widget, x: float, y: float) -> Touchable | None:
    """Return what a press would reach at a point, or None; ``x`` and ``y`` as the root's own."""
    if root.disabled or not root.opacity or not root.collide_point(x, y):
        return None
    inner = root.to_local(x, y)
    for child in root.children:  # what is drawn last comes first
        if (found := pressable_at(child, *inner)) is not None:
            return found
    return root if isinstance(root, Touchable) else None
