"""Training with checkpoints every epoch, from which a killed run goes on as if it had not been."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from headfit.errors import InputError
from headfit_zoo.datasets import PackedSet, evaluation_batches, training_batches
from headfit_zoo.recipes import MEAN, STD, Recipe

LOG_FIELDS = ("epoch", "size", "loss", "top1", "val_loss", "val_top1", "val_top5", "seconds")

Row = dict[str, "str | float"]


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


def normalise(images: tf.Tensor) -> tf.Tensor:
    """Bring RGB of 0..255 to the network's input: (pixel - mean) / std."""
    return (images - tf.constant(MEAN)) / tf.constant(STD)


def train(
    model: tf.keras.Model,
    training: PackedSet,
    validation: PackedSet,
    recipe: Recipe,
    folder: Path,
    *,
    start: Path | None = None,
    verbose: int = 2,
) -> dict[str, float]:
    """Train by a recipe, going on from the last checkpoint in `folder` when there is one.

    Parameters
    ----------
    model : tf.keras.Model
        From normalised pictures of any size to logits; trained in place.
    training, validation : PackedSet
    recipe : Recipe
    folder : Path
        Receives ``recipe.json``, ``log.csv``, ``checkpoints/`` and, at the end,
        ``weights.h5``.
    start : Path, optional
        The ``weights.h5`` of another training of the same network, to begin with.
    verbose : int
        Keras's: 0 silent, 1 a progress bar, 2 a line an epoch.

    Returns
    -------
    dict
        The last epoch's row of ``log.csv``.

    Raises
    ------
    InputError
        If `folder` holds a training by another recipe, or of another network or data set; if
        `start` is of another network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, model, training, recipe, start)
    if start is not None:
        try:
            model.load_weights(start)
        except ValueError as error:  # Keras names the first layer that does not fit
            raise InputError(
                f"expected weights of {model.name} in {start}, found {error}"
            ) from None
    steps_per_epoch = len(training) // recipe.batch_size
    schedule = WarmupCosine(
        recipe.learning_rate,
        round(recipe.warmup_epochs * steps_per_epoch),
        recipe.epochs * steps_per_epoch,
    )
    optimiser = tf.keras.optimizers.Adam(schedule)
    optimiser.build(model.trainable_variables)
    n_classes = len(training.classes)
    model.compile(
        optimiser,
        loss=_loss(recipe.label_smoothing, n_classes),
        metrics=[
            tf.keras.metrics.SparseCategoricalAccuracy(name="top1"),
            tf.keras.metrics.SparseTopKCategoricalAccuracy(min(5, n_classes), name="top5"),
        ],
    )
    done = tf.Variable(0, dtype=tf.int64, trainable=False)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimiser, epochs_done=done)
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "checkpoints"), max_to_keep=2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    rows = _read_log(folder / "log.csv")[: int(done.numpy())]
    for epoch in range(int(done.numpy()), recipe.epochs):
        started = time.monotonic()
        stage = recipe.stage_of(epoch)
        batches = training_batches(
            training,
            size=stage.size,
            unscaled=stage.unscaled,
            batch_size=recipe.batch_size,
            min_crop=recipe.min_crop,
            seed=recipe.seed,
            epoch=epoch,
        )
        if verbose:
            print(f"epoch {epoch + 1} of {recipe.epochs}, {stage.size} px", flush=True)
        history = model.fit(
            batches.map(_normalised),
            initial_epoch=epoch,
            epochs=epoch + 1,
            validation_data=evaluation_batches(validation, size=stage.size).map(_normalised),
            verbose=verbose,
        ).history
        rows.append(
            {
                "epoch": epoch + 1,
                "size": stage.size,
                **{key: round(history[key][0], 5) for key in LOG_FIELDS[2:-1]},
                "seconds": round(time.monotonic() - started, 1),
            }
        )
        _write_log(folder / "log.csv", rows)
        done.assign(epoch + 1)
        manager.save()
    model.save_weights(folder / "weights.h5")
    return {key: float(value) for key, value in rows[-1].items()}


def _normalised(images: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return normalise(images), targets


def _loss(label_smoothing: float, n_classes: int) -> tf.keras.losses.Loss:
    if not label_smoothing:
        return tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    smooth = tf.keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing
    )
    return lambda targets, logits: smooth(tf.one_hot(tf.reshape(targets, [-1]), n_classes), logits)


def _claim(
    folder: Path, model: tf.keras.Model, training: PackedSet, recipe: Recipe, start: Path | None
) -> None:
    """Write what is trained here, or refuse when something else is."""
    mine = {
        "network": model.name,
        "parameters": model.count_params(),
        "classes": list(training.classes),
        "n_samples": len(training),
        "recipe": recipe.as_dict(),
        "start_sha256": start and hashlib.sha256(start.read_bytes()).hexdigest(),
    }
    mine = json.loads(json.dumps(mine))
    path = folder / "recipe.json"
    if not path.exists():
        path.write_text(json.dumps(mine, indent=1), encoding="utf-8")
        return
    theirs = json.loads(path.read_text(encoding="utf-8"))
    different = [key for key, value in mine.items() if theirs.get(key) != value]
    if different:
        raise InputError(
            f"expected to go on with the training in {folder}, found one that differs in "
            f"{', '.join(different)}; choose another folder or remove this one"
        )


def _read_log(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write_log(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, LOG_FIELDS)
        writer.writeheader()
        writer.writerows(rows)
