"""The open project: its examples on the disk, its head, and how both change together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from headfit import (
    Extractor,
    FileFormatError,
    HeadLearner,
    ImageError,
    InputError,
    NotFittedError,
    SoftmaxHead,
)
from headfit.examples import ExampleStore
from headfit.images import decode_image
from headfit.likeness import perceptual_hash, thumbnail
from headfit_demo.projects import Project
from headfit_demo.views import (
    Added,
    ClassView,
    PhotoView,
    PickedFile,
    Progress,
    ProjectView,
    Recognition,
    Refused,
)

Photo: TypeAlias = PickedFile | npt.NDArray[np.uint8]
"""A file that the user chose, or a frame of the camera."""

QUICK_S = 0.25
"""A head that took no longer last time is made anew after every photo."""

_FIRST_GUESS_STEPS = 60


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
        self.head: SoftmaxHead | None = None
        self._extractor = extractor
        self._seen: dict[int, bytes] = {}  # thumbnails by example id, for as long as this lasts
        self._history: list[tuple[int, float]] = []
        self._steps = _FIRST_GUESS_STEPS
        self._fit_s = 0.0
        try:
            self._load()
            with suppress(FileNotFoundError, FileFormatError):  # a lost head is trained again
                self.head = SoftmaxHead.load(project.head_path, extractor=extractor)
        except BaseException:
            self.store.close()
            raise

    def view(self) -> ProjectView:
        """Return what the screens show."""
        counts = self.store.class_counts
        names = [*self.project.class_names]
        names += [name for name in counts if name not in names]
        return ProjectView(
            key=self.project.key,
            name=self.project.name,
            classes=tuple(ClassView(name, counts.get(name, 0)) for name in names),
            n_photos=sum(counts.values()),
            head_classes=() if self.head is None else self.head.classes_,
            head_is_fresh=self._is_fresh(counts),
            accuracy=None,
            accuracy_history=tuple(self._history),
        )

    def photos(self, class_name: str) -> tuple[PhotoView, ...]:
        """Return what is known of the photos of a class, the newest first."""
        examples = self.store.load()
        ids = [
            int(example_id)
            for example_id, name in zip(examples.ids, examples.class_names, strict=True)
            if name == class_name
        ]
        return tuple(PhotoView(i, self._seen.get(i) or self.store.thumbnail(i)) for i in ids[::-1])

    def add_class(self, class_name: str) -> None:
        """Name a thing that photos will follow of."""
        self._set_class_names([*self.view_names(), self._free_name(class_name)])

    def view_names(self) -> list[str]:
        """Return the names of all classes, in order."""
        return [one.name for one in self.view().classes]

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
            except (ImageError, OSError) as error:
                name = photo.name if isinstance(photo, PickedFile) else class_name
                refused.append(Refused(name, error))
            if progress is not None:
                progress(n_done)
        return Added(n_added, n_repeated, tuple(refused))

    def _add(self, class_name: str, photo: Photo) -> bool:
        """Teach one photo and return whether it looks like one that was there."""
        pixels = as_pixels(photo)
        embedding = self._extractor.embed([pixels])[0]
        photo_hash, picture = perceptual_hash(pixels), thumbnail(pixels)
        is_repeated = bool(self.store.ids_like(photo_hash))
        example_id = self.store.add(
            embedding,
            class_name,
            photo_hash=photo_hash,
            thumbnail=picture if self.keeps_thumbnails else None,
        )
        self._seen[example_id] = picture
        (self._numbers[example_id],) = self._learner.add_examples([embedding], [class_name])
        return is_repeated

    def thumbnail_totals(self) -> tuple[int, int]:
        """Return how many thumbnails lie on the disk, and their bytes together."""
        ids = map(int, self.store.load().ids)
        sizes = [len(picture) for i in ids if (picture := self.store.thumbnail(i))]
        return len(sizes), sum(sizes)

    def forget_photos(self, example_ids: Iterable[int]) -> None:
        """Forget photos for good."""
        self.store.forget(example_ids)
        self._load()

    def forget_class(self, class_name: str) -> None:
        """Forget a class and its photos for good, and what the head knows of it."""
        if class_name in self.store.class_counts:
            self.store.forget(class_name)
            self._load()
        self._set_class_names([name for name in self.view_names() if name != class_name])
        if self.head is not None and class_name in self.head.classes_:
            self.erase_head()
            self.refresh()

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the head too; nothing is trained."""
        new_name = self._free_name(new_name)
        names = [new_name if name == class_name else name for name in self.view_names()]
        if class_name in self.store.class_counts:
            self.store.rename_class(class_name, new_name)
        self._set_class_names(names)
        if self.head is not None and class_name in self.head.classes_:
            self.head.rename_class(class_name, new_name)
            self.head.save(self.project.head_path)
        self._load()

    def undo(self) -> str | None:
        """Take back the last adding or renaming; return what it was, or None."""
        before = self.store.class_counts
        undone = self.store.undo()
        after = self.store.class_counts
        for old, new in zip(
            sorted(before.keys() - after), sorted(after.keys() - before), strict=False
        ):
            names = [new if name == old else name for name in self.project.class_names]
            self._set_class_names(names)
            if self.head is not None and old in self.head.classes_:
                self.head.rename_class(old, new)
                self.head.save(self.project.head_path)
        self._load()
        return undone

    def train(self, progress: Callable[[Progress], None] | None = None) -> None:
        """Train the head on all photos and keep it.

        Parameters
        ----------
        progress : callable, optional
            Called after every step; what it raises stops the training, and the head stays as it
            was.
        """
        started = time.perf_counter()
        head = self._learner.fit()
        self._fit_s = time.perf_counter() - started
        head.save(self.project.head_path)
        self.head = head

    def refresh(self) -> None:
        """Train again if that takes a moment and there is something to learn."""
        if self._fit_s <= QUICK_S and self.view().can_train:
            self.train()

    def recognise(self, photo: Photo) -> Recognition:
        """Say what a photo shows."""
        return recognise(self._extractor, self.head, photo)

    def keep_thumbnails(self, allowed: bool) -> None:
        """Allow small pictures on the disk, or erase them from it for good."""
        self.keeps_thumbnails = allowed
        if not allowed:
            self.store.erase_thumbnails()

    def erase_examples(self) -> None:
        """Forget all photos for good; class names and the head stay."""
        names = self.view_names()
        self.store.wipe()
        self._set_class_names(names)
        self._seen.clear()
        self._load()

    def erase_head(self) -> None:
        """Delete the head."""
        self.head = None
        self.project.head_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the examples' file."""
        self.store.close()

    def _load(self) -> None:
        """Make the learner anew from what is on the disk."""
        examples = self.store.load()
        self._learner = HeadLearner(extractor=self._extractor)
        numbers = (
            self._learner.add_examples(examples.embeddings, examples.class_names)
            if len(examples.class_names)
            else []
        )
        self._numbers = dict(zip(map(int, examples.ids), numbers, strict=True))

    def _is_fresh(self, counts: dict[str, int]) -> bool:
        return self.head is not None and counts == dict(
            zip(self.head.classes_, self.head.class_counts_, strict=True)
        )

    def _free_name(self, class_name: str) -> str:
        """Return a class name without space around it, if no class has it yet."""
        class_name = class_name.strip()
        if not class_name or class_name in self.view_names():
            raise InputError(f"expected a name that no class has, found {class_name!r}")
        return class_name

    def _set_class_names(self, names: Iterable[str]) -> None:
        self.project = replace(self.project, class_names=tuple(names))
        self.project.save()


def as_pixels(photo: Photo, side: int = 0) -> npt.NDArray[np.uint8]:
    """Return a photo's pixels; with ``side``, made smaller until no side is longer.

    Raises
    ------
    ImageError
        If it cannot be decoded; the message calls it by the name that the user knows.
    """
    if isinstance(photo, PickedFile):
        pixels = decode_image(photo.content, name=photo.name)
    else:
        pixels = photo
    if side and max(pixels.shape[:2]) > side:
        smaller = Image.fromarray(pixels)
        smaller.thumbnail((side, side))
        pixels = np.asarray(smaller)
    return pixels


def recognise(extractor: Extractor, head: SoftmaxHead | None, photo: Photo) -> Recognition:
    """Say what a photo shows, and how long that took.

    Raises
    ------
    NotFittedError
        If there is no head.
    """
    if head is None:
        raise NotFittedError("expected a trained head, found none; teach two things first")
    started = time.perf_counter()
    embedding = extractor.embed([as_pixels(photo)])
    ranking = head.top_k(embedding, 3)[0]
    return Recognition(
        ranking=tuple(ranking),
        is_known=True,
        milliseconds=1000 * (time.perf_counter() - started),
        engine=extractor.engine_name,
    )
