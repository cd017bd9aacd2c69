"""The open project: its examples on the disk, its head, and how both change together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit import (
    DamagedStoreError,
    Extractor,
    ExtractorMismatchError,
    Feedback,
    FileFormatError,
    ImageClassifier,
    ImageError,
    NotFittedError,
    SoftmaxHead,
)
from headfit.photos import decode_ahead, perceptual_hash, thumbnail
from headfit.pooling import RoundFile
from headfit.store import ExampleStore
from headfit_demo.session.acts import (
    Act,
    Change,
    Forgotten,
    Headed,
    History,
    Moved,
    Named,
    Renamed,
    Taught,
    Unnamed,
)
from headfit_demo.session.errors import TakenNameError, ThingGoneError, UnreadableFileError
from headfit_demo.session.facts import Facts, gather_facts
from headfit_demo.session.helping import Offer, offer_of
from headfit_demo.session.lock import ProjectLock
from headfit_demo.session.names import MAX_THING_NAME, checked_name
from headfit_demo.session.photos import Photo, Pixels, VideoFrame, as_looked_at
from headfit_demo.session.projects import Project
from headfit_demo.session.states import (
    Added,
    ClassView,
    Corrected,
    PhotoView,
    Progress,
    ProjectView,
    Refused,
    Stored,
)
from headfit_demo.session.thumbnails import Pictures, keep_thumbnails

Embedding: TypeAlias = npt.NDArray[np.float32]

QUICK_S = 0.3
"""A head is made anew after every change unless it took longer the last two times.

Not one: the first time in a process takes several times as long as the second.
"""

QUICK_PHOTOS = 500
"""Of no more photos the head is made anew when their project is opened."""

SHOWN = 300
"""Of each class the newest so many photos are shown."""

SAME_PHOTO = 0.999
"""Cosine of two embeddings from which on they are of the same pixels.

