"""Growing: a class more for a head whose examples are gone.

The new column is imprinted, as in `headfit.learning.imprint`: the mean of the new embeddings, seen
from where the head's examples lay, is its direction, in a frame in which features vary alike; there
it is as long as the head's columns are in the root mean square. The other columns stay as they are,
to the bit.

What is left is its bias: how many photos of the others the new class takes. The mean logit of a
column at the centre is ``middle``; held-out photos of the head's classes had their own ``lead``
above that, and at the centre the new column gives its bias. New photos, each left out, tell how far
logits of the head are from what the new column gives, and how much that varies: they lie ``ahead``
of the head's largest logit in the mean, and the difference has the standard deviation ``spread``,
which classes have in common, as discriminant analysis has it. So

``bias = min(middle + lead - 1.28 * spread, (middle + lead - ahead) / 2)``

By the first the new class takes a tenth of what was right, for a tenth of a Gaussian is more than
1.28 standard deviations below its mean; where classes lie far apart the second is lower, which is
halfway between old photos and new.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.learning.calibration import Calibration, joined, leads_of, sureness
from headfit.learning.fitted_head import FittedHead
from headfit.learning.groups import grouped
from headfit.learning.held_out import LeftOut
from headfit.learning.prediction import Prediction
from headfit.maths.arrays import (
    Array,
    BoolArray,
    DoubleArray,
    FloatArray,
    Scalar,
    check_sizes,
)

TAKEN: Final = 0.1
"""The share of what is right of the others that the new class may take."""

ABOVE: Final = 0.2
"""How far the cosines of photos and their class are above the threshold of likeness, in the mean.
It was 0.15 to 0.24 on training halves of flowers, scenes, birds and objects
(docs/choosing-parameters.md).
"""

FARTHEST: Final = 1000
"""How far new photos may lie from all that the head was taught, in its logits and in the root of
`headfit.learning.typicality.Typicality.distances`. Photos of quite other things were up to 25 and
14 away.
"""

_FLOOR = 0.2  # least spread, by the root mean square of all features: few photos show too little
_LEAST_ODDS = 1e-3  # of a probability, and of one less it


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Where a head's examples lay, and in which units features vary alike.

    Attributes
    ----------
    centre : ndarray of shape (embedding_dim,), dtype float64
    whitening : ndarray of shape (embedding_dim,) or (embedding_dim, embedding_dim), dtype float64
        What embeddings off the centre are multiplied by; of each feature alone, or a matrix.
    columns : ndarray of shape (embedding_dim, n_classes), dtype float64
        The head's columns in there.
    """

    centre: DoubleArray
    whitening: DoubleArray
    columns: DoubleArray

    def seen(self, embeddings: FloatArray) -> DoubleArray:
        away: DoubleArray = embeddings - self.centre
        return away * self.whitening if self.whitening.ndim == 1 else away @ self.whitening

    def weights(self, column: DoubleArray) -> DoubleArray:
        """Return what makes of embeddings off the centre what the column makes of them in here."""
        is_each = self.whitening.ndim == 1
        weights: DoubleArray = self.whitening * column if is_each else self.whitening @ column
        return weights


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
        If the head does not say where its examples lay, or the embeddings are nearly one photo, or
        out of all proportion to each other or to those.
    """
    calibration = _calibration_of(head)
    if not len(embeddings):
        raise InputError(f"expected at least 2 different photos of {class_name!r}, found none")
    check_sizes(embeddings)
    embeddings = np.unique(embeddings, axis=0)  # in whatever order they came
    before = Prediction.of(head, embeddings)
    _refuse_far(head, embeddings, before.logits)
    whitened = _whitened(head, embeddings)
    frame = _frame_of(head, whitened)
    groups = grouped(
        embeddings, np.zeros(len(embeddings), np.intp), frame.centre.astype(np.float32)
    )
    n_groups = int(groups.max(initial=-1)) + 1
    if n_groups < 2:
        found = "one" if len(embeddings) == 1 else f"{len(embeddings)} that are nearly one"
        raise InputError(
            f"expected at least 2 different photos of {class_name!r}, found {found}; move, turn, "
            "or take other light"
        )
    if head.thresholds is None:
        seen = away = frame.seen(embeddings)
        columns = frame.columns - frame.columns.mean(axis=1, keepdims=True)
        length = math.sqrt(np.square(columns).sum(axis=0).mean())
        middle = float((frame.centre @ head.weights + head.bias).mean())
    else:
        seen, away = np.where(embeddings >= head.thresholds, 1.0, -1.0), embeddings - frame.centre
        length = math.sqrt(np.square(head.weights[0], dtype=np.float64).mean())
        middle = float(head.bias.mean())

    def column(rows: BoolArray) -> DoubleArray:
        mean = away[rows].mean(axis=0)
        if head.thresholds is not None:
            return length * np.where(mean >= 0, 1.0, -1.0)
        direction: DoubleArray = length * mean / max(np.linalg.norm(mean), np.finfo(float).tiny)
        return direction

    together = LeftOut(np.arange(len(groups)), groups * 0, groups, np.ones(len(groups)))
    left_out = np.stack([seen[row] @ column(groups != groups[row]) for row in range(len(groups))])
    bias = _bias(middle + _lead(head, calibration), before.logits, left_out, together.shares)

    whole = column(np.ones(len(groups), np.bool_))
    bias_of_column = bias
    if head.thresholds is None:
        whole = frame.weights(whole)
        bias_of_column -= float(whole @ frame.centre)
    training: dict[str, Scalar] = dict(head.training)
    training["grown_by"] = _count(head.training, "grown_by") + 1
    training["leave_one_out_accuracy"] = None  # of fewer classes, it was a larger share
    told = np.column_stack([before.logits, left_out + bias])
    below = middle - bias
    return replace(
        head,
        weights=np.column_stack([head.weights, whole]).astype(np.float32),
        bias=np.append(head.bias, bias_of_column).astype(np.float32),
        classes=(*head.classes, class_name),
        class_counts=(*head.class_counts, len(embeddings)),
        training=training,
        calibration=_recalibrated(head, calibration, told, embeddings, whitened, together, below),
        likeness=head.likeness and head.likeness.joined_by(whitened),
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
            "photos that could be left out, streamed, or by finetune; fit it to examples of all "
            "classes, of the new one too"
        )
    return head.calibration


def _refuse_far(head: FittedHead, embeddings: FloatArray, logits: FloatArray) -> None:
    """Refuse embeddings that lie off all photos: a column of them is of no use to any."""
    leads = leads_of(logits.astype(np.float64))
    farthest = float(np.abs(leads).max())
    if head.typicality is not None:
        distance = float(head.typicality.distances(embeddings).max())
        farthest = max(farthest, math.sqrt(distance))
    if farthest > FARTHEST:
        raise InputError(
            f"expected embeddings like those that the head was fitted to, found some that lie "
            f"{farthest:.2g} from all of them, where photos of other things lie up to 25, with "
            f"numbers up to {np.abs(embeddings).max():.2g}; embed the photos with the head's "
            "extractor"
        )


def _whitened(head: FittedHead, embeddings: FloatArray) -> Array:
    """Return embeddings in the frame of the head's background; of a head without one, none."""
    if head.likeness is None:
        return embeddings[:0]
    if head.background is None:
        raise InputError(
            "expected the background of the extractor, which this head compares with, found none; "
            "pass the extractor"
        )
    return head.background.whitened(embeddings)


