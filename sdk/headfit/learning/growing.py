"""Growing: a class more for a head whose examples are gone.

The new column is imprinted, as in `headfit.learning.imprint`: the mean of the new embeddings in
units of the head's own mean and spread is its direction. Its length is that of the head's columns,
and its bias makes new photos about as probable as the head finds photos of its own classes that it
was made without: `BELOW` standard deviations less than the mean of their log odds. The other
columns stay as they are, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.learning.calibration import Calibration, joined, leads_of, sureness
from headfit.learning.fitted_head import FittedHead
from headfit.learning.groups import grouped
from headfit.learning.held_out import LeftOut
from headfit.learning.prediction import Prediction
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray, Scalar

LONGER: Final = 1.4
"""How much longer the new column is than the others are, in the root mean square."""

BELOW: Final = 1.2
"""Of 0.9 to 1.7: chosen on scenes and objects, judged on flowers (docs/choosing-parameters.md)."""

_SHARED = 0.5  # of the length of whitened embeddings, what classes have in common
_LEAST_ODDS = 1e-3  # of a probability, and of one less it


def grown(head: FittedHead, class_name: str, embeddings: FloatArray) -> FittedHead:
    """Return the head with a class more, as its last column, not yet rounded to its storage.

    Its mean and spread of training stay. The threshold follows the mean logit, and sinks to the
    least sure of the new photos; the conformal scores are joined by theirs. All of it by new photos
    that the column was imprinted without.

    Parameters
    ----------
    head : FittedHead
    class_name : str
        Not one of the head's.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32

    Raises
    ------
    InputError
        If the head does not say where its examples lay, or the embeddings are nearly one photo.
    """
    calibration = _calibration_of(head)
    if not len(embeddings):
        raise InputError(f"expected at least 2 different photos of {class_name!r}, found none")
    embeddings = np.unique(embeddings, axis=0)  # in whatever order they came
    before = Prediction.of(head, embeddings)
    centre, inverse = _centre_and_inverse_spread(head, embeddings)
    groups = grouped(embeddings, np.zeros(len(embeddings), np.intp), centre)
    n_groups = int(groups.max(initial=-1)) + 1
    if n_groups < 2:
        raise InputError(
            f"expected at least 2 different photos of {class_name!r}, found "
            f"{len(embeddings)} that are nearly one; move, turn, or take other light"
        )
    varies = inverse > 0
    spread = np.where(varies, 1 / np.where(varies, inverse, 1), 0).astype(np.float64)
    away = (embeddings - centre).astype(np.float64) * inverse
    if head.thresholds is None:
        columns = head.weights * spread[:, np.newaxis]
        columns -= columns.mean(axis=1, keepdims=True)
        length = LONGER * math.sqrt(np.square(columns).sum(axis=0).mean())
        seen = away
    else:
        length = LONGER * math.sqrt(np.square(head.weights[0], dtype=np.float64).mean())
        seen = np.where(embeddings >= head.thresholds, 1.0, -1.0)

    def column(rows: BoolArray) -> DoubleArray:
        mean = away[rows].mean(axis=0)
        if head.thresholds is not None:
            return length * np.where(mean >= 0, 1.0, -1.0)
        direction: DoubleArray = length * mean / max(np.linalg.norm(mean), np.finfo(float).tiny)
        return direction

    together = LeftOut(np.arange(len(groups)), groups * 0, groups, np.ones(len(groups)))
    left_out = np.stack([seen[row] @ column(groups != groups[row]) for row in range(len(groups))])
    others = np.logaddexp.reduce(before.logits.astype(np.float64), axis=1)
    odds = _log_odds(1 - np.array(calibration.set_scores, np.float64))
    wanted = odds.mean() - BELOW * odds.std()
    bias = wanted - float(np.average(left_out - others, weights=together.shares))

    whole = column(np.ones(len(groups), np.bool_))
    if head.thresholds is None:
        whole = whole * inverse
        bias_of_column = bias - float(whole @ centre)
    else:
        bias_of_column = bias
    training: dict[str, Scalar] = dict(head.training)
    training["grown_by"] = _count(head.training, "grown_by") + 1
    told = np.column_stack([before.logits, left_out + bias])
    return replace(
        head,
        weights=np.column_stack([head.weights, whole]).astype(np.float32),
        bias=np.append(head.bias, bias_of_column).astype(np.float32),
        classes=(*head.classes, class_name),
        class_counts=(*head.class_counts, len(embeddings)),
        training=training,
        calibration=_recalibrated(head, calibration, told, embeddings, together, bias, centre),
        likeness=head.likeness and head.likeness.joined_by(_whitened(head, embeddings)),
    )


def _calibration_of(head: FittedHead) -> Calibration:
    if head.privacy is not None:
        raise InputError(
            "expected a head without a promise of privacy, found one; a class added without noise "
            "would have none: fit a private head to all examples"
        )
    if head.calibration is None or (head.typicality is None and head.likeness is None):
        raise InputError(
            "expected a head that knows where its examples lay, found one fitted to fewer than 19 "
            "photos that could be left out, or streamed; fit it to examples of all classes, of the "
            "new one too"
        )
    return head.calibration


def _whitened(head: FittedHead, embeddings: FloatArray) -> FloatArray:
    if head.background is None:
        raise InputError(
            "expected the background of the extractor, which this head compares with, found none; "
            "pass the extractor"
        )
    return head.background.whitened(embeddings)


def _centre_and_inverse_spread(
    head: FittedHead, embeddings: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where the head's examples lay, and one over the spread of features.

    Of likeness the first is the embedding halfway to what the classes have in common, seen from
    the background; features are taken as they are. On flowers, scenes and objects that was within
    a point of the true mean.
    """
    if head.typicality is not None:
        return head.typicality.centre, head.typicality.inverse_spread
    assert head.likeness is not None
    lengths = np.linalg.norm(_whitened(head, embeddings), axis=1)
    assert head.background is not None
    shared = head.likeness.middle() * float(lengths.mean()) * _SHARED
    centre = head.background.unwhitened(shared).astype(np.float32)
    return centre, np.ones_like(centre)


