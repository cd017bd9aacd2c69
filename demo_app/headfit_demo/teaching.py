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
from headfit.examples import ExampleStore
from headfit.likeness import perceptual_hash, thumbnail
from headfit_demo.photos import Photo, as_pixels
from headfit_demo.projects import Project
from headfit_demo.views import Added, ClassView, PhotoView, Progress, ProjectView, Refused

QUICK_S = 0.3
"""A head that took no longer last time is made anew after every photo."""

QUICK_PHOTOS = 500
"""Of no more photos the head is made anew when their project is opened."""

SHOWN = 300
"""Of each class the newest so many photos are shown."""

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
        self._steps, self._fit_s = _USUAL_STEPS, 0.0
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
        counts, head = self.store.class_counts, self.classifier.head
        said = self._feedback
        return ProjectView(
            key=self.project.key,
            name=self.project.name,
            classes=tuple(
                ClassView(
                    name,
                    counts.get(name, 0),
                    accuracy=said.accuracy.get(name) if said else None,
                    needs_photos=said is not None and name in said.needs_photos,
                )
                for name in self.class_names()
            ),
            n_photos=sum(counts.values()),
            head_classes=() if head is None else head.classes_,
            head_is_fresh=head is not None
            and counts == dict(zip(head.classes_, head.class_counts_, strict=True)),
            accuracy=self._history[-1][1] if said and self._history else None,
            accuracy_history=tuple(self._history),
        )

    def class_names(self) -> list[str]:
        """Return the names of all classes, in the order in which they were named."""
        names = list(self.project.class_names)
        return names + [name for name in self.store.class_counts if name not in names]

    def photos(self) -> dict[str, tuple[PhotoView, ...]]:
        """Return the newest photos of each class, the newest first."""
        said = self._feedback
        doubts = said.likely_mislabelled if said else ()
        likelier = {doubt.number: doubt.likelier for doubt in doubts}
        repeated = {max(pair) for pair in said.near_duplicates} if said else set()
        ids: dict[str, list[int]] = defaultdict(list)
        for example_id, name in self.store.names_by_id().items():
            ids[name].append(example_id)
        return {
            name: tuple(
                PhotoView(i, self._picture(i), likelier.get(i), i in repeated)
                for i in reversed(ids[name][-SHOWN:])
            )
            for name in self.class_names()
        }

    def thumbnail_totals(self) -> tuple[int, int]:
        """Return how many thumbnails lie on the disk, and their bytes together."""
        pictures = map(self.store.thumbnail, self.store.names_by_id())
        sizes = [len(picture) for picture in pictures if picture]
        return len(sizes), sum(sizes)

    # Teaching

    def add_class(self, class_name: str) -> None:
        """Name a thing that photos will follow of."""
        self._name_classes([*self.class_names(), self._free_name(class_name)])

    def add_photos(
        self,
        class_name: str,
        photos: Iterable[Photo],
        progress: Callable[[int], None] | None = None,
    ) -> Added:
        """Teach photos one by one; each is on the disk before the next is looked at.

        Parameters
        ----------
        class_name : str
        photos : iterable of Photo
        progress : callable, optional
            Called with how many photos were looked at; what it raises stops the rest.

        Raises
        ------
        ExtractorError
            If the engine fails; the photos before stay.
        StoreError
            If the disk is full; the photos before stay.
        """
        n_added = n_repeated = 0
        refused = []
        for n_done, photo in enumerate(photos, start=1):
            try:
                n_repeated += self._add(class_name, photo)
                n_added += 1
            except (ImageError, FileNotFoundError, PermissionError) as error:
                refused.append(Refused(getattr(photo, "name", class_name), error))
            if progress is not None:
                progress(n_done)
        return Added(n_added, n_repeated, tuple(refused))

    def forget_photos(self, example_ids: Iterable[int]) -> None:
        """Forget photos for good; of a class that loses all, the name stays."""
        going, names = set(example_ids), self.class_names()
        emptied: dict[str, set[int]] = defaultdict(set)
        for example_id, name in self.store.names_by_id().items():
            emptied[name].add(example_id)
        for name, ids in emptied.items():
            if ids <= going:
                self.classifier.forget(name)
                going -= ids
        if going:
            self.classifier.forget_examples(going)
        self._name_classes(names)
        self._save_head()

    def forget_class(self, class_name: str) -> None:
        """Forget a class and its photos for good, and what the head knows of it."""
        names = [name for name in self.class_names() if name != class_name]
        if class_name in self.store.class_counts:
            self.classifier.forget(class_name)
            self._save_head()
        elif self.classifier.head is not None and class_name in self.classifier.head.classes_:
            self.erase_head()  # of an imported head; without its photos it cannot be taken out
        self._name_classes(names)

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the head too; nothing is trained."""
        new_name = self._free_name(new_name)
        names = [new_name if name == class_name else name for name in self.class_names()]
        head = self.classifier.head
        if class_name in self.store.class_counts or (head and class_name in head.classes_):
            self.classifier.rename_class(class_name, new_name)
        self._name_classes(names)
        self._save_head()
        self._hear()

    def undo(self) -> str | None:
        """Take back the last adding or renaming; return what it was, or None."""
        before = self.store.class_counts
        undone = self.classifier.undo()
        after = self.store.class_counts
        for new, old in zip(before.keys() - after, after.keys() - before, strict=False):
            names = (old if name == new else name for name in self.project.class_names)
            self._name_classes(names)
        self._save_head()
        self._hear()
        return undone

    # The head

    def train(self, progress: Callable[[Progress], None] | None = None) -> None:
        """Train the head on all photos and keep it.

        Parameters
        ----------
        progress : callable, optional
            Called after every step; what it raises stops the training, and the head stays as it
            was.
        """
        losses: list[float] = []
        started = time.perf_counter()

        def step(_: int, loss: float) -> None:
            losses.append(loss)
            if progress is not None:
                share = min(len(losses) / self._steps, 0.99)
                left = (time.perf_counter() - started) * (1 - share) / share
                progress(Progress(share, left, tuple(losses)))

        self.classifier.fit(progress=step)
        self._steps = len(losses) or self._steps
        self._save_head()
        self._hear()
        self._fit_s = time.perf_counter() - started

    def refresh(self) -> None:
        """Train again if that takes a moment and there is something to learn."""
        if self._fit_s <= QUICK_S and self.view().can_train:
            self.train()

    def erase_head(self) -> None:
        """Delete the head; photos stay."""
        self.classifier = ImageClassifier(self.classifier.extractor, store=self.store)
        self._feedback = None
        self._save_head()

    def erase_examples(self) -> None:
        """Forget all photos for good; class names and the head stay."""
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

    def _add(self, class_name: str, photo: Photo) -> bool:
        """Teach one photo and return whether it looks like one that was there."""
        pixels = as_pixels(photo)
        picture = thumbnail(pixels)
        is_repeated = bool(self.store.ids_like(perceptual_hash(pixels)))
        example_id = self.classifier.add(
            pixels, class_name, thumbnail=picture if self.keeps_thumbnails else None
        )
        self._pictures[example_id] = picture
        return is_repeated

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
