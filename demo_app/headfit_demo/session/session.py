"""Session: everything the app does, without a window.

One thread at a time may use a session and its open project; the app gives both to its worker.
All else that a method returns is a value that never changes, safe to show from another thread.
Errors are those of headfit and ``OSError``; nothing taught is lost by any of them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from headfit import (
    Extractor,
    ExtractorError,
    ExtractorMismatchError,
    FileFormatError,
    HeadfitError,
    ImageClassifier,
    ImageError,
    SoftmaxHead,
    Watcher,
)
from headfit.pooling import RoundFile
from headfit.store import ExampleStore
from headfit_demo.session.errors import NoExtractorError, NoGreetingError, NoProjectError
from headfit_demo.session.facts import EngineSpeed, Facts, gather_facts
from headfit_demo.session.greeting import GREETING_HEAD
from headfit_demo.session.helping import Helped, Offer, read_round
from headfit_demo.session.names import project_name
from headfit_demo.session.open_project import QUICK_PHOTOS, OpenProject
from headfit_demo.session.photos import Photo, PickedFile, Pixels, as_looked_at, as_pixels
from headfit_demo.session.projects import Project, ProjectFolder
from headfit_demo.session.states import (
    Certainty,
    ProjectCard,
    ProjectView,
    Recognition,
    certainty_of,
)
from headfit_demo.session.thumbnails import Pictures, keep_thumbnails
from headfit_demo.session.videos import is_video

T = TypeVar("T")

MOST_PICTURES = 4
"""Of no more things a project's card shows a picture."""

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
        self._helped = Helped(data_folder / "rounds.json")
        self._extractor_name = extractor
        self._isolate = isolate
        self._extractor: Extractor | None = None
        self._watcher = Watcher()
        self._opened: dict[str, OpenProject] = {}
        self._users: Counter[str] = Counter()
        self._shown: str | None = None
        self._pictures: dict[str, Pictures] = {}
        self.keeps_thumbnails = False

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
        """Close what is open; nothing has to be saved."""
        for key in list(self._opened):
            self._opened.pop(key).close()
        self._shown = None

    # Projects

    @property
    def project(self) -> OpenProject:
        """The project that is shown.

        Raises
        ------
        NoProjectError
            If none is open.
        """
        if self._shown not in self._opened:  # one whose repair failed is not, either
            raise NoProjectError("expected an open project, found none; open or make one first")
        return self._opened[self._shown]

    @contextmanager
    def using(self, key: str) -> Iterator[OpenProject]:
        """Give a project for as long as something is done in it, whichever is shown meanwhile.

        Raises
        ------
        ProjectGoneError
            If it was deleted, by another program too.
        ProjectInUseError
            If another window has it open.
        """
        project = self._opened[key] if key in self._opened else self._open(key)
        self._users[key] += 1
        try:
            yield project
        except FileNotFoundError:
            self._projects.get(key)  # its folder may be what is not there
            raise
        finally:
            self._users[key] -= 1
            self._close_unused()

    def change(self, key: str, work: Callable[[OpenProject], T]) -> tuple[T, ProjectView]:
        """Change a project and let its head follow; return what ``work`` returns, and a view."""
        with self.using(key) as project:
            result = work(project)
            project.settle()
            return result, project.view()

    def ask(self, key: str, question: Callable[[OpenProject], T]) -> T:
        """Return what a project says, such as its view."""
        with self.using(key) as project:
            return question(project)

    def projects(self) -> tuple[ProjectCard, ...]:
        """Return the projects, the one that was changed last first."""
        return tuple(_card(one, self._pictures.get(one.key, {})) for one in self._projects.all())

    def create_project(self, name: str) -> str:
        """Make an empty project, open it, and return its key.

        Parameters
        ----------
        name : str
            Empty for one that is called by its things; one that has none yet is opened again then.
        """
        unused = [] if name else [one for one in self._projects.all() if not one.name]
        key = unused[0].key if unused else self._projects.create(name).key
        self.open_project(key)
        return key

    def open_project(self, key: str) -> None:
        """Open a project and show it; the one before is closed unless something is done in it.

        Raises
        ------
        ProjectInUseError
            If another window has it open.
        ExtractorMismatchError
            If it was taught with another extractor.
        DamagedStoreError
            If its examples are damaged or lost; `repair_project` keeps what can be read.
        StoreError
            If they are locked.
        """
        with self.using(key) as project:
            if project.view().n_photos <= QUICK_PHOTOS:
                project.settle()
            else:
                project.hear()
            self._shown = key  # last: what cannot be opened leaves the one before

    def rename_project(self, key: str, name: str) -> None:
        """Call a project by another name."""
        if key in self._opened:
            self._opened[key].rename(name)
        else:
            with self._projects.lock(key):
                self._projects.get(key).renamed(name)

    def repair_project(self, key: str) -> int:
        """Keep of a damaged project's examples what can be read, and open it.

        Class names and what the head learned stay.

        Returns
        -------
        int
            How many examples could be read.

        Raises
        ------
        ProjectInUseError
            If another window has it open.
        StoreError
            If the disk is full. All stays as it is.
        """
        if key in self._opened:
            self._opened.pop(key).close()
        extractor = self.open_extractor()
        with self._projects.lock(key):
            self._projects.get(key).repair(extractor)
        self.open_project(key)
        return self.project.view().n_photos

    def delete_project(self, key: str) -> None:
        """Delete a project and all that was taught in it, for good.

        Raises
        ------
        ProjectInUseError
            If another window has it open. It stays.
        """
        if key in self._opened:
            self._opened.pop(key).close()
        if self._shown == key:
            self._shown = None
        self._pictures.pop(key, None)
        with self._projects.lock(key) as lock:
            self._projects.delete(key, lock)

    def erase_everything(self) -> None:
        """Delete every project for good.

        Raises
        ------
        ProjectInUseError
            If another window has one open; that one stays.
        """
        self.close()
        _each(self.delete_project, [project.key for project in self._projects.all()])
        self._projects.sweep()
        self._helped.forget()

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
        self.open_project(self._projects.create(project_name(Path(Path(file.name).stem)), head).key)

    def keep_thumbnails(self, allowed: bool) -> int:
        """Allow or forbid to keep small pictures, of all projects and of what was taught before.

        Returns
        -------
        int
            Of how many photos that were taught before there is none to keep.

        Raises
        ------
        ProjectInUseError, StoreError
            If those of a project cannot be kept or erased; those of all others are.
        """
        self.keeps_thumbnails = allowed
        n_missing = 0

        def follow(key: str) -> None:
            nonlocal n_missing
            if key in self._opened:
                n_missing += self._opened[key].keep_thumbnails(allowed)
                return
            with self._projects.lock(key):
                path = self._projects.get(key).store_path
                if path.exists():
                    with ExampleStore.open(path) as store:
                        pictures = self._pictures.get(key, {})
                        n_missing += keep_thumbnails(store, pictures, allowed)

        _each(follow, [project.key for project in self._projects.all()])
        return n_missing

    def _open(self, key: str) -> OpenProject:
        """Open a project for this window."""
        extractor, project = self.open_extractor(), self._projects.get(key)
        self._opened[key] = OpenProject(
            project,
            self._projects.lock(key),
            extractor,
            self._pictures.setdefault(key, {}),
            self.keeps_thumbnails,
        )
        return self._opened[key]

    def _close_unused(self) -> None:
        """Close what is neither shown nor worked on."""
        for key in [one for one in self._opened if one != self._shown and not self._users[one]]:
            self._opened.pop(key).close()

    # Photos

    def open_photo(self, file: PickedFile) -> Pixels:
        """Return a photo's pixels, no larger than a screen needs.

        Raises
        ------
        ImageError
            If it is none that can be read.
        """
        if is_video(file):
            raise ImageError(f"{file.name}: expected a photo, found a video; teach what it shows")
        return as_pixels(file, side=SCREEN_SIDE)

    def recognise(self, photo: Photo) -> Recognition:
        """Say what a photo shows: by the head of the open project, or else as `greet`.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        """
        return self.greet(photo) if self._shown is None else _look(self.project.classifier, photo)

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
        classifier = self._greeting if self._shown is None else self.project.classifier
        return _look(classifier, frame, self._watcher)

    def greet(self, photo: Photo) -> Recognition:
        """Say what a photo shows by the head that came with the app."""
        return _look(self._greeting, photo)

    # Shared heads

    def open_round(self, file: PickedFile) -> RoundFile:
        """Return the round that a file calls.

        Raises
        ------
        NoRoundError, UntrustedHeadError
            If it calls none, or was changed after it was signed.
        """
        return read_round(file)

    def offer(self, key: str, called: RoundFile) -> Offer:
        """Return what a project would contribute to a round; nothing leaves by it.

        Raises
        ------
        ExtractorMismatchError
            If the round is for another extractor.
        """
        helped = called.digest in self._helped.all()
        return self.ask(key, lambda project: project.offer(called, helped))

    def helped(self, digest: str) -> None:
        """Remember that both files for a round were given away."""
        self._helped.add(digest)

    # For developers

    def facts(self) -> Facts:
        """Return the numbers and lines of the developer page."""
        if self._shown is None:
            return gather_facts(self._greeting, GREETING_HEAD.stat().st_size, "greeting", None)
        return self.project.facts()

    def engine_speeds(self) -> tuple[EngineSpeed, ...]:
        """Time every engine on this machine; takes seconds."""
        _, reports = Extractor.survey(self._extractor_name, isolate=self._isolate)
        return tuple(EngineSpeed(one.name, one.milliseconds, one.reason) for one in reports)

    @cached_property
    def _greeting(self) -> ImageClassifier:
        """The extractor with the head that came with the app."""
        extractor = self.open_extractor()
        try:
            return ImageClassifier.load(GREETING_HEAD, extractor=extractor)
        except ExtractorMismatchError as error:
            raise NoGreetingError(f"{error}; open or begin a project") from error


