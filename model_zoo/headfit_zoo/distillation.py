"""What a picture is trained towards: its label, and what a teacher sees in it.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), with the two terms of the loss
put into one target: cross-entropy is linear in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headfit.errors import InputError
from headfit_zoo.datasets import PackedSet, Targets
from headfit_zoo.recipes import Recipe


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
    """Find the teacher's output for each class: the one highest above its mean on that class.

    Raises
    ------
    InputError
        If two classes have the same best output.
    """
    sums = np.zeros((len(data.classes), logits.shape[1]))
    np.add.at(sums, data.targets, logits)
    means = sums / np.bincount(data.targets, minlength=len(sums))[:, None]
    columns: NDArray[np.intp] = np.argmax(means - means.mean(0), axis=1)
    twice = np.flatnonzero(np.bincount(columns, minlength=logits.shape[1]) > 1)
    if len(twice):
        names = [name for name, c in zip(data.classes, columns, strict=True) if c == twice[0]]
        raise InputError(
            f"expected a teacher that tells {', '.join(names)} apart, found output {twice[0]} the "
            "best for each of them; teach these classes from their labels"
        )
    return columns
