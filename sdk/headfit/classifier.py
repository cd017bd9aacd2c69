"""ImageClassifier: an extractor, the examples it has seen and the head trained on them."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from headfit.errors import InputError, NotFittedError
from headfit.extractor import Extractor
from headfit.extractors.finding import find_made_by
from headfit.files.class_names import (
    check_known,
    checked_class,
    checked_class_name,
    checked_merge,
    checked_names,
    checked_rename,
)
from headfit.files.manifest import check_made
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner, checked_head
from headfit.learning.evaluation import Evaluation
from headfit.learning.feedback import Feedback
from headfit.learning.origin import WHOLE, View
from headfit.learning.prediction import Prediction
from headfit.locks import brief_lock
from headfit.maths.arrays import FloatArray, checked_numbers
from headfit.maths.lbfgs import Progress
from headfit.photos.embedded import EmbeddedFolder, find_examples
from headfit.photos.folders import (
    FolderEvaluation,
    FolderExamples,
    embed_folder,
    refuse_skipped,
    require_two_classes,
)
from headfit.photos.images import ImageSource, PhotoProgress
from headfit.photos.known import FolderChanges, compare, digests_of, refuse_unread
from headfit.photos.likeness import perceptual_hash
from headfit.photos.photo_folder import PhotoFolder, Skipped

if TYPE_CHECKING:  # a store needs SQLite, which not every Python on a phone has
    from headfit.report import CurvePoint
    from headfit.store import ExampleStore


_logger = logging.getLogger("headfit")

TAUGHT_BEFORE: Final = "was taught before under the same name"
"""Why a photo is left out that is in no way unusable."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a classifier sees in a photo.

    Attributes
    ----------
    ranking : list of (class name, probability)
        Every class, or those that were asked for, best first.
    is_known : bool
        Whether the photo seems to show one of the classes at all: see `SoftmaxHead.is_known`. A
        picture in which hardly anything varies does not, unless such ones were taught.
    """

    ranking: list[tuple[str, float]]
    is_known: bool


@dataclass(frozen=True, slots=True)
class Taught:
    """What became of a folder that was added.

    Attributes
    ----------
    n_added : int
        New examples.
    n_moved : int
        Examples whose photos lie in the folder of another class now, and are of that one.
    n_known : int
        Photos that were taught before under the same name.
    n_forgotten : int
        Examples that went because their photos are gone: see ``prune``.
    """

    n_added: int
    n_moved: int
    n_known: int
    n_forgotten: int


class ImageClassifier:
    """Learns to tell classes of photos apart.

    Photos are embedded when they come in and are not kept. An example has a number, to forget it
    by; with a store it is the store's id. It is safe to use from several threads: while one fits,
    others may teach and predict.

    Parameters
    ----------
    extractor : Extractor, name or path, optional
        What embeds the photos; by default what the store is of, if it is installed, else the
        extractor that came with headfit.
    head : SoftmaxHead, optional
        A head fitted on this extractor's embeddings, or a new one whose parameters say how to fit.
    store : ExampleStore, optional
        Where examples are kept, those of before included. Without one they last as long as this
        object. The caller closes it.
    views : sequence of View, optional
        How to look at every photo, taught or recognised: `headfit.photos.FLIPPED`, say. The network
        runs as many times for it. By default those of the head or the store, which remember them.

    Attributes
    ----------
    extractor : Extractor
    head : SoftmaxHead or None
        None before `fit`.
    store : ExampleStore or None
    skipped : tuple of Skipped
        Files that `add_folder` left out, and why.

    Examples
    --------
    >>> classifier = ImageClassifier.from_folder("photos/")        # doctest: +SKIP
    >>> classifier.predict("new.jpg")[0]                           # doctest: +SKIP
    ('cat', 0.97)
    """

    def __init__(
        self,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        *,
        head: SoftmaxHead | None = None,
        store: ExampleStore | None = None,
        views: Sequence[View] | None = None,
    ) -> None:
        if isinstance(store, (str, os.PathLike)):
            raise InputError(
                f"expected an open store, found the path {os.fspath(store)!r}; open it with "
                "headfit.store.ExampleStore.open(path, extractor)"
            )
        head = checked_head(head)
        known = None if store is None else store.views
        if head is not None and head.is_fitted:
            known = head.views_
        if extractor is None and store is not None:
            extractor = find_made_by(store.fingerprint, store.path)
        self.extractor = _opened(extractor, views, known)
        if head is not None and head.is_fitted:
            check_made(self.extractor, head.fitted_, "this head")
            if head.fitted_.likeness is not None:
                head = head.seen_through(self.extractor)  # it may have been loaded without
        if store is not None:
            store.check_extractor(self.extractor)
        self.store = store
        self.skipped: tuple[Skipped, ...] = ()
        # Holds what the store holds, under the same numbers. The store is the truth: others may
        # change it too, and then all is read from it again. Without a store the learner is all.
        self._learner = HeadLearner(head, extractor=self.extractor)
        self._is_given = self.head is not None  # fitted elsewhere, to examples that are not here
        self._lock = brief_lock()  # learner and store change together; no fit is done under it
        self._digests: dict[int, bytes] = {}  # of photos of folders; a store keeps its own
        self._seen: object = None  # the store's state, as of when the learner was last made like it
        self._is_behind = False  # whether the head knows what the store has lost to others since
        if store is not None and self._is_given:
            there = self._current_learner().class_counts.keys()
            known_classes = set(self._learner.head.fitted_.classes)
            self._say_what_is_gone(known_classes if known_classes & there else set())

    @property
    def head(self) -> SoftmaxHead | None:
        """The head as of the last `fit`, None before."""
        head = self._learner.head
        return head if head.is_fitted else None

    @classmethod
    def from_folder(
        cls,
        directory: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        views: Sequence[View] | None = None,
        strict: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
    ) -> ImageClassifier:
        """Train on a folder of photos, a folder per class; see `add_folder` and `fit`."""
        classifier = cls(extractor, views=views)
        classifier.add_folder(directory, strict=strict, jobs=jobs, progress=progress)
        classifier.fit()
        return classifier

    @property
    def n_samples(self) -> int:
        """How many examples `fit` trains on."""
        return sum(self.class_counts.values())

    @property
    def class_counts(self) -> dict[str, int]:
        """How many examples `fit` has of each class, sorted by name."""
        return self._learner.class_counts if self.store is None else self.store.class_counts

    def add(
        self,
        image: ImageSource,
        class_name: str,
        *,
        channels: str = "rgb",
        thumbnail: bytes | None = None,
        group: str | int | None = None,
    ) -> int:
        """Add one example and return its number. The head learns of it at the next `fit`.

        Parameters
        ----------
        image : path, bytes, file, PIL image or ndarray
        class_name : str
        channels : str
            The order of an array's channels: "rgb", or "bgr" for OpenCV's frames.
        thumbnail : bytes, optional
            A small picture that a store keeps beside the example: see `ExampleStore.add_many`.
        group : str or int, optional
            What the photo belongs to, for instance a video: see `SoftmaxHead.fit`. A store keeps
            none.

        Raises
        ------
        ImageError
            If the image cannot be decoded; nothing is added.
        InputError
            If the class name is empty, or cannot be written into a head file; if a group is given
            and there is a store.
        """
        names = checked_names([class_name], 1)
        if group is not None and self.store is not None:
            raise InputError(
                f"expected no group for a photo that goes into a store, found {group!r}; a store "
                "keeps none, and near copies are found without"
            )
        pixels = self.extractor.decode(image, channels=channels)
        embeddings = self.extractor.embed([pixels])
        hashes = [perceptual_hash(pixels)]
        if self.store is None:
            (number,) = self._learner.add_examples(
                embeddings, names, groups=[group], photo_hashes=hashes
            )
        else:
            (number,) = self.store.add_many(
                embeddings, names, photo_hashes=hashes, thumbnails=[thumbnail]
            )
        return number

    def add_folder(
        self,
        directory: str | os.PathLike[str] | PhotoFolder,
        *,
        strict: bool = False,
        prune: bool | Callable[[int], bool] = False,
        one_class: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
    ) -> Taught:
        """Add every photo of a folder that holds a folder per class; return what became of them.

        Files that are no images are left out and named in `skipped`, and so are photos that were
        taught before under the same name: a folder that grew may be added again. Photos of folders
        are known by their content: these are not embedded again, and a photo that lies in the
        folder of another class now is moved there, as when a folder is renamed.

        Parameters
        ----------
        directory : path or PhotoFolder
            A folder whose folders are named after the classes, or what
            `headfit.photos.find_photos` found in one; or a folder of embeddings, as
            ``headfit embed`` writes it.
        strict : bool
            Refuse the whole folder if anything in it cannot be used.
        jobs : int, optional
            How many threads decode photos ahead: see `Extractor.embed`.
        prune : bool, or callable
            Whether to forget the examples of photos of folders that are not in this one; a callable
            is asked with how many these are. Examples that were added in other ways stay.
        one_class : bool
            Whether photos of a single class will do; a folder of one is usually the wrong one.
        progress : callable, optional
            Called as ``progress(done, total)`` after every photo that is embedded.

        Raises
        ------
        InputError
            If the folder has no photo, or fewer than two classes among them and the examples so
            far, where one will not do; with ``strict``, if anything would be left out; with
            ``prune``, if not all of the folder can be read. Nothing is added.
        """
        folder = _found(directory)
        taught = set(self.class_counts)
        if not one_class:
            require_two_classes(folder, taught.union(folder.class_names))
        if strict:
            refuse_skipped(folder.skipped)
        digests, changes = self._compared(folder)
        gone = list(changes.gone)
        if gone and prune:
            refuse_unread(folder, digests)
        forgets = gone and (prune(len(gone)) if callable(prune) else prune)
        n_moved = n_forgotten = 0
        filled = frozenset(changes.moved.values())
        with self._lock:
            if forgets:  # first: it makes room on a full disk, and what follows can be undone
                forget = partial(self._forget, filled=filled)
                n_forgotten = self._with_those_there(gone, forget)
            for class_name in sorted(filled):
                moved = [n for n, name in changes.moved.items() if name == class_name]
                move = partial(self._move, class_name=class_name, filled=filled)
                n_moved += self._with_those_there(moved, move)
        if n_moved or n_forgotten:
            self._follow()
        again = [photo.path for photo in changes.known]
        skipped, n_added = folder.skipped, 0
        if changes.new:
            examples = embed_folder(
                self.extractor,
                replace(folder, photos=changes.new),
                strict,
                progress,
                with_hashes=True,
                jobs=jobs,
                known={*changes.moved.values(), *(photo.class_name for photo in changes.known)},
            )
            if not one_class:
                require_two_classes(folder, taught.union(examples.class_names))
            if examples.class_names:
                there = self._add_embedded(examples, digests)
                n_added = len(examples.class_names) - len(there)
                again += there
            skipped = examples.skipped
        with self._lock:
            self.skipped += skipped + tuple(Skipped(path, TAUGHT_BEFORE) for path in again)
        return Taught(n_added, n_moved, len(again), n_forgotten)

    def _compared(self, folder: PhotoFolder) -> tuple[dict[Path, bytes], FolderChanges]:
        """Return the digests of a folder's photos, and what became of it since it was taught."""
        if isinstance(folder, EmbeddedFolder):  # there are no photos to hash
            return {}, FolderChanges((), {}, folder.photos, ())
        digests = digests_of(
            folder.photos, self.extractor.manifest.preprocessing, self.extractor.views
        )
        with self._lock:
            names = self._current_learner().names
            known = dict(self._digests) if self.store is None else self.store.digests()
        taught = {number: (names[number], known[number]) for number in known if number in names}
        return digests, compare(folder.photos, digests, taught)

    def _add_embedded(self, examples: FolderExamples, digests: dict[Path, bytes]) -> list[Path]:
        """Add examples but those that are there already; return the photos of these."""
        kept = examples.embeddings
        if self.store is not None:
            kept = kept.astype(self.store.dtype).astype(np.float32)
        with self._lock:
            while True:
                learner = self._current_learner()
                taught_before = learner.contains(kept, examples.class_names)
                _say_what_contradicts(learner, kept, examples)
                new = np.flatnonzero(~taught_before)
                embeddings = examples.embeddings[new]
                names = [examples.class_names[row] for row in new]
                known_by = [digests.get(examples.paths[row]) for row in new]
                hashes = [examples.photo_hashes[row] for row in new]
                if self.store is None:
                    numbers = learner.add_examples(embeddings, names, photo_hashes=hashes)
                    pairs = zip(numbers, known_by, strict=True)
                    self._digests.update((number, by) for number, by in pairs if by is not None)
                    break
                added = self.store.add_many(
                    embeddings,
                    names,
                    photo_hashes=hashes,
                    digests=known_by,
                    if_newest=max(learner.names, default=0),
                )
                if len(added) == len(names):
                    break  # else another process has added some meanwhile, perhaps the same
        return [examples.paths[row] for row in np.flatnonzero(taught_before)]

    def fit(self, *, progress: Progress | None = None) -> SoftmaxHead:
        """Fit the head to all examples.

        If few have come or gone since the last time that takes milliseconds. Parameters are those
        of the head that was passed in, by default `SoftmaxHead`'s.

        Parameters
        ----------
        progress : callable, optional
            As in `SoftmaxHead.fit`; if it raises, the head stays as it was.

        Raises
        ------
        InputError
            If there are fewer than two classes, or if a loaded head knows classes that the examples
            lack and would lose them.
        """
        taught = self.class_counts
        lost = sorted(set(self.head.fitted_.classes) - taught.keys()) if self.head else []
        if lost and self._is_given:
            raise InputError(
                f"expected examples of every class the head knows, found none of "
                f"{', '.join(lost)}; a head file holds no examples: add photos of these classes "
                "too, let the head grow by add_class, or start with a new ImageClassifier"
            )
        if not taught:
            raise InputError("expected examples to train on, found none; add photos first")
        learner = self._current_learner()
        head = learner.fit(progress=progress)
        self._has_followed(learner)
        return head

    def add_class(self, class_name: str | int, images: Iterable[ImageSource]) -> SoftmaxHead:
        """Let a head that came in a file grow by a class, and return the head.

        Without the examples of the other classes, which lose by it: `SoftmaxHead.add_class` says
        how much. The photos are not kept.

        Parameters
        ----------
        class_name : str, or int where the head's names are whole numbers
            Of a class that the head does not know.
        images : iterable of paths, bytes, PIL images or uint8 arrays
            At least two photos that differ; five or more are well.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        InputError
            As `SoftmaxHead.add_class`; if examples of a class that the head knows are here, with
            which `fit` learns more. The head stays as it was.
        ImageError
            If one of the images cannot be decoded.
        """
        known = set(self._fitted_head().fitted_.classes)
        here = sorted(known & self.class_counts.keys())
        if here:
            raise InputError(
                f"expected a head whose examples are not here, found those of {', '.join(here)}; "
                "add the photos, and fit"
            )
        embeddings = self.extractor.embed(images)
        with self._lock:
            head = self._fitted_head().copy()  # other threads may be predicting with that one
            self._learner.head = head.add_class(class_name, embeddings)
            return head

    def feedback(self) -> Feedback:
        """Return how well the examples teach their classes; the head is fitted first.

        Raises
        ------
        InputError
            As `fit`.
        """
        self.fit()
        return self._current_learner().feedback()

    def effective_counts(self) -> dict[str, int]:
        """Return how many photos of each class there effectively are; the head is fitted first.

        Nearly the same photos count as one, as in `feedback`, which takes longer.

        Raises
        ------
        InputError
            As `fit`.
        """
        self.fit()
        return self._current_learner().effective_counts()

    def forget(self, class_names: str | Iterable[str]) -> int:
        """Forget classes for good, in the store and the head too; return how many examples.

        The head is fitted again to what is left, once, or gone if that is fewer than two classes.
        Head files that were saved before still know the class.

        Parameters
        ----------
        class_names : str, or several

        Raises
        ------
        InputError
            If there is no example of one of the classes. Nothing is forgotten.
        """
        is_one = isinstance(class_names, str) or not isinstance(class_names, Iterable)
        names: set[Any] = {class_names} if is_one else set(class_names)
        for name in names:
            if not isinstance(name, str):
                raise InputError(
                    f"expected names of classes as text, found {name!r}; numbers of examples go to "
                    "forget_examples"
                )
        with self._lock:
            learner = self._current_learner()
            names = {checked_class(name, learner.class_counts) for name in names}
            count = self._forget([number for name in names for number in learner.numbers_of(name)])
        self._follow()
        return count

    def forget_examples(self, numbers: Iterable[int]) -> int:
        """Forget examples for good, in the store too, and return how many.

        All at once: the store is rewritten and the head fitted again to what is left one time,
        however many they are. A class whose last example goes is forgotten with it.

        Raises
        ------
        InputError
            If there is no such example. Nothing is forgotten.
        """
        wanted = checked_numbers(numbers)
        with self._lock:
            count = self._forget(wanted)
        self._follow()
        return count

    def move_examples(self, numbers: Iterable[int], class_name: str) -> int:
        """Give examples another class, a new one perhaps; return how many were of another.

        They keep their numbers, and in a store their times and thumbnails. It is as if they had
        been taught so at once, and the head, if there is one, follows; a class that is left without
        examples is gone. `undo` takes it back.

        Raises
        ------
        InputError
            If there is no such example, or ``class_name`` is unusable. Nothing is moved.
        """
        wanted = checked_numbers(numbers)
        with self._lock:
            count = self._move(wanted, class_name)
        self._follow()
        return count

    def merge_classes(self, class_name: str | int, *, into: str | int) -> int:
        """Move all examples of a class to another one, as `move_examples`; return how many.

        Raises
        ------
        InputError
            If one of them is not there, or they are the same. Nothing is moved.
        """
        with self._lock:
            learner = self._current_learner()
            class_name, into = checked_merge(learner.class_counts, class_name, into)
            count = self._move(learner.numbers_of(class_name), into)
        self._follow()
        return count

    def rename_class(self, class_name: str | int, new_name: str | int) -> None:
        """Call a class by another name, in the store and in the head; nothing is trained.

        Unless the store has lost something to others: what it lost leaves the head first.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable. Nothing is renamed.
        """
        self._catch_up()
        with self._lock:
            learner, head = self._current_learner(), self.head
            # A head of a file knows classes without examples, and examples may be of others.
            taken = {*learner.class_counts, *(head.fitted_.classes if head is not None else ())}
            given = new_name  # a head that was given may have whole numbers for names
            class_name, new_name = checked_rename(taken, class_name, new_name)
            if class_name not in learner.class_counts and head is not None:
                head = head.copy()  # other threads may be predicting with that one
                head.rename_class(class_name, given)  # of a file, without examples
                learner.head = head
                return
            if self.store is not None:  # first: if it refuses, nothing has changed
                self.store.rename_class(class_name, new_name)
            learner.rename_class(class_name, given)

    def undo(self) -> str | None:
        """Undo the last change of the store that can be undone: see `ExampleStore.undo`.

        The head, if there is one, is fitted again to what is left.

        Returns
        -------
        str or None
            What was undone, in words; None if there is nothing to undo.

        Raises
        ------
        InputError
            If there is no store.
        """
        if self.store is None:
            raise InputError(
                "expected a classifier with a store, whose history can be undone, found none; "
                "open an ExampleStore, or forget the examples"
            )
        undone = self.store.undo()
        if undone is not None:
            self._follow()
        return undone

    def predict(
        self,
        image: ImageSource,
        *,
        top: int | None = None,
        min_confidence: float = 0.0,
        channels: str = "rgb",
    ) -> list[tuple[str, float]]:
        """Return classes with their probabilities, best first: every one, unless told otherwise.

        If there is no head, one is fitted to the examples first: a store that is opened again
        predicts at once. So it is if examples went from the store by other ways than this object,
        or have other names now: what the store has forgotten is predicted no more.

        Parameters
        ----------
        image : path, bytes, file, PIL image or ndarray
        top : int, optional
            How many classes at most.
        min_confidence : float
            From 0 to 1: only classes that are at least so probable; perhaps none.
        channels : str
            The order of an array's channels: "rgb", or "bgr" for OpenCV's frames.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded, and there are not examples of two classes.
        ImageError
            If the image cannot be decoded.
        InputError
            If ``top`` or ``min_confidence`` makes no sense.
        """
        return self.recognise(
            image, top=top, min_confidence=min_confidence, channels=channels
        ).ranking

    def predict_many(
        self,
        images: Iterable[ImageSource],
        *,
        top: int | None = None,
        min_confidence: float = 0.0,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> list[list[tuple[str, float]]]:
        """Return for each image what `predict` does, in their order.

        Parameters
        ----------
        images, jobs, channels, progress
            As for `Extractor.embed`.
        top, min_confidence
            As in `predict`.

        Raises
        ------
        NotFittedError, ImageError, InputError
            As `predict`; the message names the image.
        """
        seen = self.recognise_many(
            images,
            top=top,
            min_confidence=min_confidence,
            jobs=jobs,
            channels=channels,
            progress=progress,
        )
        return [each.ranking for each in seen]

    def recognise(
        self,
        image: ImageSource,
        *,
        top: int | None = None,
        min_confidence: float = 0.0,
        channels: str = "rgb",
    ) -> Recognition:
        """Return what `predict` does, and whether the photo seems to show any of the classes.

        Parameters and errors are those of `predict`.
        """
        (seen,) = self.recognise_many(
            [image], top=top, min_confidence=min_confidence, channels=channels
        )
        return seen

    def recognise_many(
        self,
        images: Iterable[ImageSource],
        *,
        top: int | None = None,
        min_confidence: float = 0.0,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> list[Recognition]:
        """Return for each image what `recognise` does, in their order.

        Parameters and errors are those of `predict_many`.
        """
        if top is not None and not (isinstance(top, (int, np.integer)) and top >= 1):
            raise InputError(
                f"expected top to be a whole number from 1 on, found {top!r}; leave it out for all"
            )
        if not (isinstance(min_confidence, (int, float, np.number)) and 0 <= min_confidence <= 1):
            raise InputError(
                f"expected min_confidence from 0 to 1, found {min_confidence!r}; it is a "
                "probability"
            )
        head = self._fitted_head().fitted_
        embeddings, are_blank = self.extractor.embed_telling_blank(
            images, jobs=jobs, channels=channels, progress=progress
        )
        seen = Prediction.of(head, embeddings)
        rankings = seen.top_k(len(head.classes) if top is None else top)
        return [
            Recognition([each for each in ranking if each[1] >= min_confidence], is_known)
            for ranking, is_known in zip(rankings, seen.are_known(are_blank).tolist(), strict=True)
        ]

    @overload
    def evaluate(
        self,
        photos: str | os.PathLike[str] | PhotoFolder,
        *,
        strict: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
    ) -> FolderEvaluation: ...

    @overload
    def evaluate(
        self,
        photos: Iterable[tuple[ImageSource, str]],
        *,
        strict: bool = False,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> Evaluation: ...

    def evaluate(
        self,
        photos: str | os.PathLike[str] | PhotoFolder | Iterable[tuple[ImageSource, str]],
        *,
        strict: bool = False,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> Evaluation:
        """Classify photos whose classes are known and count what was right.

        Photos that were trained on say nothing here. For embeddings see `SoftmaxHead.evaluate`.

        Parameters
        ----------
        photos : path, PhotoFolder, or iterable of (image, class name)
            A folder as in `add_folder`, or photos in any form with their classes.
        strict : bool
            As in `add_folder`, for a folder. Pairs are always used whole, or refused.
        jobs, progress
            As in `add_folder`.
        channels : str
            As in `predict`, for pairs.

        Returns
        -------
        FolderEvaluation or Evaluation
            The former, which says what was left out, of a folder.

        Raises
        ------
        NotFittedError
            As `predict`.
        InputError
            If there is no photo, or one of a class that the head does not know.
        ImageError
            If the image of a pair cannot be decoded.
        """
        fitted = self._fitted_head()
        head = fitted.fitted_
        if not isinstance(photos, (str, os.PathLike, PhotoFolder)):
            pairs = [_pair(each) for each in photos]
            names = [class_name for _, class_name in pairs]
            check_known(checked_names(names, len(names)), head.classes)
            images = [image for image, _ in pairs]
            embeddings = self.extractor.embed(
                images, jobs=jobs, channels=channels, progress=progress
            )
            return fitted.evaluate(embeddings, names)
        folder = _found(photos)
        unknown = sorted(set(folder.class_names) - set(head.classes))
        if unknown:
            raise InputError(
                f"{folder.root}: expected folders named after the head's classes "
                f"({', '.join(head.classes)}), found also {', '.join(unknown)}; rename or remove "
                "them"
            )
        examples = embed_folder(
            self.extractor, folder, strict, progress, with_hashes=True, jobs=jobs
        )
        return FolderEvaluation.of(head, examples, examples.groups())

    def learning_curve(self) -> tuple[CurvePoint, ...]:
        """Return how accurate heads of fewer photos are: what more photos would bring.

        New heads are fitted on some of one half of the examples and tested on the other half. What
        is nearly one photo, or was added as one group, counts as one.

        Returns
        -------
        tuple of CurvePoint
            By photos per class; empty if there are too few. See
            `headfit.report.learning_curve`, which takes test photos of your own.
        """
        from headfit.report import learning_curve

        embeddings, names, groups = self._current_learner().examples()
        return learning_curve(embeddings, names, groups=groups) if names else ()

    def save(self, path: str | os.PathLike[str], *, storage: str | None = None) -> None:
        """Write the head to a file, whole or not at all; examples are not in it.

        Parameters and errors are those of `SoftmaxHead.save`.
        """
        self._fitted_head().save(path, storage=storage)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        store: ExampleStore | None = None,
        trusted_keys: Collection[str] | None = None,
    ) -> ImageClassifier:
        """Return a classifier with the head of a file, looking at photos in the head's views.

        Parameters
        ----------
        path, trusted_keys
            As for `SoftmaxHead.load`.
        extractor : Extractor, name or path, optional
            What embeds the photos; by default what the file names: see `Extractor.open_for`.
        store : ExampleStore, optional
            The examples that the head was fitted to, and where further ones are kept. If it lacks
            some of the head's classes, and has others, that is logged.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file.
        """
        head = SoftmaxHead.load(path, trusted_keys=trusted_keys)
        eyes = (
            extractor if isinstance(extractor, Extractor) else Extractor.open_for(path, extractor)
        )
        eyes.manifest.check_head(head.fitted_, os.fspath(path))
        return cls(eyes.looking(head.views_), head=head, store=store)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __copy__(self) -> ImageClassifier:
        """Return a classifier with examples of its own, unless both have them in one store."""
        state = self.__getstate__()
        # Not under the lock: it waits for a fit that is under way.
        state.update(_learner=copy.copy(state["_learner"]), _digests=dict(state["_digests"]))
        other: ImageClassifier = object.__new__(type(self))
        other.__setstate__(state)
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=brief_lock(), _seen=None)

    def _current_learner(self) -> HeadLearner:
        """Return the learner, with the examples that are in the store now."""
        if self.store is None:
            return self._learner
        with self._lock:
            state = self.store.state  # before it is read: what changes meanwhile is seen next time
            if state == self._seen:
                return self._learner
            there, known = self.store.names_by_id(), self._learner.names
            lost: set[str] = set()
            if list(there.items())[: len(known)] != list(known.items()):  # undone, or by others
                self._learner = HeadLearner(self._learner.head, extractor=self.extractor)
                known, lost = {}, set(known.values())
            if len(there) > len(known):
                new = self.store.load(after=max(known, default=0))
                self._learner.add_examples(
                    new.embeddings,
                    new.class_names,
                    numbers=new.ids.tolist(),
                    photo_hashes=new.photo_hashes.tolist(),
                    feature_names=new.feature_names,
                )
            self._seen = state
            if lost:
                self._lose(lost)
            return self._learner

    def _lose(self, before: Set[str]) -> None:
        """Note that others took away from the store; ``before`` are the classes that it had.

        A head of a file whose classes were all there is taken for one of this store.
        """
        if self.head is None:
            return
        self._is_given &= not before >= set(self.head.fitted_.classes)
        self._is_behind = not self._is_given
        self._say_what_is_gone(before)

    def _say_what_is_gone(self, before: Set[str]) -> None:
        """Warn of classes that a head of a file goes on to name, and of which no example is left.

        Fitted to what there is, it would lose further ones.
        """
        if not self._is_given or self.store is None or self.head is None:
            return
        gone = (before & set(self.head.fitted_.classes)) - self._learner.class_counts.keys()
        if gone:
            _logger.warning(
                "%s: holds no example of %s, which the head of a file knows, and still predicts; "
                "fit the head to examples of all its classes",
                self.store.path,
                ", ".join(sorted(gone)),
            )

    def _forget(self, numbers: list[int], *, filled: Set[str] = frozenset()) -> int:
        """Forget examples; classes that are ``filled`` next may be left without."""
        learner = self._current_learner()
        self._check_following(_emptied(learner, numbers) - filled)
        if self.store is not None:  # first: if it refuses, nothing has changed
            self.store.forget(numbers)
        count = learner.forget_examples(numbers)
        for number in numbers:
            self._digests.pop(number, None)
        return count

    def _with_those_there(self, numbers: list[int], change: Callable[[list[int]], int]) -> int:
        """Change those examples that others have not forgotten meanwhile; return how many."""
        while True:
            names = self._current_learner().names
            there = [n for n in numbers if n in names]
            try:
                return change(there) if there else 0
            except InputError:
                if self._current_learner().names.keys() >= set(there):
                    raise  # for another reason

    def _move(self, numbers: list[int], class_name: str, *, filled: Set[str] = frozenset()) -> int:
        """Move examples; classes that are ``filled`` next may be left without."""
        learner, class_name = self._current_learner(), checked_class_name(class_name)
        self._check_following(_emptied(learner, numbers) - filled - {class_name})
        if self.store is None:
            return learner.move_examples(numbers, class_name)
        count = self.store.move_examples(numbers, class_name)  # first: it may refuse
        learner.move_examples(numbers, class_name)
        return count  # not the learner's: others may just have moved some

    def _check_following(self, going: Set[str]) -> None:
        """Refuse that classes go which a head of a file knows, if it cannot be fitted without them.

        It could not be without examples of the others that it knows.
        """
        head = self.head
        if not self._is_given or head is None or going.isdisjoint(head.fitted_.classes):
            return
        lacking = sorted(set(head.fitted_.classes) - self.class_counts.keys())
        if lacking:
            raise InputError(
                f"expected examples of every class the head knows, to fit it without "
                f"{', '.join(sorted(going))}, found none of {', '.join(lacking)}; a head file "
                "holds no examples: add photos of these classes too"
            )

    def _follow(self) -> None:
        """Fit the head, if there is one, to what is left; it is gone if nothing can be told apart.

        So nothing that was forgotten lives on in it.
        """
        head, learner = self.head, self._current_learner()
        if head is None:
            return
        if self._is_given and set(head.fitted_.classes) - learner.class_counts.keys():
            return  # it was not fitted to these examples, and would lose what it knows
        if len(learner.class_counts) >= 2:
            learner.fit()
        else:
            learner.drop_head()
        self._has_followed(learner)

    def _has_followed(self, learner: HeadLearner) -> None:
        with self._lock:
            self._is_given = False
            if learner is self._learner:  # others may have taken away more meanwhile
                self._is_behind = False

    def _catch_up(self) -> None:
        """Fit the head again if it names what the store has lost to others."""
        with self._lock:
            self._current_learner()
            is_behind = self._is_behind
        if is_behind:
            self._follow()

    def _fitted_head(self) -> SoftmaxHead:
        """Return the head to predict with: it names nothing that the store has lost to others."""
        self._catch_up()
        head = self.head
        if head is None and len(self.class_counts) >= 2:
            return self.fit()
        if head is None:
            raise NotFittedError(
                f"expected a trained head, or examples of two classes to train one, found "
                f"{self.n_samples} examples; add photos"
            )
        return head


def _found(directory: str | os.PathLike[str] | PhotoFolder) -> PhotoFolder:
    return directory if isinstance(directory, PhotoFolder) else find_examples(directory)


def _say_what_contradicts(
    learner: HeadLearner, embeddings: FloatArray, examples: FolderExamples
) -> None:
    """Warn of photos whose embedding is there under another name too."""
    there, names, _ = learner.examples()
    first = {row.tobytes(): name for row, name in zip(there, names, strict=True)}
    count = 0
    for row, name, path in zip(embeddings, examples.class_names, examples.paths, strict=True):
        other = first.setdefault(row.tobytes(), name)
        if other != name:
            count += 1
            shown = path, name, other
    if count:
        _logger.warning(
            "photos are taught under two names: %d, the last %s as %s, and as %s too; keep each in "
            "one class, or teach a multi-label head, which may call it both",
            count,
            *shown,
        )


def _pair(example: Any) -> tuple[ImageSource, str]:
    if not isinstance(example, (tuple, list, np.ndarray)) or len(example) != 2:
        raise InputError(
            f"expected pairs of an image and its class, found {type(example).__name__}; give "
            "[(image, class_name), ...] or a folder"
        )
    image, class_name = example
    return image, class_name


def _emptied(learner: HeadLearner, numbers: list[int]) -> set[str]:
    """Return the classes that are empty without these examples."""
    going, names = set(numbers), learner.names
    return set(names.values()) - {name for number, name in names.items() if number not in going}


def _opened(
    extractor: Extractor | str | os.PathLike[str] | None,
    views: Sequence[View] | None,
    known: tuple[View, ...] | None,
) -> Extractor:
    """Return the extractor, opened if need be, that looks at photos in these views.

    What the caller asks for goes before what the extractor was told, and that before what a head or
    a store remembers: if they differ, these refuse it.
    """
    eyes = extractor if isinstance(extractor, Extractor) else Extractor.open(extractor)
    if views is None and known is not None and eyes.views == (WHOLE,):
        views = known
    return eyes if views is None else eyes.looking(views)
