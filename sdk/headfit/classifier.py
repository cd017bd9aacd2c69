"""ImageClassifier: an extractor, the examples it has seen and the head trained on them."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headfit.errors import ExtractorMismatchError, InputError, NotFittedError
from headfit.extractor import Extractor
from headfit.files.class_names import check_class, checked_names
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.learning.feedback import Feedback
from headfit.learning.prediction import Prediction
from headfit.maths.lbfgs import Progress
from headfit.photos.embedded import find_examples
from headfit.photos.folders import FolderEvaluation, embed_folder, require_two_classes
from headfit.photos.images import ImageSource, PhotoProgress
from headfit.photos.likeness import perceptual_hash
from headfit.photos.photo_folder import PhotoFolder, Skipped
from headfit.photos.views import View

if TYPE_CHECKING:  # a store needs SQLite, which not every Python on a phone has
    from headfit.store import ExampleStore


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a classifier sees in a photo.

    Attributes
    ----------
    ranking : list of (class name, probability)
        Every class, best first.
    is_known : bool
        Whether the photo seems to show one of the classes at all: see `SoftmaxHead.is_known`.
    """

    ranking: list[tuple[str, float]]
    is_known: bool


class ImageClassifier:
    """Learns to tell classes of photos apart.

    Photos are embedded when they come in and are not kept. An example has a number, to forget it
    by; with a store it is the store's id. It is safe to use from several threads: while one fits,
    others may teach and predict.

    Parameters
    ----------
    extractor : Extractor, name or path, optional
        What embeds the photos; by default the extractor that came with headfit.
    head : SoftmaxHead, optional
        A head fitted on this extractor's embeddings, or a new one whose parameters say how to fit.
    store : ExampleStore, optional
        Where examples are kept, those of before included. Without one they last as long as this
        object. The caller closes it.
    views : sequence of View, optional
        How to look at every photo, taught or recognised: `headfit.photos.FLIPPED`, say. The network
        runs as many times for it. Neither store nor head file says which: teach and recognise
        with the same.

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
        self.extractor = _opened(extractor, views)
        if store is not None and store.fingerprint != self.extractor.fingerprint:
            raise ExtractorMismatchError(
                f"{store.path}: expected embeddings of the extractor with SHA-256 "
                f"{self.extractor.fingerprint}, found those of {store.fingerprint}; open the store "
                "with this extractor"
            )
        self.store = store
        self.skipped: tuple[Skipped, ...] = ()
        # Holds what the store holds, under the same numbers. The store is the truth: others may
        # change it too, and then all is read from it again. Without a store the learner is all.
        self._learner = HeadLearner(head, extractor=self.extractor)
        self._is_given = self.head is not None  # fitted elsewhere, to examples that are not here
        self._lock = threading.RLock()  # learner and store change together; no fit is done under it

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

        Raises
        ------
        ImageError
            If the image cannot be decoded; nothing is added.
        InputError
            If the class name is empty, or cannot be written into a head file.
        """
        names = checked_names([class_name], 1)
        pixels = self.extractor.decode(image, channels=channels)
        embeddings = self.extractor.embed([pixels])
        if self.store is None:
            (number,) = self._learner.add_examples(embeddings, names)
        else:
            hashes = [perceptual_hash(pixels)]
            (number,) = self.store.add_many(
                embeddings, names, photo_hashes=hashes, thumbnails=[thumbnail]
            )
        return number

    def add_folder(
        self,
        directory: str | os.PathLike[str] | PhotoFolder,
        *,
        strict: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
    ) -> None:
        """Add every photo of a folder that holds a folder per class.

        Files that are no images are left out and named in `skipped`, and so are photos that were
        taught before under the same name: a folder that grew may be added again.

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
        progress : callable, optional
            Called as ``progress(done, total)`` after every photo.

        Raises
        ------
        InputError
            If the folder has no photo, or fewer than two classes among them and the examples so
            far; with ``strict``, if anything would be left out. Nothing is added.
        """
        folder = _found(directory)
        taught = set(self.class_counts)
        require_two_classes(folder, taught.union(folder.class_names))
        examples = embed_folder(
            self.extractor,
            folder,
            strict,
            progress,
            with_hashes=self.store is not None,
            jobs=jobs,
        )
        require_two_classes(folder, taught.union(examples.class_names))
        with self._lock:
            kept = examples.embeddings
            if self.store is not None:
                kept = kept.astype(self.store.dtype).astype(np.float32)
            taught_before = self._current_learner().contains(kept, examples.class_names)
            new = np.flatnonzero(~taught_before)
            embeddings = examples.embeddings[new]
            names = [examples.class_names[row] for row in new]
            if self.store is None:
                self._learner.add_examples(embeddings, names)
            else:
                hashes = [examples.photo_hashes[row] for row in new]
                self.store.add_many(embeddings, names, photo_hashes=hashes)
            again = np.flatnonzero(taught_before)
            self.skipped += examples.skipped
            self.skipped += tuple(
                Skipped(examples.paths[row], "was taught before under the same name")
                for row in again
            )

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
                "too, or start with a new ImageClassifier"
            )
        if not taught:
            raise InputError("expected examples to train on, found none; add photos first")
        head = self._current_learner().fit(progress=progress)
        self._is_given = False
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

    def forget(self, class_name: str) -> None:
        """Forget a class for good: its examples, in the store too, and what the head knows of it.

        The head is fitted again to what is left, or gone if that is fewer than two classes. Head
        files that were saved before still know the class.

        Raises
        ------
        InputError
            If there is no example of the class. Nothing is forgotten.
        """
        with self._lock:
            check_class(class_name, self.class_counts)
            self._current_learner().remove_class(class_name)
            if self.store is not None:
                self.store.forget(class_name)
        self._follow()

    def forget_examples(self, numbers: Iterable[int]) -> None:
        """Forget examples for good, in the store too; the head is fitted again to what is left.

        A class whose last example goes is forgotten with it.

        Raises
        ------
        InputError
            If there is no such example. Nothing is forgotten.
        """
        numbers = list(numbers)
        with self._lock:
            self._current_learner().forget_examples(numbers)
            if self.store is not None:
                self.store.forget(numbers)
        self._follow()

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the store and in the head; nothing is trained.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        with self._lock:
            learner, head = self._current_learner(), self.head
            if class_name not in learner.class_counts and head is not None:
                head = head.copy()  # other threads may be predicting with that one
                head.rename_class(class_name, new_name)  # of a file, without examples
                learner.head = head
                return
            learner.rename_class(class_name, new_name)
            if self.store is not None:
                self.store.rename_class(class_name, new_name)

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

    def predict(self, image: ImageSource, *, channels: str = "rgb") -> list[tuple[str, float]]:
        """Return every class with its probability, best first.

        Parameters
        ----------
        image : path, bytes, file, PIL image or ndarray
        channels : str
            The order of an array's channels: "rgb", or "bgr" for OpenCV's frames.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        ImageError
            If the image cannot be decoded.
        """
        head = self._fitted_head()
        embeddings = self.extractor.embed([image], channels=channels)
        return head.top_k(embeddings, len(head.fitted_.classes))[0]

    def predict_many(
        self,
        images: Iterable[ImageSource],
        *,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> list[list[tuple[str, float]]]:
        """Return for each image what `predict` does, in their order.

        Parameters
        ----------
        images, jobs, channels, progress
            As for `Extractor.embed`.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        ImageError
            If one of the images cannot be decoded; the message names it.
        """
        found = self.recognise_many(images, jobs=jobs, channels=channels, progress=progress)
        return [seen.ranking for seen in found]

    def recognise(self, image: ImageSource, *, channels: str = "rgb") -> Recognition:
        """Return what `predict` does, and whether the photo seems to show any of the classes.

        Parameters and errors are those of `predict`.
        """
        (seen,) = self.recognise_many([image], channels=channels)
        return seen

    def recognise_many(
        self,
        images: Iterable[ImageSource],
        *,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> list[Recognition]:
        """Return for each image what `recognise` does, in their order.

        Parameters and errors are those of `predict_many`.
        """
        head = self._fitted_head().fitted_
        embeddings = self.extractor.embed(images, jobs=jobs, channels=channels, progress=progress)
        seen = Prediction.of(head, embeddings)
        rankings = seen.top_k(len(head.classes))
        known = seen.are_known().tolist()
        return [Recognition(*both) for both in zip(rankings, known, strict=True)]

    def evaluate(
        self,
        directory: str | os.PathLike[str] | PhotoFolder,
        *,
        strict: bool = False,
        jobs: int | None = None,
        progress: PhotoProgress | None = None,
    ) -> FolderEvaluation:
        """Classify the photos of a folder and count what was right.

        Parameters
        ----------
        directory, strict, jobs, progress
            As in `add_folder`; photos that were trained on say nothing here.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        InputError
            If the folder has no photo, or a class that the head does not know.
        """
        head = self._fitted_head().fitted_
        folder = _found(directory)
        unknown = sorted(set(folder.class_names) - set(head.classes))
        if unknown:
            raise InputError(
                f"{folder.root}: expected folders named after the head's classes "
                f"({', '.join(head.classes)}), found also {', '.join(unknown)}; rename or remove "
                "them"
            )
        examples = embed_folder(self.extractor, folder, strict, progress, jobs=jobs)
        return FolderEvaluation.of(head, examples)

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
        views: Sequence[View] | None = None,
    ) -> ImageClassifier:
        """Return a classifier with the head of a file.

        Parameters
        ----------
        path, trusted_keys
            As for `SoftmaxHead.load`.
        extractor : Extractor, name or path, optional
            What embeds the photos; by default what the file names: see `Extractor.open_for`.
        store : ExampleStore, optional
            The examples that the head was fitted to, and where further ones are kept.
        views : sequence of View, optional
            Those that the head was taught with.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file.
        """
        eyes = _opened(Extractor.open_for(path) if extractor is None else extractor, views)
        head = SoftmaxHead.load(path, extractor=eyes, trusted_keys=trusted_keys)
        return cls(eyes, head=head, store=store)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    def _current_learner(self) -> HeadLearner:
        """Return the learner, with the examples that are in the store now."""
        if self.store is None:
            return self._learner
        with self._lock:
            there, known = self.store.names_by_id(), self._learner.names
            if list(there.items())[: len(known)] != list(known.items()):  # undone, or by others
                self._learner = HeadLearner(self._learner.head, extractor=self.extractor)
                known = {}
            if len(there) > len(known):
                new = self.store.load(after=max(known, default=0))
                self._learner.add_examples(
                    new.embeddings, new.class_names, numbers=new.ids.tolist()
                )
            return self._learner

    def _follow(self) -> None:
        """Fit the head, if there is one, to what is left; it is gone if nothing can be told apart.

        So nothing that was forgotten lives on in it.
        """
        if self.head is None:
            return
        learner = self._current_learner()
        if len(learner.class_counts) >= 2:
            learner.fit()
        else:
            learner.drop_head()
        self._is_given = False

    def _fitted_head(self) -> SoftmaxHead:
        head = self.head
        if head is None:
            raise NotFittedError("expected a trained head, found none; call fit first")
        return head


def _found(directory: str | os.PathLike[str] | PhotoFolder) -> PhotoFolder:
    return directory if isinstance(directory, PhotoFolder) else find_examples(directory)


def _opened(
    extractor: Extractor | str | os.PathLike[str] | None, views: Sequence[View] | None
) -> Extractor:
    """Return the extractor, opened if need be, that looks at photos in these views."""
    eyes = extractor if isinstance(extractor, Extractor) else Extractor.open(extractor)
    return eyes if views is None else eyes.looking(views)
