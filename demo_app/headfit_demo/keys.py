"""The keyboard: keys that lead somewhere, and Tab where nothing has the focus yet."""

from __future__ import annotations

from typing import Any, Final

from kivy.core.window import Window
from kivy.uix.behaviors import FocusBehavior

from headfit_demo.shell import PLACES
from headfit_demo.widgets import theme

_TAB: Final = 9
_ESCAPE: Final = 27
_1: Final = 49
_Y: Final = 121
_Z: Final = 122


class Keys:
    """Hears what no widget takes."""

    def __init__(self, app: Any) -> None:
        self._app = app
        Window.bind(on_key_down=self._down, on_keyboard=self._key, on_touch_down=self._touch)

    def _down(self, _: Any, key: int, *rest: Any) -> bool:
        """Show from now on what has the focus; a finger or a mouse needs no such mark."""
        theme.marks_focus = theme.marks_focus or key == _TAB
        return False

    def _touch(self, *_: Any) -> bool:
        theme.marks_focus = False
        return False

    def _key(self, _: Any, key: int, scancode: int, text: str, modifiers: list[str]) -> bool:
        app, current = self._app, self._app.shell.ids.screens.current
        if key == _TAB and not modifiers:
            return self._focus_first()
        if Window.children[0] is not app.shell:  # a dialog is answered first
            return False
        if key == _ESCAPE and current != "home":
            app.go({"photos": "teach", "help": "privacy"}.get(current, "home"))
            return True
        if "ctrl" in modifiers and _1 <= key < _1 + len(PLACES):
            screen = PLACES[key - _1][0]
            if screen != "teach" or app.project is not None:
                app.go(screen)
            return True
        if "ctrl" in modifiers and key in (_Y, _Z) and current in ("teach", "photos"):
            if key == _Y or "shift" in modifiers:
                app.teaching.redo()
            else:
                app.teaching.undo()
            return True
        return False

    def _focus_first(self) -> bool:
        """Give the focus to the first thing of the screen, or of the dialog over it."""
        top = Window.children[0]
        root = self._app.shell.ids.screens.current_screen if top is self._app.shell else top
        for widget in root.walk(restrict=True):
            if isinstance(widget, FocusBehavior) and widget.is_focusable and not widget.disabled:
                widget.focus = True
                return True
        return False
