"""How many of Tiny ImageNet's validation pictures a training's own classifier reads rightly."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError
from headfit_zoo.mixture.judging import outputs
from headfit_zoo.mixture.repositories import Repository
from headfit_zoo.mixture.sources import Source

SPACE = "wordnet"
_INSIDE = "tiny-imagenet-200/val/"
_ANNOTATIONS = _INSIDE + "val_annotations.txt"


def validation_pictures(repositories: Path, tiny: Source) -> Iterator[tuple[str, str, bytes]]:
    """Yield path, class and bytes of each of Tiny ImageNet's validation pictures.

    Parameters
    ----------
    repositories : Path
    tiny : Source
        Whose repository holds them.

    Raises
    ------
    InputError
        If the repository lacks them, or does not say what a picture shows.
    """
    repository = Repository(repositories, tiny.repository, tiny.commit)
    files = dict(repository.list())
    if _ANNOTATIONS not in files:
        raise InputError(f"expected {_ANNOTATIONS} in {tiny.repository}, found no such file")
    (text,) = repository.read([files[_ANNOTATIONS]])
    rows = (line.split("\t") for line in (text or b"").decode("utf-8").splitlines())
    shows = {f"{_INSIDE}images/{row[0]}": row[1] for row in rows}
    paths = [path for path in files if path.startswith(f"{_INSIDE}images/")]
    if unknown := sorted(set(paths) - set(shows)):
        raise InputError(f"expected a class for each picture, found none for {unknown[0]}")
    for path, blob in zip(paths, repository.read([files[path] for path in paths]), strict=True):
        if blob is None:
            raise InputError(f"expected {path} in {tiny.repository}, found it listed and absent")
        yield path, shows[path], blob


def read(pairs: Iterator[tuple[str, str, bytes]]) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return pictures of ``(n, height, width, 3)``, dtype uint8, and their classes."""
    images, classes = [], []
    for _, label, blob in pairs:
        with Image.open(io.BytesIO(blob)) as picture:
            images.append(np.asarray(picture.convert("RGB")))
        classes.append(label)
    return np.stack(images), np.array(classes)


def top_1_and_5(
    model: tf.keras.Model,
    known: Sequence[str],
    images: NDArray[np.uint8],
    classes: NDArray[np.str_],
    size: int,
) -> tuple[float, float]:
    """Return the shares of pictures whose class is the likeliest, and among the five likeliest.

    Only classes that occur among the pictures are candidates.

    Parameters
    ----------
    model : tf.keras.Model
        With a layer ``labels``.
    known : sequence of str
        What its outputs mean, ``space/class``.
    images : ndarray of shape (n, height, width, 3), dtype uint8
    classes : ndarray of shape (n,), dtype str
    size : int
        Pixels that the model takes.
    """
    present = sorted(set(classes.tolist()))
    columns = [known.index(f"{SPACE}/{label}") for label in present]
    logits = outputs(model, "labels", images, size)[:, columns]
    ranked = np.array(present)[np.argsort(-logits, axis=1, kind="stable")[:, :5]]
    hits = ranked == classes[:, np.newaxis]
    return float(hits[:, 0].mean()), float(hits.any(axis=1).mean())
