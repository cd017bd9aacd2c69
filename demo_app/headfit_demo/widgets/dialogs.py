"""Questions that wait for an answer: a name, a yes, a place to save to."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.modalview import ModalView

from headfit import InputError
from headfit.files import write_atomically
from headfit_demo.language import sentence, tr
from headfit_demo.session import MAX_THING_NAME, checked_name, readable
from headfit_demo.widgets.basics import Field, take_focus
from headfit_demo.widgets.look import FADE_S, theme
from headfit_demo.widgets.rules import load_rules


class Overlay(ModalView):
    """Opens over the app and closes once, however often that is asked for while it fades.

    While it is open the keyboard is its own, and goes back to what had it.
    """

    window_width = NumericProperty(0)
    window_height = NumericProperty(0)
    _anim_duration = NumericProperty(FADE_S)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._had_focus: Any = None
        self._is_there = self._is_going = False
        Window.bind(size=self._fit)
        self._fit()

    def _fit(self, *_: Any) -> None:
        self.window_width, self.window_height = Window.size

    def on_pre_open(self) -> None:
        """Take the keyboard: Enter would press once more what opened this."""
        self._had_focus = take_focus(Window.children[0])
        for widget in self.walk(restrict=True):
            if isinstance(widget, Field):
                widget.is_asked = True

    def on_open(self) -> None:
        """Note that it is seen."""
        self._is_there = True

    def on_touch_down(self, touch: Any) -> bool:
        """Take touches; the second one of two quick ones is no wish to close what just opens."""
        if not self._is_there and not self.collide_point(*touch.pos):
            return True
        return bool(super().on_touch_down(touch))

    def dismiss(self, *_: Any, **options: Any) -> None:
        """Close."""
        if not self._is_going:
            self._is_going = True
            super().dismiss(**options)

    def on_dismiss(self) -> None:
        """Stop following the window, and give the keyboard back to who uses it."""
        Window.unbind(size=self._fit)
        take_focus(self)
        if theme.marks_focus and self._had_focus and self._had_focus.get_root_window():
            self._had_focus.focus = True


class Dialog(Overlay):
    """Asks something; `accept` is the answer yes.

    Parameters
    ----------
    done : callable
        Called after yes. Its sentence, if it returns one, is shown and the dialog stays.
    """

    heading = StringProperty("")
    text = StringProperty("")
    button = StringProperty("")
    closing = StringProperty("")
    """What closes it without a yes; "Not now" if that is empty."""

    is_dangerous = BooleanProperty(False)

    def __init__(self, done: Callable[[], str | None], **options: Any) -> None:
        super().__init__(**options)
        self._done = done

    def accept(self, *_: Any) -> None:
        """Do it, once."""
        if self._is_going:
            return
        complaint = self._done()
        if complaint:
            self.text = complaint
        else:
            self.dismiss()


def ask_name(
    heading: str,
    button: str,
    done: Callable[[str], None],
    *,
    name: str = "",
    longest: int = MAX_THING_NAME,
) -> Dialog:
    """Ask for a name of at most ``longest`` characters and call ``done`` with it.

    One that cannot be taken stays where it was typed.
    """
    field = Field(text=name)

    def take() -> str | None:
        try:
            done(checked_name(field.text, longest))
        except InputError as error:
            return sentence(error)
        return None

    dialog = Dialog(take, heading=heading, button=button)
    _open_with(dialog, field)
    return dialog


def ask_yes(heading: str, text: str, button: str, done: Callable[[], None]) -> Dialog:
    """Ask before something that cannot be undone."""

    def take() -> None:
        done()

    dialog = Dialog(take, heading=heading, text=text, button=button, is_dangerous=True)
    dialog.open()
    return dialog


def tell(heading: str, text: str) -> Dialog:
    """Say what a notice has no room for, until it is closed."""
    dialog = Dialog(lambda: None, heading=heading, text=text, closing=tr.say("Close"))
    dialog.open()
    return dialog


def wait_for_window(close: Callable[[], None]) -> Dialog:
    """Say that another window waits for an answer, and let nothing else be done until then.

    ``close`` is called if the user goes back here; who opened the window dismisses this.
    """
    dialog = Dialog(lambda: None, heading=tr.say("Choose in the window that opened"))
    dialog.auto_dismiss = False
    dialog.bind(on_dismiss=lambda *_: close())
    dialog.open(animation=False)
    return dialog


def ask_place(
    source: Path,
    done: Callable[[str | None], None],
    *,
    place: Path | None = None,
    complaint: Exception | None = None,
) -> Dialog:
    """Ask where to save a copy of a file, and save it there; no other file is overwritten.

    A name alone is one in the user's folder, and has the file's ending, by which it is found again.
    ``place`` is the one that stands there first, and ``complaint`` why another did not do.
    """
    field = Field(text=readable(place or Path.home() / source.name))
    saved: list[str] = []

    def take() -> str | None:
        target = Path.home() / Path(field.text).expanduser()
        try:
            if target.is_dir():
                target /= source.name
            target = with_ending(target, source.suffix)
            if os.path.lexists(target):  # another press saves under the name that is proposed
                field.text = readable(_free_name(target))
                return tr.say("A file of this name is there already. This name is free.")
            write_atomically(target, source.read_bytes())
        except FileNotFoundError:
            return tr.say("There is no such folder.")
        except OSError as error:
            return sentence(error)
        saved.append(readable(target))
        return None

    dialog = Dialog(take, heading=tr.say("Save the file"), button=tr.say("Save"))
    dialog.text = sentence(complaint) if complaint else tr.say("Folder and name of the file:")
    dialog.bind(on_dismiss=lambda *_: done(saved[0] if saved else None))
    _open_with(dialog, field)
    return dialog


def with_ending(path: Path, ending: str) -> Path:
    """Return a path of which the name ends so: with the ending added unless it is there."""
    return path if path.suffix.lower() == ending else path.with_name(path.name + ending)


def _free_name(path: Path) -> Path:
    """Return a name beside a path that no file has."""
    numbered = (path.with_name(f"{path.stem} {n}{path.suffix}") for n in count(2))
    return next(one for one in numbered if not os.path.lexists(one))


def _open_with(dialog: Dialog, field: Field) -> None:
    """Open a dialog that asks for a line; what stands there is replaced by typing."""

    def let_type(_: float) -> None:
        field.focus = True
        field.select_all()

    dialog.ids.body.add_widget(field)
    field.bind(on_text_validate=dialog.accept)
    dialog.open()
    Clock.schedule_once(let_type)  # after the touch that asked for it


load_rules(__file__)
