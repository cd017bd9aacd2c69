"""Training a student, with a checkpoint every ten minutes from which it goes on exactly."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import tensorflow as tf

from headfit import InputError
from headfit_zoo.artifact import MEAN, STD
from headfit_zoo.mixture.feed import Batch, Feed
from headfit_zoo.mixture.recipe import DECAY, Recipe, share_of_peak
from headfit_zoo.mixture.student import (
    binary_weights,
    build,
    feature_loss,
    label_loss,
    output_loss,
)

LOG_EVERY, SAVE_EVERY = 60.0, 600.0
"""Seconds."""
LOG_FIELDS = (
    "step",
    "hours",
    "size",
    "share_of_peak",
    "loss",
    "labels",
    "outputs",
    "features",
    "crops_per_second",
)
NOTES = ("recipe.json", "feeds.json", "log.csv", "judged.jsonl")
"""What is kept beside the weights."""
BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Of a processor's flags: those that multiply in bfloat16 fast."""


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Say whether this processor multiplies in bfloat16 by itself; in doubt it does not."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(
        BFLOAT16 & set(line.split()) for line in text.splitlines() if line.startswith("flags")
    )


def finish(folder: Path, step: int | None = None, steps: int | None = None) -> tuple[int, int]:
    """Let a training end: from a step on, its rate falls to zero.

    Parameters
    ----------
    folder : Path
        The training's.
    step : int, optional
        First step of the fall, by default that of the last checkpoint.
    steps : int, optional
        How many steps it takes, by default the last fifth of all.

    Returns
    -------
    tuple of (int, int)
        First step of the fall, and the last of all.
    """
    if step is None:
        step = _read_state(folder)[0]["step"]
    if steps is None:
        steps = max(1, round(step * DECAY / (1 - DECAY)))
    end = (step, step + steps)
    _write_json(folder / "end.json", end)
    return end


