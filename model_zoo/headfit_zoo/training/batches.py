"""Batches for TensorFlow from a packed set: cropped, shifted and mirrored, or in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from headfit_zoo.training.datasets import PackedSet

Targets = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""From positions (n,) of pictures in a set to a distribution over its classes (n, n_classes)."""


def training_batches(
    data: PackedSet,
    targets: Targets,
    *,
    size: int,
    batch_size: int,
    min_crop: float,
    unscaled: float,
    seed: int,
    epoch: int,
) -> tf.data.Dataset:
    """One epoch of shuffled batches: pictures cropped and scaled, or only shifted, and mirrored.

    Order and crops depend on `seed` and `epoch` alone, so that a training which was killed and
    resumed sees the same pictures as one that was not.

    Parameters
    ----------
    data : PackedSet
    targets : callable
        What pictures of given positions are trained towards.
    size : int
        Height and width of the crops after resizing, in pixels.
    batch_size : int
        The last, smaller batch is dropped.
    min_crop : float
        Smallest share of the picture's area in a crop, as in Inception's random resized crop with
        the aspect ratio between 3/4 and 4/3.
    unscaled : float
        Share of a batch that is not cropped but shifted by up to a sixteenth of its size in whole
        pixels, which leaves it as sharp as it was.
    seed, epoch : int
    """
    order = np.random.default_rng((seed, epoch)).permutation(len(data))
    n_batches = len(data) // batch_size
    n_shifted = round(unscaled * batch_size)

    def batches() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32], int]]:
        for step in range(n_batches):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            yield data.images[chosen], targets(chosen), epoch * n_batches + step

    def augment(
        images: tf.Tensor, targets: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.cast(images, tf.float32)
        seeds = tf.random.experimental.stateless_split(tf.stack([tf.constant(seed), step]), 2)
        parts = []
        if n_shifted > 0:
            parts.append(shift(images[:n_shifted], size, seeds[0]))
        if n_shifted < batch_size:
            parts.append(crop(images[n_shifted:], size, min_crop, seeds[1]))
        return tf.concat(parts, 0), targets

    signature = (
        tf.TensorSpec((batch_size, *data.images.shape[1:]), tf.uint8),
        tf.TensorSpec((batch_size, len(data.classes)), tf.float32),
        tf.TensorSpec((), tf.int32),
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(n_batches))
    return dataset.map(augment, num_parallel_calls=1).prefetch(4)


def crop(images: tf.Tensor, size: int, min_crop: float, seed: tf.Tensor) -> tf.Tensor:
    """Crop, scale and mirror every picture at random; see `training_batches`."""
    n = images.shape[0]
    boxes = random_boxes(n, min_crop, seed)
    # Twice the size, then 2x2 means: crop_and_resize alone samples without antialiasing.
    crops = tf.image.crop_and_resize(images, boxes, tf.range(n), (2 * size, 2 * size))
    return tf.nn.avg_pool2d(crops, 2, 2, "VALID")


def shift(images: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Shift every picture at random by whole pixels, with reflected borders, and mirror half."""
    n, most = images.shape[0], size // 16
    if images.shape[1] != size:
        images = tf.image.resize(images, (size, size), antialias=True)
    # A pixel more than needed: rounding must not put a sample outside, where all is black.
    border = most + 1
    images = tf.pad(images, [[0, 0], [border, border], [border, border], [0, 0]], "REFLECT")
    seeds = tf.random.experimental.stateless_split(seed, 2)
    offsets = tf.random.stateless_uniform((2, n), seeds[0], 1, 2 * most + 2, tf.int32)
    top, left = tf.unstack(tf.cast(offsets, tf.float32))
    mirrored = tf.random.stateless_uniform((n,), seeds[1]) < 0.5
    right = left + size - 1
    boxes = tf.stack(
        [top, tf.where(mirrored, right, left), top + size - 1, tf.where(mirrored, left, right)], 1
    )
    # Corners on pixel centres: every sample falls on a pixel, so nothing is interpolated.
    last = size + 2 * border - 1
    return tf.image.crop_and_resize(images, boxes / last, tf.range(n), (size, size))


def random_boxes(n: int, min_crop: float, seed: tf.Tensor) -> tf.Tensor:
    """Draw `n` boxes (top, left, bottom, right) in 0..1; half have left and right exchanged.

    `tf.image.crop_and_resize` mirrors the picture in such a box.
    """
    draws = tf.random.stateless_uniform((5, n), seed)
    area = min_crop + (1 - min_crop) * draws[0]
    ratio = tf.exp((2 * draws[1] - 1) * tf.math.log(4 / 3))
    height = tf.minimum(tf.sqrt(area / ratio), 1.0)
    width = tf.minimum(tf.sqrt(area * ratio), 1.0)
    top, left = draws[2] * (1 - height), draws[3] * (1 - width)
    right = left + width
    mirrored = draws[4] < 0.5
    return tf.stack(
        [top, tf.where(mirrored, right, left), top + height, tf.where(mirrored, left, right)], 1
    )


def evaluation_batches(data: PackedSet, *, size: int, batch_size: int = 100) -> tf.data.Dataset:
    """The whole set in order, resized to `size` when it is stored at another, as float32 0..255."""

    def batches() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
        for start in range(0, len(data), batch_size):
            chosen = slice(start, start + batch_size)
            yield data.images[chosen], data.targets[chosen]

    def resize(images: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.cast(images, tf.float32)
        if size != data.images.shape[1]:
            images = tf.image.resize(images, (size, size), antialias=True)
        return images, targets

    signature = (
        tf.TensorSpec((None, *data.images.shape[1:]), tf.uint8),
        tf.TensorSpec((None,), tf.int32),
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(-(-len(data) // batch_size)))
    return dataset.map(resize).prefetch(2)
