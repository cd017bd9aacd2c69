"""What a report says of a multi-label head: measured on photos of which all classes are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.learning.multi_label_evaluation import MultiLabelEvaluation
from headfit.maths import metrics
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray
from headfit.multi_label_head import MultiLabelHead
from headfit.photos.folders import FolderExamples
from headfit.photos.labelled import LabelledExamples, kinds_of
from headfit.report.measures import (
    MAX_MISTAKES,
    Bin,
    binned,
    effective_size,
    shares_of,
    trained_on,
    wilson_interval,
)

N_THRESHOLDS: Final = 99


@dataclass(frozen=True, slots=True)
class LabelMistake:
    """A class that a photo was wrongly said to show, or not to show.

    Attributes
    ----------
    path : Path
    class_name : str
    is_named : bool
        Whether the head named it, though the photo does not show it; else it was missed.
    probability : float
        That the photo shows it, as the head stated.
    """

    path: Path
    class_name: str
    is_named: bool
    probability: float


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What one threshold for all classes would bring.

    Attributes
    ----------
    threshold : float
    recall : float
        Of all that photos show, the fraction that would be named.
    precision : float
        Of all that would be named, the fraction that is shown; NaN if nothing would be.
    """

    threshold: float
    recall: float
    precision: float


@dataclass(frozen=True, slots=True, eq=False)
class MultiLabelReport:
    """All that the page shows.

    Attributes
    ----------
    evaluation : MultiLabelEvaluation
    n_unusable : int
        Files that could not be used.
    interval : tuple of two floats
        Between which the subset accuracy lies with 95 % confidence (Wilson's interval), of as many
        photos as there effectively are.
    n_effective : int
        Tested photos, those that are nearly one counted as one: `headfit.learning.groups`.
    calibration_error : float
        Of the probabilities of all classes together, of as many photos as there effectively are.
    bins : tuple of Bin
        Of the same, without empty ones.
    thresholds : tuple of ThresholdPoint
        From 0.01 to 0.99; those that are nearly one photo count as one. Empty if no photo shows
        any class.
    mistakes : tuple of LabelMistake
        The surest first.
    seen : tuple of Path, or None
        Photos that were left out because the training folder has them or nearly them, None without
        such a folder.
    """

    evaluation: MultiLabelEvaluation
    n_unusable: int
    interval: tuple[float, float]
    n_effective: int
    calibration_error: float
    bins: tuple[Bin, ...]
    thresholds: tuple[ThresholdPoint, ...]
    mistakes: tuple[LabelMistake, ...]
    seen: tuple[Path, ...] | None


def measure_multi_label(
    head: MultiLabelHead, photos: LabelledExamples, *, training: FolderExamples | None = None
) -> MultiLabelReport:
    """Measure a multi-label head on photos.

    Parameters
    ----------
    head : MultiLabelHead
    photos : LabelledExamples
        Of the head's classes; those that were trained on flatter it.
    training : FolderExamples, optional
        What the head was trained on, all as of one class "": what is in it, or nearly in it, is
        left out of ``photos``.

    Raises
    ------
    InputError
        If the photos show a class that the head does not know, or all of them were trained on.
    """
    classes = head.fitted_.classes
    strange = sorted({name for names in photos.label_sets for name in names} - set(classes))
    if strange:
        raise InputError(
            f"expected photos of the head's classes ({', '.join(classes)}), found also "
            f"{', '.join(strange)}; rename or remove them"
        )
    n_samples = len(photos.label_sets)
    tested = FolderExamples(
        photos.embeddings, [""] * n_samples, photos.paths, (), photos.photo_hashes
    )
    is_new = np.ones(n_samples, np.bool_)
    if training is not None:
        # Of training photos nobody says here what they show; the head that learned it does.
        shown = [*head.predict(training.embeddings), *photos.label_sets]
        is_new = ~trained_on(training, tested, kinds_of(shown))
    kept, left_out = np.flatnonzero(is_new), np.flatnonzero(~is_new)
    label_sets = [photos.label_sets[row] for row in kept]
    evaluation = head.evaluate(photos.embeddings[kept], label_sets)
    probabilities = head.predict_proba(photos.embeddings[kept])
    is_shown = np.array([[name in names for name in classes] for names in label_sets], np.bool_)
    groups = photos.groups()[kept]
    shares = shares_of(groups)
    stated, is_so = probabilities.ravel(), is_shown.ravel()
    of_each = np.repeat(shares, len(classes))
    return MultiLabelReport(
        evaluation=evaluation,
        n_unusable=len(photos.skipped),
        interval=wilson_interval(evaluation.subset_accuracy, effective_size(groups)),
        n_effective=len(np.unique(groups)),
        calibration_error=metrics.reliability_error(stated, is_so, weights=of_each),
        bins=binned(stated, is_so, of_each),
        thresholds=_by_threshold(stated, is_so, of_each),
        mistakes=_mistakes(head, [photos.paths[row] for row in kept], is_shown, probabilities),
        seen=None if training is None else tuple(photos.paths[row] for row in left_out),
    )


def _by_threshold(
    stated: FloatArray, is_so: BoolArray, shares: DoubleArray
) -> tuple[ThresholdPoint, ...]:
    if not is_so.any():
        return ()
    points = []
    for threshold in np.arange(1, N_THRESHOLDS + 1) / (N_THRESHOLDS + 1):
        is_named = stated >= np.float32(threshold)
        right, named = shares[is_named & is_so].sum(), shares[is_named].sum()
        points.append(
            ThresholdPoint(
                float(threshold),
                float(right / shares[is_so].sum()),
                float(right / named) if named else float("nan"),
            )
        )
    return tuple(points)


def _mistakes(
    head: MultiLabelHead, paths: list[Path], is_shown: BoolArray, probabilities: FloatArray
) -> tuple[LabelMistake, ...]:
    is_named = head.fitted_.shown(probabilities)
    rows, columns = np.nonzero(is_named != is_shown)
    stated = probabilities[rows, columns]
    sureness = np.where(is_named[rows, columns], stated, 1 - stated)
    worst = np.argsort(-sureness, kind="stable")[:MAX_MISTAKES]
    return tuple(
        LabelMistake(
            paths[rows[place]],
            head.fitted_.classes[columns[place]],
            bool(is_named[rows[place], columns[place]]),
            float(stated[place]),
        )
        for place in worst
    )
