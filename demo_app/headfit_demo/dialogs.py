"""Questions that wait for an answer: a name, a yes, a file to open, a place to save to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.lang import Builder
from kivy.properties import (
    BooleanProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.modalview import ModalView
from kivy.uix.recycleview.views import RecycleDataViewBehavior

from headfit_demo.camera import PHOTO_ENDINGS
from headfit_demo.photos import Pixels, as_pixels
from headfit_demo.sentences import sentence
from headfit_demo.theme import theme
from headfit_demo.translation import tr
from headfit_demo.views import PickedFile
from headfit_demo.widgets import Field, Touchable, frame_texture, take_focus
from headfit_demo.worker import Worker

_PREVIEW_SIDE = 96


class _Window(ModalView):
    """Opens over the app and closes once, however often that is asked for while it fades.

    While it is open the keyboard is its own, and goes back to what had it.
    """

    window_width = NumericProperty(0)
    window_height = NumericProperty(0)

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


class Dialog(_Window):
    """Asks something; `accept` is the answer yes.

    Parameters
    ----------
    done : callable
        Called after yes. Its sentence, if it returns one, is shown and the dialog stays.
    """

    heading = StringProperty("")
    text = StringProperty("")
    button = StringProperty("")
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
    heading: str, button: str, done: Callable[[str], None], *, name: str = "", hint: str = ""
) -> Dialog:
    """Ask for a name and call ``done`` with it."""
    field = Field(text=name, hint_text=hint)

    def take() -> str | None:
        if not field.text.strip():
            return tr.say("Type a name first.")
        done(field.text.strip())
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


def ask_place(source: Path, done: Callable[[str | None], None]) -> Dialog:
    """Ask where to save a copy of a file, and save it there."""
    field = Field(text=str(Path.home() / source.name))
    saved: list[str] = []

    def take() -> str | None:
        target = Path(field.text).expanduser()
        try:
            if target.is_dir():
                target /= source.name
            shutil.copyfile(source, target)
        except FileNotFoundError:
            return tr.say("There is no such folder.")
        except OSError as error:
            return sentence(error)
        saved.append(str(target))
        return None

    dialog = Dialog(take, heading=tr.say("Save the head"), button=tr.say("Save"))
    dialog.text = tr.say("Folder and name of the file:")
    dialog.bind(on_dismiss=lambda *_: done(saved[0] if saved else None))
    _open_with(dialog, field)
    return dialog


def _open_with(dialog: Dialog, field: Field) -> None:
    """Open a dialog that asks for a line; what stands there is replaced by typing."""

    def let_type(_: float) -> None:
        field.focus = True
        field.select_all()

    dialog.ids.body.add_widget(field)
    field.bind(on_text_validate=dialog.accept)
    dialog.open()
    Clock.schedule_once(let_type)  # after the touch that asked for it


class FileRow(RecycleDataViewBehavior, Touchable, BoxLayout):
    """A folder or a file in the list."""

    name = StringProperty("")
    path = ObjectProperty(None, allownone=True)
    is_folder = BooleanProperty(False)
    is_chosen = BooleanProperty(False)
    is_photo = BooleanProperty(False)
    window = ObjectProperty(None, allownone=True)
    texture = ObjectProperty(None, allownone=True)

    def refresh_view_attrs(self, rows: Any, index: int, data: dict[str, Any]) -> None:
        """Show another file; its small picture follows when it is made."""
        super().refresh_view_attrs(rows, index, data)
        self.texture = self.window.picture(self.path) if self.is_photo else None

    def on_release(self) -> None:
        """Open the folder, or choose the file."""
        self.window.touch(self.path, self.is_folder)


class FileWindow(_Window):
    """Lets the user choose files of this device.

    Parameters
    ----------
    endings : frozenset of str
        Which files are shown, by the end of their names.
    several : bool
        Whether more than one can be chosen.
    done : callable
        Called with the paths chosen, none when the user went back.
    """

    folder = ObjectProperty(Path.home())
    several = BooleanProperty(False)
    n_chosen = NumericProperty(0)
    n_files = NumericProperty(0)
    is_empty = BooleanProperty(False)
    last_folder: Path | None = None

    def __init__(
        self, endings: frozenset[str], *, several: bool, done: Callable[[list[Path]], None]
    ) -> None:
        self._endings, self._done = endings, done
        self._chosen: list[Path] = []
        self._pictures: dict[Path, Any] = {}
        self._worker = Worker()  # of its own: the app's may be busy
        self._accepted = False
        super().__init__(several=several)
        self.go(FileWindow.last_folder or Path.home())

    def go(self, folder: Path) -> None:
        """Show a folder; one that cannot be read stays closed."""
        try:
            entries = sorted(folder.iterdir(), key=lambda path: path.name.casefold())
        except OSError:
            return
        visible = [path for path in entries if not path.name.startswith(".")]
        self._folders = [path for path in visible if path.is_dir()]
        self._files = [path for path in visible if path.suffix.lower() in self._endings]
        self.folder, self._chosen = folder, []
        FileWindow.last_folder = folder
        self._show()
        self.ids.rows.scroll_y = 1

    def go_home(self) -> None:
        """Show the user's folder."""
        self.go(Path.home())

    def touch(self, path: Path, is_folder: bool) -> None:
        """Open a folder; choose a file, or not any more."""
        if is_folder:
            self.go(path)
            return
        if path in self._chosen:
            self._chosen.remove(path)
        else:
            self._chosen = [*self._chosen, path] if self.several else [path]
        self._show()

    def choose_all(self) -> None:
        """Choose every file of the folder."""
        self._chosen = list(self._files)
        self._show()

    def accept(self) -> None:
        """Hand over what was chosen."""
        self._accepted = True
        self.dismiss()

    def on_dismiss(self) -> None:
        """Call ``done``."""
        super().on_dismiss()
        self._worker.stop(timeout_s=0)
        self._done(self._chosen if self._accepted else [])

    def picture(self, path: Path) -> Any:
        """Return the texture of a photo in small, or None until it is made."""
        if path not in self._pictures:
            self._pictures[path] = None
            look = partial(as_pixels, PickedFile(path.name, path), _PREVIEW_SIDE)
            self._worker.do(look, partial(self._show_picture, path))
        return self._pictures[path]

    def _show_picture(self, path: Path, pixels: Pixels | None, error: Exception | None) -> None:
        """Let the rows that wait have it; what cannot be read keeps its icon."""
        if pixels is None:
            return
        self._pictures[path] = frame_texture(pixels)
        for row in self.ids.rows.children[0].children:
            if row.path == path:
                row.texture = self._pictures[path]

    def _show(self) -> None:
        self.n_chosen, self.n_files = len(self._chosen), len(self._files)
        self.is_empty = not self._folders and not self._files
        self.ids.rows.data = [
            {
                "name": path.name,
                "path": path,
                "is_folder": path in self._folders,
                "is_chosen": path in self._chosen,
                "is_photo": path.suffix.lower() in PHOTO_ENDINGS and path not in self._folders,
                "window": self,
            }
            for path in [*self._folders, *self._files]
        ]


Builder.load_file(str(Path(__file__).with_suffix(".kv")))
