"""FineTuner: photos in; a head and the last binary blocks of the extractor, retrained, out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.extractor import Extractor, tuned_manifest
from headfit.files.blockfile import SUFFIX, BlockData, save_blocks_bytes
from headfit.files.class_names import checked_names, classes_and_targets
from headfit.files.disk import write_atomically
from headfit.finetune.loss import TuningSettings
from headfit.finetune.tail import Tail
from headfit.finetune.training import train
from headfit.head import SoftmaxHead
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitting import fit_head
from headfit.learning.problem import Problem
from headfit.learning.settings import Settings
from headfit.maths.arrays import FloatArray, checked_embeddings
from headfit.maths.lbfgs import Progress
from headfit.photos.images import ImageSource, PhotoProgress
from headfit.version import __version__

DEFAULT_VIEWS = 4
SMALLEST_CUTTING = 0.4
"""Share of a photo's area, as in the recipes that trained the extractor."""


@dataclass(frozen=True, slots=True, eq=False)
class FineTuned:
    """What fine-tuning made.

    Attributes
    ----------
    head : SoftmaxHead
        For the embeddings of the retrained extractor and no other.
    block_file : bytes
        The retrained blocks as `headfit.files.blockfile` has them.
    """

    head: SoftmaxHead
    block_file: bytes

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the head to ``path`` and the blocks beside it, and return where those are.

        The blocks' file has the head's name and the suffix ``.block``;
        `headfit.Extractor.open` opens it.
        """
        blocks = Path(path).with_suffix(SUFFIX)
        if blocks == Path(path):
            raise InputError(f"expected a head file, found {path}; {SUFFIX} is the blocks'")
        write_atomically(blocks, self.block_file)
        self.head.save(path)
        return blocks


class FineTuner:
    """Retrains an extractor's last binary blocks together with a head, on the device.

    The rest of the extractor stays as it is and runs once a photo: `activations` can be kept and
    used again.

    Parameters
    ----------
    extractor : name or path, optional
        As for `headfit.Extractor.open`.
    n_blocks : int
        How many binary convolutions, counted from the end, are retrained.
    engine : str
        What runs the rest.

    Raises
    ------
    ExtractorError
        If the extractor cannot be opened, or its end cannot be trained.
    InputError
        If it has fewer blocks.

    Examples
    --------
    >>> tuner = FineTuner()
    >>> tuner.activation_dim
    3168
    """

    def __init__(
        self,
        extractor: str | os.PathLike[str] | None = None,
        *,
        n_blocks: int = 1,
        engine: str = "auto",
    ) -> None:
        self._base = Extractor.manifest_of(extractor)
        self._front, graph = Extractor.open_front(extractor, n_blocks, engine=engine)
        self._tail = Tail(graph)

    @property
    def activation_dim(self) -> int:
        """Numbers that are kept of each view of a photo."""
        return self._tail.activation_dim

    @property
    def fingerprint(self) -> str:
        """Tells activations of this extractor and number of blocks from others."""
        return self._front.fingerprint

    def decode(self, image: ImageSource) -> npt.NDArray[np.uint8]:
        """Return a photo's pixels, as many as are looked at: see `headfit.Extractor.decode`."""
        return self._front.decode(image)

    def activations(
        self,
        images: Iterable[ImageSource],
        *,
        n_views: int = DEFAULT_VIEWS,
        seed: int = 0,
        progress: PhotoProgress | None = None,
    ) -> FloatArray:
        """Return what the last blocks see of each photo, and of random cuttings of it.

        Parameters
        ----------
        images : iterable
            As for `headfit.Extractor.embed`.
        n_views : int
            The first is the photo as it will be at prediction, the others are square cuttings of
            40 to 100 % of its area, every other mirrored. A photo that is not larger than the
            extractor's input is not cut.
        seed : int
            Of the cuttings.
        progress : callable, optional
            Called as ``progress(done, total)`` after every photo.

        Returns
        -------
        ndarray of shape (n_samples, n_views, activation_dim), dtype float32
        """
        sources = list(images)
        side = min(self._base.preprocessing.height, self._base.preprocessing.width)
        result = np.empty((len(sources), n_views, self.activation_dim), np.float32)
        for index, source in enumerate(sources):
            rng = np.random.default_rng((seed, index))
            pixels = self.decode(source)
            cuttings = (_cutting(pixels, side, k % 2 == 1, rng) for k in range(1, n_views))
            result[index] = self._front.embed([pixels, *cuttings])
            if progress is not None:
                progress(index + 1, len(sources))
        return result

    def fit(
        self,
        activations: npt.NDArray[np.floating[Any]],
        class_names: Sequence[str],
        *,
        settings: TuningSettings | None = None,
        progress: Progress | None = None,
    ) -> FineTuned:
        """Train blocks and head.

        Parameters
        ----------
        activations : ndarray of shape (n_samples, n_views, activation_dim)
            As `activations` returns them.
        class_names : sequence of str, length n_samples
            At least two different ones.
        settings : TuningSettings, optional
        progress : callable, optional
            Called as ``progress(epoch, loss)``; an exception that it raises ends the training and
            passes through.

        Raises
        ------
        InputError
            If the activations or the class names cannot be used.
        TrainingDivergedError
            If training leaves the finite numbers.
        """
        settings = settings or TuningSettings()
        activations = np.asarray(activations)
        if activations.ndim != 3 or activations.shape[2] != self.activation_dim:
            raise InputError(
                f"expected activations of shape (n_samples, n_views, {self.activation_dim}), found "
                f"{activations.shape}; take them from FineTuner.activations"
            )
        n_samples, n_views, _ = activations.shape
        flat = checked_embeddings(activations.reshape(n_samples * n_views, -1))
        classes, targets = classes_and_targets(checked_names(class_names, n_samples))
        plain = flat[::n_views]
        start = self._tail.embed(plain, self._tail.start(settings.latent_magnitude))
        first = fit_head(Problem(start, targets, classes, Settings(method="logistic"))).head
        views = flat.reshape(n_samples, n_views, -1)
        tuned = train(
            self._tail, views, targets, (first.weights, first.bias), settings, progress=progress
        )
        training = {"method": "finetune", **asdict(settings), "loss": tuned.loss}
        blocks = BlockData(
            blocks=self._tail.packed(tuned.blocks),
            extractor=self._base.reference(),
            training=training,
            headfit_version=__version__,
        )
        file = save_blocks_bytes(blocks)
        fitted = FittedHead(
            weights=tuned.weights,
            bias=tuned.bias,
            classes=classes,
            class_counts=tuple(np.bincount(targets, minlength=len(classes)).tolist()),
            training=training,
            extractor=tuned_manifest(self._base, file).reference(),
        )
        return FineTuned(SoftmaxHead.of(fitted), file)


def _cutting(
    pixels: npt.NDArray[np.uint8], input_side: int, mirrored: bool, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return a random square of a picture, no smaller than the input: enlarging would blur it."""
    height, width, _ = pixels.shape
    whole = min(height, width)
    side = max(round(whole * np.sqrt(rng.uniform(SMALLEST_CUTTING, 1))), min(whole, input_side))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    square = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(square[:, ::-1] if mirrored else square)