class Training:
    """A student with all that belongs to its checkpoint.

    Parameters
    ----------
    recipe : Recipe
    feed : Feed
    folder : Path
        Receives ``recipe.json``, ``feeds.json``, ``log.csv``, ``state.npz``, the checkpoint, and
        ``state.before.npz``, the one before.
    kept : Path, optional
        A folder that `keep` wrote, to go on from where `folder` holds no checkpoint: its weights,
        steps, hours and log go on; Adam's state begins anew, and the rate rises once more.

    Attributes
    ----------
    step : int
        Steps done.
    adam_step : int
        The step at which Adam's state began.

    Raises
    ------
    InputError
        If `folder` or `kept` holds a training by another recipe or of other classes, or its
        checkpoint is damaged.
    """

    def __init__(self, recipe: Recipe, feed: Feed, folder: Path, kept: Path | None = None) -> None:
        self.recipe, self.feed, self.folder = recipe, feed, folder
        tf.config.optimizer.set_experimental_options(
            {"auto_mixed_precision_onednn_bfloat16": has_bfloat16()}
        )
        tf.keras.utils.set_random_seed(recipe.seed)
        self.model = build(
            len(feed.spaces.names),
            architecture=recipe.architecture,
            options=recipe.options,
        )
        binary = binary_weights(self.model)
        ours = {id(weight) for weight in binary}
        others = [w for w in self.model.trainable_variables if id(w) not in ours]
        adam = tf.keras.optimizers.legacy.Adam
        self._groups = [
            (adam(recipe.rate_binary), recipe.rate_binary, binary, 0.0),
            (adam(recipe.rate), recipe.rate, others, recipe.decay),
        ]
        for optimiser, _, weights, _ in self._groups:
            # Without this, Adam makes its state at the first step, too late for a checkpoint.
            optimiser._create_all_weights(weights)
        self._learn = tf.function(self._step)
        self.step, self.adam_step, self.seconds = 0, 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        has_checkpoint = (folder / "state.npz").exists()
        start = None if has_checkpoint else kept
        if start is not None:
            _take_notes(start, folder)
        self._claim()
        if start is not None:
            self.step = self.adam_step = _read_latent(self.model, start / "latent.npz")
            rows = _read_log(folder / "log.csv")
            self.seconds = 3600 * float(rows[-1]["hours"]) if rows else 0.0
        elif has_checkpoint:
            self._restore()
        self._feed_start = self._record_feed()
        self._rows = [row for row in _read_log(folder / "log.csv") if int(row["step"]) <= self.step]
        if start is not None:
            self.save()  # or it would begin at nothing, killed now and called without `kept`

    @property
    def variables(self) -> list[tf.Variable]:
        """All that a step changes."""
        return [*self.model.weights, *(v for group in self._groups for v in group[0].variables())]

    def end(self) -> tuple[int, int] | None:
        """Return the first step of the rate's fall and the last of all, if that is settled."""
        path = self.folder / "end.json"
        if path.exists():
            first, last = json.loads(path.read_text(encoding="utf-8"))
            return first, last
        if self.recipe.steps is None:
            return None
        return round(self.recipe.steps * (1 - DECAY)), self.recipe.steps

    def run(
        self,
        *,
        until: int | None = None,
        say: Callable[[str], None] = print,
        log_every: float = LOG_EVERY,
        save_every: float = SAVE_EVERY,
    ) -> bool:
        """Train until the end, or until the process is asked to stop; then write a checkpoint.

        Parameters
        ----------
        until : int, optional
            A step to stop before.
        say : callable
            Receives a line a minute.
        log_every, save_every : float
            Seconds.

        Returns
        -------
        bool
            Whether the training has reached its end.
        """
        logged = saved = time.monotonic()
        sums, steps = np.zeros(4), 0
        with _asked_to_stop() as asked:
            while not asked() and not self._over() and (until is None or self.step < until):
                started = time.monotonic()
                size = self.recipe.size_at(self.step)
                sums += self._advance(size)
                steps += 1
                now = time.monotonic()
                self.seconds += now - started
                if now - logged >= log_every or self._over():
                    say(self._log(size, sums / steps, steps / (now - logged)))
                    sums, steps, logged = np.zeros(4), 0, now
                if now - saved >= save_every:
                    self.save()
                    saved = now
        self.save()
        return self._over()

    def save(self) -> None:
        """Write the checkpoint; the one before is kept beside it."""
        arrays = {f"v{index:04}": v.numpy() for index, v in enumerate(self.variables)}
        about = {
            "step": self.step,
            "adam_step": self.adam_step,
            "seconds": self.seconds,
            "names": [v.name for v in self.variables],
        }
        part, path = self.folder / "state.npz.part", self.folder / "state.npz"
        try:
            with part.open("wb") as stream:
                np.savez(stream, about=json.dumps(about), **arrays)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(
                f"expected to write the checkpoint of step {self.step} to {self.folder}, found: "
                f"{error.strerror or error}; the one before is kept: make room and train again"
            ) from None
        if path.exists():
            before = self.folder / "state.before.npz"
            before.unlink(missing_ok=True)
            os.link(path, before)
        os.replace(part, path)
        _write_log(self.folder / "log.csv", self._rows)

    def _share_of_peak(self, step: int) -> float:
        return share_of_peak(step, self.recipe.warmup, self.end(), self.adam_step)

    def _over(self) -> bool:
        end = self.end()
        return end is not None and self.step >= end[1]

    def _advance(self, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        share = self._share_of_peak(self.step)
        for optimiser, rate, _, _ in self._groups:
            optimiser.learning_rate.assign(rate * share)
        batch = self.feed.batch(self.step - self._feed_start, self.recipe.batch, size)
        losses = np.array([float(loss) for loss in self._learn(*_tensors(batch))])
        if not np.isfinite(losses).all():
            raise InputError(
                f"expected a finite loss at step {self.step}, found {losses}; lower the rates"
            )
        self.step += 1
        return losses

    def _step(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        spaces: tf.Tensor,
        outputs: tf.Tensor,
        log_probabilities: tf.Tensor,
        features: tf.Tensor,
    ) -> list[tf.Tensor]:
        counts = self.recipe.weights
        x = (tf.cast(images, tf.float32) - tf.constant(MEAN)) / tf.constant(STD)
        with tf.GradientTape() as tape:
            predicted = self.model(x, training=True)
            parts = [
                label_loss(predicted[0], labels, spaces),
                output_loss(predicted[1], outputs, log_probabilities),
                feature_loss(predicted[2], features),
            ]
            loss = counts.labels * parts[0] + counts.outputs * parts[1] + counts.features * parts[2]
        weights = [weight for group in self._groups for weight in group[2]]
        gradients = iter(tape.gradient(loss, weights))
        for optimiser, _, group, decay in self._groups:
            if decay:
                for weight in group:
                    if weight.shape.rank > 1:
                        weight.assign_sub(optimiser.learning_rate * decay * weight)
            # Larq's constraint holds latent weights between -1 and 1.
            optimiser.apply_gradients([(next(gradients), weight) for weight in group])
        return [loss, *parts]

    def _claim(self) -> None:
        """Write what is trained here, or refuse when something else is."""
        about = {
            "recipe": self.recipe.as_dict(),
            "classes": list(self.feed.spaces.names),
        }
        mine = json.loads(json.dumps(about))
        path = self.folder / "recipe.json"
        if not path.exists():
            _write_json(path, mine)
            return
        theirs = json.loads(path.read_text(encoding="utf-8"))
        different = [
            key for key in mine["recipe"] if theirs["recipe"].get(key) != mine["recipe"][key]
        ]
        if theirs["classes"] != mine["classes"]:
            different.append("classes")
        if different:
            raise InputError(
                f"expected to go on with the training in {self.folder}, found one of another "
                f"{', '.join(different)}; choose another folder or remove this one"
            )

    def _restore(self) -> None:
        about, arrays = _read_state(self.folder)
        variables = self.variables
        if about["names"] != [v.name for v in variables] or any(
            array.shape != v.shape for array, v in zip(arrays, variables, strict=True)
        ):
            raise InputError(
                f"expected the checkpoint in {self.folder} to be of this network, found another's"
            )
        for array, variable in zip(arrays, variables, strict=True):
            variable.assign(array)
        self.step, self.seconds = about["step"], about["seconds"]
        self.adam_step = about["adam_step"]

    def _record_feed(self) -> int:
        """Note from which step on these crops are fed; return the step their order begins at."""
        path = self.folder / "feeds.json"
        feeds = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        feeds = [feed for feed in feeds if feed["step"] < self.step or feed["step"] == 0]
        digest = self.feed.digest()
        if not feeds or feeds[-1]["sha256"] != digest:
            if feeds and self.step == 0:
                feeds = []
            feeds.append({"step": self.step, "sha256": digest, "crops": self.feed.counts()})
        _write_json(path, feeds)
        return int(feeds[-1]["step"])

    def _log(
        self, size: int, losses: np.ndarray[Any, np.dtype[np.float64]], steps_per_second: float
    ) -> str:
        row = {
            "step": self.step,
            "hours": round(self.seconds / 3600, 4),
            "size": size,
            "share_of_peak": round(self._share_of_peak(self.step - 1), 4),
            **dict(zip(LOG_FIELDS[4:8], (round(float(loss), 4) for loss in losses), strict=True)),
            "crops_per_second": round(steps_per_second * self.recipe.batch, 1),
        }
        self._rows.append({key: str(value) for key, value in row.items()})
        _write_log(self.folder / "log.csv", self._rows)
        return "  ".join(f"{key} {value}" for key, value in row.items())


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Take a request to end (SIGTERM, SIGINT) as one to end after the step that is being made."""
    asked = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def load_model(
    folder: Path, size: int | None = None, *, roots: bool = False
) -> tuple[tf.keras.Model, int]:
    """Rebuild the student of a training from its checkpoint; also return the step.

    Parameters
    ----------
    folder : Path
        The training's, or one that `keep` wrote.
    size : int, optional
        Height and width in pixels, as conversion wants it; by default any multiple of 16.
    roots : bool, optional
        Whether the embedding ends in square roots, which its heads were not trained with.

    Raises
    ------
    InputError
        If the folder holds no whole checkpoint, or the network cannot end in roots.
    """
    latent = folder / "latent.npz"
    is_kept = latent.exists() and not (folder / "state.npz").exists()
    state = None if is_kept else _read_state(folder)
    settled = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    recipe = settled["recipe"]
    if roots and not recipe["architecture"].startswith("residual"):
        raise InputError(
            f"expected a residual network to end in roots, found {recipe['architecture']}"
        )
    model = build(
        len(settled["classes"]),
        architecture=recipe["architecture"],
        options=recipe["options"] | ({"roots": True} if roots else {}),
        size=size,
    )
    if state is None:
        return model, _read_latent(model, latent)
    about, arrays = state
    for array, weight in zip(arrays, model.weights, strict=False):
        weight.assign(array)
    return model, about["step"]


def keep(folder: Path, to: Path) -> None:
    """Keep a training's weights, kernels at half precision, and the recipe, feeds and log.

    Parameters
    ----------
    folder : Path
        The training's.
    to : Path
        Receives ``latent.npz`` (arrays by name, those of one dimension as float32),
        ``recipe.json``, ``feeds.json`` and ``log.csv``.

    Raises
    ------
    InputError
        If the folder holds no whole checkpoint.
    """
    model, step = load_model(folder)
    to.mkdir(parents=True, exist_ok=True)
    arrays = {
        # The variance of a binary layer's sums goes beyond what half precision holds.
        weight.name: weight.numpy().astype(np.float16 if weight.shape.rank > 1 else np.float32)
        for weight in model.weights
    }
    part = to / "latent.npz.part"
    with part.open("wb") as stream:
        np.savez_compressed(stream, step=step, **arrays)
    os.replace(part, to / "latent.npz")
    for name in NOTES:
        if (folder / name).exists():
            shutil.copyfile(folder / name, to / name)


def _take_notes(kept: Path, folder: Path) -> None:
    """Copy what `keep` wrote beside the weights, unless an earlier call did."""
    if not (kept / "latent.npz").exists():
        raise InputError(f"expected weights that `keep` wrote in {kept}, found no latent.npz")
    for name in NOTES:
        if (kept / name).exists() and not (folder / name).exists():
            shutil.copyfile(kept / name, folder / name)


def _read_latent(model: tf.keras.Model, path: Path) -> int:
    """Set the weights that a `keep` wrote; return the step that they are of."""
    try:
        with path.open("rb") as stream, np.load(stream) as found:
            arrays = {name: found[name] for name in found.files}
            step = int(arrays["step"])
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"expected whole weights in {path}, found {error}") from None
    for weight in model.weights:
        array = arrays.get(weight.name)
        if array is None or array.shape != weight.shape:
            found_shape = "none" if array is None else array.shape
            raise InputError(
                f"expected {weight.name} of shape {tuple(weight.shape)} in {path}, found "
                f"{found_shape}; these are weights of another network"
            )
        weight.assign(array.astype(np.float32))
    return step


def _read_state(folder: Path) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    path = folder / "state.npz"
    try:
        with path.open("rb") as stream, np.load(stream) as found:
            about = json.loads(str(found["about"]))
            return about, [found[f"v{index:04}"] for index in range(len(about["names"]))]
    except FileNotFoundError:
        raise InputError(f"expected a checkpoint at {path}, found none") from None
    except Exception as error:  # zipfile and NumPy raise what they like for damaged files
        before = folder / "state.before.npz"
        advice = f"put {before.name} in its place" if before.exists() else "train anew"
        raise InputError(
            f"expected a whole checkpoint at {path}, found {error}; {advice}"
        ) from None


def _tensors(batch: Batch) -> tuple[tf.Tensor, ...]:
    return tuple(map(tf.constant, vars(batch).values()))


def _write_json(path: Path, value: object) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1), encoding="utf-8")
    os.replace(part, path)


def _read_log(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write_log(path: Path, rows: list[dict[str, str]]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, LOG_FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)
