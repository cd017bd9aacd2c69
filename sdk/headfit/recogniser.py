"""Recogniser: an extractor and a head, and what both see in photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from headfit.errors import InputError, NotFittedError
from headfit.extractor import Extractor, Progress
from headfit.head import SoftmaxHead
from headfit.learning.evaluation import Evaluation, evaluate_head
from headfit.photos.folder_examples import embed_folder
from headfit.photos.folders import find_photos
from headfit.photos.images import ImageSource
from headfit.photos.views import View


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


def opened(
    extractor: Extractor | str | os.PathLike[str] | None, views: Sequence[View] | None
) -> Extractor:
    """Return the extractor, opened if need be, that looks at photos in these views."""
    eyes = extractor if isinstance(extractor, Extractor) else Extractor.open(extractor)
    return eyes if views is None else eyes.looking(views)


class Recogniser:
    """The half of `headfit.classifier.ImageClassifier` that answers; it learns nothing.

    Parameters
    ----------
    extractor : Extractor
    head : SoftmaxHead, optional
        Fitted on this extractor's embeddings.
    """

    def __init__(self, extractor: Extractor, head: SoftmaxHead | None = None) -> None:
        self.extractor = extractor
        self._head = head

    @property
    def head(self) -> SoftmaxHead | None:
        """What knows the classes, None before there is any."""
        return self._head

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

    def recognise(self, image: ImageSource) -> Recognition:
        """Return what `predict` does, and whether the photo seems to show any of the classes.

        Errors are those of `predict`.
        """
        head = self._fitted_head()
        embeddings = self.extractor.embed([image])
        ranking = head.top_k(embeddings, len(head.classes_))[0]
        return Recognition(ranking, bool(head.is_known(embeddings)[0]))

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

    def _fitted_head(self) -> SoftmaxHead:
        if self.head is None:
            raise NotFittedError("expected a trained head, found none; call fit first")
        return self.head
