from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import larq as lq
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2
from tests.model_zoo.conftest import SMALL

from headfit.errors import InputError
from headfit_zoo.architectures import residual
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.recipes import RECIPES, Recipe, Stage
from headfit_zoo.training.training import LOG_FIELDS, train

SHORT = Recipe(stages=(Stage(2, 32), Stage(1, 48)), final_size=48, batch_size=8, seed=5)


def small(n_classes: int = 3) -> tf.keras.Model:
    tf.keras.utils.set_random_seed(11)
    return residual.build(n_classes, None, **SMALL)


class Killed(Exception):
    """Stands in for the process's end."""


PLAIN = dataclasses.replace(SHORT, stages=(Stage(2, 32),), final_size=32)
EVERYTHING = dataclasses.replace(
    SHORT, optimiser="bop", averaging=0.9, label_smoothing=0.1, teacher_weight=0.5
)


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_a_killed_training_goes_on_as_if_it_had_not_been(
    recipe: Recipe,
    packed: tuple[PackedSet, PackedSet],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed in its second epoch and started again, a training gives the same curve and weights."""
    tf.config.experimental.enable_op_determinism()
    logits = 4 * np.eye(3, dtype=np.float16)[packed[0].targets]
    teacher = logits if recipe.teacher_weight else None
    whole = small()
    train(whole, *packed, recipe, tmp_path / "whole", teacher=teacher, verbose=0)

    original, calls = tf.keras.Model.fit, []

    def fit(self: tf.keras.Model, *args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return original(self, *args, **kwargs)

    monkeypatch.setattr(tf.keras.Model, "fit", fit)
    with pytest.raises(Killed):
        train(small(), *packed, recipe, tmp_path / "killed", teacher=teacher, verbose=0)
    tf.keras.utils.set_random_seed(99)
    resumed = residual.build(3, None, **SMALL)
    train(resumed, *packed, recipe, tmp_path / "killed", teacher=teacher, verbose=0)

    assert len(calls) == recipe.epochs + 1
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    curves = [
        [row.rsplit(",", 1)[0] for row in (tmp_path / run / "log.csv").read_text().splitlines()]
        for run in ("whole", "killed")
    ]
    assert curves[0] == curves[1]
    assert curves[0][0] == ",".join(LOG_FIELDS[:-1])
    sizes = [str(recipe.stage_of(epoch).size) for epoch in range(recipe.epochs)]
    assert [row.split(",")[1] for row in curves[0][1:]] == sizes


def test_a_finished_training_returns_at_once(trained: Path, packed: tuple) -> None:
    """Started again when it is done, a training trains nothing and keeps its log."""
    before = (trained / "log.csv").read_bytes()
    last = train(residual.build(3, None), *packed, RECIPES["smoke"], trained, verbose=0)
    assert last["epoch"] == 2
    assert (trained / "log.csv").read_bytes() == before


def test_tensorboard_shows_the_curve(trained: Path) -> None:
    """The event files hold the same validation accuracy of each epoch as the log."""
    found = {}
    for path in (trained / "tensorboard" / "validation").iterdir():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = event_pb2.Event.FromString(record)
            for value in event.summary.value:
                if value.tag == "epoch_top1":
                    found[event.step + 1] = float(tf.make_ndarray(value.tensor))
    with (trained / "log.csv").open(newline="") as stream:
        logged = {int(row["epoch"]): float(row["val_top1"]) for row in csv.DictReader(stream)}
    assert found == pytest.approx(logged, abs=1e-5)
    assert sorted(found) == [1, 2]


def test_another_training_in_the_folder_is_refused(trained: Path, packed: tuple) -> None:
    """A folder of one training takes no other network and no other recipe."""
    with pytest.raises(InputError, match="differs in parameters"):
        train(small(), *packed, RECIPES["smoke"], trained, verbose=0)
    other = dataclasses.replace(RECIPES["smoke"], seed=8)
    with pytest.raises(InputError, match="differs in recipe"):
        train(residual.build(3, None), *packed, other, trained, verbose=0)


def test_a_training_begins_with_the_weights_of_another(
    trained: Path, packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """With `start`, a rate of zero leaves the other training's weights; the folder records them."""
    still = Recipe(stages=(Stage(1, 32),), final_size=32, batch_size=9, learning_rate=0.0)
    model, other = residual.build(3, None), residual.build(3, None)
    train(model, *packed, still, tmp_path, start=trained / "weights.h5", verbose=0)
    other.load_weights(trained / "weights.h5")
    for ours, theirs in zip(model.trainable_weights, other.trainable_weights, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    with pytest.raises(InputError, match="differs in start_sha256"):
        train(model, *packed, still, tmp_path, verbose=0)


def test_a_checkpoint_of_another_network_is_refused(
    trained: Path, packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """Weights of another architecture are named, and nothing is trained on them."""
    with pytest.raises(InputError, match="expected weights of residual in .*weights.h5"):
        train(small(), *packed, SHORT, tmp_path, start=trained / "weights.h5", verbose=0)
    assert not (tmp_path / "weights.h5").exists()
    assert not (tmp_path / "log.csv").exists()


@pytest.mark.parametrize("bfloat16", [True, False])
def test_training_learns_stripes(
    bfloat16: bool, packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """A few epochs tell three directions of stripes apart on held-out pictures."""
    recipe = Recipe(stages=(Stage(8, 32),), final_size=32, batch_size=9, learning_rate=5e-3)
    recipe = dataclasses.replace(recipe, bfloat16=bfloat16)
    last = train(small(), *packed, recipe, tmp_path, verbose=0)
    assert last["val_top1"] >= 0.8
    options = tf.config.optimizer.get_experimental_options()
    assert options["auto_mixed_precision_onednn_bfloat16"] is bfloat16


def test_only_the_blocks_are_binary() -> None:
    """Every 3x3 convolution of a block has weights of +-1; the float twin has no such layer."""
    model = residual.build(10, 64)
    binary = [layer for layer in model.layers if isinstance(layer, lq.layers.QuantConv2D)]
    assert len(binary) == 10
    with lq.context.quantized_scope(True):
        for layer in binary:
            assert set(np.unique(layer.get_weights()[0])) == {-1.0, 1.0}
    twin = residual.build(10, 64, binary=False)
    assert twin.count_params() == model.count_params()
    assert not any(getattr(layer, "kernel_quantizer", None) for layer in twin.layers)


def test_recipe_names_the_size_of_every_epoch() -> None:
    """Stages follow one another, and an epoch beyond the last is refused."""
    assert [SHORT.stage_of(epoch).size for epoch in range(SHORT.epochs)] == [32, 32, 48]
    with pytest.raises(ValueError, match="beyond"):
        SHORT.stage_of(3)
