"""The desktop's own windows for files: a program of the system's that prints what was chosen.

They have what people know: small pictures, places, a search. Where none of them is, the app has a
window of its own (`headfit_demo.widgets.FileWindow`).
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from kivy.clock import mainthread

Chosen = Callable[[list[Path] | None], None]
"""Called with what was chosen, empty if the user went back; None if the window did not open."""

_KILLED: Final = (-9, -15)
"""How a program ends that somebody killed; one that fails ends otherwise."""

_NEXT_PATH: Final = re.compile(rb"\r?\n(?=/|\\\\|[A-Za-z]:)")
"""What stands between two paths; a line break in a name does not."""


class FileDialog(ABC):
    """A window of the desktop's in which files, folders and places are chosen."""

    program: str
    environment: Mapping[str, str] = MappingProxyType({})
    """Variables that the program gets beside the app's own."""

    went_back: int = 0
    """The status of the program when the user went back; 0 where nothing is printed then."""

    @classmethod
    def find(cls) -> FileDialog | None:
        """Return that of the desktop that runs, or None."""
        kinds: list[type[FileDialog]]
        if sys.platform == "win32":
            kinds = [WindowsDialog]
        elif sys.platform == "darwin":
            kinds = [MacDialog]
        else:
            kinds = [GtkDialog, KdeDialog]
            if "KDE" in os.environ.get("XDG_CURRENT_DESKTOP", ""):
                kinds.reverse()
        return next((kind() for kind in kinds if shutil.which(kind.program)), None)

    @abstractmethod
    def files(self, title: str, endings: Iterable[str], *, several: bool) -> list[str]:
        """Return the command that lets files be chosen; no ending is that of any file."""

    @abstractmethod
    def folder(self, title: str) -> list[str]:
        """Return the command that lets a folder be chosen."""

    @abstractmethod
    def place(self, title: str, name: str) -> list[str]:
        """Return the command that asks where to save a file; it asks before one is replaced."""

    def ask(self, command: list[str], done: Chosen) -> Callable[[], None]:
        """Open the window; return what closes it. ``done`` is called on the main thread."""
        environment = {**os.environ, **self.environment}
        if getattr(sys, "frozen", False):  # libraries of the bundle are not the system's
            environment.pop("LD_LIBRARY_PATH", None)
        try:
            window = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError:
            mainthread(done)(None)
            return lambda: None
        is_closed = threading.Event()

        def close() -> None:
            is_closed.set()
            window.terminate()

        def wait() -> None:
            said, _ = window.communicate()
            atexit.unregister(close)
            mainthread(done)([] if is_closed.is_set() else self._chosen(window.returncode, said))

        atexit.register(close)  # it would outlive the app
        threading.Thread(target=wait, daemon=True).start()
        return close

    def _chosen(self, status: int, said: bytes) -> list[Path] | None:
        """Return what was chosen by how the program ended; None if it failed.

        A name that the program cannot print, such as one that is no UTF-8, is a failure, too.
        """
        if status in _KILLED or status == self.went_back != 0:
            return []
        lines = _NEXT_PATH.split(said.rstrip(b"\r\n"))
        paths = [Path(os.fsdecode(line)) for line in lines if line]
        return paths if status == 0 and all(path.is_absolute() for path in paths) else None


class GtkDialog(FileDialog):
    """That of GNOME and of desktops like it."""

    program = "zenity"
    went_back = 10  # its own would be 1, as when it finds no display
    environment = MappingProxyType({"ZENITY_CANCEL": "10", "ZENITY_ESC": "10"})

    def files(self, title: str, endings: Iterable[str], *, several: bool) -> list[str]:
        """See `FileDialog.files`."""
        command = ["zenity", "--file-selection", f"--title={title}", "--separator=\n"]
        if several:
            command.append("--multiple")
        if patterns := _patterns(endings):
            command.append(f"--file-filter={title} | {' '.join(patterns)}")
        return command

    def folder(self, title: str) -> list[str]:
        """See `FileDialog.folder`."""
        return ["zenity", "--file-selection", "--directory", f"--title={title}"]

    def place(self, title: str, name: str) -> list[str]:
        """See `FileDialog.place`."""
        asks = ["--save", "--confirm-overwrite"]
        return ["zenity", "--file-selection", *asks, f"--title={title}", f"--filename={name}"]


