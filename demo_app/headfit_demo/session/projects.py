"""Projects on the disk: a folder each, with a name, the classes, the examples and the head."""

from __future__ import annotations

import json
import shutil
import time
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from headfit import InputError
from headfit.files import write_atomically

_DESCRIPTION, _STORE, _HEAD = "project.json", "examples.store", "trained.head"
MAX_NAME = 60
"""Longest name of a project, in characters."""


@dataclass(frozen=True, slots=True)
class Project:
    """One project's folder and what its description says.

    Attributes
    ----------
    folder : Path
        Where it lies; its name never changes.
    name : str
        What the user calls it.
    class_names : tuple of str
        In the order in which they were named; some may have no photo yet.
    """

    folder: Path
    name: str
    class_names: tuple[str, ...]

    @property
    def key(self) -> str:
        """The folder's name, by which the app knows the project."""
        return self.folder.name

    @property
    def store_path(self) -> Path:
        """Where the examples lie."""
        return self.folder / _STORE

    @property
    def head_path(self) -> Path:
        """Where the head lies, once there is one."""
        return self.folder / _HEAD

    @property
    def store_bytes(self) -> int:
        """How large the examples' file is, with its log."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{_STORE}*"))

    @property
    def head_bytes(self) -> int:
        """How large the head's file is, 0 if there is none."""
        try:
            return self.head_path.stat().st_size
        except FileNotFoundError:
            return 0

    def renamed(self, name: str) -> Project:
        """Return the project under another name, which is saved."""
        project = replace(self, name=checked_name(name))
        project.save()
        return project

    def save(self) -> None:
        """Write the description, whole or not at all."""
        content = {"name": self.name, "classes": self.class_names}
        text = json.dumps(content, ensure_ascii=False)
        write_atomically(self.folder / _DESCRIPTION, text.encode())


class ProjectFolder:
    """The folder that holds all projects.

    Parameters
    ----------
    folder : Path
        Made when the first project is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Project]:
        """Return the projects, the one that was changed last first."""
        found = [self.get(path.name) for path in self.folder.glob("*/") if path.is_dir()]
        return sorted(found, key=lambda project: (-_changed_at(project), project.name))

    def get(self, key: str) -> Project:
        """Return a project; one whose description is lost keeps its examples and its key as name.

        Raises
        ------
        InputError
            If there is no such project.
        """
        folder = self.folder / key
        if not folder.is_dir():
            raise InputError(f"expected a project, found none in {folder}")
        try:
            content = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
            return Project(folder, str(content["name"]), tuple(map(str, content["classes"])))
        except (OSError, ValueError, LookupError, TypeError):
            return Project(folder, key, ())

    def create(self, name: str, class_names: tuple[str, ...] = ()) -> Project:
        """Make a project without photos.

        Raises
        ------
        InputError
            If the name is empty or too long.
        """
        name = checked_name(name)
        key = f"{time.time_ns():x}"
        (self.folder / key).mkdir(parents=True, mode=0o700)
        project = Project(self.folder / key, name, class_names)
        try:
            project.save()
        except BaseException:
            shutil.rmtree(project.folder, ignore_errors=True)
            raise
        return project

    def delete(self, key: str) -> None:
        """Delete a project and all that was taught in it, for good."""
        shutil.rmtree(self.get(key).folder)


def checked_name(name: str) -> str:
    """Return a project's name without space around it.

    Raises
    ------
    InputError
        If nothing is left, or too much.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InputError(f"expected a name of 1 to {MAX_NAME} characters, found {name!r}")
    return name


def _changed_at(project: Project) -> float:
    """Return when a project was changed, in seconds since 1970."""
    paths = (project.folder / _DESCRIPTION, project.store_path, project.head_path)
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
