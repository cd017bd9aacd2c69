"""FittedMultiLabelHead: all that a multi-label head has learned, as one unchanging value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.learning.linear import embeddings_of_width, linear_logits
from headfit.learning.origin import WHOLE, ExtractorReference, View
from headfit.maths.arrays import BoolArray, FloatArray, Scalar
from headfit.maths.sigmoid import sigmoid


@dataclass(frozen=True, slots=True, eq=False)
class FittedMultiLabelHead:
    """A linear layer with a sigmoid per class, and what is known of it.

    Attributes
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``.
    thresholds : ndarray of shape (n_classes,), dtype float32
        An embedding shows a class if its probability is at least this; above 0, at most 1.
    classes : tuple of str
        Class names in column order.
    n_samples : int
        Examples that the head was fitted on.
    class_counts : tuple of int
        How many of them showed each class.
    held_out_counts : tuple of int
        How many of these were held out, near copies as one, to set the threshold of each class by;
        0 where it is 0.5 for want of them.
    training : mapping of str to text, number, boolean or None
        How the head was fitted, for people.
    extractor : ExtractorReference or None
        What made the embeddings; None if the caller did not say.
    views : tuple of View
        How the extractor looked at each photo; their embeddings were averaged.
    storage : str
        How a file holds the weights, which it holds exactly: "float32", "float16" or "int8".
    """

    weights: FloatArray
    bias: FloatArray
    thresholds: FloatArray
    classes: tuple[str, ...]
    n_samples: int
    class_counts: tuple[int, ...]
    held_out_counts: tuple[int, ...]
    training: Mapping[str, Scalar]
    extractor: ExtractorReference | None = None
    views: tuple[View, ...] = (WHOLE,)
    storage: str = "float32"

    @property
    def embedding_dim(self) -> int:
        """Width of the embeddings."""
        return len(self.weights)

    def logits(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return logits: shape (n_samples, n_classes), dtype float32.

        Raises
        ------
        InputError
            If the embeddings have another width or are not finite, or so large that logits are
            not.
        """
        checked = embeddings_of_width(embeddings, self.embedding_dim)
        return linear_logits(checked, self.weights, self.bias)

    def probabilities(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return the probability of each class: shape (n_samples, n_classes), dtype float32."""
        return sigmoid(self.logits(embeddings))

    def shown(self, probabilities: FloatArray, threshold: npt.ArrayLike | None = None) -> BoolArray:
        """Return which classes count as shown: shape (n_samples, n_classes).

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_classes)
        threshold : float, or array of shape (n_classes,), optional
            Above 0, at most 1; by default those of the head.

        Raises
        ------
        InputError
            If the threshold is of another shape, or not above 0 and at most 1.
        """
        thresholds = self.thresholds
        if threshold is not None:
            thresholds = checked_thresholds(threshold, len(self.classes))
        is_shown: BoolArray = probabilities >= thresholds
        return is_shown


def checked_thresholds(threshold: npt.ArrayLike, n_classes: int) -> FloatArray:
    """Return one threshold or one per class as float32, refused if it is no probability above 0."""
    try:
        given = np.asarray(threshold, np.float32)
    except (TypeError, ValueError):
        given = np.empty((0, 0), np.float32)
    if given.shape not in ((), (n_classes,)):
        raise InputError(
            f"expected a number for threshold, or one for each of {n_classes} classes, found "
            f"{threshold!r}; give probabilities, above 0 and at most 1"
        )
    if not ((given > 0) & (given <= 1)).all():
        raise InputError(
            f"expected thresholds above 0 and at most 1, found {threshold!r}; they are "
            "probabilities, 0.5 for what is more probable than not"
        )
    return given