class KdeDialog(FileDialog):
    """That of KDE."""

    program = "kdialog"
    went_back = 1

    def files(self, title: str, endings: Iterable[str], *, several: bool) -> list[str]:
        """See `FileDialog.files`."""
        command = ["kdialog", "--title", title]
        if several:
            command += ["--multiple", "--separate-output"]
        command += ["--getopenfilename", str(Path.home())]
        if patterns := _patterns(endings):
            command.append(f"{title} ({' '.join(patterns)})")
        return command

    def folder(self, title: str) -> list[str]:
        """See `FileDialog.folder`."""
        return ["kdialog", "--title", title, "--getexistingdirectory", str(Path.home())]

    def place(self, title: str, name: str) -> list[str]:
        """See `FileDialog.place`."""
        return ["kdialog", "--title", title, "--getsavefilename", str(Path.home() / name)]


class MacDialog(FileDialog):
    """That of macOS, by AppleScript."""

    program = "osascript"

    def files(self, title: str, endings: Iterable[str], *, several: bool) -> list[str]:
        """See `FileDialog.files`."""
        kinds = ", ".join(f'"{ending.lstrip(".")}"' for ending in sorted(endings))
        of_type = f" of type {{{kinds}}}" if kinds else ""
        allowed = " with multiple selections allowed" if several else ""
        return self._script(f"choose file with prompt (item 1 of argv){of_type}{allowed}", title)

    def folder(self, title: str) -> list[str]:
        """See `FileDialog.folder`."""
        return self._script("choose folder with prompt (item 1 of argv)", title)

    def place(self, title: str, name: str) -> list[str]:
        """See `FileDialog.place`."""
        ask = "choose file name with prompt (item 1 of argv) default name (item 2 of argv)"
        return self._script(ask, title, name)

    def _script(self, ask: str, *words: str) -> list[str]:
        lines = [
            "on run argv",
            "try",
            f"set chosen to ({ask}) as list",
            "on error number -128",  # the user went back
            'return ""',
            "end try",
            'set said to ""',
            "repeat with one in chosen",
            "set said to said & POSIX path of one & linefeed",
            "end repeat",
            "return said",
            "end run",
        ]
        return ["osascript", *(part for line in lines for part in ("-e", line)), *words]


class WindowsDialog(FileDialog):
    """That of Windows, by PowerShell."""

    program = "powershell"

    def files(self, title: str, endings: Iterable[str], *, several: bool) -> list[str]:
        """See `FileDialog.files`."""
        patterns = ";".join(f"*{ending}" for ending in sorted(endings)) or "*.*"
        filled = f"$d.Filter='{_quoted(title)}|{patterns}';$d.Multiselect=${str(several).lower()};"
        return self._script("OpenFileDialog", filled + f"$d.Title='{_quoted(title)}'", "FileNames")

    def folder(self, title: str) -> list[str]:
        """See `FileDialog.folder`."""
        filled = f"$d.Description='{_quoted(title)}'"
        return self._script("FolderBrowserDialog", filled, "SelectedPath")

    def place(self, title: str, name: str) -> list[str]:
        """See `FileDialog.place`."""
        filled = f"$d.Title='{_quoted(title)}';$d.FileName='{_quoted(name)}'"
        return self._script("SaveFileDialog", filled, "FileName")

    def _script(self, kind: str, filled: str, said: str) -> list[str]:
        script = (
            "[Console]::OutputEncoding=[Text.Encoding]::UTF8;"
            "Add-Type -AssemblyName System.Windows.Forms;"
            f"$d=New-Object System.Windows.Forms.{kind};{filled};"
            f"if($d.ShowDialog() -eq 'OK'){{$d.{said}}}"
        )
        return ["powershell", "-NoProfile", "-STA", "-Command", script]


def _patterns(endings: Iterable[str]) -> list[str]:
    """Return what file names look like, in small and in large letters."""
    return [f"*{form}" for ending in sorted(endings) for form in (ending, ending.upper())]


def _quoted(text: str) -> str:
    """Return a text for a string of PowerShell in single quotes."""
    return text.replace("'", "''")
