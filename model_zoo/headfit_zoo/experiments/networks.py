"""The rows that train whole networks: from scratch on the set, or fine-tuned from a large one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import larq_compute_engine as lce
import numpy as np
import tensorflow as tf

from headfit import InputError
from headfit.photos import PhotoProgress
from headfit_zoo.architectures import ARCHITECTURES
from headfit_zoo.conversion import load_trained
from headfit_zoo.experiments.rows import Scores
from headfit_zoo.experiments.sets import SplitPictures
from headfit_zoo.training import (
    RECIPES,
    Recipe,
    Stage,
    evaluation_batches,
    normalise,
    train,
)

PAPER_RECIPES: Final[Mapping[str, Recipe]] = {
    # The paper names crops, Adam for binary and SGD for float; the rest is ours.
    "scratch": Recipe(
        stages=(Stage(40, 48), Stage(20, 64, unscaled=0.5)),
        final_size=64,
        batch_size=64,
        warmup_epochs=2,
        label_smoothing=0.1,
    ),
    "finetune": Recipe(
        # Half as long at a sixth of the rate, two of three training scenes were right at the end.
        stages=(Stage(30, 64, unscaled=0.5),),
        final_size=64,
        batch_size=64,
        learning_rate=3e-3,
        warmup_epochs=1,
        label_smoothing=0.1,
    ),
    # For networks that take one size only.
    "scratch-64": Recipe(
        stages=(Stage(20, 64, unscaled=0.5),),
        final_size=64,
        batch_size=64,
        learning_rate=5e-4,
        warmup_epochs=1,
        label_smoothing=0.1,
        bfloat16=True,
    ),
    "smoke": RECIPES["smoke"],
}

SGD_FASTER: Final = 10
"""The float rows' learning rate, that of SGD with momentum, over Adam's. Not tuned."""


def train_network(
    data: SplitPictures,
    architecture: str,
    recipe: str,
    work: Path,
    *,
    pretrained: Path | None = None,
    progress: PhotoProgress | None = None,
) -> Scores:
    """Train every weight of a network, going on from the last checkpoint.

    Parameters
    ----------
    data : SplitPictures
    architecture : str
        One of `headfit_zoo.architectures.ARCHITECTURES`.
    recipe : str
        One of `PAPER_RECIPES`.
    work : Path
        Keeps pictures and checkpoints.
    pretrained : Path, optional
        A finished training of the same network on a large set, whose weights all but the
        classifier begins with.

    Raises
    ------
    InputError
        If there is no such network or recipe, or `pretrained` is of another network.
    """
    for name, choices in ((architecture, ARCHITECTURES), (recipe, PAPER_RECIPES)):
        if name not in choices:
            raise InputError(f"expected one of {', '.join(choices)}, found {name!r}")
    settings = PAPER_RECIPES[recipe]
    if architecture.endswith("_float"):
        rate = SGD_FASTER * settings.learning_rate
        settings = replace(settings, optimiser="sgd", learning_rate=rate)
    training, test = data.pack(work / "data", settings.final_size, progress=progress)
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(settings.seed)
    model = ARCHITECTURES[architecture](len(training.classes), None)
    if pretrained is not None:
        _take_weights(model, pretrained)
    run = work / "training"
    train(model, training, test, settings, run)
    pictures = evaluation_batches(test, size=settings.final_size)
    scores = model.predict(pictures.map(lambda images, _: normalise(images)), verbose=0)
    return Scores(
        np.asarray(scores),
        {"recipe": recipe, **settings.as_dict(), "pretrained": pretrained and str(pretrained)},
        {"fit_s": _training_s(run), "shipped_bytes": _shipped_bytes(run)},
    )


def _training_s(run: Path) -> float:
    """Return the seconds of all epochs, those of earlier starts too."""
    with (run / "log.csv").open(newline="", encoding="utf-8") as stream:
        return sum(float(row["seconds"]) for row in csv.DictReader(stream))


def _shipped_bytes(run: Path) -> int:
    """Return the size of the whole network, classifier included, as an app would ship it."""
    return len(lce.convert_keras_model(load_trained(run)))


def _take_weights(model: tf.keras.Model, run: Path) -> None:
    """Begin with another training's weights, the classifier's excepted."""
    # Loading clears the session, in which layers are numbered; the model is whole already.
    other = load_trained(run)
    if other.name != model.name:
        raise InputError(f"expected a training of {model.name} in {run}, found {other.name}")
    for mine, theirs in zip(model.layers, other.layers, strict=True):
        if mine.name != "logits":
            mine.set_weights(theirs.get_weights())
