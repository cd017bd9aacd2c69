"""What changes the weights: Adam, Larq's Bop for the binary ones, SGD with momentum."""

from __future__ import annotations

import larq as lq
import numpy as np
import tensorflow as tf

from headfit import InputError
from headfit_zoo.training.recipes import Recipe

BOP_THRESHOLD, BOP_GAMMA = 1e-8, 1e-4
"""Larq's defaults; the second is the peak."""


class WarmupCosine(tf.keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Linear warm-up to `peak`, then half a cosine down to zero at `steps`."""

    def __init__(self, peak: float, warmup_steps: int, steps: int) -> None:
        self.peak, self.warmup_steps, self.steps = peak, warmup_steps, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate at a step, counted from 0."""
        step = tf.cast(step, tf.float32)
        warmup = step / max(1, self.warmup_steps)
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        cosine = 0.5 * (1 + tf.cos(np.pi * tf.clip_by_value(progress, 0.0, 1.0)))
        return self.peak * tf.minimum(warmup, cosine)

    def get_config(self) -> dict[str, float]:
        """Return the arguments, as Keras asks of a schedule."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "steps": self.steps}


def optimiser_of(recipe: Recipe, model: tf.keras.Model, steps_per_epoch: int) -> object:
    """Return the optimiser that a recipe names.

    Raises
    ------
    InputError
        If the recipe names another, or Bop for a network without binary weights.
    """
    schedule = WarmupCosine(
        recipe.learning_rate,
        round(recipe.warmup_epochs * steps_per_epoch),
        recipe.epochs * steps_per_epoch,
    )
    if recipe.optimiser == "adam":
        return tf.keras.optimizers.Adam(schedule)
    if recipe.optimiser == "sgd":
        return tf.keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
    if recipe.optimiser == "bop":
        return _bop(recipe, model, schedule)
    raise InputError(f"expected the optimiser adam, bop or sgd, found {recipe.optimiser!r}")


def _bop(recipe: Recipe, model: tf.keras.Model, schedule: WarmupCosine) -> object:
    """Helwegen et al., "Latent Weights Do Not Exist" (2019); flips cool down with the rate."""
    binary = {
        layer.kernel.name
        for layer in model.layers
        if isinstance(layer, lq.layers.QuantConv2D) and layer.kernel_quantizer is not None
    }
    if not binary:
        raise InputError(
            f"expected binary weights for Bop, found none in {model.name}; take the recipe's "
            "optimiser adam or sgd"
        )
    flips = WarmupCosine(BOP_GAMMA, schedule.warmup_steps, schedule.steps)
    return lq.optimizers.CaseOptimizer(
        (lambda weight: weight.name in binary, lq.optimizers.Bop(BOP_THRESHOLD, flips)),
        default_optimizer=tf.keras.optimizers.legacy.Adam(schedule),
    )
