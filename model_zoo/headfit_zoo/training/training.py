"""Training with checkpoints every epoch, from which a killed run goes on as if it had not been."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from headfit import InputError
from headfit.files import write_atomically
from headfit_zoo.artifact import MEAN, STD
from headfit_zoo.training.averaging import WeightAverage
from headfit_zoo.training.batches import evaluation_batches, training_batches
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.distillation import label_targets, taught_targets
from headfit_zoo.training.optimisers import optimiser_of
from headfit_zoo.training.recipes import Recipe
from headfit_zoo.training.strategies import worker_index

LOG_FIELDS = ("epoch", "size", "loss", "top1", "val_loss", "val_top1", "val_top5", "seconds")

Row = dict[str, "str | float"]


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
    teacher: NDArray[np.float16] | None = None,
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
        Receives ``recipe.json``, ``log.csv``, ``tensorboard/``, ``checkpoints/`` and, at the
        end, ``weights.h5``.
    start : Path, optional
        The ``weights.h5`` of another training of the same network, to begin with.
    teacher : ndarray of shape (n_samples, n_outputs), dtype float16, optional
        A teacher's logits of the training pictures; the recipe says what weight they have.
    verbose : int
        Keras's: 0 silent, 1 a progress bar, 2 a line an epoch.

    Returns
    -------
    dict
        The last epoch's row of ``log.csv``. There ``top1`` is how often the best class was that of
        the picture's target, in which a teacher may outweigh the label.

    Raises
    ------
    InputError
        If `folder` holds a training by another recipe, or of another network or data set; if
        `start` is of another network.
    """
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": recipe.bfloat16}
    )
    strategy = model.distribute_strategy
    with strategy.scope(), _place(folder, worker_index(strategy)) as place:
        _claim(place, model, training, recipe, start, teacher)
        if start is not None:
            _load(model, start)
        return _Training(model, training, validation, recipe, folder, place, teacher).run(verbose)


@contextmanager
def _place(folder: Path, worker: int) -> Iterator[Path]:
    """Give the folder that a worker writes to: all compute the same, and one need be kept."""
    if worker == 0:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch)


class _Training:
    """A model with all that belongs to its checkpoint."""

    def __init__(
        self,
        model: tf.keras.Model,
        training: PackedSet,
        validation: PackedSet,
        recipe: Recipe,
        folder: Path,
        place: Path,
        teacher: NDArray[np.float16] | None,
    ) -> None:
        self.model, self.training, self.validation = model, training, validation
        self.recipe, self.place = recipe, place
        self.targets = (
            label_targets(training, recipe.label_smoothing)
            if teacher is None
            else taught_targets(training, teacher, recipe)
        )
        optimiser = optimiser_of(recipe, model, len(training) // recipe.batch_size)
        model.compile(
            optimiser,
            loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=[
                tf.keras.metrics.CategoricalAccuracy(name="top1"),
                tf.keras.metrics.TopKCategoricalAccuracy(min(5, len(training.classes)), "top5"),
            ],
        )
        self.average = WeightAverage(model, recipe.averaging) if recipe.averaging else None
        self.done = tf.Variable(0, dtype=tf.int64, trainable=False)
        checkpoint = tf.train.Checkpoint(
            model=model,
            optimizer=optimiser,
            epochs_done=self.done,
            average=[self.average.step, *self.average.values] if self.average else [],
        )
        self.manager = tf.train.CheckpointManager(
            checkpoint, str(place / "checkpoints"), max_to_keep=2
        )
        latest = tf.train.latest_checkpoint(str(folder / "checkpoints"))
        if latest:
            # The optimiser makes its state at the first step, and finds it here then.
            checkpoint.restore(latest).assert_existing_objects_matched()
        self.rows = _read_log(folder / "log.csv")[: int(self.done.numpy())]

    def run(self, verbose: int) -> dict[str, float]:
        """Train the epochs that are missing, and write the weights."""
        callbacks = [tf.keras.callbacks.TensorBoard(self.place / "tensorboard", write_graph=False)]
        callbacks += [self.average] if self.average else []
        for epoch in range(int(self.done.numpy()), self.recipe.epochs):
            size = self.recipe.stage_of(epoch).size
            if verbose:
                print(f"epoch {epoch + 1} of {self.recipe.epochs}, {size} px", flush=True)
            started = time.monotonic()
            history = self.model.fit(
                self._batches(epoch),
                initial_epoch=epoch,
                epochs=epoch + 1,
                validation_data=self._held_out(size),
                callbacks=callbacks,
                verbose=verbose,
            ).history
            self.rows.append(
                {
                    "epoch": epoch + 1,
                    "size": size,
                    **{key: round(history[key][0], 5) for key in LOG_FIELDS[2:-1]},
                    "seconds": round(time.monotonic() - started, 1),
                }
            )
            _write_log(self.place / "log.csv", self.rows)
            self.done.assign(epoch + 1)
            self.manager.save()
        if self.average:
            self.average.swap()
        self.model.save_weights(self.place / "weights.h5")
        return {key: float(value) for key, value in self.rows[-1].items()}

    def _batches(self, epoch: int) -> tf.data.Dataset:
        recipe = self.recipe
        stage = recipe.stage_of(epoch)
        batches = training_batches(
            self.training,
            self.targets,
            size=stage.size,
            unscaled=stage.unscaled,
            batch_size=recipe.batch_size,
            min_crop=recipe.min_crop,
            seed=recipe.seed,
            epoch=epoch,
        )
        return _sharded(batches.map(lambda images, targets: (normalise(images), targets)))

    def _held_out(self, size: int) -> tf.data.Dataset:
        n_classes = len(self.training.classes)
        batches = evaluation_batches(self.validation, size=size)
        return _sharded(
            batches.map(lambda images, found: (normalise(images), tf.one_hot(found, n_classes)))
        )


def _sharded(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Let each worker take its share of every batch: there are no files to share out."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _load(model: tf.keras.Model, weights: Path) -> None:
    try:
        model.load_weights(weights)
    except ValueError as error:  # Keras names the first layer that does not fit
        raise InputError(f"expected weights of {model.name} in {weights}, found {error}") from None


def _claim(
    folder: Path,
    model: tf.keras.Model,
    training: PackedSet,
    recipe: Recipe,
    start: Path | None,
    teacher: NDArray[np.float16] | None,
) -> None:
    """Write what is trained here, or refuse when something else is."""
    mine = {
        "network": model.name,
        "parameters": model.count_params(),
        "classes": list(training.classes),
        "n_samples": len(training),
        "recipe": recipe.as_dict(),
        "start_sha256": start and hashlib.sha256(start.read_bytes()).hexdigest(),
        "teacher_sha256": None
        if teacher is None
        else hashlib.sha256(teacher.tobytes()).hexdigest(),
    }
    mine = json.loads(json.dumps(mine))
    path = folder / "recipe.json"
    if not path.exists():
        write_atomically(path, json.dumps(mine, indent=1).encode())
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
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, LOG_FIELDS)
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
