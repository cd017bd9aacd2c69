"""Pictures for training: packed once from files into two arrays, then read at memory speed.

Reading 100,000 small files every epoch costs more than the network on a small machine. A packed
set is a folder with ``images.npy`` (n, size, size, 3) uint8, ``targets.npy`` (n,) int32 and
``classes.json`` (class names in target order).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError
from headfit.photos import decode_image

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

Progress = Callable[[int, int], None]

Targets = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""From positions (n,) of pictures in a set to a distribution over its classes (n, n_classes)."""


@dataclass(frozen=True)
class PackedSet:
    """Labelled pictures of one size.

    Attributes
    ----------
    images : ndarray of shape (n_samples, size, size, 3), dtype uint8
        Memory-mapped.
    targets : ndarray of shape (n_samples,), dtype int32
    classes : tuple of str
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int32]
    classes: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path) -> PackedSet:
        """Open a folder that `pack` wrote."""
        classes = tuple(json.loads((folder / "classes.json").read_text(encoding="utf-8")))
        images = np.load(folder / "images.npy", mmap_mode="r")
        return cls(images, np.load(folder / "targets.npy"), classes)

    def __len__(self) -> int:
        return len(self.targets)


def find_pictures(folder: Path, *, most: int | None = None) -> list[Path]:
    """Find picture files below `folder`, sorted; with `most`, that many spread evenly over them.

    Raises
    ------
    InputError
        If there is none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        kinds = ", ".join(sorted(PICTURE_SUFFIXES))
        raise InputError(f"expected pictures ({kinds}) in {folder}, found none")
    if most is None or most >= len(found):
        return found
    return [found[index * len(found) // most] for index in range(most)]


def list_folder(folder: Path) -> list[tuple[Path, str]]:
    """List every picture below each class folder, sorted, with the class folder's name.

    Raises
    ------
    InputError
        If there are fewer than two class folders or one of them holds no picture.
    """
    if not folder.is_dir():
        raise InputError(f"expected a folder with one folder per class, found no folder {folder}")
    class_folders = sorted(p for p in folder.iterdir() if p.is_dir())
    if len(class_folders) < 2:
        raise InputError(
            f"expected at least two class folders in {folder}, found {len(class_folders)}"
        )
    return [
        (picture, class_folder.name)
        for class_folder in class_folders
        for picture in find_pictures(class_folder)
    ]


def list_annotated(folder: Path) -> list[tuple[Path, str]]:
    """List the pictures of Tiny ImageNet's ``val/``: class names stand in an annotation file."""
    lines = (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t")[:2] for line in lines]
    return [(folder / "images" / name, class_name) for name, class_name in pairs]


def open_or_pack(
    source: Path, packed: Path, size: int, *, progress: Progress | None = None
) -> tuple[PackedSet, PackedSet]:
    """Open the training and validation sets, packing them first when that was not done.

    Parameters
    ----------
    source : Path
        A packed pair of sets ``train/`` and ``val/``; or pictures in such folders with a folder per
        class (or Tiny ImageNet's annotation file in ``val/``); or one folder per class, of which
        every tenth picture is held out.
    packed : Path
        Where the packed pair goes when `source` holds pictures.
    size : int
        Height and width to pack at, in pixels.

    Raises
    ------
    InputError
        If the pictures are not laid out so, or the packed sets are of another size.
    """
    for folder in (source, packed):
        if all((folder / part / "classes.json").exists() for part in ("train", "val")):
            return PackedSet.load(folder / "train"), PackedSet.load(folder / "val")
    if (source / "val").is_dir():
        training = list_folder(source / "train")
        annotated = (source / "val" / "val_annotations.txt").exists()
        held_out = (list_annotated if annotated else list_folder)(source / "val")
    else:
        listed = list_folder(source)
        held_out = listed[9::10]
        training = [pair for index, pair in enumerate(listed) if index % 10 != 9]
    classes = tuple(sorted({class_name for _, class_name in training}))
    unknown = {class_name for _, class_name in held_out} - set(classes)
    if unknown:
        raise InputError(
            f"expected validation classes to be among the training classes, found "
            f"{', '.join(sorted(unknown))} in {source / 'val'}"
        )
    return (
        pack(training, packed / "train", size, classes=classes, progress=progress),
        pack(held_out, packed / "val", size, classes=classes, progress=progress),
    )


def pack(
    pictures: list[tuple[Path, str]],
    folder: Path,
    size: int,
    *,
    classes: tuple[str, ...] | None = None,
    progress: Progress | None = None,
) -> PackedSet:
    """Decode pictures, bring them to one size and write a packed set.

    Parameters
    ----------
    pictures : list of (path, class name)
    folder : Path
        Where the set goes; ``classes.json`` is written last, so that a set cut short is not opened.
    size : int
        Height and width in pixels; the shorter side is resized to it, then the centre is cropped.
    classes : tuple of str, optional
        Class names in target order; by default those found, sorted.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    """
    classes = classes or tuple(sorted({class_name for _, class_name in pictures}))
    position = {class_name: target for target, class_name in enumerate(classes)}
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(pictures), size, size, 3)
    images = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=shape
    )
    for index, (path, _) in enumerate(pictures):
        images[index] = _square(decode_image(path), size)
        if progress is not None:
            progress(index + 1, len(pictures))
    images.flush()
    targets = np.array([position[class_name] for _, class_name in pictures], np.int32)
    np.save(folder / "targets.npy", targets)
    temporary = folder / "classes.json.tmp"
    temporary.write_text(json.dumps(classes), encoding="utf-8")
    os.replace(temporary, folder / "classes.json")
    return PackedSet.load(folder)


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if (height, width) == (size, size):
        return picture
    scale = size / min(height, width)
    resized = Image.fromarray(picture).resize(
        (max(size, round(width * scale)), max(size, round(height * scale))),
        Image.Resampling.BILINEAR,
    )
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    return np.asarray(resized.crop((left, top, left + size, top + size)))


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
