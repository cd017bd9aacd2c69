"""Pictures for training: packed once from files into two arrays, then read at memory speed.

Reading 100,000 small files every epoch costs more than the network on a small machine. A packed
set is a folder with ``images.npy`` (n, size, size, 3) uint8, ``targets.npy`` (n,) int32 and
``classes.json`` (class names in target order).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError
from headfit.files import write_atomically
from headfit.photos import (
    PHOTO_ENDINGS,
    PhotoProgress,
    decode_image,
    find_photos,
    find_unsorted_photos,
)


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
    found = [photo.path for photo in find_unsorted_photos(folder).photos]
    found = [path for path in found if path.suffix.lower() in PHOTO_ENDINGS]
    if not found:
        kinds = ", ".join(sorted(PHOTO_ENDINGS))
        raise InputError(f"expected pictures ({kinds}) in {folder}, found none")
    if most is None or most >= len(found):
        return found
    return [found[index * len(found) // most] for index in range(most)]


def list_folder(folder: Path) -> list[tuple[Path, str]]:
    """List every picture below each class folder, sorted, with the name of its class.

    Raises
    ------
    InputError
        If there are fewer than two class folders or one of them holds no picture.
    """
    if not folder.is_dir():
        raise InputError(f"expected a folder with one folder per class, found no folder {folder}")
    found = find_photos(folder)
    pairs = [
        (photo.path, photo.class_name)
        for photo in found.photos
        if photo.path.suffix.lower() in PHOTO_ENDINGS
    ]
    empty = {one.path.name for one in found.skipped if one.path.is_dir() and not one.is_litter}
    empty |= set(found.class_names) - {class_name for _, class_name in pairs}
    if empty:
        raise InputError(f"expected pictures in {folder / min(empty)}, found none")
    if len(found.class_names) < 2:
        raise InputError(f"expected at least two class folders in {folder}, found one")
    return pairs


def list_annotated(folder: Path) -> list[tuple[Path, str]]:
    """List the pictures of Tiny ImageNet's ``val/``: class names stand in an annotation file."""
    lines = (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t")[:2] for line in lines]
    return [(folder / "images" / name, class_name) for name, class_name in pairs]


def open_or_pack(
    source: Path, packed: Path, size: int, *, progress: PhotoProgress | None = None
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
    progress: PhotoProgress | None = None,
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
    write_atomically(folder / "classes.json", json.dumps(classes).encode())
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
