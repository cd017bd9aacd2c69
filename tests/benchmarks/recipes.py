"""What single choices of a recipe are worth, by short trainings of the embedded network.

``python tests/benchmarks/recipes.py PACKED FOLDER`` trains on every tenth picture of a packed set
(what ``headfit-zoo train`` leaves in its folder's ``data/``), once with each of `CHOICES`, and
validates on every second one. FOLDER keeps the teacher's logits and the trainings; a second start
goes on from there. Needs the teacher's packages (`headfit_zoo.training.teacher`).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from headfit_zoo.architectures import ARCHITECTURES
from headfit_zoo.commands.terminal import progress
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.distillation import class_columns
from headfit_zoo.training.recipes import Recipe, Stage
from headfit_zoo.training.teacher import open_teacher, write_logits
from headfit_zoo.training.training import train

TRAINING_STEP, VALIDATION_STEP = 10, 2
TEACHER_SIZE = 160
PLAIN = Recipe(stages=(Stage(4, 32), Stage(4, 48)), final_size=64)
CHOICES = {
    "plain: Adam, labels": PLAIN,
    "distilled, weight 0.5": replace(PLAIN, teacher_weight=0.5),
    "distilled, weight 0.9, temperature 2": replace(PLAIN, teacher_weight=0.9, temperature=2.0),
    "label smoothing 0.1": replace(PLAIN, label_smoothing=0.1),
    "averaged weights": replace(PLAIN, averaging=0.995),
    "Bop for the binary weights": replace(PLAIN, optimiser="bop"),
}


def thinned(packed: PackedSet, step: int) -> PackedSet:
    """Return every `step`-th picture; training pictures stand class by class and keep shares."""
    return PackedSet(packed.images[::step], packed.targets[::step], packed.classes)


def main() -> None:
    """Print a Markdown table."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    training = thinned(PackedSet.load(source / "train"), TRAINING_STEP)
    validation = thinned(PackedSet.load(source / "val"), VALIDATION_STEP)
    path = folder / "logits.npy"
    if not path.exists():
        with progress("Asking the teacher") as report:
            write_logits(training.images, path, open_teacher(TEACHER_SIZE), progress=report)
    logits = np.load(path)
    best = logits[:, class_columns(training, logits)].argmax(1)
    right = (best == training.targets).mean()
    print(f"{len(training)} pictures; the teacher's best class is right for {right:.1%} of them\n")
    print("| | top-1 | top-5 | minutes |\n| --- | --- | --- | --- |", flush=True)
    for number, (name, recipe) in enumerate(CHOICES.items()):
        run = folder / str(number)
        taught = logits if recipe.teacher_weight else None
        tf.keras.utils.set_random_seed(recipe.seed)  # all begin with the same weights
        model = ARCHITECTURES["residual"](len(training.classes), None)
        last = train(model, training, validation, recipe, run, teacher=taught, verbose=0)
        log = (run / "log.csv").read_text(encoding="utf-8").splitlines()[1:]
        minutes = sum(float(row.rpartition(",")[2]) for row in log) / 60
        cells = f"{last['val_top1']:.1%} | {last['val_top5']:.1%} | {minutes:.1f}"
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