def _count(training: Mapping[str, Scalar], name: str) -> int:
    found = training.get(name)
    return found if isinstance(found, int) else 0


def _log_odds(probabilities: DoubleArray) -> DoubleArray:
    bounded = np.clip(probabilities, _LEAST_ODDS, 1 - _LEAST_ODDS)
    odds: DoubleArray = np.log(bounded / (1 - bounded))
    return odds


def _recalibrated(
    head: FittedHead,
    calibration: Calibration,
    told: DoubleArray,
    embeddings: FloatArray,
    together: LeftOut,
    bias: float,
    centre: FloatArray,
) -> Calibration:
    """Return the calibration with what the new photos say; ``told`` are their logits left out."""
    threshold = calibration.threshold
    logits = told.astype(np.float32)
    if threshold is not None and head.typicality is not None:
        # Logits are linear, so their mean over the old examples is theirs at the centre.
        middle = head.bias.astype(np.float64)
        if head.thresholds is None:
            middle = centre.astype(np.float64) @ head.weights + head.bias
        moved = float(middle.mean() - bias) / (len(head.classes) + 1)
        sure = sureness("typicality", logits, head.typicality.distances(embeddings))
        threshold = min(threshold + moved, float(sure.min()))
    elif threshold is not None and head.likeness is not None:
        whitened = _whitened(head, embeddings)
        for row, group in enumerate(together.groups):
            likeness = head.likeness.joined_by(whitened[together.groups != group])
            (score,) = likeness.scores(whitened[[row]], leads_of(logits[[row]]))
            threshold = min(threshold, float(score))
    best = told.max(axis=1, keepdims=True)
    exponentials = np.exp(told - best)
    own = exponentials[:, -1] / exponentials.sum(axis=1)
    return joined(replace(calibration, threshold=threshold), 1 - own, together.shares)
