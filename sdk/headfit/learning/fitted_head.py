"""FittedHead: all that a head has learned, as one value that never changes.

Fitting returns it, prediction and evaluation take it, head files hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from headfit.learning.background import Background
from headfit.learning.calibration import Calibration
from headfit.learning.likeness import Likeness
from headfit.learning.origin import WHOLE, ExtractorReference, View
from headfit.learning.typicality import Typicality
from headfit.maths.arrays import FloatArray, Scalar


@dataclass(frozen=True, slots=True)
class PrivacyGuarantee:
    """The differential privacy that fitting the head gave to each example.

    Attributes
    ----------
    mechanism : str
        What added the noise, up to 255 characters.
    epsilon, delta : float
    assumptions : str
        What neighbouring data sets are and what else it needs, up to 4,096 characters.
    """

    mechanism: str
    epsilon: float
    delta: float
    assumptions: str


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """A linear softmax layer on embeddings, and what is known of it.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``; see ``thresholds``.
    classes : tuple of str
        Class names in column order, which need not be sorted.
    class_counts : tuple of int
        Examples of each class that the head was fitted on.
    training : mapping of str to text, number, boolean or None
        How the head was fitted, for people.
    extractor : ExtractorReference or None
        What made the embeddings; None if the caller did not say.
    storage : str
        "float32", "float16", "int8" or "binary": how a file stores the weights. It must hold them
        exactly; see `headfit.files.tensors.rounded`.
    thresholds : ndarray of shape (embedding_dim,), dtype float32, or None
        For "binary" alone: embeddings become +1 where they are at least this, else -1, before
        they are multiplied.
    calibration : Calibration or None
    typicality : Typicality or None
        There if and only if the calibration's score is "typicality".
    likeness : Likeness or None
        There if and only if the calibration's score is "likeness".
    background : Background or None
        What likeness compares with. It is the extractor's and in no head file: a head has it if it
        was fitted or loaded with an extractor that has one.
    privacy : PrivacyGuarantee or None
    views : tuple of View
        How the extractor looked at each photo; their embeddings were averaged.
    """

    weights: FloatArray
    bias: FloatArray
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    training: Mapping[str, Scalar]
    extractor: ExtractorReference | None = None
    storage: str = "float32"
    thresholds: FloatArray | None = None
    calibration: Calibration | None = None
    typicality: Typicality | None = None
    likeness: Likeness | None = None
    background: Background | None = None
    privacy: PrivacyGuarantee | None = None
    views: tuple[View, ...] = (WHOLE,)

    @property
    def embedding_dim(self) -> int:
        """Width of the embeddings."""
        return len(self.weights)

    def renamed(self, class_name: str, new_name: str, *, are_whole: bool = False) -> FittedHead:
        """Return the head with a class of another name, and its columns sorted by name."""
        names = tuple(new_name if name == class_name else name for name in self.classes)
        return replace(self, classes=names).sorted_by_name(are_whole=are_whole)

    def sorted_by_name(self, *, are_whole: bool) -> FittedHead:
        """Return the head with its columns sorted: 2 before 10, if the names are whole numbers."""
        keys = list(map(int, self.classes)) if are_whole else self.classes
        return self.at_columns(sorted(range(len(keys)), key=keys.__getitem__))

    def at_columns(self, order: list[int]) -> FittedHead:
        """Return the head with its classes in another order: column ``order[i]`` becomes ``i``."""
        return replace(
            self,
            weights=np.ascontiguousarray(self.weights[:, order]),
            bias=self.bias[list(order)],
            classes=tuple(self.classes[column] for column in order),
            class_counts=tuple(self.class_counts[column] for column in order),
            likeness=self.likeness and self.likeness.at_columns(order),
        )
