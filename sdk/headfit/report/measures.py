"""What a report says of a head: measured on photos whose class is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.learning.evaluation import columns_of
from headfit.learning.groups import grouped, middle_of, near_pairs, same
from headfit.maths import metrics
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray, TargetArray
from headfit.photos.folders import FolderEvaluation, FolderExamples
from headfit.report.curve import CurvePoint, learning_curve

N_BINS: Final = 10
MAX_MISTAKES: Final = 24


@dataclass(frozen=True, slots=True)
class Bin:
    """Photos of which about the same probability was stated.

    Attributes
    ----------
    low, high : float
        Bounds of the probability.
    n_samples : int
    confidence, accuracy : float
        The mean probability, and the fraction of which it was right, where those that are nearly
        one photo count as one.
    """

    low: float
    high: float
    n_samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Rejection:
    """How well the head tells photos of its classes from others.

    In all shares those that are nearly one photo count as one.

    Attributes
    ----------
    auroc : float
        How often a photo of a class is surer than one of none, ties counting half.
    n_unknown : int
        Photos of none of the classes.
    known_accepted, unknown_accepted : float
        Fraction that counts as known, of each kind.
    """

    auroc: float
    n_unknown: int
    known_accepted: float
    unknown_accepted: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo taken for another class."""

    path: Path
    class_name: str
    taken_for: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that the page shows.

    Attributes
    ----------
    evaluation : FolderEvaluation
    interval : tuple of two floats
        Between which top-1 lies with 95 % confidence (Wilson's interval), of as many photos as
        there effectively are.
    n_effective : int
        Tested photos, those that are nearly one counted as one: `headfit.learning.groups`.
    n_effective_training : int or None
        The same of the training folder, None without such a folder.
    calibration_error : float
        Of as many photos as there effectively are.
    bins : tuple of Bin
        Without empty ones.
    curve : tuple of CurvePoint
        Empty if there are too few photos.
    curve_is_apart : bool
        Whether the heads of the curve were fitted on photos of another folder than they were tested
        on; if not, on one half of it, and tested on the other.
    rejection : Rejection or None
        None without photos of none of the classes.
    mistakes : tuple of Mistake
        The surest first.
    seen : tuple of Path, or None
        Photos that were left out because the training folder has them or nearly them, None without
        such a folder.
    """

    evaluation: FolderEvaluation
    interval: tuple[float, float]
    n_effective: int
    n_effective_training: int | None
    calibration_error: float
    bins: tuple[Bin, ...]
    curve: tuple[CurvePoint, ...]
    curve_is_apart: bool
    rejection: Rejection | None
    mistakes: tuple[Mistake, ...]
    seen: tuple[Path, ...] | None


def measure_head(
    head: SoftmaxHead,
    photos: FolderExamples,
    *,
    training: FolderExamples | None = None,
    unknown: FloatArray | None = None,
) -> Report:
    """Measure a head on photos.

    Parameters
    ----------
    head : SoftmaxHead
    photos : FolderExamples
        Of the head's classes; those that were trained on flatter it.
    training : FolderExamples, optional
        What the head was trained on: whatever is in it, or nearly in it, is left out of ``photos``,
        and the learning curve is fitted on it.
    unknown : ndarray of shape (n_samples, embedding_dim), dtype float32, optional
        Embeddings of photos of none of the classes.

    Raises
    ------
    InputError
        If the photos are of a class that the head does not know, or all of them were trained on.
    """
    classes = head.fitted_.classes
    strange = sorted(set(photos.class_names) - set(classes))
    if strange:
        raise InputError(
            f"expected photos of the head's classes ({', '.join(classes)}), found also "
            f"{', '.join(strange)}; rename or remove these folders"
        )
    seen = n_effective_training = None
    groups = photos.groups()
    if training is not None:
        is_new = ~trained_on(training, photos)
        seen = tuple(photos.paths[row] for row in np.flatnonzero(~is_new))
        n_effective_training = len(np.unique(training.groups()))
        groups = groups[is_new]
        photos = FolderExamples(
            photos.embeddings[is_new],
            [photos.class_names[row] for row in np.flatnonzero(is_new)],
            [photos.paths[row] for row in np.flatnonzero(is_new)],
            photos.skipped,
        )
    evaluation = FolderEvaluation.of(head.fitted_, photos, groups)
    probabilities = head.predict_proba(photos.embeddings)
    targets = columns_of(classes, photos.class_names)
    shares = shares_of(groups)
    curve_is_apart = training is not None
    if training is None:
        curve = learning_curve(photos.embeddings, photos.class_names)
    else:
        curve = learning_curve(
            training.embeddings, training.class_names, photos.embeddings, photos.class_names
        )
    return Report(
        evaluation=evaluation,
        interval=wilson_interval(evaluation.top1, effective_size(groups)),
        n_effective=evaluation.n_effective,
        n_effective_training=n_effective_training,
        calibration_error=metrics.calibration_error(targets, probabilities, weights=shares),
        bins=reliability(targets, probabilities, shares),
        curve=curve,
        curve_is_apart=curve_is_apart,
        rejection=None
        if unknown is None
        else _rejection(head, photos.embeddings, targets, shares, unknown),
        mistakes=_mistakes(head, photos, targets, probabilities),
        seen=seen,
    )


def trained_on(
    training: FolderExamples, tested: FolderExamples, kinds: TargetArray | None = None
) -> BoolArray:
    """Return which tested photos the training photos have, or nearly have, under the same class.

    ``kinds`` are of the training photos and then the tested ones, as in
    `headfit.learning.groups.middle_of`; by default the classes.

    Raises
    ------
    InputError
        If they have all of them.
    """
    n_trained = len(training.class_names)
    first, second = near_pairs(
        np.concatenate([training.embeddings, tested.embeddings]),
        np.array([*training.class_names, *tested.class_names], np.str_),
        np.concatenate([training.hashes, tested.hashes]),
        kinds=kinds,
    )
    is_across = (first < n_trained) & (second >= n_trained)
    # Under the name of another class a copy is found by its embedding.
    known = {embedding.tobytes() for embedding in training.embeddings}
    is_known = np.array([embedding.tobytes() in known for embedding in tested.embeddings])
    is_known[second[is_across] - n_trained] = True
    if is_known.all():
        raise InputError(
            f"expected photos that were not trained on, found all {len(is_known)} of them, or "
            "nearly them, among the training photos; keep others apart before training, not "
            "further pictures of the same moment"
        )
    return is_known


def shares_of(groups: TargetArray) -> DoubleArray:
    """Return how much each photo counts, so that every group counts one."""
    _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shares: DoubleArray = 1 / sizes[inverse]
    return shares


def effective_size(groups: TargetArray) -> float:
    """Return how many independent photos have a mean as near to the true one.

    Kish's effective sample size, ``sum(w) ** 2 / sum(w ** 2)`` over the sizes ``w`` of groups
    (Kish, "Survey Sampling", 1965).
    """
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def wilson_interval(fraction: float, n_samples: float) -> tuple[float, float]:
    """Return between what the true fraction lies with 95 % confidence.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927: right
    for few samples and near 0 and 1, too.
    """
    z = 1.959964
    middle = fraction + z * z / (2 * n_samples)
    reach = z * math.sqrt((fraction * (1 - fraction) + z * z / (4 * n_samples)) / n_samples)
    scale = 1 + z * z / n_samples
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def reliability(
    targets: TargetArray, probabilities: FloatArray, shares: DoubleArray
) -> tuple[Bin, ...]:
    """Return how often the head is right by how sure it is of its best class.

    Photos count as their shares say, of shape (n_samples,).
    """
    return binned(probabilities.max(axis=1), probabilities.argmax(axis=1) == targets, shares)


def binned(stated: FloatArray, is_so: BoolArray, shares: DoubleArray) -> tuple[Bin, ...]:
    """Return how often it is so by the probability stated, in bins of equal width.

    Each counts as its share says; all of shape (n,).
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    places = np.searchsorted(edges[1:-1], stated)
    bins = []
    for place in np.unique(places):
        inside = places == place
        bins.append(
            Bin(
                float(edges[place]),
                float(edges[place + 1]),
                int(inside.sum()),
                float(np.average(stated[inside], weights=shares[inside])),
                float(np.average(is_so[inside], weights=shares[inside])),
            )
        )
    return tuple(bins)


def _rejection(
    head: SoftmaxHead,
    known: FloatArray,
    targets: TargetArray,
    shares: DoubleArray,
    unknown: FloatArray,
) -> Rejection:
    # Those of none are a class more, and only so a burst of them has others to be seen from.
    kinds = np.append(targets, np.full(len(unknown), -1))
    middle = middle_of(np.concatenate([known, unknown]), kinds)
    of_one_class = np.zeros(len(unknown), np.intp)
    of_none = shares_of(grouped(unknown, of_one_class, middle, same(unknown)))
    return Rejection(
        auroc=metrics.auroc(head.sureness(known), head.sureness(unknown), shares, of_none),
        n_unknown=len(unknown),
        known_accepted=float(np.average(head.is_known(known), weights=shares)),
        unknown_accepted=float(np.average(head.is_known(unknown), weights=of_none)),
    )


def _mistakes(
    head: SoftmaxHead,
    photos: FolderExamples,
    targets: TargetArray,
    probabilities: FloatArray,
) -> tuple[Mistake, ...]:
    guesses, sureness = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(guesses != targets)
    worst = wrong[np.argsort(-sureness[wrong], kind="stable")][:MAX_MISTAKES]
    return tuple(
        Mistake(
            photos.paths[row],
            photos.class_names[row],
            head.fitted_.classes[guesses[row]],
            float(sureness[row]),
        )
        for row in worst
    )
