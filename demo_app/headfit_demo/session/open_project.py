"""The open project: its examples on the disk, its head, and how both change together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from headfit import (
    Extractor,
    Feedback,
    FileFormatError,
    ImageClassifier,
    ImageError,
    InputError,
    NotFittedError,
    SoftmaxHead,
)
from headfit.photos import decode_ahead, perceptual_hash, thumbnail
from headfit.store import ExampleStore
from headfit_demo.session.facts import Facts, gather_facts
from headfit_demo.session.photos import Photo, Pixels, as_looked_at
from headfit_demo.session.projects import Project
from headfit_demo.session.states import (
    Added,
    ClassView,
    PhotoView,
    Progress,
    ProjectView,
    Refused,
    Stored,
)
from headfit_demo.session.steps import Forgotten, Named, Renamed, Step, Steps, Taught

QUICK_S = 0.3
"""A head is made anew after every change unless it took longer the last two times.

Not one: the first time in a process takes several times as long as the second.
"""

QUICK_PHOTOS = 500
"""Of no more photos the head is made anew when their project is opened."""

SHOWN = 300
"""Of each class the newest so many photos are shown."""

_USUAL_STEPS = 60


class OpenProject:
    """One project, between opening and closing it.

    What changes it returns nothing that `view` says; after a change, or several, `settle` lets the
    head follow.

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
        self._project = project
        self._extractor = extractor
        self._keeps_thumbnails = keeps_thumbnails
        self._store = ExampleStore.open(project.store_path, extractor)
        self._pictures: dict[int, bytes | None] = {}  # thumbnails, some of them in memory only
        self._feedback: Feedback | None = None
        self._heard: SoftmaxHead | None = None  # of which head the feedback is
        self._history: list[tuple[int, float]] = []
        self._done = Steps()
        self._steps, self._fits_s = _USUAL_STEPS, (0.0, 0.0)
        self._is_due = True  # to train: a head of a file does not say how well its photos teach
        try:
            self._saved = self._head_of_file()
            self._take(self._saved)
        except BaseException:
            self._store.close()
            raise

    @property
    def key(self) -> str:
        """By what the app knows the project."""
        return self._project.key

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, in the order in which they were named."""
        return list(self._examples())

    def view(self) -> ProjectView:
        """Return what the screens show."""
        examples, said, head = self._examples(), self._feedback, self.classifier.head
        likelier = {one.number: one.likelier for one in said.likely_mislabelled} if said else {}
        repeated = {max(pair) for pair in said.near_duplicates} if said else set()
        return ProjectView(
            key=self.key,
            name=self._project.name,
            classes=tuple(
                ClassView(
                    name,
                    len(ids),
                    accuracy=said.accuracy.get(name) if said else None,
                    needs_photos=said is not None and name in said.needs_photos,
                    photos=tuple(
                        PhotoView(i, self._picture(i), likelier.get(i), i in repeated)
                        for i in reversed(ids[-SHOWN:])
                    ),
                )
                for name, ids in examples.items()
            ),
            n_photos=sum(map(len, examples.values())),
            can_train=_can_train(head, examples),
            head_classes=() if head is None else head.fitted_.classes,
            head_is_fresh=_is_of(head, examples),
            accuracy=self._accuracy(),
            accuracy_history=tuple(self._history),
            can_undo=bool(self._done),
        )

    def stored(self) -> Stored:
        """Return what is kept on the disk, and how large it is."""
        counts = self._store.class_counts
        n_thumbnails, thumbnail_bytes = self._thumbnail_totals()
        return Stored(
            folder=self._project.folder,
            n_examples=sum(counts.values()),
            n_classes=len(counts),
            n_thumbnails=n_thumbnails,
            example_bytes=max(self._project.store_bytes - thumbnail_bytes, 0),
            thumbnail_bytes=thumbnail_bytes,
            head_bytes=self._project.head_bytes,
        )

    def facts(self) -> Facts:
        """Return the numbers and lines of the developer page."""
        project = self._project
        return gather_facts(self.classifier, project.head_bytes, project.name, self._accuracy())

    # Teaching

    def rename(self, name: str) -> None:
        """Call the project by another name."""
        self._project = self._project.renamed(name)

    def add_class(self, class_name: str) -> None:
        """Name a thing that photos will follow of."""
        class_name = self._free_name(class_name)
        self._name_classes([*self.class_names, class_name])
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

        Returns
        -------
        Added
            What became of them; no view tells afterwards.

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
            with closing(decode_ahead(photos, self._read)) as read:
                for seen in read:
                    if isinstance(seen, tuple):
                        example_id, is_repeated = self._add(class_name, *seen)
                        ids.append(example_id)
                        n_repeated += is_repeated
                    else:
                        refused.append(replace(seen, name=seen.name or class_name))
        finally:
            self._done.taught(ids, goes_on=goes_on)
        return Added(len(ids), n_repeated, tuple(refused))

    def forget_photos(self, example_ids: Iterable[int]) -> None:
        """Forget photos; of a class that loses all, the name stays."""
        step = self._remember("", set(example_ids))
        self._remove(step.ids)
        self._name_classes(step.class_names)
        self._done.did(step)

    def forget_class(self, class_name: str) -> None:
        """Forget a class and its photos, and what the head knows of it."""
        step = self._remember(class_name, set(self._examples().get(class_name, ())))
        if step.ids:
            self._remove(step.ids)
        elif step.head is not None and class_name in step.head.fitted_.classes:
            self._take(None)  # of an imported head; without its photos it cannot be taken out
        self._name_classes(name for name in step.class_names if name != class_name)
        self._done.did(step)

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
            self._name_classes(name for name in self.class_names if name != step.name)
        elif isinstance(step, Renamed):
            self._rename(step.new, step.old)
        elif isinstance(step, Taught):
            names = self.class_names
            self._remove(step.ids)
            self._name_classes(names)
        else:
            self._bring_back(step)
        self._done.took_back()
        return step

    # The head

    def settle(self) -> None:
        """Let the head follow what changed, its file the head, and what is said of the photos both.

        The head is made anew if that takes a moment only; else `train` is for the user to ask for.
        """
        examples, is_quick = self._examples(), min(self._fits_s) <= QUICK_S
        if self._is_due and is_quick and _can_train(self.classifier.head, examples):
            self.train()
        else:
            self._save_head()
            self._hear(examples)
        self._is_due = False

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
            self._take(before)
            raise
        self._steps = len(losses) or self._steps
        self._is_due = False
        self._save_head()
        self._hear(self._examples())
        self._fits_s = self._fits_s[1], time.perf_counter() - started

    def export_head(self, path: Path, *, force: bool = False) -> None:
        """Write the head file for others to where it is wanted.

        Raises
        ------
        NotFittedError
            If the head is not trained yet.
        UnshareableHeadError
            If it gives single photos away, unless forced.
        """
        if self.classifier.head is None:
            raise NotFittedError("expected a trained head, found none; teach two things first")
        self.classifier.head.share(path, force=force)

    # What is erased for good

    def erase_head(self) -> None:
        """Delete the head for good; photos stay, so it can be trained again."""
        self._done.clear()
        self._take(None)
        self._save_head()
        self._is_due = False

    def erase_examples(self) -> None:
        """Forget all photos for good; class names and the head stay."""
        self._done.clear()
        names = self.class_names
        self._store.wipe()
        self._take(self.classifier.head)
        self._name_classes(names)
        self._pictures.clear()

    def erase_thumbnails(self) -> None:
        """Erase the small pictures from the disk for good."""
        if self._thumbnail_totals()[0]:
            self._store.erase_thumbnails()

    def keep_thumbnails(self, allowed: bool) -> None:
        """Allow small pictures on the disk, or erase them from it for good."""
        self._keeps_thumbnails = allowed
        if not allowed:
            self.erase_thumbnails()

    def close(self) -> None:
        """Close the examples' file."""
        self._store.close()

    def _examples(self) -> dict[str, list[int]]:
        """Return the numbers of each class's examples, the oldest first; none is a class too."""
        ids: dict[str, list[int]] = {name: [] for name in self._project.class_names}
        for example_id, name in self._store.names_by_id().items():
            ids.setdefault(name, []).append(example_id)
        return ids

    def _read(self, photo: Photo) -> tuple[Pixels, bytes, int] | Refused:
        """Return a photo's pixels, and thumbnail and perceptual hash made of the same pixels."""
        try:
            pixels = as_looked_at(self._extractor, photo)
        except (ImageError, FileNotFoundError, PermissionError) as error:
            return Refused(getattr(photo, "name", ""), error)
        return pixels, thumbnail(pixels), perceptual_hash(pixels)

    def _add(
        self, class_name: str, pixels: Pixels, picture: bytes, likeness: int
    ) -> tuple[int, bool]:
        """Teach one photo; return its id, and whether it looks like one that was there."""
        is_repeated = bool(self._store.ids_like(likeness))
        (embedding,) = self._extractor.embed([pixels])
        example_id = self._store.add(
            embedding,
            class_name,
            photo_hash=likeness,
            thumbnail=picture if self._keeps_thumbnails else None,
        )
        self._pictures[example_id] = picture
        self._is_due = True
        return example_id, is_repeated

    def _remember(self, name: str, ids: set[int]) -> Forgotten:
        """Return what brings examples back after they are forgotten."""
        there = self._store.load()
        going = [n for n, example_id in enumerate(there.ids.tolist()) if example_id in ids]
        going_ids = there.ids[going].tolist()
        return Forgotten(
            name=name,
            class_names=tuple(self.class_names),
            head=self.classifier.head,
            ids=tuple(going_ids),
            embeddings=there.embeddings[going],
            example_classes=tuple(there.class_names[n] for n in going),
            photo_hashes=tuple(there.photo_hashes[going].tolist()),
            pictures=tuple(map(self._picture, going_ids)),
        )

    def _remove(self, ids: Iterable[int]) -> None:
        """Forget examples in the store and in the head, whole classes among them."""
        self.classifier.forget_examples(ids)
        self._is_due = True

    def _bring_back(self, step: Forgotten) -> None:
        """Undo a forgetting: the examples, the names and the head are there again."""
        new_ids = self._store.add_many(
            step.embeddings,
            step.example_classes,
            photo_hashes=step.photo_hashes,
            thumbnails=step.pictures if self._keeps_thumbnails else None,
        )
        self._pictures.update(zip(new_ids, step.pictures, strict=True))
        self._done.renumber(dict(zip(step.ids, new_ids, strict=True)))
        self._take(step.head)
        self._name_classes(step.class_names)
        self._is_due = True

    def _rename(self, class_name: str, new_name: str) -> None:
        examples, head = self._examples(), self.classifier.head
        if examples.get(class_name) or (head and class_name in head.fitted_.classes):
            self.classifier.rename_class(class_name, new_name)
        self._name_classes(new_name if name == class_name else name for name in examples)

    def _take(self, head: SoftmaxHead | None) -> None:
        """Let this be the head."""
        self.classifier = ImageClassifier(self._extractor, head=head, store=self._store)

    def _hear(self, examples: dict[str, list[int]]) -> None:
        """Ask how well the photos teach, if the head is theirs, once for every head."""
        head = self.classifier.head
        if not (_is_of(head, examples) and _can_train(head, examples)):
            self._heard = self._feedback = None
            return
        if self._heard is head:
            return
        said = self._feedback = self.classifier.feedback()
        self._heard = self.classifier.head
        shares = [
            (len(ids), share)
            for name, ids in examples.items()
            if ids and (share := said.accuracy.get(name)) is not None
        ]
        if shares:
            accuracy = sum(n * share for n, share in shares) / sum(n for n, _ in shares)
            now = sum(map(len, examples.values())), accuracy
            if self._history[-1:] != [now]:
                self._history.append(now)

    def _accuracy(self) -> float | None:
        """Return the accuracy over all photos, as it was heard last."""
        return self._history[-1][1] if self._feedback and self._history else None

    def _picture(self, example_id: int) -> bytes | None:
        if example_id not in self._pictures:
            self._pictures[example_id] = self._store.thumbnail(example_id)
        return self._pictures[example_id]

    def _thumbnail_totals(self) -> tuple[int, int]:
        """Return how many thumbnails lie on the disk, and their bytes together."""
        pictures = map(self._store.thumbnail, self._store.names_by_id())
        sizes = [len(picture) for picture in pictures if picture]
        return len(sizes), sum(sizes)

    def _head_of_file(self) -> SoftmaxHead | None:
        """Return the head that was kept; one that is lost or damaged is trained again."""
        with suppress(FileNotFoundError, FileFormatError):
            return SoftmaxHead.load(self._project.head_path, extractor=self._extractor)
        return None

    def _save_head(self) -> None:
        """Let the file follow the head, which may be gone, if it is another one."""
        head = self.classifier.head
        if head is self._saved:
            return
        if head is None:
            self._project.head_path.unlink(missing_ok=True)
        else:
            head.save(self._project.head_path)
        self._saved = head

    def _free_name(self, class_name: str) -> str:
        """Return a class name without space around it, if no class has it yet."""
        class_name = class_name.strip()
        if not class_name or class_name in self.class_names:
            raise InputError(f"expected a name that no class has, found {class_name!r}")
        return class_name

    def _name_classes(self, names: Iterable[str]) -> None:
        if self._project.class_names != (names := tuple(names)):
            self._project = replace(self._project, class_names=names)
            self._project.save()


def _is_of(head: SoftmaxHead | None, examples: dict[str, list[int]]) -> bool:
    """Return whether a head was trained on as many photos of each class as there are."""
    counts = {name: len(ids) for name, ids in examples.items() if ids}
    return head is not None and counts == dict(
        zip(head.fitted_.classes, head.class_counts_, strict=True)
    )


def _can_train(head: SoftmaxHead | None, examples: dict[str, list[int]]) -> bool:
    """Return whether at least two classes have photos, and no class of the head lacks them."""
    taught = {name for name, ids in examples.items() if ids}
    return len(taught) >= 2 and taught.issuperset(() if head is None else head.fitted_.classes)
