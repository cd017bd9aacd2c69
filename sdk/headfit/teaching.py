"""Teaching: what a classifier was taught, in the store if it has one, and the head that follows."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.maths.lbfgs import Progress

if TYPE_CHECKING:  # a store needs SQLite, which not every Python on a phone has
    from headfit.store import ExampleStore


class Teaching:
    """A `HeadLearner` that holds what the store holds, under the same numbers.

    The store is the truth: others may change it, too, and then everything is read from it again.
    Without a store the learner is all there is.

    Parameters
    ----------
    extractor : Extractor
    head : SoftmaxHead or None
        A fitted head, or one whose parameters say how to fit.
    store : ExampleStore or None
        Of this extractor's embeddings.
    """

    def __init__(
        self, extractor: Extractor, head: SoftmaxHead | None, store: ExampleStore | None
    ) -> None:
        self._extractor = extractor
        self._store = store
        self._learner = HeadLearner(head, extractor=extractor)
        self._is_given = self.head is not None  # fitted elsewhere, to examples that are not here

    @property
    def head(self) -> SoftmaxHead | None:
        """The head as of the last fit, None before."""
        head = self._learner.head
        return head if hasattr(head, "weights_") else None

    @property
    def class_counts(self) -> dict[str, int]:
        """Examples of each class, sorted by name."""
        return self._learner.class_counts if self._store is None else self._store.class_counts

    def learner(self) -> HeadLearner:
        """Return the learner, with the examples that are in the store now."""
        if self._store is None:
            return self._learner
        there, known = self._store.names_by_id(), self._learner.names
        if list(there.items())[: len(known)] != list(known.items()):  # undone, or changed by others
            self._learner = HeadLearner(self._learner.head, extractor=self._extractor)
            known = {}
        if len(there) > len(known):
            new = self._store.load(after=max(known, default=0))
            self._learner.add_examples(new.embeddings, new.class_names, numbers=new.ids.tolist())
        return self._learner

    def add(
        self,
        embeddings: npt.NDArray[np.float32],
        class_names: Sequence[str],
        photo_hashes: Sequence[int] | None = None,
        thumbnails: Sequence[bytes | None] | None = None,
    ) -> list[int]:
        """Add examples and return their numbers; hashes and thumbnails are a store's to keep."""
        if self._store is None:
            return self._learner.add_examples(embeddings, class_names)
        ids = self._store.add_many(
            embeddings, class_names, photo_hashes=photo_hashes, thumbnails=thumbnails
        )
        return list(ids)

    def forget_examples(self, numbers: Iterable[int]) -> None:
        """Forget examples, of which no class may lose its last; the head follows."""
        numbers = list(numbers)
        self.learner().forget_examples(numbers)
        if self._store is not None:
            self._store.forget(numbers)
        self.follow()

    def remove_class(self, class_name: str) -> None:
        """Forget a class and its examples; the head follows."""
        self.learner().remove_class(class_name)
        if self._store is not None:
            self._store.forget(class_name)
        self.follow()

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name, where it was taught and where the head knows it."""
        learner = self.learner()
        head = self.head
        if class_name not in learner.class_counts and head is not None:
            self._learner.head = copy.copy(head)  # other threads may be predicting with that one
            self._learner.head.rename_class(class_name, new_name)  # of a file, without examples
            return
        learner.rename_class(class_name, new_name)
        if self._store is not None:
            self._store.rename_class(class_name, new_name)

    def undo(self) -> str | None:
        """Take back the store's last change; the head follows."""
        if self._store is None:
            raise InputError(
                "expected a classifier with a store, whose history can be undone, found none; "
                "open an ExampleStore, or forget the examples"
            )
        undone = self._store.undo()
        if undone is not None:
            self.follow()
        return undone

    def fit(self, progress: Progress | None = None) -> SoftmaxHead:
        """Fit the head to all examples, unless that would lose what only the head knows."""
        taught = self.class_counts
        lost = sorted(set(self.head.classes_) - taught.keys()) if self.head else []
        if lost and self._is_given:
            raise InputError(
                f"expected examples of every class the head knows, found none of "
                f"{', '.join(lost)}; a head file holds no examples: add photos of these classes "
                "too, or start with a new ImageClassifier"
            )
        if not taught:
            raise InputError("expected examples to train on, found none; add photos first")
        head = self.learner().fit(progress=progress)
        self._is_given = False
        return head

    def follow(self) -> None:
        """Fit the head, if there is one, to what is left; it is gone if nothing can be told apart.

        So nothing that was forgotten lives on in it.
        """
        if self.head is None:
            return
        learner = self.learner()
        if len(learner.class_counts) >= 2:
            learner.fit()
        else:
            learner.drop_head()
        self._is_given = False
