"""What a head gets right and wrong on examples whose classes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headfit.learning.fitted_head import FittedHead
from headfit.learning.prediction import Prediction
from headfit.maths import metrics
from headfit.maths.arrays import FloatArray, TargetArray


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How well a head knows some photos.

    Attributes
    ----------
    top1, top5 : float
        Fraction of photos whose class is the best guess, among the five best.
    n_samples : int
        Photos that were classified.
    classes : tuple of str
        The head's classes, in column order.
    confusion : ndarray of shape (n_classes, n_classes), dtype int64
        ``confusion[i, j]`` photos of class ``i`` were taken for class ``j``.
    recall : ndarray of shape (n_classes,), dtype float64
        Fraction of each class's photos that were recognised; NaN where there was no photo.
    """

    top1: float
    top5: float
    n_samples: int
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    recall: NDArray[np.float64]

    def most_confused(self, count: int) -> list[tuple[str, str, int]]:
        """Return up to ``count`` triples (class, taken for, how often), the most frequent first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(order, wrong.shape)
        return [
            (self.classes[row], self.classes[column], int(wrong[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if wrong[row, column]
        ]


def columns_of(classes: Sequence[str], class_names: Sequence[str]) -> TargetArray:
    """Return the column of each class name; ``classes`` need not be sorted, and holds all."""
    columns = {class_name: column for column, class_name in enumerate(classes)}
    return np.array([columns[class_name] for class_name in class_names], np.intp)


def evaluate_head(
    head: FittedHead,
    embeddings: FloatArray,
    class_names: Sequence[str],
) -> Evaluation:
    """Classify embeddings whose class names, all of them the head's, are known."""
    targets = columns_of(head.classes, class_names)
    probabilities = Prediction.of(head, embeddings).probabilities()
    confusion = metrics.confusion(targets, probabilities)
    return Evaluation(
        top1=metrics.accuracy(targets, probabilities),
        top5=metrics.top_k_accuracy(targets, probabilities, 5),
        n_samples=len(targets),
        classes=head.classes,
        confusion=confusion,
        recall=metrics.recall(confusion),
    )