def _frame_of(head: FittedHead, whitened: Array) -> _Frame:
    """Return the frame of the head's examples, seen from its background or their own spread.

    Of a head that compares with a background, the file holds the direction of each class from
    there, and how near most of its photos were. Taken for as long as the new ones, they lay about
    ``length * (threshold + ABOVE) * direction``.
    """
    if head.typicality is not None:
        inverse = head.typicality.inverse_spread.astype(np.float64)
        spread = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        least = _FLOOR * math.sqrt(np.square(spread).mean())
        spread = np.where(spread > 0, np.hypot(spread, least), 0)
        whitening = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
        centre = head.typicality.centre.astype(np.float64)
        return _Frame(centre, whitening, head.weights * spread[:, np.newaxis])
    likeness, background, calibration = head.likeness, head.background, head.calibration
    assert likeness is not None
    assert background is not None
    assert calibration is not None
    length = float(np.linalg.norm(whitened.astype(np.float64), axis=1).mean())
    cosine = (calibration.threshold or 0.0) + ABOVE
    middle = length * cosine * likeness.directions().astype(np.float64).mean(axis=0)
    whitening = background.whitening()
    centre = np.linalg.solve(whitening.T, middle) + np.array(background.mean)
    return _Frame(centre, whitening, np.linalg.solve(whitening, head.weights.astype(np.float64)))


