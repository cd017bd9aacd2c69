"""Calibrating a head that is there on examples of one's own: it was made elsewhere, or without any.

As fitting does it, but that the head stays: its logits get one factor, and the threshold and the
prediction sets are those of these examples. They should not have taught the head; of one that very
many devices taught, one device's own did next to nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headfit.learning.background import Background
from headfit.learning.calibration import (
    calibrate,
    can_tell,
    leads_of,
    sharpness,
    sureness,
    weigh,
)
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead
from headfit.learning.groups import grouped, middle_of, same
from headfit.learning.held_out import HeldOut, LeftOut
from headfit.learning.likeness import MAX_CLASSES, likeness_of
from headfit.learning.prediction import Prediction
from headfit.learning.typicality import Typicality, left_out_distances
from headfit.maths.arrays import Array, FloatArray, TargetArray
from headfit.maths.softmax import softmax


def recalibrated(
    head: FittedHead,
    embeddings: FloatArray,
    targets: TargetArray,
    given_groups: TargetArray | None = None,
    background: Background | None = None,
) -> FittedHead:
    """Return the head, calibrated on these examples; it is private no more.

    Parameters
    ----------
    head : FittedHead
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        At least one.
    targets : ndarray of shape (n_samples,), dtype intp
        The head's column of each; some classes may have none.
    given_groups : ndarray of shape (n_samples,), dtype intp, optional
        As in `headfit.learning.problem.Problem`.
    background : Background, optional
        Of the extractor: with it likeness is calibrated where every class has two photos or more.
    """
    n_classes = len(head.classes)
    middle = middle_of(embeddings, targets)
    if (targets == targets[0]).all():  # it may lie inside a burst: what others are like tells
        middle = (
            np.zeros_like(middle) if background is None else np.array(background.mean, np.float32)
        )
    groups = grouped(embeddings, targets, middle, same(embeddings), given_groups)
    _, first, compact = np.unique(groups, return_index=True, return_inverse=True)
    group_counts = np.bincount(targets[first], minlength=n_classes).astype(np.int64)
    rows = np.arange(len(targets))
    left_out = LeftOut(rows, targets, compact, np.ones(len(rows)))
    plain = replace(head, calibration=None, typicality=None, likeness=None)
    logits: Array = Prediction.of(plain, embeddings).logits.astype(np.float64)
    (factor,) = sharpness([logits], targets, [1.0], left_out.shares)
    logits *= factor
    held_out = HeldOut(rows, targets, softmax(logits), left_out.shares, group_counts)
    known_by, typicality, likeness = None, None, None
    score = "max_probability"
    if can_tell(len(first)):
        if background is not None and n_classes <= MAX_CLASSES and group_counts.min() >= 2:
            score = "likeness"
            likeness, known_by = likeness_of(
                background, embeddings, targets, n_classes, rows, compact, leads_of(logits)
            )
        else:
            found = _typicality(embeddings, targets, left_out, logits)
            if found is not None:
                score = "typicality"
                typicality, known_by = found
    return replace(
        head,
        weights=head.weights * np.float32(factor),
        bias=head.bias * np.float32(factor),
        training={**head.training, "calibrated_on": len(rows), "sharpness": factor},
        calibration=calibrate(held_out, score, known_by),
        typicality=typicality,
        likeness=likeness,
        background=background,
        privacy=None,
    )


def _typicality(
    embeddings: FloatArray, targets: TargetArray, left_out: LeftOut, logits: Array
) -> tuple[Typicality, Array] | None:
    """Return where these embeddings lie, and how sure each is; None if they do not vary."""
    sums = ClassSums.of(embeddings, np.zeros_like(targets), 1)
    spread = sums.mean_and_inverse_scale()
    distances = left_out_distances(embeddings, *spread, float(len(targets)), left_out)
    weight = weigh(leads_of(logits), distances, left_out.shares)
    if weight is None:
        return None
    return (
        Typicality.weighed(*spread, weight),
        sureness("typicality", logits, weight * distances),
    )
