"""Session: everything the app does, without a window.

One thread at a time may use a session and its open project; the app gives both to its worker.
All else that a method returns is a value that never changes, safe to show from another thread.
Errors are those of headfit and ``OSError``; nothing taught is lost by any of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from headfit import (
    Extractor,
    ExtractorError,
    FileFormatError,
    HeadfitError,
    ImageClassifier,
    InputError,
    SoftmaxHead,
    Watcher,
)
from headfit.store import ExampleStore
from headfit_demo.session.errors import NoExtractorError
from headfit_demo.session.facts import EngineSpeed, Facts, gather_facts
from headfit_demo.session.greeting import GREETING_HEAD
from headfit_demo.session.open_project import QUICK_PHOTOS, OpenProject
from headfit_demo.session.photos import Photo, PickedFile, Pixels, as_looked_at, as_pixels
from headfit_demo.session.projects import MAX_NAME, Project, ProjectFolder
from headfit_demo.session.states import Certainty, ProjectCard, Recognition, certainty_of

SCREEN_SIDE = 1280
"""Longer side of a photo that is shown, in pixels."""


class Session:
    """The user's projects, one of them open, and the extractor that all share.

    Parameters
    ----------
    data_folder : Path
        Where projects lie; made when the first one is.
    extractor : str or Path, optional
        Another extractor than the one that came with headfit.
    isolate : bool
        Run the extractor in a process of its own.
    """

    def __init__(
        self, data_folder: Path, *, extractor: str | Path | None = None, isolate: bool = True
    ) -> None:
        self.data_folder = data_folder
        self._projects = ProjectFolder(data_folder / "projects")
        self._extractor_name = extractor
        self._isolate = isolate
        self._extractor: Extractor | None = None
        self._open: OpenProject | None = None
        self._keeps_thumbnails = False
        self._watcher = Watcher()

    def open_extractor(self) -> Extractor:
        """Return the extractor, opened at the first call.

        Raises
        ------
        NoExtractorError
            If there is none, or nothing here can run it. The next call tries again.
        """
        if self._extractor is None:
            try:
                self._extractor = Extractor.open(self._extractor_name, isolate=self._isolate)
            except (ExtractorError, FileFormatError, FileNotFoundError) as error:
                raise NoExtractorError(f"no extractor can be used: {error}") from error
        return self._extractor

    def close(self) -> None:
        """Close the open project; nothing has to be saved."""
        if self._open is not None:
            self._open.close()
        self._open = None

    # Projects

    @property
    def project(self) -> OpenProject:
        """The open project.

        Raises
        ------
        InputError
            If none is open.
        """
        if self._open is None:
            raise InputError("expected an open project, found none; open or make one first")
        return self._open

    def projects(self) -> tuple[ProjectCard, ...]:
        """Return the projects, the one that was changed last first."""
        return tuple(map(_card, self._projects.all()))

    def create_project(self, name: str) -> None:
        """Make an empty project and open it."""
        self.open_project(self._projects.create(name).key)

    def open_project(self, key: str) -> None:
        """Open a project; the one before is closed.

        Raises
        ------
        ExtractorMismatchError
            If it was taught with another extractor.
        StoreError
            If its examples are damaged or locked.
        """
        extractor = self.open_extractor()
        project = self._projects.get(key)
        self.close()
        self._open = OpenProject(project, extractor, self._keeps_thumbnails)
        if self._open.view().n_photos <= QUICK_PHOTOS:
            self._open.settle()

    def rename_project(self, key: str, name: str) -> None:
        """Call a project by another name."""
        if self._open is not None and self._open.key == key:
            self._open.rename(name)
        else:
            self._projects.get(key).renamed(name)

    def delete_project(self, key: str) -> None:
        """Delete a project and all that was taught in it, for good."""
        if self._open is not None and self._open.key == key:
            self.close()
        self._projects.delete(key)

    def erase_everything(self) -> None:
        """Delete every project for good."""
        self.close()
        for project in self._projects.all():
            self._projects.delete(project.key)

    def import_head(self, file: PickedFile) -> None:
        """Make a project of a head file that came from elsewhere, named after it, and open it.

        Raises
        ------
        ExtractorMismatchError
            If the head was trained on another extractor.
        FileFormatError
            If this is no head file.
        """
        with as_path(file, self.data_folder) as path:
            head = SoftmaxHead.load(path, extractor=self.open_extractor())
        project = self._projects.create(Path(file.name).stem[:MAX_NAME], head.fitted_.classes)
        head.save(project.head_path)
        self.open_project(project.key)

    def keep_thumbnails(self, allowed: bool) -> None:
        """Allow or forbid to keep small pictures; those that are there go when it is forbidden."""
        self._keeps_thumbnails = allowed
        if self._open is not None:
            self._open.keep_thumbnails(allowed)

    # Photos

    def open_photo(self, file: PickedFile) -> Pixels:
        """Return a photo's pixels, no larger than a screen needs."""
        return as_pixels(file, side=SCREEN_SIDE)

    def recognise(self, photo: Photo) -> Recognition:
        """Say what a photo shows: by the head of the open project, or else as `greet`.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        """
        return self.greet(photo) if self._open is None else _look(self._open.classifier, photo)

    def watch(self, frame: Photo, *, is_first: bool) -> Recognition:
        """Say what the camera shows by now: what this frame and those before it agree on.

        Parameters
        ----------
        frame : Photo
        is_first : bool
            Whether the camera was just turned on.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        """
        if is_first:
            self._watcher.reset()
        classifier = self._greeting if self._open is None else self._open.classifier
        return _look(classifier, frame, self._watcher)

    def greet(self, photo: Photo) -> Recognition:
        """Say what a photo shows by the head that came with the app."""
        return _look(self._greeting, photo)

    # For developers

    def facts(self) -> Facts:
        """Return the numbers and lines of the developer page."""
        if self._open is None:
            return gather_facts(self._greeting, GREETING_HEAD.stat().st_size, "greeting", None)
        return self._open.facts()

    def engine_speeds(self) -> tuple[EngineSpeed, ...]:
        """Time every engine on this machine; takes seconds."""
        _, reports = Extractor.survey(self._extractor_name, isolate=self._isolate)
        return tuple(EngineSpeed(one.name, one.milliseconds, one.reason) for one in reports)

    @cached_property
    def _greeting(self) -> ImageClassifier:
        """The extractor with the head that came with the app."""
        return ImageClassifier.load(GREETING_HEAD, extractor=self.open_extractor())


