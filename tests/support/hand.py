"""A user's eyes and fingers on the app; Kivy is imported only after it is configured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0  # of a busy machine; nothing waits longer than it must


def run_one_frame() -> None:
    """Do what Kivy's event loop does for a frame, but for drawing, which takes most of the time."""
    from kivy.base import EventLoop
    from kivy.clock import Clock
    from kivy.lang import Builder

    Clock.tick()
    EventLoop.dispatch_input()
    Builder.sync()
    Clock.tick_draw()
    Builder.sync()


class Hand:
    """A user's eyes and fingers on the app."""

    def __init__(self, app: Any) -> None:
        self.app = app

    @property
    def screen(self) -> Any:
        """The screen that is shown."""
        return self.app.shell.ids.screens.current_screen

    @property
    def notice(self) -> str:
        """What the app says just now."""
        notice = self.app.shell.ids.notice
        return "" if notice.disabled else str(notice.text)

    def wait(self, until: Callable[[], Any], frames: int = 3) -> None:
        """Let the app run until something is so, and some frames longer."""
        started = time.monotonic()
        while not until():
            assert time.monotonic() - started < PATIENCE_S, f"waited in vain; notice: {self.notice}"
            run_one_frame()
        for _ in range(frames):
            run_one_frame()

    def settle(self) -> None:
        """Let the worker finish what it has, and the screen show it."""
        for _ in range(2):
            done: list[int] = []
            self.app.worker.do(lambda: 1, lambda result, error, done=done: done.append(1))
            self.wait(lambda done=done: done)

    def tap(self, widget: Any, hold_s: float = 0.0) -> None:
        """Touch the middle of a widget as a finger does, after scrolling it into sight."""
        from kivy.tests.common import UnitTestTouch
        from kivy.uix.scrollview import ScrollView

        self.wait(lambda: True)  # a page that was just entered is laid out first
        parent = widget.parent
        while parent is not None and parent is not parent.parent:
            if isinstance(parent, ScrollView):
                if parent.viewport_size[1] > parent.height:
                    parent.scroll_to(widget, animate=False)
                    self.wait(lambda: True)
                break
            parent = parent.parent
        touch = UnitTestTouch(*widget.to_window(*widget.center))
        touch.touch_down()
        ends = time.monotonic() + max(hold_s, 0.07)  # a scroll view waits whether it is a swipe
        self.wait(lambda: time.monotonic() > ends)
        touch.touch_up()
        self.wait(lambda: True)

    def hold(self, widget: Any) -> Any:
        """Put a finger on a widget and leave it there; return the touch, whose end is yours."""
        from kivy.tests.common import UnitTestTouch

        touch = UnitTestTouch(*widget.to_window(*widget.center))
        touch.touch_down()
        return touch

    def press(self, text: str) -> None:
        """Touch the button that has these words."""
        self.tap(self.find(text))

    def find(self, text: str) -> Any:
        """Return what can be pressed and has these words, of dialogs the topmost first."""
        from kivy.core.window import Window

        from headfit_demo.widgets import Touchable

        for root in Window.children:
            for widget in root.walk(restrict=True):
                is_shown = isinstance(widget, Touchable) and not widget.disabled
                says = getattr(widget, "text", None)  # a thumbnail says nothing
                if is_shown and says == text and widget.get_root_window():
                    return widget
        raise AssertionError(f"nothing to press says {text!r}")

    def can_press(self, text: str) -> bool:
        """Return whether anything that can be pressed has these words by now."""
        try:
            return self.find(text) is not None
        except AssertionError:
            return False

    def type(self, text: str) -> None:
        """Type into the field that has the focus, as soon as one has."""
        from kivy.core.window import Window

        from headfit_demo.widgets import Field

        def has_focus() -> bool:
            widgets = (widget for root in Window.children for widget in root.walk(restrict=True))
            return any(isinstance(widget, Field) and widget.focus for widget in widgets)

        self.wait(has_focus)
        for character in text:
            Window.dispatch("on_textinput", character)
        self.wait(lambda: True)

    def key(self, code: int, modifiers: tuple[str, ...] = ()) -> None:
        """Press a key, by its code in pygame."""
        from kivy.core.window import Window

        if not Window.dispatch("on_key_down", code, 0, None, list(modifiers)):
            Window.dispatch("on_keyboard", code, 0, None, list(modifiers))
        Window.dispatch("on_key_up", code, 0)
        self.wait(lambda: True)

    def begin(self, name: str = "Toys") -> None:
        """Begin a project through the first page, and call it so."""
        before = self.app.project
        self.press("Teach something new")
        self.wait(lambda: self.app.project is not before and self.screen.name == "teach")
        self.app.change(lambda project: project.rename(name))
        self.wait(lambda: self.app.project.name == name)

    @property
    def n_windows(self) -> int:
        """How many dialogs are over the app; a closing one still takes touches."""
        from kivy.core.window import Window

        return len(Window.children) - 1

    def answer(self, text: str) -> None:
        """Press a button of a dialog, and wait until the dialog is gone."""
        self.wait(lambda: self.n_windows)
        self.press(text)
        self.wait(lambda: self.n_windows == 0)
        self.settle()

    def rows(self) -> list[str]:
        """Return what the file window lists, from above."""
        from kivy.core.window import Window

        return [row["name"] for row in Window.children[0].ids.rows.data]

    def press_row(self, name: str) -> None:
        """Touch a folder or a file in the file window."""
        from kivy.core.window import Window

        listed = Window.children[0].ids.rows.children[0]
        self.wait(lambda: name in [row.name for row in listed.children])
        self.tap(next(row for row in listed.children if row.name == name))

    def name(self, name: str) -> None:
        """Name a thing in the first card that waits for one, or in another."""
        if self.screen.empty_cards:
            self.screen.empty_cards[0].ids.name.edit()
        else:
            self.press("Another thing")
        self.type(name)
        self.key(13)
        self.wait(lambda: name in self.screen.cards)

    def teach(self, name: str, photos: list[Any]) -> None:
        """Name a thing where it stands, and give photos of it."""
        n_before = self.app.project.n_photos
        self.name(name)
        self.app.teaching.add_photos(name, photos)
        self.wait(lambda: self.app.project.n_photos == n_before + len(photos))
