"""What a picture is trained towards: its label, and what a teacher sees in it.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), with the two terms of the loss
put into one target: cross-entropy is linear in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit_zoo.training.batches import Targets
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.recipes import Recipe


def label_targets(data: PackedSet, label_smoothing: float = 0.0) -> Targets:
    """Return targets with ``1 - label_smoothing`` on the label and the rest spread over all."""
    n_classes = len(data.classes)

    def targets(chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        rows = np.full((len(chosen), n_classes), label_smoothing / n_classes, np.float32)
        rows[np.arange(len(chosen)), data.targets[chosen]] += 1 - label_smoothing
        return rows

    return targets


def taught_targets(data: PackedSet, logits: NDArray[np.float16], recipe: Recipe) -> Targets:
    """Return targets in which the teacher has a share of ``recipe.teacher_weight``.

    ``(1 - weight) * label + weight * softmax(logits[classes] / temperature)``

    Parameters
    ----------
    data : PackedSet
    logits : ndarray of shape (n_samples, n_outputs), dtype float16
        The teacher's, for the pictures of `data` in their order; memory-mapped.
    recipe : Recipe

    Raises
    ------
    InputError
        If the logits are of other pictures, or the teacher does not know a class.
    """
    if len(logits) != len(data):
        raise InputError(
            f"expected the teacher's logits of {len(data)} pictures, found those of {len(logits)}; "
            "they are of another data set"
        )
    columns = class_columns(data, logits)
    labels = label_targets(data, recipe.label_smoothing)

    def targets(chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        seen = logits[chosen][:, columns].astype(np.float32) / np.float32(recipe.temperature)
        seen = np.exp(seen - seen.max(1, keepdims=True))
        seen /= seen.sum(1, keepdims=True)
        weight = np.float32(recipe.teacher_weight)
        return np.asarray((1 - weight) * labels(chosen) + weight * seen, np.float32)

    return targets


def class_columns(data: PackedSet, logits: NDArray[np.float16]) -> NDArray[np.intp]:
    """Find the teacher's output for each class: one that is high above its mean on that class.

    Where two classes raise one output most, it is that of the class which raises it more, and the
    other gets its next.

    Raises
    ------
    InputError
        If what is left for a class is raised less than half as much as its best.
    """
    sums = np.zeros((len(data.classes), logits.shape[1]))
    np.add.at(sums, data.targets, logits)
    means = sums / np.bincount(data.targets, minlength=len(sums))[:, None]
    raised = means - means.mean(0)
    columns = np.full(len(raised), -1, np.intp)
    for place in np.argsort(-raised, axis=None):
        of_class, column = divmod(int(place), raised.shape[1])
        if columns[of_class] < 0 and column not in columns:
            columns[of_class] = column
    found = raised[np.arange(len(raised)), columns]
    unclear = np.flatnonzero(found < raised.max(1) / 2)
    if len(unclear):
        output = int(raised[unclear[0]].argmax())
        rival = int(np.flatnonzero(columns == output)[0])
        names = f"{data.classes[unclear[0]]} and {data.classes[rival]}"
        raise InputError(
            f"expected a teacher that tells {names} apart, found output {output} the "
            "best for both; teach these classes from their labels"
        )
    return columns
