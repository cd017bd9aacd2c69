"""Keras against the shipped artifact: how equal are the embeddings, how good is the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from headfit import Extractor
from headfit.maths import top_k_accuracy
from headfit.photos import ImageSource, PhotoProgress, prepare_input
from headfit_zoo.architectures import classifier_of, cut_top
from headfit_zoo.training import PackedSet


@dataclass(frozen=True)
class Parity:
    """How far the device's embeddings lie from Keras's.

    Attributes
    ----------
    n_samples : int
    largest_difference : float
        Over all numbers of all embeddings.
    embedding_range : float
        Largest minus smallest number in Keras's embeddings, to compare the difference with.
    lowest_cosine, mean_cosine : float
        Between the two embeddings of one picture.
    equal_share : float
        Share of pictures whose embeddings differ by at most 1e-4 of the range: those in which no
        activation changed its sign.
    equal_top1 : float
        Share of pictures for which the network's own classifier gives the same class.
    """

    n_samples: int
    largest_difference: float
    embedding_range: float
    lowest_cosine: float
    mean_cosine: float
    equal_share: float
    equal_top1: float

    def as_dict(self) -> dict[str, float]:
        """As plain values for JSON."""
        return asdict(self)


def compare(
    model: tf.keras.Model,
    extractor: Extractor,
    pictures: Sequence[ImageSource],
    *,
    progress: PhotoProgress | None = None,
) -> Parity:
    """Embed the same pictures in Keras and through the extractor's engine.

    Parameters
    ----------
    model : tf.keras.Model
        The network that `extractor` was converted from, at its input size.
    extractor : Extractor
    pictures : sequence
        Anything `Extractor.embed` takes.
    """
    inputs = np.concatenate(
        [prepare_input(picture, extractor.manifest.preprocessing) for picture in pictures]
    )
    expected = cut_top(model).predict(inputs, verbose=0)
    actual = extractor.embed(pictures, progress=progress)
    difference = np.abs(expected - actual).max(axis=1)
    norms = np.linalg.norm(expected, axis=1) * np.linalg.norm(actual, axis=1)
    cosine = np.sum(expected * actual, axis=1, dtype=np.float64) / norms
    weights, bias = classifier_of(model)
    same = (expected @ weights + bias).argmax(1) == (actual @ weights + bias).argmax(1)
    span = float(np.ptp(expected))
    return Parity(
        n_samples=len(pictures),
        largest_difference=float(difference.max()),
        embedding_range=span,
        lowest_cosine=float(cosine.min()),
        mean_cosine=float(cosine.mean()),
        equal_share=float(np.mean(difference <= 1e-4 * span)),
        equal_top1=float(same.mean()),
    )


def score(
    model: tf.keras.Model,
    extractor: Extractor,
    data: PackedSet,
    *,
    progress: PhotoProgress | None = None,
) -> dict[str, float]:
    """Top-1 and top-5 of the shipped artifact with the network's own classifier.

    Returns
    -------
    dict
        ``top1`` and ``top5`` as fractions, ``n_samples``.
    """
    weights, bias = classifier_of(model)
    embeddings = extractor.embed(list(data.images), progress=progress)
    logits = embeddings @ weights + bias
    found = {f"top{k}": top_k_accuracy(data.targets, logits, k) for k in (1, 5)}
    return {**found, "n_samples": len(data)}
