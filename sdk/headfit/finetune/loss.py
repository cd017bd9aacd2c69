"""The loss of fine-tuning and its gradient: softmax on standardised embeddings of the tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.errors import InputError
from headfit.finetune.tail import Parameters, Tail
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.maths.scaling import mean_and_scale
from headfit.maths.softmax import loss_and_pull


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """How blocks and head are trained.

    Attributes
    ----------
    epochs : int
    batch_size : int
    learning_rate : float
        Initial step size of Adam, for all parameters; decays to zero along half a cosine.
    latent_magnitude : float
        Size of the latent weights at the start: with a learning rate of a tenth of it, a sign
        flips after about ten steps in one direction.
    label_smoothing : float
        Share of the target probability that is spread evenly over all classes.
    dropout : float
        Dropout rate on the embedding.
    seed : int
        Of shuffling, the choice of views, and dropout.
    """

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 3e-3
    latent_magnitude: float = 0.05
    label_smoothing: float = 0.1
    dropout: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        whole = {"epochs": self.epochs, "batch_size": self.batch_size}
        for name, count in whole.items():
            if count < 1:
                raise InputError(f"expected {name} of at least 1, found {count}")
        for name, share in (("label_smoothing", self.label_smoothing), ("dropout", self.dropout)):
            if not 0 <= share < 1:
                raise InputError(f"expected {name} from 0 to below 1, found {share}")
        for name, rate in (
            ("learning_rate", self.learning_rate),
            ("latent_magnitude", self.latent_magnitude),
        ):
            if not 0 < rate <= 1:
                raise InputError(f"expected {name} above 0 and up to 1, found {rate}")


class BatchLoss:
    """The loss as a function of one vector, scaled so that one learning rate suits all of it.

    The head's weights apply to standardised embeddings; multipliers are divided by the mean size
    in their block.

    Parameters
    ----------
    tail : Tail
    activations : ndarray of shape (n_samples, activation_dim), dtype float32
        Whose embeddings, before any training, are the ones to standardise by.
    start : weights and bias of a head for those embeddings
    settings : TuningSettings

    Attributes
    ----------
    flat : ndarray of shape (n_parameters,), dtype float32
        Latent weights, multiplier and bias of every block, then the head's weights and bias.
    """

    def __init__(
        self,
        tail: Tail,
        activations: FloatArray,
        start: tuple[FloatArray, FloatArray],
        settings: TuningSettings,
    ) -> None:
        self._tail, self._settings = tail, settings
        blocks = tail.start(settings.latent_magnitude)
        embeddings = tail.embed(activations, blocks)
        # What hardly varies, or not at all, may come to vary: its spread is no reason to bound it.
        self._mean, scale = mean_and_scale(embeddings, least=0.0)
        self._spread = np.where(np.isfinite(scale), scale, np.float32(1))
        self._units = [np.float32(1)] * len(blocks)
        self._units[1::3] = [np.abs(part).mean() or np.float32(1) for part in blocks[1::3]]
        weights, bias = start
        parts = [part / unit for part, unit in zip(blocks, self._units, strict=True)]
        parts += [weights * self._spread[:, None], bias + self._mean @ weights]
        self._shapes = [part.shape for part in parts]
        self._ends = np.cumsum([part.size for part in parts])[:-1]
        self.flat: FloatArray = np.concatenate([part.ravel() for part in parts])

    def _parts(self) -> list[FloatArray]:
        parts = np.split(self.flat, self._ends)
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def blocks(self) -> Parameters:
        """Return the blocks' parameters in the tail's units."""
        return [part * unit for part, unit in zip(self._parts(), self._units, strict=False)]

    def head(self) -> tuple[FloatArray, FloatArray]:
        """Return weights and bias for embeddings as they are."""
        *_, weights, bias = self._parts()
        plain = weights / self._spread[:, None]
        return plain, bias - self._mean @ plain

    def move(self, flat: FloatArray) -> None:
        """Set new values; latent weights are clipped to [-1, 1], as by Larq's ``weight_clip``."""
        self.flat = flat
        for latent in self._parts()[:-2:3]:
            np.clip(latent, -1, 1, out=latent)

    def gradient(
        self, rows: FloatArray, targets: TargetArray, rng: np.random.Generator
    ) -> tuple[float, FloatArray]:
        """Return the mean loss of a batch, in nats, and its gradient by `flat`.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, activation_dim), dtype float32
        targets : ndarray of shape (n_samples,), dtype intp
        rng : numpy.random.Generator
            For dropout.
        """
        dropout = self._settings.dropout
        *_, weights, bias = self._parts()
        embeddings, pull_back = self._tail.forward(rows, self.blocks())
        keep = np.ones(1, np.float32)
        if dropout:
            kept = rng.random(embeddings.shape, np.float32) >= dropout
            keep = kept / np.float32(1 - dropout)
        inputs = (embeddings - self._mean) / self._spread * keep
        loss, by_logits = loss_and_pull(
            weights.T @ inputs.T + bias[:, np.newaxis],
            targets,
            label_smoothing=self._settings.label_smoothing,
        )
        by_blocks = pull_back(by_logits.T @ weights.T * keep / self._spread)
        parts = [part * unit for part, unit in zip(by_blocks, self._units, strict=True)]
        parts += [inputs.T @ by_logits.T, by_logits.sum(axis=1)]
        return loss, np.concatenate([part.ravel() for part in parts])
