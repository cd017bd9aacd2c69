from __future__ import annotations

import dataclasses
from pathlib import Path

import larq as lq
import numpy as np
import pytest
import tensorflow as tf
from tests.model_zoo.conftest import SMALL

from headfit.errors import InputError
from headfit_zoo.architectures import residual
from headfit_zoo.training.averaging import WeightAverage
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.optimisers import WarmupCosine, optimiser_of
from headfit_zoo.training.recipes import Recipe, Stage
from headfit_zoo.training.training import train

RECIPE = Recipe(stages=(Stage(8, 32),), final_size=32, batch_size=9, learning_rate=5e-3)


def test_schedule_warms_up_and_ends_at_zero() -> None:
    """The rate rises linearly to its peak, then falls to zero."""
    schedule = WarmupCosine(1e-2, 10, 110)
    rates = [float(schedule(tf.constant(step))) for step in (0, 5, 10, 60, 110)]
    assert rates == pytest.approx([0, 5e-3, 1e-2, 5e-3, 0], abs=1e-9)


def test_bop_trains_weights_of_one_bit(packed: tuple[PackedSet, PackedSet], tmp_path: Path) -> None:
    """Binary weights are +-1 themselves, without latent values, and the network learns."""
    model = residual.build(3, None, **SMALL)
    last = train(model, *packed, dataclasses.replace(RECIPE, optimiser="bop"), tmp_path, verbose=0)
    assert last["val_top1"] >= 0.8
    for layer in model.layers:
        if isinstance(layer, lq.layers.QuantConv2D):
            assert set(np.unique(layer.kernel.numpy())) == {-1.0, 1.0}


def test_momentum_trains_the_float_twin(
    packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """The float twin learns with SGD, and its run says which network it is of."""
    twin = residual.build(3, None, binary=False, **SMALL)
    recipe = dataclasses.replace(RECIPE, optimiser="sgd", learning_rate=0.05)
    last = train(twin, *packed, recipe, tmp_path, verbose=0)
    assert last["val_top1"] >= 0.8
    assert '"residual_float"' in (tmp_path / "recipe.json").read_text()


def test_wrong_optimisers_are_refused() -> None:
    """Bop needs binary weights; an unknown name is answered with the known ones."""
    twin = residual.build(3, None, binary=False, **SMALL)
    with pytest.raises(InputError, match="found none in residual_float"):
        optimiser_of(dataclasses.replace(RECIPE, optimiser="bop"), twin, 5)
    with pytest.raises(InputError, match="adam, bop or sgd, found 'lion'"):
        optimiser_of(dataclasses.replace(RECIPE, optimiser="lion"), twin, 5)


def test_average_is_the_running_one() -> None:
    """After some steps the average is what the formula gives; swapping twice changes nothing."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False)])
    model.build((None, 1))
    model.set_weights([np.array([[0.0]])])
    average = WeightAverage(model, 0.3)
    expected = 0.0
    for step, weight in enumerate((4.0, 2.0, 7.0)):
        model.set_weights([np.array([[weight]])])
        average.on_train_batch_end(step)
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    average.swap()
    assert model.get_weights()[0].item() == pytest.approx(expected, rel=1e-6)
    average.swap()
    assert model.get_weights()[0].item() == 7.0


def test_the_average_is_what_is_validated_and_kept(
    packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """The kept weights are the average: with a decay of one they stay those of the first step."""
    recipe = dataclasses.replace(RECIPE, stages=(Stage(2, 32),), averaging=0.9)
    with_average, without = residual.build(3, None, **SMALL), residual.build(3, None, **SMALL)
    start = with_average.get_weights()
    without.set_weights(start)
    last = train(with_average, *packed, recipe, tmp_path / "a", verbose=0)
    other = train(
        without, *packed, dataclasses.replace(recipe, averaging=0.0), tmp_path / "b", verbose=0
    )
    assert last["loss"] == pytest.approx(other["loss"], rel=0.05)
    assert last["val_loss"] != other["val_loss"]
    kept = residual.build(3, None, **SMALL)
    kept.load_weights(tmp_path / "a" / "weights.h5")
    kept.compile(loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    from headfit_zoo.training.batches import evaluation_batches
    from headfit_zoo.training.training import normalise

    batches = evaluation_batches(packed[1], size=32).map(lambda x, y: (normalise(x), y))
    assert kept.evaluate(batches, verbose=0) == pytest.approx(last["val_loss"], abs=2e-5)
