"""The window in which the user chooses files of this device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kivy.clock import mainthread
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview.views import RecycleDataViewBehavior

from headfit.photos import PHOTO_ENDINGS
from headfit_demo.session import PickedFile, Pixels, Worker, as_pixels, readable
from headfit_demo.widgets.basics import Touchable
from headfit_demo.widgets.dialogs import Overlay
from headfit_demo.widgets.rules import load_rules
from headfit_demo.widgets.textures import frame_texture

_PREVIEW_SIDE = 96


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


class FileWindow(Overlay):
    """Lets the user choose files of this device.

    Parameters
    ----------
    endings : frozenset of str
        Which files are shown, by the end of their names.
    several : bool
        Whether more than one can be chosen.
    of_folders : bool
        Whether the folder that is open is what is chosen; files are only seen.
    done : callable
        Called with the paths chosen, none when the user went back.
    """

    folder = ObjectProperty(Path.home())
    folder_name = StringProperty("")
    several = BooleanProperty(False)
    of_folders = BooleanProperty(False)
    n_chosen = NumericProperty(0)
    n_files = NumericProperty(0)
    is_empty = BooleanProperty(False)
    last_folder: Path | None = None

    def __init__(
        self,
        endings: frozenset[str],
        *,
        several: bool = False,
        of_folders: bool = False,
        done: Callable[[list[Path]], None],
    ) -> None:
        self._endings, self._done = endings, done
        self._chosen: list[Path] = []
        self._pictures: dict[Path, Any] = {}
        self._worker = Worker(mainthread)  # of its own: the app's may be busy
        self._accepted = False
        super().__init__(several=several, of_folders=of_folders)
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
        self.folder, self.folder_name, self._chosen = folder, readable(folder), []
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
        if self.of_folders:
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
        if self.of_folders:
            self._chosen = [self.folder]
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
                "name": readable(path.name),
                "path": path,
                "is_folder": path in self._folders,
                "is_chosen": path in self._chosen,
                "is_photo": path.suffix.lower() in PHOTO_ENDINGS and path not in self._folders,
                "window": self,
            }
            for path in [*self._folders, *self._files]
        ]


load_rules(__file__)
