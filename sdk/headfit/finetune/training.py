"""Training the last binary blocks together with the head: minibatches, Adam, straight through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.errors import TrainingDivergedError
from headfit.finetune.loss import BatchLoss, TuningSettings
from headfit.finetune.tail import Parameters, Tail
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.maths.descent import adam_start, adam_step
from headfit.maths.lbfgs import Progress


@dataclass(frozen=True, slots=True, eq=False)
class TunedParameters:
    """Trained blocks and head.

    Attributes
    ----------
    blocks : Parameters
        Latent weights, multiplier and bias of every block.
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights + bias``, on the new embeddings.
    loss : float
        Mean of the last epoch, in nats.
    """

    blocks: Parameters
    weights: FloatArray
    bias: FloatArray
    loss: float


def train(
    tail: Tail,
    activations: FloatArray,
    targets: TargetArray,
    start: tuple[FloatArray, FloatArray],
    settings: TuningSettings,
    *,
    progress: Progress | None = None,
) -> TunedParameters:
    """Train blocks and head.

    Parameters
    ----------
    tail : Tail
    activations : ndarray of shape (n_samples, n_views, activation_dim), dtype float32
        Not written to. The first view of a photo is the one that prediction sees; each step takes
        one of them at random.
    targets : ndarray of shape (n_samples,), dtype intp
        The column of each photo's class.
    start : weights and bias of a head for the unchanged embeddings
    settings : TuningSettings
    progress : callable, optional
        Called as ``progress(epoch, loss)`` after every epoch, counted from 1, with its mean loss.

    Raises
    ------
    TrainingDivergedError
        If the loss is not finite.
    """
    rng = np.random.default_rng(settings.seed)
    objective = BatchLoss(tail, activations[:, 0], start, settings)
    state = adam_start(objective.flat)
    n_samples, n_views, _ = activations.shape
    batch = min(settings.batch_size, n_samples)
    steps_per_epoch = n_samples // batch
    n_steps = settings.epochs * steps_per_epoch
    loss = np.nan
    for epoch in range(settings.epochs):
        order = rng.permutation(n_samples)
        losses = []
        for step in range(steps_per_epoch):
            chosen = order[step * batch : (step + 1) * batch]
            rows = activations[chosen, rng.integers(n_views, size=batch)]
            step_loss, gradient = objective.gradient(rows, targets[chosen], rng)
            done = (epoch * steps_per_epoch + step) / n_steps
            rate = settings.learning_rate * 0.5 * (1 + np.cos(np.pi * done))
            flat, state = adam_step(objective.flat, gradient, state, learning_rate=rate)
            objective.move(flat)
            losses.append(step_loss)
        loss = float(np.mean(losses))
        if not np.isfinite(loss):
            raise TrainingDivergedError(
                f"expected a finite loss, found {loss} in epoch {epoch + 1}; lower the learning "
                f"rate ({settings.learning_rate:g})"
            )
        if progress is not None:
            progress(epoch + 1, loss)
    weights, bias = objective.head()
    return TunedParameters([part.copy() for part in objective.blocks()], weights, bias, loss)
