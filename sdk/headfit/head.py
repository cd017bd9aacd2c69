"""SoftmaxHead: the trainable layer that turns embeddings into class probabilities."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

import headfit
from headfit.errors import ExtractorMismatchError, InputError, NotFittedError
from headfit.headfile import HeadData, Scalar, load_head, save_head
from headfit.inputs import check_settings, checked_embeddings, classes_and_targets
from headfit.logistic import fit_logistic
from headfit.manifest import ExtractorReference, Manifest
from headfit.softmax import softmax

FloatArray: TypeAlias = npt.NDArray[np.float32]

DEFAULT_L2 = 50.0
"""Measured on 5 kinds of flowers and 15 of scenes, 1 to 400 photos per class, with the 288-wide
embeddings of a binary network: near the most accurate of 1 to 3000 at every number of photos, with
probabilities closer to how often they are right than at 10 or less. It counts against the sum of
the losses, so it needs no change as photos come.
"""

_logger = logging.getLogger("headfit")


class DescribedExtractor(Protocol):
    """What a head needs to know of an extractor: `headfit.Extractor` has it."""

    @property
    def manifest(self) -> Manifest:
        """What the extractor is."""
        ...


class SoftmaxHead:
    """Multinomial logistic regression on embeddings.

    Training standardises every feature to mean 0 and standard deviation 1, minimises
    ``sum(-log p(class)) + l2 / 2 * sum(standardised weights ** 2)`` with L-BFGS, and folds the
    standardisation into ``weights_`` and ``bias_``: prediction is one product and one softmax.
    The same examples in the same order give the same bits.

    Parameters
    ----------
    l2 : float
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``.
    tolerance : float
        Training stops when the gradient's norm has fallen to this fraction of its first value.
        float32 reaches about 1e-6.
    max_iterations : int
        Training stops after so many steps.

    Attributes
    ----------
    weights_ : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_ : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights_ + bias_``.
    classes_ : tuple of str
        Class names in column order, sorted.
    class_counts_ : tuple of int
        Examples of each class.
    training_ : mapping
        How the head was fitted: settings, final loss in nats, iterations, whether it converged.

    Examples
    --------
    >>> import numpy as np
    >>> embeddings = np.array([[0, 1], [0, 2], [5, 1], [6, 2]], np.float32)
    >>> head = SoftmaxHead().fit(embeddings, ["cup", "cup", "pen", "pen"])
    >>> head.classes_
    ('cup', 'pen')
    >>> [str(name) for name in head.predict(embeddings)]
    ['cup', 'cup', 'pen', 'pen']
    """

    weights_: FloatArray
    bias_: FloatArray
    classes_: tuple[str, ...]
    class_counts_: tuple[int, ...]
    training_: Mapping[str, Scalar]

    def __init__(
        self, *, l2: float = DEFAULT_L2, tolerance: float = 1e-4, max_iterations: int = 500
    ) -> None:
        self.l2 = l2
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self._extractor: ExtractorReference | None = None

    @property
    def fingerprint_(self) -> str | None:
        """Fingerprint of the extractor that the head was fitted on, None if nobody said."""
        return self._extractor.fingerprint if self._extractor else None

    def fit(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        extractor: DescribedExtractor | None = None,
    ) -> SoftmaxHead:
        """Forget everything, learn these examples, and return the head itself.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples
            The class of each example; at least two different ones. One example is enough for a
            class.
        extractor : Extractor, optional
            What made the embeddings. The head remembers it, and its file refuses any other.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        check_settings(self.l2, self.tolerance, self.max_iterations)
        embeddings = checked_embeddings(embeddings)
        n_samples, embedding_dim = embeddings.shape
        if extractor is not None and extractor.manifest.embedding_dim != embedding_dim:
            raise InputError(
                f"expected embeddings of width {extractor.manifest.embedding_dim} as "
                f"{extractor.manifest.name} makes them, found width {embedding_dim}; pass the "
                "extractor that made them"
            )
        classes, targets = classes_and_targets(class_names, n_samples)

        fit = fit_logistic(
            embeddings,
            targets,
            len(classes),
            l2=self.l2,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        if not fit.converged:
            _logger.warning("training stopped after %d iterations, not converged", fit.iterations)
        self.weights_, self.bias_ = fit.weights, fit.bias
        self.classes_ = classes
        self.class_counts_ = tuple(np.bincount(targets, minlength=len(classes)).tolist())
        self.training_ = {
            "method": "logistic-regression",
            "solver": "l-bfgs",
            "l2": float(self.l2),
            "tolerance": float(self.tolerance),
            "max_iterations": int(self.max_iterations),
            "iterations": fit.iterations,
            "loss": fit.loss,
            "converged": fit.converged,
        }
        self._extractor = None if extractor is None else ExtractorReference.of(extractor.manifest)
        return self

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

    def top_k(self, embeddings: npt.ArrayLike, k: int) -> list[list[tuple[str, float]]]:
        """Return the ``k`` most probable classes of each embedding with their probabilities.

        Parameters and errors are those of `predict`.

        Returns
        -------
        list of n_samples lists of (class name, probability)
            Best first; fewer than ``k`` where the head has fewer classes.
        """
        if k < 1:
            raise InputError(f"expected k of at least 1, found {k}")
        probabilities = self.predict_proba(embeddings)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(self.classes_[column], float(row[column])) for column in columns]
            for row, columns in zip(probabilities, best, strict=True)
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a head file (docs/head-format.md), whole or not at all.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        """
        self._require_fitted()
        head = HeadData(
            weights=self.weights_,
            bias=self.bias_,
            classes=self.classes_,
            class_counts=self.class_counts_,
            extractor=self._extractor,
            training=self.training_,
            headfit_version=headfit.__version__,
        )
        save_head(path, head)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, extractor: DescribedExtractor | None = None
    ) -> SoftmaxHead:
        """Read a head file.

        Parameters
        ----------
        path : path
        extractor : Extractor, optional
            What will make the embeddings; the head must have been fitted on the same one.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file, or damaged.
        """
        data = load_head(path)
        if extractor is not None:
            _check_extractor(data, extractor.manifest, os.fspath(path))
        head = cls()
        head.weights_, head.bias_ = data.weights, data.bias
        head.classes_, head.class_counts_ = data.classes, data.class_counts
        head.training_, head._extractor = data.training, data.extractor
        return head

    def _logits(self, embeddings: npt.ArrayLike) -> FloatArray:
        self._require_fitted()
        embeddings = checked_embeddings(embeddings)
        if embeddings.shape[1] != len(self.weights_):
            raise InputError(
                f"expected embeddings of width {len(self.weights_)}, found width "
                f"{embeddings.shape[1]}; use the extractor that the head was fitted on"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            logits: FloatArray = embeddings @ self.weights_ + self.bias_
        if not np.isfinite(logits).all():
            raise InputError(
                "expected embeddings like those of training, found values up to "
                f"{np.abs(embeddings).max():g}, which overflow; use the extractor that the head "
                "was fitted on"
            )
        return logits

    def _require_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise NotFittedError("expected a fitted head, found a new one; call fit or load first")


def _check_extractor(head: HeadData, manifest: Manifest, source: str) -> None:
    """Refuse a head whose embeddings came from another extractor."""
    if head.extractor is not None and head.extractor.fingerprint != manifest.fingerprint:
        raise ExtractorMismatchError(
            f"{source}: expected the extractor {head.extractor.name} with fingerprint "
            f"{head.extractor.fingerprint}, found {manifest.name} with {manifest.fingerprint}; "
            "open that extractor, or train the head again on this one"
        )
    if len(head.weights) != manifest.embedding_dim:
        raise ExtractorMismatchError(
            f"{source}: expected embeddings of width {len(head.weights)}, found an extractor of "
            f"width {manifest.embedding_dim} ({manifest.name}); open the one that the head was "
            "fitted on"
        )
