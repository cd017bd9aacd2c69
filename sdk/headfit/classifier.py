"""ImageClassifier: an extractor, the examples it has seen and the head trained on them."""

from __future__ import annotations

import os
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorMismatchError, InputError, NotFittedError
from headfit.evaluation import Evaluation, evaluate_head
from headfit.extractor import Extractor, Progress
from headfit.folder_examples import embed_folder, require_two_classes
from headfit.folders import Skipped, find_photos
from headfit.head import SoftmaxHead
from headfit.headfile import CLASS_NAME_RULE, is_class_name
from headfit.images import ImageSource, decode_image
from headfit.likeness import perceptual_hash

if TYPE_CHECKING:  # a store needs SQLite, which not every Python on a phone has
    from headfit.examples import ExampleStore


class ImageClassifier:
    """Learns to tell classes of photos apart.

    Photos are embedded when they come in and are not kept.

    Parameters
    ----------
    extractor : Extractor, name or path, optional
        What embeds the photos; by default the extractor that came with headfit.
    head : SoftmaxHead, optional
        A head fitted on this extractor's embeddings.
    store : ExampleStore, optional
        Where examples are kept, those of before included. Without one they last as long as this
        object. The caller closes it.

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
    ) -> None:
        self.extractor = (
            extractor if isinstance(extractor, Extractor) else Extractor.open(extractor)
        )
        if store is not None and store.fingerprint != self.extractor.fingerprint:
            raise ExtractorMismatchError(
                f"{store.path}: expected embeddings of the extractor with SHA-256 "
                f"{self.extractor.fingerprint}, found those of {store.fingerprint}; open the store "
                "with this extractor"
            )
        self.head = head
        self.store = store
        self.skipped: tuple[Skipped, ...] = ()
        self._embeddings: list[NDArray[np.float32]] = []
        self._class_names: list[str] = []

    @classmethod
    def from_folder(
        cls,
        directory: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> ImageClassifier:
        """Train on a folder of photos, a folder per class; see `add_folder` and `fit`."""
        classifier = cls(extractor)
        classifier.add_folder(directory, strict=strict, progress=progress)
        classifier.fit()
        return classifier

    @property
    def n_samples(self) -> int:
        """How many examples `fit` trains on."""
        return len(self._class_names) if self.store is None else self.store.n_samples

    def add(self, image: ImageSource, class_name: str) -> None:
        """Add one example. The head learns of it at the next `fit`.

        Raises
        ------
        ImageError
            If the image cannot be decoded; nothing is added.
        InputError
            If the class name is empty, or cannot be written into a head file.
        """
        if not (isinstance(class_name, str) and is_class_name(class_name)):
            raise InputError(f"expected {CLASS_NAME_RULE}, found {class_name!r}; choose another")
        pixels = decode_image(image)
        embedding = self.extractor.embed([pixels])[0]
        if self.store is None:
            self._embeddings.append(embedding)
            self._class_names.append(class_name)
        else:
            self.store.add(embedding, class_name, photo_hash=perceptual_hash(pixels))

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
            A folder whose folders are named after the classes; see `headfit.folders.find_photos`.
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
        taught = self._taught_classes()
        require_two_classes(folder, taught.union(folder.class_names))
        examples = embed_folder(self.extractor, folder, strict, progress)
        require_two_classes(folder, taught.union(examples.class_names))
        if self.store is None:
            self._embeddings.extend(examples.embeddings)
            self._class_names += examples.class_names
        else:
            self.store.add_many(examples.embeddings, examples.class_names)
        self.skipped += examples.skipped

    def fit(self) -> SoftmaxHead:
        """Forget the head and train a new one on all examples.

        Raises
        ------
        InputError
            If there are fewer than two classes, or if a loaded head knows classes that the examples
            lack and would lose them.
        """
        lost = sorted(set(self.head.classes_ if self.head else ()) - self._taught_classes())
        if lost:
            raise InputError(
                f"expected examples of every class the head knows, found none of "
                f"{', '.join(lost)}; a head file holds no examples: add photos of these classes "
                "too, or start with a new ImageClassifier"
            )
        if self.n_samples == 0:
            raise InputError("expected examples to train on, found none; add photos first")
        if self.store is None:
            embeddings, class_names = np.stack(self._embeddings), self._class_names
        else:
            examples = self.store.load()
            embeddings, class_names = examples.embeddings, list(examples.class_names)
        self.head = SoftmaxHead().fit(embeddings, class_names, extractor=self.extractor)
        return self.head

    def forget(self, class_name: str) -> None:
        """Forget a class for good: its examples, in the store too, and what the head knows of it.

        The head is trained again on what is left, or gone if that is fewer than two classes. Head
        files that were saved before still know the class.

        Raises
        ------
        InputError
            If there is no example of the class. Nothing is forgotten.
        """
        if class_name not in self._taught_classes():
            raise InputError(
                f"expected one of the classes ({', '.join(sorted(self._taught_classes()))}), found "
                f"{class_name!r}"
            )
        if self.store is not None:
            self.store.forget(class_name)
        keep = [name != class_name for name in self._class_names]
        self._embeddings = list(compress(self._embeddings, keep))
        self._class_names = list(compress(self._class_names, keep))
        was_fitted, self.head = self.head is not None, None
        if was_fitted and len(self._taught_classes()) >= 2:
            self.fit()

    def predict(self, image: ImageSource) -> list[tuple[str, float]]:
        """Return every class with its probability, best first.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        ImageError
            If the image cannot be decoded.
        """
        head = self._fitted_head()
        return head.top_k(self.extractor.embed([image]), len(head.classes_))[0]

    def evaluate(
        self,
        directory: str | os.PathLike[str],
        *,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Classify the photos of a folder and count what was right.

        Parameters
        ----------
        directory, strict, progress
            As in `add_folder`; photos that were trained on say nothing here.

        Raises
        ------
        NotFittedError
            If no head was trained or loaded.
        InputError
            If the folder has no photo, or a class that the head does not know.
        """
        head = self._fitted_head()
        folder = find_photos(directory)
        unknown = sorted(set(folder.class_names) - set(head.classes_))
        if unknown:
            raise InputError(
                f"{directory}: expected folders named after the head's classes "
                f"({', '.join(head.classes_)}), found also {', '.join(unknown)}; rename or remove "
                "them"
            )
        examples = embed_folder(self.extractor, folder, strict, progress)
        return evaluate_head(head, examples.embeddings, examples.class_names, examples.skipped)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the head to a file, whole or not at all; examples are not in it."""
        self._fitted_head().save(path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        extractor: Extractor | str | os.PathLike[str] | None = None,
    ) -> ImageClassifier:
        """Return a classifier with the head of a file.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file.
        """
        classifier = cls(extractor)
        classifier.head = SoftmaxHead.load(path, extractor=classifier.extractor)
        return classifier

    def _taught_classes(self) -> set[str]:
        return set(self._class_names if self.store is None else self.store.class_counts)

    def _fitted_head(self) -> SoftmaxHead:
        if self.head is None:
            raise NotFittedError("expected a trained head, found none; call fit first")
        return self.head
