"""Prediction: what a fitted head answers about embeddings, from logits computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.learning.calibration import leads_of, least_probability, sureness
from headfit.learning.fitted_head import FittedHead
from headfit.learning.likeness import BLANK
from headfit.learning.linear import embeddings_of_width, linear_logits
from headfit.maths.arrays import BoolArray, FloatArray
from headfit.maths.bits import as_pairs, count_differences, pack
from headfit.maths.softmax import softmax


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a head answers about embeddings; `headfit.SoftmaxHead` says what each answer means.

    Attributes
    ----------
    head : FittedHead
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    logits : ndarray of shape (n_samples, n_classes), dtype float32
    """

    head: FittedHead
    embeddings: FloatArray
    logits: FloatArray

    @classmethod
    def of(cls, head: FittedHead, embeddings: npt.ArrayLike) -> Prediction:
        """Return what ``head`` answers about ``embeddings``.

        Raises
        ------
        InputError
            If the embeddings have another width or are not finite, or so large that logits are
            not.
        """
        checked = embeddings_of_width(embeddings, head.embedding_dim)
        if head.thresholds is not None:
            logits = binary_logits(checked, head.weights, head.bias, head.thresholds)
            return cls(head, checked, logits)
        logits = linear_logits(checked, head.weights, head.bias)
        return cls(head, checked, logits)

    def probabilities(self) -> FloatArray:
        """Return the probability of every class: shape (n_samples, n_classes), rows sum to 1."""
        return softmax(self.logits)

    def sureness(self) -> FloatArray:
        """Return how sure the head is that each embedding shows any of its classes.

        Raises
        ------
        InputError
            If the head was loaded without its extractor, and compares with its background.
        """
        likeness, background = self.head.likeness, self.head.background
        if likeness is not None:
            if background is None:
                raise InputError(
                    "expected the background of the extractor, which this head compares with, "
                    "found none; pass the extractor to SoftmaxHead.load, or call "
                    "SoftmaxHead.seen_through"
                )
            return likeness.scores(background.whitened(self.embeddings), leads_of(self.logits))
        calibration, typicality = self.head.calibration, self.head.typicality
        score = calibration.score if calibration else "max_probability"
        distances = 0.0 if typicality is None else typicality.distances(self.embeddings)
        return sureness(score, self.logits, distances)

    def are_known(self, are_blank: BoolArray | None = None) -> BoolArray:
        """Return whether each embedding seems to show one of the classes at all.

        Parameters
        ----------
        are_blank : ndarray of shape (n_samples,), dtype bool, optional
            Of which pictures `headfit.photos.images.is_blank` holds: they have to be more like a
            class than others, for a head that compares with a background.
        """
        calibration = self.head.calibration
        threshold = calibration.threshold if calibration else None
        sureness = self.sureness()
        are_known: BoolArray = sureness >= np.float32(-np.inf if threshold is None else threshold)
        if are_blank is not None and self.head.likeness is not None:
            are_known &= ~are_blank | (sureness >= np.float32(BLANK))
        return are_known

    def sets(self, coverage: float) -> list[tuple[str, ...]]:
        """Return for each embedding the classes that it may show, the most probable first.

        Raises
        ------
        InputError
            If the coverage is not above 0 and below 1.
        """
        if not 0 < coverage < 1:
            raise InputError(
                f"expected a coverage above 0 and below 1, found {coverage}; 0.9 is usual"
            )
        probabilities = self.probabilities()
        calibration = self.head.calibration
        least = least_probability(calibration, coverage) if calibration else 0.0
        order = np.argsort(-probabilities, axis=1, kind="stable")
        sizes = np.maximum((probabilities >= np.float32(least)).sum(axis=1), 1)
        return [
            tuple(self.head.classes[column] for column in columns[:size])
            for columns, size in zip(order, sizes, strict=True)
        ]

    def top_k(self, k: int) -> list[list[tuple[str, float]]]:
        """Return the ``k`` most probable classes of each embedding with their probabilities.

        Raises
        ------
        InputError
            If ``k`` is no whole number from 1 on.
        """
        if not (isinstance(k, (int, np.integer)) and k >= 1):
            raise InputError(
                f"expected k to be a whole number from 1 on, found {k!r}; ask for one class or more"
            )
        probabilities = self.probabilities()
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(self.head.classes[column], float(row[column])) for column in columns]
            for row, columns in zip(probabilities, best, strict=True)
        ]


def binary_logits(
    embeddings: FloatArray, weights: FloatArray, bias: FloatArray, thresholds: FloatArray
) -> FloatArray:
    """Return the logits of a binary head by counting the bits in which signs differ.

    Parameters are those of `headfit.learning.binary.BinaryFit`.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
        The very bits of ``(signs(embeddings >= thresholds) @ signs(weights)) * scales + bias``.
    """
    signs = as_pairs(pack(embeddings < thresholds))
    differences = count_differences(signs, as_pairs(pack(weights.T < 0)).T)
    products = np.float32(len(weights)) - np.float32(2) * differences.astype(np.float32)
    logits: FloatArray = products * np.abs(weights[0]) + bias
    return logits