def _look(classifier: ImageClassifier, photo: Photo, watcher: Watcher | None = None) -> Recognition:
    """Say what a photo shows, or with it what a watcher sees, and how long that took."""
    started = time.perf_counter()
    found = classifier.recognise(as_looked_at(classifier.extractor, photo))
    ranking, is_decided = found.ranking, True
    class_name = ranking[0][0] if found.is_known else None
    if watcher is not None:
        seen = watcher.see(found)
        ranking, is_decided, class_name = seen.ranking, seen.is_decided, seen.class_name
    if class_name is not None:
        certainty = certainty_of(class_name, ranking)
    else:
        certainty = Certainty.UNKNOWN if is_decided else Certainty.UNDECIDED
    return Recognition(
        ranking=tuple(ranking[:3]),
        class_name=class_name,
        certainty=certainty,
        milliseconds=1000 * (time.perf_counter() - started),
        engine=classifier.extractor.engine_name,
    )


@contextmanager
def as_path(file: PickedFile, folder: Path) -> Iterator[Path]:
    """Give the path of a picked file; bytes get one for as long as they need it."""
    if isinstance(file.content, Path):
        yield file.content
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "picked.head"
    path.write_bytes(file.content)
    try:
        yield path
    finally:
        path.unlink()


def _card(project: Project) -> ProjectCard:
    """Describe a project without its extractor; one that cannot be read counts as empty."""
    counts: dict[str, int] = {}
    try:
        with ExampleStore.open(project.store_path) as store:
            counts = store.class_counts
    except (HeadfitError, OSError):
        pass  # opening it says what is wrong
    return ProjectCard(
        key=project.key,
        name=project.name,
        n_classes=len(counts.keys() | set(project.class_names)),
        n_photos=sum(counts.values()),
        has_head=project.head_path.exists(),
    )