Of 20 photographs, copies in half the size or saved anew had 0.986 to 0.998; but so had two things
in turn on one table, and what was taught rightly must stay where it is.
"""

_USUAL_STEPS = 60


class OpenProject:
    """One project, between opening and closing it.

    What changes it returns nothing that `view` says; after a change, or several, `settle` lets the
    head follow.

    Parameters
    ----------
    project : Project
    lock : ProjectLock
        Of the project; released when it is closed.
    extractor : Extractor
    pictures : dict of int to bytes
        Thumbnails that this run of the app has made, by the examples' ids; more are added.
    keeps_thumbnails : bool
        Whether small pictures of the photos may be kept on the disk.

    Raises
    ------
    ExtractorMismatchError
        If it was taught with another extractor, or its head was and cannot be made again.
    DamagedStoreError
        If its examples are damaged or lost; `Session.repair_project` keeps what can be read.
    StoreError
        If they are locked.
    """

    def __init__(
        self,
        project: Project,
        lock: ProjectLock,
        extractor: Extractor,
        pictures: Pictures,
        keeps_thumbnails: bool,
    ) -> None:
        self._project = project
        self._lock = lock
        self._extractor = extractor
        self._pictures = pictures
        self._keeps_thumbnails = keeps_thumbnails
        self.is_closed = False
        try:
            if project.lost_store:
                raise DamagedStoreError(
                    f"{project.store_path}: expected the project's examples, found nothing; "
                    "repair the project: what is left of it is kept"
                )
            self._store = ExampleStore.open(project.store_path, extractor)
        except BaseException:
            lock.release()
            raise
        self._feedback: Feedback | None = None
        self._heard: SoftmaxHead | None = None  # of which head the feedback is
        self._history: list[tuple[int, float]] = []
        self._acts = History()
        self._renamed: dict[str, str] = {}  # what things were called, for who has not heard of it
        self._steps, self._fits_s = _USUAL_STEPS, (0.0, 0.0)
        self._is_due = True  # to train: a head of a file does not say how well its photos teach
        self._learns_again = self._has_lost_head = False
        try:
            if not project.has_store:
                self._project = replace(project, has_store=True)
                self._project.save()
            self._on_disk = set(self._store.thumbnail_sizes())  # of those that were there
            self._saved = self._head_of_file()
            self._take(self._saved)
        except BaseException:
            self.close()
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
        learned = _learned(head)
        can_train, is_fresh = _can_train(head, examples), _is_of(head, examples)
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
                    n_effective=said.effective_counts.get(name) if said else None,
                    photos=tuple(
                        PhotoView(i, self._picture(i), likelier.get(i), i in repeated)
                        for i in reversed(ids[-SHOWN:])
                    ),
                )
                for name, ids in examples.items()
            ),
            n_photos=sum(map(len, examples.values())),
            can_train=can_train,
            head_classes=tuple(learned),
            head_is_fresh=is_fresh,
            unknown=tuple(name for name, ids in examples.items() if ids and name not in learned),
            n_new=sum(max(len(ids) - learned.get(name, 0), 0) for name, ids in examples.items()),
            is_due=self._is_due and can_train and not is_fresh,
            accuracy=self._accuracy(),
            accuracy_history=tuple(self._history),
            last_act=self._acts.done[-1].number if self._acts.done else 0,
            can_redo=bool(self._acts.undone),
            learns_again=self._learns_again,
            has_lost_head=self._has_lost_head,
        )

    def stored(self) -> Stored:
        """Return what is kept on the disk, and how large it is."""
        counts = self._store.class_counts
        sizes = self._store.thumbnail_sizes()
        thumbnail_bytes = sum(sizes.values())
        return Stored(
            folder=self._project.folder,
            n_examples=sum(counts.values()),
            n_classes=len(counts),
            n_thumbnails=len(sizes),
            example_bytes=max(self._project.store_bytes - thumbnail_bytes, 0),
            thumbnail_bytes=thumbnail_bytes,
            head_bytes=self._project.head_bytes,
        )

    def facts(self) -> Facts:
        """Return the numbers and lines of the developer page."""
        project = self._project
        return gather_facts(self.classifier, project.head_bytes, project.name, self._accuracy())

    def offer(self, called: RoundFile, helped: bool) -> Offer:
        """Return what its photos would contribute to a round; see `offer_of`."""
        return offer_of(called, self._store, helped)

    # Teaching

    def rename(self, name: str) -> None:
        """Call the project by another name."""
        self._project = self._project.renamed(name)

    def add_class(self, class_name: str, act: Act | None = None) -> None:
        """Name a thing that photos will follow of."""
        class_name = self._free_name(class_name)
        act, names = act or Act(), self.class_names
        self._name_classes([*names, class_name])
        act.changes.append(Named(class_name, len(names)))
        self._acts.did(act)

    def have_class(self, class_name: str, act: Act) -> str:
        """Name a thing unless there is one of that name; return the name as it is written."""
        class_name = checked_name(class_name, MAX_THING_NAME)
        if class_name not in self.class_names:
            self.add_class(class_name, act)
        self._acts.follow(act, class_name, class_name)
        return class_name

    def add_photos(
        self,
        class_name: str,
        photos: Iterable[Photo],
        act: Act | None = None,
        *,
        skips_copies: bool = False,
        skips_repeats: bool = False,
    ) -> Added:
        """Teach photos one by one; each is on the disk before the next is looked at.

        Parameters
        ----------
        class_name : str
            The thing as it was called when ``act`` began; it may have another name by now.
        photos : iterable of Photo
        act : Act, optional
            What they belong to: one undo takes all of it back. While it is taken back or its thing
            forgotten, no photos are taught.
        skips_copies : bool
            Leave out what looks like a photo that the same act taught or passed over: a camera that
            is held still gives one photo. So does a video in any case.
        skips_repeats : bool
            Pass over what the thing was taught before, such as a folder that is dropped twice.

        Returns
        -------
        Added
            What became of them; no view tells afterwards.

        Raises
        ------
        ThingGoneError
            If there is no such thing.
        ExtractorError
            If the engine fails; the photos before stay.
        StoreError
            If the disk is full; the photos before stay.
        """
        act, added = act or Act(), Added()
        if class_name not in act.things:
            self._acts.follow(act, class_name, self._name_now(class_name))
        name = act.things[class_name]
        if act.is_taken_back or isinstance(name, Unnamed):
            return added
        photos = list(photos)
        with closing(decode_ahead(photos, self._read)) as read:
            for photo, seen in zip(photos, read, strict=True):
                if isinstance(seen, Refused):
                    added += Added(refused=(replace(seen, name=seen.name or name),))
                    continue
                alike = self._store.ids_like(seen[2])
                may_be_copy = skips_copies or isinstance(photo, VideoFrame)
                if may_be_copy and not (act.example_ids | act.passed_over).isdisjoint(alike):
                    added += Added(n_alike=1)
                    continue
                if skips_repeats and alike and (same := self._taught_before(name, *seen)):
                    act.passed_over |= same
                    added += Added(repeated=((name, photo),))
                    continue
                act.taught(self._add(name, *seen))
                self._acts.did(act)
                added += Added(1)
        return added

    def correct(self, photo: Photo, class_name: str) -> Corrected:
        """Teach what a photo shows that was taken for something else.

        If the same photo was taught as other things, it is moved, and else taught. A thing that
        has not been named is named.

        Raises
        ------
        ImageError, UnreadableFileError
            If the photo cannot be read.
        EmptyNameError, LongNameError, UnprintableNameError
            If the thing cannot be called so.
        """
        act = Act()
        read = self._read(photo)
        if isinstance(read, Refused):
            raise read.error
        class_name = self.have_class(class_name, act)
        pixels, picture, likeness = read
        (embedding,) = self._extractor.embed([pixels])
        was = {
            example_id: name
            for example_id, name in self._same_photos(embedding, likeness).items()
            if name != class_name
        }
        if was:
            act.changes.append(self._move(dict.fromkeys(was, class_name)))
        else:
            act.taught(self._keep(class_name, embedding, picture, likeness))
        self._acts.did(act)
        return Corrected(class_name, tuple(sorted(set(was.values()))))

    def forget_photos(self, example_ids: Iterable[int]) -> None:
        """Forget photos; of a class that loses all, the name stays."""
        self._forget(set(example_ids))

    def forget_class(self, class_name: str) -> None:
        """Forget a class and its photos, and what the head knows of it."""
        self._forget(set(self._examples().get(class_name, ())), class_name)

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the head too; nothing is trained."""
        act = Act()
        if class_name not in self.class_names:
            raise ThingGoneError(f"expected a thing, found none called {class_name!r}")
        new_name = self._free_name(new_name)
        self._rename(class_name, new_name)
        act.changes.append(Renamed(class_name, new_name))
        self._acts.did(act)

    def go_on(self, act: Act) -> None:
        """Let what waits of an act be taught after all: what was taken back before it stays so."""
        self._acts.go_on(act)

    def undo(self) -> Act | None:
        """Take back the last act since the project was opened.

        Returns
        -------
        Act or None
            The act, with what taking it back changed; None if there is nothing to take back.
        """
        return self._turn_back(self._acts.done, self._acts.undone)

    def redo(self) -> Act | None:
        """Do again what was taken back last, if nothing else was done since; see `undo`."""
        return self._turn_back(self._acts.undone, self._acts.done)

    # The head

    def settle(self) -> None:
        """Let the head follow what changed, its file the head, and what is said of the photos both.

        The head is made anew if that takes a moment only; else it stays due, for `train`.
        """
        is_quick = min(self._fits_s) <= QUICK_S
        if self._is_due and is_quick and _can_train(self.classifier.head, self._examples()):
            self.train()
        else:
            self._save_head()
            self.hear()

    def train(self, progress: Callable[[Progress], None] | None = None) -> None:
        """Train the head on all photos and keep it.

        Parameters
        ----------
        progress : callable, optional
            Called after every step, and once more before the head is kept; what it raises stops
            the training, and the head stays as it was until something changes again.
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
            self._is_due = False
            raise
        self._steps = len(losses) or self._steps
        self._is_due = False
        self._save_head()
        self.hear()
        self._fits_s = self._fits_s[1], time.perf_counter() - started

    def hear(self) -> None:
        """Ask how well the photos teach, if the head is theirs, once for every head."""
        examples, head = self._examples(), self.classifier.head
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
        self._acts.clear()
        self._take(None)
        self._save_head()
        self._is_due = False

    def erase_examples(self) -> None:
        """Forget all photos for good; class names and the head stay."""
        self._acts.stop()
        self._acts.clear()
        names = self.class_names
        self._store.wipe()
        self._take(self.classifier.head)
        self._name_classes(names)
        self._pictures.clear()

    def erase_thumbnails(self) -> None:
        """Erase the small pictures for good, from the disk and from memory."""
        self._store.erase_thumbnails()
        self._on_disk = set()
        self._pictures.clear()

    def keep_thumbnails(self, allowed: bool) -> int:
        """Allow small pictures on the disk, or erase them from it for good.

        Returns
        -------
        int
            Of how many photos that were taught before there is none to keep.
        """
        self._keeps_thumbnails = allowed
        if not allowed:
            self._on_disk = set()
        return keep_thumbnails(self._store, self._pictures, allowed)

    def close(self) -> None:
        """Close the examples' file, and let other windows have the project."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._keeps_thumbnails:
            self._pictures.clear()  # they are on the disk
        try:
            self._store.close()
        finally:
            self._lock.release()

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
        except (ImageError, FileNotFoundError, UnreadableFileError) as error:
            return Refused(getattr(photo, "name", ""), error)
        return pixels, thumbnail(pixels), perceptual_hash(pixels)

    def _add(self, class_name: str, pixels: Pixels, picture: bytes, likeness: int) -> int:
        """Teach one photo; return its id."""
        (embedding,) = self._extractor.embed([pixels])
        return self._keep(class_name, embedding, picture, likeness)

    def _keep(self, class_name: str, embedding: Embedding, picture: bytes, likeness: int) -> int:
        """Keep what was learned of one photo; return its id."""
        example_id = self._store.add(
            embedding,
            class_name,
            photo_hash=likeness,
            thumbnail=picture if self._keeps_thumbnails else None,
        )
        self._pictures[example_id] = picture
        self._is_due = True
        return example_id

    def _taught_before(self, class_name: str, pixels: Pixels, _: bytes, likeness: int) -> set[int]:
        """Return the examples of the same photo that a thing was taught."""
        (embedding,) = self._extractor.embed([pixels])
        same = self._same_photos(embedding, likeness)
        return {example_id for example_id, name in same.items() if name == class_name}

    def _same_photos(self, embedding: Embedding, likeness: int) -> dict[int, str]:
        """Return the examples that are the same photo, pixel by pixel, and the class of each."""
        alike = set(self._store.ids_like(likeness))
        if not alike:
            return {}
        there = self._store.load()
        lengths = np.linalg.norm(there.embeddings, axis=1) * np.linalg.norm(embedding)
        cosines = there.embeddings @ embedding / np.maximum(lengths, np.finfo(np.float32).tiny)
        rows = zip(there.ids.tolist(), there.class_names, cosines, strict=True)
        return {i: name for i, name, cosine in rows if i in alike and cosine >= SAME_PHOTO}

    def _move(self, wanted: Mapping[int, str]) -> Moved:
        """Give examples other classes; the names of all classes stay."""
        names, there = self.class_names, self._store.names_by_id()
        was = {example_id: there[example_id] for example_id in wanted}
        for class_name in sorted(set(wanted.values())):
            ids = [one for one, name in wanted.items() if name == class_name]
            self.classifier.move_examples(ids, class_name)
        self._name_classes(names)
        self._is_due = True
        return Moved(was)

    def _forget(self, ids: set[int], class_name: str = "") -> None:
        """Forget photos, or a class with all of them, as one act."""
        act, names, head = Act(), self.class_names, self.classifier.head
        if ids:
            act.changes.append(self._take_out(ids))
        elif head is not None and class_name in head.fitted_.classes:
            self._take(None)  # of an imported head; without its photos it cannot be taken out
        if class_name in names:
            act.changes.append(gone := Unnamed(class_name, names.index(class_name)))
            self._acts.renamed(class_name, gone)
        self._name_classes(name for name in names if name != class_name)
        act.changes.insert(0, Headed(head, self.classifier.head))
        self._acts.did(act)

    def _take_out(self, ids: set[int]) -> Forgotten:
        """Forget examples in the store and in the head; return what brings them back.

        The names of all classes stay.
        """
        names, there = self.class_names, self._store.load()
        going = [n for n, example_id in enumerate(there.ids.tolist()) if example_id in ids]
        going_ids = there.ids[going].tolist()
        forgotten = Forgotten(
            ids=tuple(going_ids),
            embeddings=there.embeddings[going],
            example_classes=tuple(there.class_names[n] for n in going),
            photo_hashes=tuple(there.photo_hashes[going].tolist()),
            pictures=tuple(map(self._picture, going_ids)),
        )
        if going_ids:
            self.classifier.forget_examples(going_ids)
        for example_id in going_ids:
            self._pictures.pop(example_id, None)
        self._name_classes(names)
        self._is_due = True
        return forgotten

    def _bring_back(self, forgotten: Forgotten) -> Taught:
        """Teach again what was forgotten."""
        new_ids = self._store.add_many(
            forgotten.embeddings,
            forgotten.example_classes,
            photo_hashes=forgotten.photo_hashes,
            thumbnails=forgotten.pictures if self._keeps_thumbnails else None,
        )
        for example_id, picture in zip(new_ids, forgotten.pictures, strict=True):
            if picture is not None:
                self._pictures[example_id] = picture
        self._acts.renumber(dict(zip(forgotten.ids, new_ids, strict=True)))
        self._is_due = True
        return Taught(list(new_ids))

    def _turn_back(self, source: list[Act], target: list[Act]) -> Act | None:
        """Take back the last of some acts, or do it again."""
        if not source:
            return None
        act, turned = source[-1], Act()
        was_taken_back, act.is_taken_back = act.is_taken_back, True
        try:
            while act.changes:
                turned.changes.append(self._turned(act.changes[-1]))
                act.changes.pop()
        except BaseException:  # if the disk was full, the rest can be taken back later
            act.is_taken_back = was_taken_back
            if turned.changes:
                target.append(turned)
            raise
        # The head is turned back last: one whose photos are not there yet would be warned of.
        act.changes = sorted(turned.changes, key=lambda one: not isinstance(one, Headed))
        act.is_taken_back = source is self._acts.done
        target.append(source.pop())
        return act

    def _turned(self, change: Change) -> Change:
        """Take back a change; return what that changed."""
        names = self.class_names
        if isinstance(change, Taught):
            return self._take_out(set(change.ids))
        if isinstance(change, Forgotten):
            return self._bring_back(change)
        if isinstance(change, Moved):
            return self._move(change.was)
        if isinstance(change, Renamed):
            self._rename(change.new, change.old)
            return Renamed(change.new, change.old)
        if isinstance(change, Named):
            self._name_classes(name for name in names if name != change.name)
            gone = Unnamed(change.name, names.index(change.name))
            self._acts.renamed(change.name, gone)
            return gone
        if isinstance(change, Unnamed):
            self._name_classes([*names[: change.place], change.name, *names[change.place :]])
            self._acts.named_again(change)
            return Named(change.name, change.place)
        self._take(change.before)
        self._is_due = True
        return Headed(change.after, change.before)

    def _rename(self, class_name: str, new_name: str) -> None:
        examples, head = self._examples(), self.classifier.head
        if examples.get(class_name) or (head and class_name in head.fitted_.classes):
            self.classifier.rename_class(class_name, new_name)
        self._name_classes(new_name if name == class_name else name for name in examples)
        self._acts.renamed(class_name, new_name)
        self._renamed[class_name] = new_name

    def _take(self, head: SoftmaxHead | None) -> None:
        """Let this be the head."""
        self.classifier = ImageClassifier(self._extractor, head=head, store=self._store)

    def _accuracy(self) -> float | None:
        """Return the accuracy over all photos, as it was heard last."""
        return self._history[-1][1] if self._feedback and self._history else None

    def _picture(self, example_id: int) -> bytes | None:
        if example_id not in self._pictures:
            kept = self._store.thumbnail(example_id) if example_id in self._on_disk else None
            if kept is None:
                return None
            self._pictures[example_id] = kept
        return self._pictures[example_id]

    def _head_of_file(self) -> SoftmaxHead | None:
        """Return the head that was kept; one that is lost or damaged is trained again.

        So is one that compares with another background than the extractor has by now, if all that
        it was trained on is there: else nothing could make it again.
        """
        path = self._project.head_path
        try:
            return SoftmaxHead.load(path, extractor=self._extractor)
        except FileNotFoundError:
            return None
        except FileFormatError:
            self._has_lost_head = not self._store.class_counts
            return None
        except ExtractorMismatchError:
            counts = self._store.class_counts
            if any(counts.get(name, 0) < n for name, n in _learned(SoftmaxHead.load(path)).items()):
                raise
            self._learns_again = True
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
        """Return a class name as it is written, if no class has it yet."""
        class_name = checked_name(class_name, MAX_THING_NAME)
        if class_name in self.class_names:
            raise TakenNameError(f"expected a name that no class has, found {class_name!r}")
        return class_name

    def _name_now(self, class_name: str) -> str:
        """Return what a thing is called now."""
        names, now, seen = self.class_names, class_name, set()
        while now not in names and now in self._renamed and now not in seen:
            seen.add(now)
            now = self._renamed[now]
        if now not in names:
            raise ThingGoneError(f"expected a thing, found none called {class_name!r}")
        return now

    def _name_classes(self, names: Iterable[str]) -> None:
        if self._project.class_names != (names := tuple(names)):
            project = replace(self._project, class_names=names)
            project.save()  # a full disk changes nothing
            self._project = project


def _learned(head: SoftmaxHead | None) -> dict[str, int]:
    """Return how many photos of each class a head was trained on; the classes in its order."""
    return {} if head is None else dict(zip(head.fitted_.classes, head.class_counts_, strict=True))


def _is_of(head: SoftmaxHead | None, examples: dict[str, list[int]]) -> bool:
    """Return whether a head was trained on as many photos of each class as there are."""
    counts = {name: len(ids) for name, ids in examples.items() if ids}
    return head is not None and counts == _learned(head)


def _can_train(head: SoftmaxHead | None, examples: dict[str, list[int]]) -> bool:
    """Return whether at least two classes have photos, and no class of the head lacks them."""
    taught = {name for name, ids in examples.items() if ids}
    return len(taught) >= 2 and taught.issuperset(() if head is None else head.fitted_.classes)
