"""The open project: its examples on the disk, its head, and how both change together."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from headfit import (
    Extractor,
    Feedback,
    FileFormatError,
    ImageClassifier,
    ImageError,
    InputError,
    SoftmaxHead,
)
from headfit.photos import perceptual_hash, thumbnail
from headfit.store import ExampleStore
from headfit_demo.looking import photo_views, project_view
from headfit_demo.photos import Photo, as_pixels
from headfit_demo.projects import Project
from headfit_demo.steps import Forgotten, Named, Renamed, Step, Steps, Taught, remember
from headfit_demo.views import Added, PhotoView, Progress, ProjectView, Refused

QUICK_S = 0.3
"""A head is made anew after every photo unless it took longer the last two times.

Not one: the first time in a process takes several times as long as the second.
"""

QUICK_PHOTOS = 500
"""Of no more photos the head is made anew when their project is opened."""

_USUAL_STEPS = 60


class OpenProject:
    """One project, between opening and closing it.

    Parameters
    ----------
    project : Project
    extractor : Extractor
    keeps_thumbnails : bool
        Whether small pictures of the photos may be kept on the disk.

    Raises
    ------
    ExtractorMismatchError
        If it was taught with another extractor.
    StoreError
        If its examples are damaged or locked.
    """

    def __init__(self, project: Project, extractor: Extractor, keeps_thumbnails: bool) -> None:
        self.project = project
        self.keeps_thumbnails = keeps_thumbnails
        self.store = ExampleStore.open(project.store_path, extractor)
        self._feedback: Feedback | None = None
        self._pictures: dict[int, bytes | None] = {}  # thumbnails, some of them in memory only
        self._history: list[tuple[int, float]] = []
        self._done = Steps()
        self._steps, self._fits_s = _USUAL_STEPS, (0.0, 0.0)
        head = None
        try:
            with suppress(FileNotFoundError, FileFormatError):  # a lost head is trained again
                head = SoftmaxHead.load(project.head_path, extractor=extractor)
            self.classifier = ImageClassifier(extractor, head=head, store=self.store)
        except BaseException:
            self.store.close()
            raise

    # What there is

    def view(self) -> ProjectView:
        """Return what the screens show."""
        return project_view(
            self.project,
            self.class_names(),
            self.store.class_counts,
            self.classifier.head,
            self._feedback,
            self._history,
            can_undo=bool(self._done),
        )

    def class_names(self) -> list[str]:
        """Return the names of all classes, in the order in which they were named."""
        names = list(self.project.class_names)
        return names + [name for name in self.store.class_counts if name not in names]

    def photos(self) -> dict[str, tuple[PhotoView, ...]]:
        """Return the newest photos of each class, the newest first."""
        return photo_views(
            self.class_names(), self.store.names_by_id(), self._feedback, self._picture
        )

    def thumbnail_totals(self) -> tuple[int, int]:
        """Return how many thumbnails lie on the disk, and their bytes together."""
        pictures = map(self.store.thumbnail, self.store.names_by_id())
        sizes = [len(picture) for picture in pictures if picture]
        return len(sizes), sum(sizes)

    # Teaching

    def add_class(self, class_name: str) -> None:
        """Name a thing that photos will follow of."""
        class_name = self._free_name(class_name)
        self._name_classes([*self.class_names(), class_name])
        self._done.did(Named(class_name))

    def add_photos(
        self, class_name: str, photos: Iterable[Photo], *, goes_on: bool = False
    ) -> Added:
        """Teach photos one by one; each is on the disk before the next is looked at.

        Parameters
        ----------
        class_name : str
        photos : iterable of Photo
        goes_on : bool
            Whether they belong to the photos before: one undo then takes all of them back.

        Raises
        ------
        ExtractorError
            If the engine fails; the photos before stay.
        StoreError
            If the disk is full; the photos before stay.
        """
        ids: list[int] = []
        n_repeated = 0
        refused = []
        try:
            for photo in photos:
                try:
                    example_id, is_repeated = self._add(class_name, photo)
                except (ImageError, FileNotFoundError, PermissionError) as error:
                    refused.append(Refused(getattr(photo, "name", class_name), error))
                else:
                    ids.append(example_id)
                    n_repeated += is_repeated
        finally:
            self._done.taught(ids, goes_on=goes_on)
        return Added(len(ids), n_repeated, tuple(refused))

    def forget_photos(self, example_ids: Iterable[int]) -> None:
        """Forget photos; of a class that loses all, the name stays."""
        step = self._remember("", set(example_ids))
        self._remove(step.ids)
        self._name_classes(step.class_names)
        self._done.did(step)
        self._hear()

    def forget_class(self, class_name: str) -> None:
        """Forget a class and its photos, and what the head knows of it."""
        names = self.store.names_by_id()
        step = self._remember(class_name, {i for i, name in names.items() if name == class_name})
        if step.ids:
            self._remove(step.ids)
        elif step.head is not None and class_name in step.head.classes_:
            self._drop_head()  # of an imported head; without its photos it cannot be taken out
        self._name_classes(name for name in step.class_names if name != class_name)
        self._done.did(step)
        self._hear()

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the head too; nothing is trained."""
        new_name = self._free_name(new_name)
        self._rename(class_name, new_name)
        self._done.did(Renamed(class_name, new_name))

    def undo(self) -> Step | None:
        """Take back the last step since the project was opened; return it, or None."""
        step = self._done.last()
        if step is None:
            return None
        if isinstance(step, Named):
            self._name_classes(name for name in self.class_names() if name != step.name)
        elif isinstance(step, Renamed):
            self._rename(step.new, step.old)
        elif isinstance(step, Taught):
            names = self.class_names()
            self._remove(step.ids)
            self._name_classes(names)
        else:
            self._bring_back(step)
        self._done.took_back()
        self._hear()
        return step

    # The head

    def train(self, progress: Callable[[Progress], None] | None = None) -> None:
        """Train the head on all photos and keep it.

        Parameters
        ----------
        progress : callable, optional
            Called after every step, and once more before the head is kept; what it raises stops
            the training, and the head stays as it was.
        """
        before = self.classifier.head
        losses: list[float] = []
        started = time.perf_counter()

        def tell(share: float) -> None:
            if progress is not None:
                left = (time.perf_counter() - started) * (1 - share) / share
                progress(Progress(share, left, tuple(losses)))

        def step(_: int, loss: float) -> None:
            losses.append(loss)
            tell(min(len(losses) / self._steps, 0.99))

        try:
            self.classifier.fit(progress=step)
            tell(1.0)  # not all of a training is steps, and of small heads nothing is
        except BaseException:
            self.classifier = ImageClassifier(
                self.classifier.extractor, head=before, store=self.store
            )
            raise
        self._steps = len(losses) or self._steps
        self._save_head()
        self._hear()
        self._fits_s = self._fits_s[1], time.perf_counter() - started

    def refresh(self) -> None:
        """Train again if that takes a moment and there is something to learn."""
        if min(self._fits_s) <= QUICK_S and self.view().can_train:
            self.train()

    def erase_head(self) -> None:
        """Delete the head for good; photos stay."""
        self._done.clear()
        self._drop_head()

    def erase_examples(self) -> None:
        """Forget all photos for good; class names and the head stay."""
        self._done.clear()
        names = self.class_names()
        self.store.wipe()
        self.classifier = ImageClassifier(
            self.classifier.extractor, head=self.classifier.head, store=self.store
        )
        self._name_classes(names)
        self._feedback = None
        self._pictures.clear()

    def keep_thumbnails(self, allowed: bool) -> None:
        """Allow small pictures on the disk, or erase them from it for good."""
        self.keeps_thumbnails = allowed
        if not allowed and self.thumbnail_totals()[0]:
            self.store.erase_thumbnails()

    def close(self) -> None:
        """Close the examples' file."""
        self.store.close()

    def _add(self, class_name: str, photo: Photo) -> tuple[int, bool]:
        """Teach one photo; return its id, and whether it looks like one that was there."""
        pixels = as_pixels(photo)
        picture = thumbnail(pixels)
        is_repeated = bool(self.store.ids_like(perceptual_hash(pixels)))
        example_id = self.classifier.add(
            pixels, class_name, thumbnail=picture if self.keeps_thumbnails else None
        )
        self._pictures[example_id] = picture
        return example_id, is_repeated

    def _remember(self, name: str, ids: set[int]) -> Forgotten:
        """Return what brings examples back after they are forgotten."""
        return remember(
            self.store,
            ids,
            name=name,
            class_names=self.class_names(),
            head=self.classifier.head,
            picture=self._picture,
        )

    def _remove(self, ids: Iterable[int]) -> None:
        """Forget examples in the store and in the head, whole classes among them."""
        going = set(ids)
        by_class: dict[str, set[int]] = defaultdict(set)
        for example_id, name in self.store.names_by_id().items():
            by_class[name].add(example_id)
        for name, all_ids in by_class.items():
            if all_ids <= going:
                self.classifier.forget(name)
                going -= all_ids
        if going:
            self.classifier.forget_examples(going)
        self._save_head()

    def _bring_back(self, step: Forgotten) -> None:
        """Undo a forgetting: the examples, the names and the head are there again."""
        new_ids = self.store.add_many(
            step.embeddings,
            step.example_classes,
            photo_hashes=step.photo_hashes,
            thumbnails=step.pictures if self.keeps_thumbnails else None,
        )
        self._pictures.update(zip(new_ids, step.pictures, strict=True))
        self._done.renumber(dict(zip(step.ids, new_ids, strict=True)))
        self.classifier = ImageClassifier(
            self.classifier.extractor, head=step.head, store=self.store
        )
        self._name_classes(step.class_names)
        self._save_head()

    def _rename(self, class_name: str, new_name: str) -> None:
        names = [new_name if name == class_name else name for name in self.class_names()]
        head = self.classifier.head
        if class_name in self.store.class_counts or (head and class_name in head.classes_):
            self.classifier.rename_class(class_name, new_name)
        self._name_classes(names)
        self._save_head()
        self._hear()

    def _drop_head(self) -> None:
        self.classifier = ImageClassifier(self.classifier.extractor, store=self.store)
        self._feedback = None
        self._save_head()

    def _hear(self) -> None:
        """Ask how well the photos teach, if the head is theirs."""
        view = self.view()
        if not (view.head_is_fresh and view.can_train):
            self._feedback = None
            return
        said = self._feedback = self.classifier.feedback()
        shares = [
            (one.n_photos, share)
            for one in view.classes
            if (share := said.accuracy.get(one.name)) is not None
        ]
        if shares:
            accuracy = sum(n * share for n, share in shares) / sum(n for n, _ in shares)
            if not self._history or self._history[-1] != (view.n_photos, accuracy):
                self._history.append((view.n_photos, accuracy))

    def _picture(self, example_id: int) -> bytes | None:
        if example_id not in self._pictures:
            self._pictures[example_id] = self.store.thumbnail(example_id)
        return self._pictures[example_id]

    def _save_head(self) -> None:
        """Let the file follow the head, which may be gone."""
        if self.classifier.head is None:
            self.project.head_path.unlink(missing_ok=True)
        else:
            self.classifier.save(self.project.head_path)

    def _free_name(self, class_name: str) -> str:
        """Return a class name without space around it, if no class has it yet."""
        class_name = class_name.strip()
        if not class_name or class_name in self.class_names():
            raise InputError(f"expected a name that no class has, found {class_name!r}")
        return class_name

    def _name_classes(self, names: Iterable[str]) -> None:
        if self.project.class_names != tuple(names := list(names)):
            self.project = replace(self.project, class_names=tuple(names))
            self.project.save()