def _lead(head: FittedHead, calibration: Calibration) -> float:
    """Return how far the logit of the right class was above the mean one, in the mean.

    Of held-out examples that were more probably right than not, from their probabilities, as if the
    others' logits were all the same.
    """
    n_classes = len(head.classes)
    probabilities = 1 - np.array(calibration.set_scores, np.float64)
    right = np.minimum(probabilities[probabilities > 0.5], 1 - _LEAST_ODDS)
    if not len(right):
        return 0.0
    above_others = np.log(right / (1 - right)).mean() + math.log(n_classes - 1)
    return float((1 - 1 / n_classes) * above_others)


def _bias(old: float, logits: FloatArray, left_out: DoubleArray, shares: DoubleArray) -> float:
    """Return the bias of the new column, by the formula of this module.

    Parameters
    ----------
    old : float
        The logit of old photos' own class, in the mean.
    logits : ndarray of shape (n_samples, n_classes)
        Of the new photos, by the head.
    left_out : ndarray of shape (n_samples,), dtype float64
        What the new column gives them that is made without them.
    shares : ndarray of shape (n_samples,), dtype float64
        How much each counts; groups of near copies count one.
    """
    behind = logits - left_out[:, np.newaxis]
    off = behind - np.average(behind, axis=0, weights=shares)
    variance = float(np.average(np.square(off).mean(axis=1), weights=shares))
    n_groups = float(shares.sum())
    # Divided by one photo less, as usual, and as much again for the mean of few, which is off, too.
    spread = math.sqrt(variance) * n_groups / (n_groups - 1)
    new = float(np.average(behind.max(axis=1), weights=shares))
    return min(old - NormalDist().inv_cdf(1 - TAKEN) * spread, (old + new) / 2)


def _count(training: Mapping[str, Scalar], name: str) -> int:
    found = training.get(name)
    return found if isinstance(found, int) else 0


def _recalibrated(
    head: FittedHead,
    calibration: Calibration,
    told: DoubleArray,
    embeddings: FloatArray,
    whitened: Array,
    together: LeftOut,
    below: float,
) -> Calibration:
    """Return the calibration with what the new photos say.

    ``told`` are their logits left out; ``below`` is how far the new column is below the mean one
    where the head's examples lay.
    """
    threshold = calibration.threshold
    logits = told.astype(np.float32)
    if threshold is not None and head.typicality is not None:
        # Logits are linear, so their mean over the old examples is theirs at the centre.
        moved = below / (len(head.classes) + 1)
        sure = sureness("typicality", logits, head.typicality.distances(embeddings))
        threshold = min(threshold + moved, float(sure.min()))
    elif threshold is not None and head.likeness is not None:
        for row, group in enumerate(together.groups):
            likeness = head.likeness.joined_by(whitened[together.groups != group])
            (score,) = likeness.scores(whitened[[row]], leads_of(logits[[row]]))
            threshold = min(threshold, float(score))
    best = told.max(axis=1, keepdims=True)
    exponentials = np.exp(told - best)
    own = exponentials[:, -1] / exponentials.sum(axis=1)
    return joined(replace(calibration, threshold=threshold), 1 - own, together.shares)
