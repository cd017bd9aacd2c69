"""``headfit-zoo train`` and ``headfit-zoo distill``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headfit_zoo.commands.choices import known
from headfit_zoo.commands.terminal import console, progress

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

    from headfit_zoo.training import PackedSet

RECOVERED_FROM = 500
"""Pictures that give the statistics of a recovered network's batch norms."""

Data = Annotated[
    Path,
    typer.Argument(
        help="A folder with a folder of pictures per class, "
        "or one that holds such folders train/ and val/."
    ),
]
Run = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for log and checkpoints; a second start goes on from its last checkpoint.",
    ),
]
Architecture = Annotated[str, typer.Option(help="Network, by name.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="Training settings, by name.")]
StartFrom = Annotated[
    Path | None,
    typer.Option(
        help="What to begin with: the folder of a finished training of the same network, "
        "or an extractor (.tflite) that was converted from one."
    ),
]
Strategy = Annotated[
    str,
    typer.Option(
        help="none; mirrored: all devices of this machine; multiworker: the machines in TF_CONFIG."
    ),
]


def train(
    data: Data,
    run: Run,
    architecture: Architecture = "residual",
    recipe: RecipeName = "tiny-imagenet-short",
    start_from: StartFrom = None,
    strategy: Strategy = "none",
) -> None:
    """Train a network; stop it when you like and start it again."""
    _train(data, run, architecture, recipe, start_from, strategy)


def distill(
    data: Data,
    run: Run,
    architecture: Architecture = "residual",
    recipe: RecipeName = "tiny-imagenet-distil",
    start_from: StartFrom = None,
    strategy: Strategy = "none",
    logits: Annotated[
        Path | None,
        typer.Option(
            help="The teacher's logits of the training pictures (.npy); by default they are "
            "computed once, into the output folder."
        ),
    ] = None,
    teacher_size: Annotated[
        int, typer.Option(help="Pixels that the teacher sees pictures at.")
    ] = 160,
) -> None:
    """Train a network on its labels and on what a float ImageNet network sees."""
    _train(
        data,
        run,
        architecture,
        recipe,
        start_from,
        strategy,
        teacher=lambda images: _logits(images, logits or run / "logits.npy", teacher_size),
    )


def _train(
    data: Path,
    run: Path,
    architecture: str,
    recipe: str,
    start_from: Path | None,
    strategy: str,
    teacher: Callable[[NDArray[np.uint8]], NDArray[np.float16]] | None = None,
) -> None:
    from headfit_zoo.architectures import ARCHITECTURES
    from headfit_zoo.training import RECIPES, STRATEGIES, open_or_pack, open_strategy, worker_index
    from headfit_zoo.training import train as run_training

    build = known("architecture", architecture, ARCHITECTURES)
    settings = known("recipe", recipe, RECIPES)
    known("strategy", strategy, dict.fromkeys(STRATEGIES))
    opened = open_strategy(strategy)
    worker = worker_index(opened)
    # Workers on machines of their own share no disk; those on one must not pack into one folder.
    packed = run / "data" if worker == 0 else run / f"data-{worker}"
    with progress("Packing pictures") as report:
        training, validation = open_or_pack(data, packed, settings.final_size, progress=report)
    seen = teacher and teacher(training.images)
    console.print(
        f"{len(training)} training and {len(validation)} validation pictures, "
        f"{len(training.classes)} classes; {settings.epochs} epochs into {run}"
    )
    with opened.scope():
        model = build(len(training.classes), None)
    last = run_training(
        model,
        training,
        validation,
        settings,
        run,
        start=start_from and _weights(start_from, run, model, training),
        teacher=seen,
        verbose=1 if sys.stdout.isatty() else 2,
    )
    console.print(f"validation top-1 {last['val_top1']:.1%}, top-5 {last['val_top5']:.1%}")


def _weights(start: Path, run: Path, model: tf.keras.Model, training: PackedSet) -> Path:
    """Return the weights to begin with; an extractor's are recovered once, into the run's folder.

    Its classifier was cut off, so the new one begins at random.
    """
    if start.suffix != ".tflite":
        return start / "weights.h5"
    from headfit_zoo.conversion import recover
    from headfit_zoo.training import normalise

    path = run / "start.h5"
    if not path.exists():
        images = training.images[:: max(1, len(training) // RECOVERED_FROM)]
        recover(start.read_bytes(), model, normalise(images.astype("float32")).numpy())
        model.save_weights(path)
    return path


def _logits(images: NDArray[np.uint8], path: Path, size: int) -> NDArray[np.float16]:
    import numpy as np

    from headfit_zoo.training import open_teacher, write_logits

    if not path.exists():
        with progress("Asking the teacher") as report:
            write_logits(images, path, open_teacher(size), progress=report)
    logits: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return logits
