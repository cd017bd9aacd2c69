"""What a multi-label head gets right and wrong on examples whose classes are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray
from headfit.maths.metrics import average_precision


@dataclass(frozen=True, slots=True, eq=False)
class MultiLabelEvaluation:
    """How well a multi-label head knows some photos.

    Attributes
    ----------
    subset_accuracy : float
        Fraction of photos of which every class is right, from 0 to 1.
    n_samples : int
        Photos that were classified.
    classes : tuple of str
        The head's classes, in column order.
    class_counts : tuple of int
        Photos that show each class.
    precision : ndarray of shape (n_classes,), dtype float64
        Of the photos of which the head says that they show the class, the fraction that do; NaN
        where it says so of none.
    recall : ndarray of shape (n_classes,), dtype float64
        Of the photos that show the class, the fraction of which the head says so; NaN where none
        does.
    f1 : ndarray of shape (n_classes,), dtype float64
        ``2 * right / (said + shown)``; NaN where the class is neither shown nor said.
    average_precision : ndarray of shape (n_classes,), dtype float64
        `headfit.maths.metrics.average_precision` of the probabilities, whatever the threshold;
        NaN where no photo shows the class.
    """

    subset_accuracy: float
    n_samples: int
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    precision: DoubleArray
    recall: DoubleArray
    f1: DoubleArray
    average_precision: DoubleArray

    @property
    def mean_precision(self) -> float:
        """Over the classes of which the head named any photo; NaN without one."""
        return _mean(self.precision)

    @property
    def mean_recall(self) -> float:
        """Over the classes that any photo shows; NaN without one."""
        return _mean(self.recall)

    @property
    def mean_f1(self) -> float:
        """Over the classes that are shown or named; NaN without one."""
        return _mean(self.f1)

    @property
    def mean_average_precision(self) -> float:
        """Over the classes that any photo shows; NaN without one."""
        return _mean(self.average_precision)


def evaluate_multi_label(
    head: FittedMultiLabelHead,
    embeddings: FloatArray,
    is_shown: BoolArray,
    threshold: npt.ArrayLike | None = None,
) -> MultiLabelEvaluation:
    """Classify embeddings of which it is known what they show, a column per class of the head.

    ``threshold`` is that of `FittedMultiLabelHead.shown`.
    """
    probabilities = head.probabilities(embeddings)
    is_said = head.shown(probabilities, threshold)
    n_right = (is_shown & is_said).sum(axis=0)
    n_shown, n_said = is_shown.sum(axis=0), is_said.sum(axis=0)
    averages = np.full(len(head.classes), np.nan)
    for column in np.flatnonzero(n_shown):
        averages[column] = average_precision(is_shown[:, column], probabilities[:, column])
    return MultiLabelEvaluation(
        subset_accuracy=float((is_shown == is_said).all(axis=1).mean()),
        n_samples=len(is_shown),
        classes=head.classes,
        class_counts=tuple(n_shown.tolist()),
        precision=_share(n_right, n_said),
        recall=_share(n_right, n_shown),
        f1=_share(2 * n_right, n_said + n_shown),
        average_precision=averages,
    )


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> DoubleArray:
    shares = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _mean(values: DoubleArray) -> float:
    told = values[~np.isnan(values)]
    return float(told.mean()) if len(told) else float("nan")
