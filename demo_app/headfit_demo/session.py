"""Session: everything the app does, without a window.

One thread at a time may use a session; the app gives all of it to its worker. What a method
returns is a value that never changes, safe to show from another thread. Errors are those of
headfit and ``OSError``; nothing taught is lost by any of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headfit import (
    Extractor,
    ExtractorError,
    FileFormatError,
    HeadfitError,
    ImageClassifier,
    InputError,
    NotFittedError,
    SoftmaxHead,
)
from headfit.store import ExampleStore
from headfit_demo.facts import EngineSpeed, Facts, Stored, gather_facts, measure
from headfit_demo.photos import Photo, Pixels, as_pixels, recognise
from headfit_demo.projects import MAX_NAME, Project, ProjectFolder
from headfit_demo.steps import Step
from headfit_demo.teaching import QUICK_PHOTOS, OpenProject
from headfit_demo.views import (
    Added,
    PhotoView,
    PickedFile,
    Progress,
    ProjectCard,
    ProjectView,
    Recognition,
)

GREETING_HEAD = Path(__file__).parent / "assets" / "greeting.head"
"""The head that the app brings along, for when no project is open."""


class NoExtractorError(HeadfitError):
    """There is no extractor on this device, it is damaged, or nothing here can run it."""


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

    def projects(self) -> tuple[ProjectCard, ...]:
        """Return the projects, the one that was changed last first."""
        return tuple(map(_card, self._projects.all()))

    def create_project(self, name: str) -> ProjectView:
        """Make an empty project and open it."""
        return self.open_project(self._projects.create(name).key)

    def open_project(self, key: str) -> ProjectView:
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
            self._open.refresh()  # says how well the photos teach
        return self.view()

    def rename_project(self, key: str, name: str) -> None:
        """Call a project by another name."""
        if self._open is not None and self._open.project.key == key:
            self._open.project = self._open.project.renamed(name)
        else:
            self._projects.get(key).renamed(name)

    def delete_project(self, key: str) -> None:
        """Delete a project and all that was taught in it, for good."""
        if self._open is not None and self._open.project.key == key:
            self.close()
        self._projects.delete(key)

    def view(self) -> ProjectView:
        """Return the open project as the screens show it."""
        return self._project.view()

    def look(self) -> tuple[ProjectView, dict[str, tuple[PhotoView, ...]]]:
        """Return the open project and the photos of each class, the newest first."""
        view = self._project.view()
        return view, self._project.photos()

    # Teaching

    def add_class(self, class_name: str) -> ProjectView:
        """Name a thing that photos will follow of."""
        self._project.add_class(class_name)
        return self.view()

    def rename_class(self, class_name: str, new_name: str) -> ProjectView:
        """Call a class by another name; nothing is trained again."""
        self._project.rename_class(class_name, new_name)
        return self.view()

    def forget_class(self, class_name: str) -> ProjectView:
        """Forget a class and its photos; `undo` brings them back until the project is closed."""
        self._project.forget_class(class_name)
        return self.view()

    def add_photos(
        self, class_name: str, photos: Iterable[Photo], *, goes_on: bool = False
    ) -> Added:
        """Teach photos of a class; see `OpenProject.add_photos`."""
        return self._project.add_photos(class_name, photos, goes_on=goes_on)

    def forget_photos(self, example_ids: Iterable[int]) -> ProjectView:
        """Forget photos; `undo` brings them back until the project is closed."""
        self._project.forget_photos(example_ids)
        return self.view()

    def undo(self) -> Step | None:
        """Take back the last change of what is taught; return what it was, or None."""
        return self._project.undo()

    # The head

    def train(self, progress: Callable[[Progress], None] | None = None) -> ProjectView:
        """Train the head on all photos; what ``progress`` raises stops it and changes nothing."""
        self._project.train(progress)
        return self.view()

    def refresh(self) -> ProjectView:
        """Train the head again if that takes a moment only."""
        self._project.refresh()
        return self.view()

    def recognise(self, photo: Photo) -> Recognition:
        """Say what a photo shows.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        """
        if self._open is None:
            return self.greet(photo)
        return recognise(self._open.classifier, photo)

    def greet(self, photo: Photo) -> Recognition:
        """Say what a photo shows by the head that came with the app."""
        return recognise(self._greeting(), photo)

    def open_photo(self, file: PickedFile) -> Pixels:
        """Return a photo's pixels, no larger than a screen needs."""
        return as_pixels(file, side=1280)

    def export_head(self, path: Path, *, force: bool = False) -> None:
        """Copy the head file to where it is wanted.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        UnshareableHeadError
            If it gives single photos away, unless forced.
        """
        source = self._project.project.head_path
        if not source.is_file():
            raise NotFittedError("expected a trained head, found none; teach two things first")
        SoftmaxHead.load(source).released(force=force)
        shutil.copyfile(source, path)

    def import_head(self, file: PickedFile) -> ProjectView:
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
        project = self._projects.create(Path(file.name).stem[:MAX_NAME], head.classes_)
        head.save(project.head_path)
        return self.open_project(project.key)

    # What is kept

    def stored(self) -> Stored:
        """Return what the open project keeps, and how large it is."""
        return measure(self._project)

    def erase_thumbnails(self) -> None:
        """Erase the small pictures of the open project for good."""
        self._project.keep_thumbnails(False)

    def keep_thumbnails(self, allowed: bool) -> None:
        """Allow or forbid to keep small pictures; those that are there go when it is forbidden."""
        self._keeps_thumbnails = allowed
        if self._open is not None:
            self._open.keep_thumbnails(allowed)

    def erase_examples(self) -> ProjectView:
        """Forget all photos of the open project for good; the head stays as it is."""
        self._project.erase_examples()
        return self.view()

    def erase_head(self) -> ProjectView:
        """Delete the head; the photos stay, so it can be trained again."""
        self._project.erase_head()
        return self.view()

    def erase_everything(self) -> None:
        """Delete every project for good."""
        self.close()
        for project in self._projects.all():
            self._projects.delete(project.key)

    # For developers

    def facts(self) -> Facts:
        """Return the numbers and lines of the developer page."""
        if self._open is None:
            return gather_facts(self._greeting(), GREETING_HEAD, "greeting", None)
        view, path = self.view(), self._open.project.head_path
        return gather_facts(self._open.classifier, path, view.name, view.accuracy)

    def engine_speeds(self) -> tuple[EngineSpeed, ...]:
        """Time every engine on this machine; takes seconds."""
        _, reports = Extractor.survey(self._extractor_name, isolate=self._isolate)
        return tuple(EngineSpeed(one.name, one.milliseconds, one.reason) for one in reports)

    def _greeting(self) -> ImageClassifier:
        """Return the extractor with the head that came with the app."""
        return ImageClassifier.load(GREETING_HEAD, extractor=self.open_extractor())

    @property
    def _project(self) -> OpenProject:
        if self._open is None:
            raise InputError("expected an open project, found none; open or make one first")
        return self._open


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
