"""Projects on the disk: a folder each, with a name, the classes, the examples and the head."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from headfit import DamagedStoreError, Extractor, SoftmaxHead
from headfit.files import write_atomically
from headfit.store import ExampleStore, repair_store
from headfit_demo.session.errors import ProjectGoneError
from headfit_demo.session.lock import ProjectLock
from headfit_demo.session.names import MAX_NAME, checked_name

_DESCRIPTION, _STORE, _HEAD = "project.json", "examples.store", "trained.head"
_GOING = ".deleted-"


@dataclass(frozen=True, slots=True)
class Project:
    """One project's folder and what its description says.

    Attributes
    ----------
    folder : Path
        Where it lies; its name never changes.
    own_name : str
        What the user calls it; empty if nobody gave it a name.
    class_names : tuple of str
        In the order in which they were named; some may have no photo yet.
    has_store : bool
        Whether the examples' file was made: if it is not there, it was lost.
    """

    folder: Path
    own_name: str
    class_names: tuple[str, ...]
    has_store: bool = False

    @property
    def name(self) -> str:
        """What it is called: without a name of its own by its things, empty while it has none."""
        return self.own_name or _joined(self.class_names)

    @property
    def key(self) -> str:
        """The folder's name, by which the app knows the project."""
        return self.folder.name

    @property
    def store_path(self) -> Path:
        """Where the examples lie."""
        return self.folder / _STORE

    @property
    def lost_store(self) -> bool:
        """Whether the examples' file was there, and is gone or was cut to nothing."""
        try:
            return self.has_store and self.store_path.stat().st_size == 0
        except FileNotFoundError:
            return True

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
        project = replace(self, own_name=checked_name(name, MAX_NAME))
        project.save()
        return project

    def repair(self, extractor: Extractor) -> None:
        """Make the examples' file whole again, of what can be read of it, or an empty one."""
        path = self.store_path
        path.touch(mode=0o600)  # if it is lost, its log may still hold what came last
        try:
            repair_store(path, extractor)
        except DamagedStoreError:  # nothing can be read; kept beside it, as by any repair
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
            for suffix in ("-wal", ""):
                damaged = path.with_name(f"{path.name}{suffix}")
                if damaged.exists() and damaged.stat().st_size > 0:
                    damaged.replace(path.with_name(f"{path.name}.damaged{suffix}"))
                else:  # an earlier copy may hold more
                    damaged.unlink(missing_ok=True)
            ExampleStore.open(path, extractor).close()

    def save(self) -> None:
        """Write the description, whole or not at all."""
        content = {
            "name": self.own_name,
            "classes": self.class_names,
            "has_store": self.has_store,
        }
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
        """Return the projects, the one that was changed last first.

        What a kill left half deleted is deleted, and what it left half made is no project.
        """
        for half in self.folder.glob(f"{_GOING}*"):
            shutil.rmtree(half, ignore_errors=True)
        folders = [path for path in self.folder.glob("[!.]*/") if path.is_dir()]
        found = [self.get(path.name) for path in folders if _is_made(path)]
        return sorted(found, key=lambda project: (-_changed_at(project), project.name))

    def get(self, key: str) -> Project:
        """Return a project; one whose description is lost keeps its examples and its key as name.

        Raises
        ------
        ProjectGoneError
            If there is no such project.
        """
        folder = self.folder / key
        if not folder.is_dir():
            raise ProjectGoneError(f"expected a project, found none in {folder}")
        try:
            content = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
            return Project(
                folder,
                str(content["name"]),
                tuple(map(str, content["classes"])),
                bool(content.get("has_store")),
            )
        except (OSError, ValueError, LookupError, TypeError):
            return Project(folder, key, ())

    def lock(self, key: str) -> ProjectLock:
        """Take a project for this window; it lies beside the projects, to outlive a deleted one.

        Raises
        ------
        ProjectInUseError
            If another window has it.
        """
        return ProjectLock(self.folder.parent / "locks" / key)

    def create(self, name: str, head: SoftmaxHead | None = None) -> Project:
        """Make a project without photos, with a head or without; it appears whole or not at all.

        Parameters
        ----------
        name : str
            Empty for one that is called by its things.
        head : SoftmaxHead, optional

        Raises
        ------
        LongNameError, UnprintableNameError
            If the name is one that none can have.
        """
        name = name and checked_name(name, MAX_NAME)
        folder = self.folder / f"{time.time_ns():x}"
        folder.mkdir(parents=True, mode=0o700)
        project = Project(folder, name, () if head is None else head.fitted_.classes)
        try:
            if head is not None:
                head.save(project.head_path)
            project.save()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return project

    def sweep(self) -> None:
        """Delete what kills left half made."""
        for path in self.folder.glob("*/"):
            if not _is_made(path):
                shutil.rmtree(path, ignore_errors=True)

    def delete(self, key: str, lock: ProjectLock) -> None:
        """Delete a project and all that was taught in it, for good, and the lock with it."""
        going = self.folder / f"{_GOING}{key}"
        self.get(key).folder.rename(going)  # at once: a kill must not leave half a project
        lock.remove()
        shutil.rmtree(going)


def _joined(names: tuple[str, ...]) -> str:
    """Return as many names as fit, and how many more there are."""
    said = ""
    for number, name in enumerate(names):
        longer = f"{said}, {name}" if said else name
        if len(longer) > MAX_NAME - 5:
            return f"{said} + {len(names) - number}" if said else f"{name[: MAX_NAME - 1]}…"
        said = longer
    return said


def _is_made(folder: Path) -> bool:
    """Return whether a project's making came to its end."""
    return (folder / _DESCRIPTION).exists() or (folder / _STORE).exists()


def _changed_at(project: Project) -> float:
    """Return when a project was changed, in seconds since 1970."""
    paths = (project.folder / _DESCRIPTION, project.store_path, project.head_path)
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
