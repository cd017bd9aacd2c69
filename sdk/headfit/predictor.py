"""Predictor: what a head that has learned answers about embeddings."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError, NotFittedError
from headfit.files.class_names import checked_embeddings
from headfit.files.head_parts import Calibration
from headfit.learning.binary import binary_logits
from headfit.learning.calibration import least_probability, sureness
from headfit.learning.typicality import Typicality
from headfit.maths.softmax import softmax

FloatArray: TypeAlias = npt.NDArray[np.float32]


class Predictor:
    """The half of `headfit.head.SoftmaxHead` that predicts; how it was fitted does not matter.

    Attributes
    ----------
    weights_, bias_, classes_, thresholds_, calibration_, typicality_
        As `headfit.head.SoftmaxHead` has them; none is there before it has learned.
    """

    weights_: FloatArray
    bias_: FloatArray
    classes_: tuple[str, ...]
    thresholds_: FloatArray | None
    calibration_: Calibration | None
    typicality_: Typicality | None

    def predict(self, embeddings: npt.ArrayLike) -> npt.NDArray[np.str_]:
        """Return the most probable class of each embedding.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)

        Returns
        -------
        ndarray of shape (n_samples,), dtype str

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings have another width or are not finite.
        """
        columns = self._logits(embeddings).argmax(axis=1)
        names: npt.NDArray[np.str_] = np.array(self.classes_)[columns]
        return names

    def predict_proba(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return the probability of every class, in the order of ``classes_``.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
            Each row sums to 1.
        """
        return softmax(self._logits(embeddings))

    def is_known(self, embeddings: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return whether each embedding seems to show one of the classes at all.

        A photo is unknown if the head is less sure of it than of 95 % of known photos, as judged by
        leaving out the examples: see `sureness`. With fewer than 19 such examples nothing is known
        of that, and every photo counts as known; so it does with a head of a file that says nothing
        of it.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples,), dtype bool
        """
        threshold = self.calibration_.threshold if self.calibration_ else None
        is_known: npt.NDArray[np.bool_] = self.sureness(embeddings) >= np.float32(
            -np.inf if threshold is None else threshold
        )
        return is_known

    def sureness(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return how sure the head is that an embedding shows any of its classes.

        By the score that the head was calibrated with, in its own unit. That of `fit` is how far
        the largest logit is above the mean one, less how far the embedding is from those of
        training; before 19 examples could be left out, it is the largest probability.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
        """
        logits = self._logits(embeddings)
        score = self.calibration_.score if self.calibration_ else "max_probability"
        distances = (
            0.0
            if self.typicality_ is None
            else self.typicality_.distances(checked_embeddings(embeddings))
        )
        return sureness(score, logits, distances)

    def predict_sets(
        self, embeddings: npt.ArrayLike, coverage: float = 0.9
    ) -> list[tuple[str, ...]]:
        """Return for each embedding the classes that it may show: "A or B".

        Conformal prediction: of new photos like the old ones, taken over all classes, the share
        whose class is in the set is about ``coverage`` or more (see
        `headfit.learning.calibration.calibrate`). With too few examples to tell, all classes are in
        it.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        coverage : float
            Above 0 and below 1.

        Returns
        -------
        list of n_samples tuples of str
            Class names, the most probable first; at least one.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings or the coverage cannot be used.
        """
        if not 0 < coverage < 1:
            raise InputError(
                f"expected a coverage above 0 and below 1, found {coverage}; 0.9 is usual"
            )
        probabilities = self.predict_proba(embeddings)
        least = least_probability(self.calibration_, coverage) if self.calibration_ else 0.0
        order = np.argsort(-probabilities, axis=1, kind="stable")
        sizes = np.maximum((probabilities >= np.float32(least)).sum(axis=1), 1)
        return [
            tuple(self.classes_[column] for column in columns[:size])
            for columns, size in zip(order, sizes, strict=True)
        ]

    def top_k(self, embeddings: npt.ArrayLike, k: int) -> list[list[tuple[str, float]]]:
        """Return the ``k`` most probable classes of each embedding with their probabilities.

        Parameters and errors are those of `predict`.

        Returns
        -------
        list of n_samples lists of (class name, probability)
            Best first; fewer than ``k`` where the head has fewer classes.
        """
        if k < 1:
            raise InputError(f"expected k of at least 1, found {k}; ask for one class or more")
        probabilities = self.predict_proba(embeddings)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(self.classes_[column], float(row[column])) for column in columns]
            for row, columns in zip(probabilities, best, strict=True)
        ]

    def _logits(self, embeddings: npt.ArrayLike) -> FloatArray:
        self.require_fitted()
        embeddings = checked_embeddings(embeddings)
        if embeddings.shape[1] != len(self.weights_):
            raise InputError(
                f"expected embeddings of width {len(self.weights_)}, found width "
                f"{embeddings.shape[1]}; use the extractor that the head was fitted on"
            )
        if self.thresholds_ is not None:
            return binary_logits(embeddings, self.weights_, self.bias_, self.thresholds_)
        with np.errstate(over="ignore", invalid="ignore"):
            logits: FloatArray = embeddings @ self.weights_ + self.bias_
        if not np.isfinite(logits).all():
            raise InputError(
                "expected embeddings like those of training, found values up to "
                f"{np.abs(embeddings).max():g}, which overflow; use the extractor that the head "
                "was fitted on"
            )
        return logits

    def require_fitted(self) -> None:
        """Raise `NotFittedError` if the head knows nothing yet."""
        if not hasattr(self, "weights_"):
            raise NotFittedError("expected a fitted head, found a new one; call fit or load first")
