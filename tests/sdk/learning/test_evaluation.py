"""Counting what a head gets right."""

from __future__ import annotations

import numpy as np

from headfit.learning.evaluation import Evaluation


def test_most_confused() -> None:
    """The most frequent mistakes first; what is right is no mistake."""
    evaluation = Evaluation(
        top1=0.75,
        top5=1.0,
        n_samples=16,
        classes=("a", "b"),
        confusion=np.array([[8, 1], [3, 4]]),
        recall=np.array([8 / 9, 4 / 7]),
    )
    assert evaluation.most_confused(5) == [("b", "a", 3), ("a", "b", 1)]
    assert evaluation.most_confused(1) == [("b", "a", 3)]
