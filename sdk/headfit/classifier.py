"""ImageClassifier: an extractor, the examples it has seen and the head trained on them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from headfit.errors import ExtractorMismatchError
from headfit.extractor import Extractor, Progress
from headfit.files.class_names import check_class, checked_names
from headfit.head import SoftmaxHead
from headfit.learning.feedback import Feedback
from headfit.maths.lbfgs import Progress as TrainingProgress
from headfit.photos.folder_examples import embed_folder, require_two_classes
from headfit.photos.folders import Skipped, find_photos
from headfit.photos.images import ImageSource, decode_image
from headfit.photos.likeness import perceptual_hash
from headfit.photos.views import View
from headfit.recogniser import Recogniser, opened
from headfit.teaching import Teaching

if TYPE_CHECKING:  # a store needs SQLite, which not every Python on a phone has
    from headfit.store import ExampleStore


class ImageClassifier(Recogniser):
    """Learns to tell classes of photos apart.

    Photos are embedded when they come in and are not kept. An example has a number, to forget it
    by; with a store it is the store's id.

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
        super().__init__(opened(extractor, views))
        if store is not None and store.fingerprint != self.extractor.fingerprint:
            raise ExtractorMismatchError(
                f"{store.path}: expected embeddings of the extractor with SHA-256 "
                f"{self.extractor.fingerprint}, found those of {store.fingerprint}; open the store "
                "with this extractor"
            )
        self.store = store
        self.skipped: tuple[Skipped, ...] = ()
        self._teaching = Teaching(self.extractor, head, store)

    @property
    def head(self) -> SoftmaxHead | None:
        """The head as of the last `fit`."""
        return self._teaching.head

    @classmethod
    def from_folder(
        cls,
        directory: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        views: Sequence[View] | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> ImageClassifier:
        """Train on a folder of photos, a folder per class; see `add_folder` and `fit`."""
        classifier = cls(extractor, views=views)
        classifier.add_folder(directory, strict=strict, progress=progress)
        classifier.fit()
        return classifier

    @property
    def n_samples(self) -> int:
        """How many examples `fit` trains on."""
        return sum(self.class_counts.values())

    @property
    def class_counts(self) -> dict[str, int]:
        """How many examples `fit` has of each class, sorted by name."""
        return self._teaching.class_counts

    def add(self, image: ImageSource, class_name: str, *, thumbnail: bytes | None = None) -> int:
        """Add one example and return its number. The head learns of it at the next `fit`.

        Parameters
        ----------
        image : path, bytes, PIL image or ndarray
        class_name : str
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
        pixels = decode_image(image)
        hashes = None if self.store is None else [perceptual_hash(pixels)]
        (number,) = self._teaching.add(self.extractor.embed([pixels]), names, hashes, [thumbnail])
        return number

    def add_folder(
        self,
        directory: str | os.PathLike[str],
        *,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Add every photo of a folder that holds a folder per class.

        Files that are no images are left out and named in `skipped`.

        Parameters
        ----------
        directory : path
            A folder whose folders are named after the classes; see `headfit.photos.find_photos`.
        strict : bool
            Refuse the whole folder if anything in it would be left out.
        progress : callable, optional
            Called as ``progress(done, total)`` after every photo.

        Raises
        ------
        InputError
            If the folder has no photo, or fewer than two classes among them and the examples so
            far; with ``strict``, if anything would be left out. Nothing is added.
        """
        folder = find_photos(directory)
        taught = set(self.class_counts)
        require_two_classes(folder, taught.union(folder.class_names))
        examples = embed_folder(self.extractor, folder, strict, progress)
        require_two_classes(folder, taught.union(examples.class_names))
        self._teaching.add(examples.embeddings, examples.class_names)
        self.skipped += examples.skipped

    def fit(self, *, progress: TrainingProgress | None = None) -> SoftmaxHead:
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
        return self._teaching.fit(progress)

    def feedback(self) -> Feedback:
        """Return how well the examples teach their classes; the head is fitted first.

        Raises
        ------
        InputError
            As `fit`.
        """
        self.fit()
        return self._teaching.learner().feedback()

    def forget(self, class_name: str) -> None:
        """Forget a class for good: its examples, in the store too, and what the head knows of it.

        The head is fitted again to what is left, or gone if that is fewer than two classes. Head
        files that were saved before still know the class.

        Raises
        ------
        InputError
            If there is no example of the class. Nothing is forgotten.
        """
        check_class(class_name, self.class_counts)
        self._teaching.remove_class(class_name)

    def forget_examples(self, numbers: Iterable[int]) -> None:
        """Forget examples for good, in the store too; the head is fitted again to what is left.

        Raises
        ------
        InputError
            If there is no such example, or a class would lose its last. Nothing is forgotten.
        """
        self._teaching.forget_examples(numbers)

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, in the store and in the head; nothing is trained.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        self._teaching.rename_class(class_name, new_name)

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
        return self._teaching.undo()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        trusted_keys: Collection[str] | None = None,
        views: Sequence[View] | None = None,
    ) -> ImageClassifier:
        """Return a classifier with the head of a file.

        Parameters
        ----------
        path, trusted_keys
            As for `SoftmaxHead.load`.
        extractor : Extractor, name or path, optional
            What embeds the photos.
        views : sequence of View, optional
            Those that the head was taught with.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file.
        """
        eyes = opened(extractor, views)
        head = SoftmaxHead.load(path, extractor=eyes, trusted_keys=trusted_keys)
        return cls(eyes, head=head)
