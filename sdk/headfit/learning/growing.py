"""Growing: a class more for a head whose examples are gone.

The new column is imprinted, as in `headfit.learning.imprint`: the mean of the new embeddings in
units of the head's own mean and spread is its direction, and its length goes by that of the head's
columns. Its bias is that of discriminant analysis among classes that lie around a common mean: what
a column ``w`` gives to the mean ``m`` of its class, ``w . m``, is taken off by half there. The
columns of the head have theirs taken off already. So the bias is their mean logit at the common
mean, less half of what new photos, each left out, get from the new column, and more `OWN` times
what held-out photos of the head's classes got from theirs. The other columns stay as they are, to
the bit.
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

OWN: Final = 0.4
"""Somewhat less than a half, so that the new class, known by few photos, takes less of the others.
Chosen on training halves of flowers, scenes, birds and objects (docs/choosing-parameters.md).
"""

_FLOOR = 0.2  # least spread, by the root mean square of all features: few photos show too little
_LEAST_ODDS = 1e-3  # of a probability, and of one less it
_REPLAYED = 32  # embeddings of each class
_STEPS = 8  # to find how near they are to its mean


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
    centre, spread = _centre_and_spread(head, embeddings)
    groups = grouped(embeddings, np.zeros(len(embeddings), np.intp), centre.astype(np.float32))
    n_groups = int(groups.max(initial=-1)) + 1
    if n_groups < 2:
        raise InputError(
            f"expected at least 2 different photos of {class_name!r}, found "
            f"{len(embeddings)} that are nearly one; move, turn, or take other light"
        )
    inverse = 1 / spread
    away = (embeddings - centre) * inverse
    if head.thresholds is None:
        columns = head.weights * np.where(np.isfinite(spread), spread, 0)[:, np.newaxis]
        columns -= columns.mean(axis=1, keepdims=True)
        length = LONGER * math.sqrt(np.square(columns).sum(axis=0).mean())
        seen = away
        middle = float((centre @ head.weights + head.bias).mean())
    else:
        length = LONGER * math.sqrt(np.square(head.weights[0], dtype=np.float64).mean())
        seen = np.where(embeddings >= head.thresholds, 1.0, -1.0)
        middle = float(head.bias.mean())

    def column(rows: BoolArray) -> DoubleArray:
        mean = away[rows].mean(axis=0)
        if head.thresholds is not None:
            return length * np.where(mean >= 0, 1.0, -1.0)
        direction: DoubleArray = length * mean / max(np.linalg.norm(mean), np.finfo(float).tiny)
        return direction

    together = LeftOut(np.arange(len(groups)), groups * 0, groups, np.ones(len(groups)))
    left_out = np.stack([seen[row] @ column(groups != groups[row]) for row in range(len(groups))])
    own = float(np.average(left_out, weights=together.shares))
    bias = middle - own / 2 + OWN * _own_logit(head, calibration)

    whole = column(np.ones(len(groups), np.bool_))
    if head.thresholds is None:
        whole = whole * inverse
        bias_of_column = bias - float(whole @ centre)
    else:
        bias_of_column = bias
    training: dict[str, Scalar] = dict(head.training)
    training["grown_by"] = _count(head.training, "grown_by") + 1
    training["leave_one_out_accuracy"] = None  # of fewer classes, it was a larger share
    told = np.column_stack([before.logits, left_out + bias])
    return replace(
        head,
        weights=np.column_stack([head.weights, whole]).astype(np.float32),
        bias=np.append(head.bias, bias_of_column).astype(np.float32),
        classes=(*head.classes, class_name),
        class_counts=(*head.class_counts, len(embeddings)),
        training=training,
        calibration=_recalibrated(head, calibration, told, embeddings, together, middle - bias),
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


def _centre_and_spread(head: FittedHead, embeddings: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return where the head's examples lay, and how far features spread, up to a factor.

    The latter is infinite for a feature that never varied, so that it has no say.
    """
    if head.typicality is not None:
        centre = head.typicality.centre.astype(np.float64)
        inverse = head.typicality.inverse_spread.astype(np.float64)
        spread = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    else:
        replayed = _replayed(head, embeddings)
        centre, spread = replayed.mean(axis=0), replayed.std(axis=0)
    least = _FLOOR * math.sqrt(np.square(spread).mean())
    return centre, np.where(spread > 0, np.hypot(spread, least), np.inf)


def _replayed(head: FittedHead, embeddings: FloatArray) -> DoubleArray:
    """Return made-up embeddings of the head's classes, by what its likeness knows of them.

    In the background's frame they are as long as the new ones, about the direction of their class.
    How near to it they are is what makes logits lead as much as those of the head's held-out
    examples did. Centre and spread of these come near the true ones (docs/choosing-parameters.md).
    """
    length = float(np.linalg.norm(_whitened(head, embeddings), axis=1).mean())
    likeness, background = head.likeness, head.background
    assert likeness is not None
    assert background is not None
    directions = likeness.directions().astype(np.float64)
    generator = np.random.Generator(np.random.PCG64(0))
    noise = 2.0 * generator.integers(2, size=(_REPLAYED, head.embedding_dim)) - 1
    noise = (noise - noise.mean(axis=0)) / math.sqrt(head.embedding_dim)

    def at(cosine: float) -> DoubleArray:
        points = cosine * directions[:, np.newaxis] + math.sqrt(1 - cosine**2) * noise
        return background.unwhitened(length * points.reshape(-1, head.embedding_dim))

    near, far = 1.0, 0.0
    for _ in range(_STEPS):
        cosine = (near + far) / 2
        made_up = at(cosine).astype(np.float32)
        logits = Prediction.of(head, made_up).logits
        leads = leads_of(logits) / np.linalg.norm(_whitened(head, made_up), axis=1)
        if np.median(leads) < likeness.usual_lead:
            far = cosine
        else:
            near = cosine
    return at(near)


def _own_logit(head: FittedHead, calibration: Calibration) -> float:
    """Return how far the logit of held-out examples' own class was above the others', in the mean.

    From their probabilities, as if the others' logits were all the same.
    """
    probabilities = 1 - np.array(calibration.set_scores, np.float64)
    bounded = np.clip(probabilities, _LEAST_ODDS, 1 - _LEAST_ODDS)
    odds = np.log(bounded / (1 - bounded))
    return float(odds.mean()) + math.log(len(head.classes) - 1)


def _count(training: Mapping[str, Scalar], name: str) -> int:
    found = training.get(name)
    return found if isinstance(found, int) else 0


def _recalibrated(
    head: FittedHead,
    calibration: Calibration,
    told: DoubleArray,
    embeddings: FloatArray,
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
        whitened = _whitened(head, embeddings)
        for row, group in enumerate(together.groups):
            likeness = head.likeness.joined_by(whitened[together.groups != group])
            (score,) = likeness.scores(whitened[[row]], leads_of(logits[[row]]))
            threshold = min(threshold, float(score))
    best = told.max(axis=1, keepdims=True)
    exponentials = np.exp(told - best)
    own = exponentials[:, -1] / exponentials.sum(axis=1)
    return joined(replace(calibration, threshold=threshold), 1 - own, together.shares)