def _each(act: Callable[[str], None], keys: list[str]) -> None:
    """Do something with all projects; one that cannot keeps none of the others from it."""
    failed: list[Exception] = []
    for key in keys:
        try:
            act(key)
        except (HeadfitError, OSError) as error:
            failed.append(error)
    if failed:
        raise failed[0]


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


def _card(project: Project, pictures: Pictures) -> ProjectCard:
    """Describe a project without its extractor; opening it says why it cannot be read."""
    names: dict[int, str] = {}
    can_be_read = not project.lost_store
    newest: dict[str, bytes] = {}
    try:
        with ExampleStore.open(project.store_path) as store:
            names = store.names_by_id()
            kept = store.thumbnail_sizes()
            for example_id, name in reversed(names.items()):
                if len(newest) < MOST_PICTURES and name not in newest:
                    picture = pictures.get(example_id)
                    if picture is None and example_id in kept:
                        picture = store.thumbnail(example_id)
                    if picture is not None:
                        newest[name] = picture
    except FileNotFoundError:
        pass  # nothing was taught yet, or it was lost
    except (HeadfitError, OSError):
        can_be_read = False
    class_names = (*project.class_names, *names.values())
    return ProjectCard(
        key=project.key,
        name=project.name,
        class_names=tuple(dict.fromkeys(class_names)),
        n_photos=len(names) if can_be_read else None,
        has_head=project.head_path.exists(),
        pictures=tuple(newest.values()),
    )
