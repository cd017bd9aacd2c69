"""Windows that ask for files of the desktop: which to open, and where to save."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kivy.uix.boxlayout import BoxLayout
from kivy.uix.button import Button
from kivy.uix.filechooser import FileChooserIconView
from kivy.uix.popup import Popup
from kivy.uix.textinput import TextInput


class FileWindow(Popup):
    """Lets the user choose files.

    Parameters
    ----------
    endings : frozenset of str
        Which files are shown, by the end of their names.
    several : bool
        Whether more than one can be chosen.
    done : callable
        Called with the paths chosen, none when the user went back.
    """

    def __init__(
        self, endings: frozenset[str], *, several: bool, done: Callable[[list[Path]], None]
    ) -> None:
        self._chooser = FileChooserIconView(
            path=str(Path.home()),
            multiselect=several,
            filters=[lambda _, name: Path(name).suffix.lower() in endings],
        )
        self._done = done
        self._chosen: list[Path] = []
        content = BoxLayout(orientation="vertical")
        content.add_widget(self._chooser)
        content.add_widget(Button(text="OK", size_hint_y=None, height=48, on_release=self._choose))
        super().__init__(title="Choose", content=content)

    def on_dismiss(self) -> None:
        """Hand over what was chosen."""
        self._done(self._chosen)

    def _choose(self, _: object) -> None:
        self._chosen = [Path(path) for path in self._chooser.selection]
        self.dismiss()


class SaveWindow(Popup):
    """Asks where to save a file, and copies it there.

    Parameters
    ----------
    source : Path
        The file; its name is proposed.
    done : callable
        Called with the new path as words, or None when the user went back.
    """

    def __init__(self, source: Path, done: Callable[[str | None], None]) -> None:
        self._source, self._done = source, done
        self._saved: str | None = None
        self._field = TextInput(text=str(Path.home() / source.name), multiline=False)
        content = BoxLayout(orientation="vertical")
        content.add_widget(self._field)
        content.add_widget(Button(text="OK", size_hint_y=None, height=48, on_release=self._save))
        super().__init__(title="Save", content=content)

    def on_dismiss(self) -> None:
        """Say where it went."""
        self._done(self._saved)

    def _save(self, _: object) -> None:
        shutil.copyfile(self._source, self._field.text)
        self._saved = self._field.text
        self.dismiss()
