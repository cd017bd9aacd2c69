"""One experiment from its name to its result; what was measured before is not measured again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from headfit import Extractor, InputError
from headfit.finetune import TuningSettings
from headfit.photos import CROPPED, WHOLE, PhotoProgress
from headfit_zoo.experiments import frozen, results
from headfit_zoo.experiments.networks import train_network
from headfit_zoo.experiments.report import ROWS
from headfit_zoo.experiments.results import Result
from headfit_zoo.experiments.rows import (
    Say,
    Scores,
    train_blocks,
    train_float_head,
    train_head,
)
from headfit_zoo.experiments.sets import SplitPictures
from headfit_zoo.training import efficientnet

HEADS: Final = {
    "a": ("binary", (WHOLE,)),
    "b": ("logistic", (WHOLE,)),
    "a-crops": ("binary", CROPPED),
    "b-crops": ("logistic", CROPPED),
}
BLOCKS: Final = {"block1": 1, "block2": 2}


@dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes
    ----------
    dataset, row : str
        Keys of `SETS` and `ROWS`.
    extractor : str or None
        For the rows with a frozen network: its name or path; None is the one of headfit.
    architecture, recipe : str
        For the rows that train a network.
    pretrained : Path or None
        For "fp-finetuned" and "fp-frozen": a finished training of the float network on the large
        set.
    n_views : int
        For the rows past the paper, as in `headfit.finetune.FineTuner.activations`.
    tuning : TuningSettings
        For the same rows.
    """

    dataset: str
    row: str
    extractor: str | None = None
    architecture: str = "residual"
    recipe: str = "scratch"
    pretrained: Path | None = None
    n_views: int = 4
    tuning: TuningSettings = field(default_factory=TuningSettings)

    def __post_init__(self) -> None:
        if self.row not in ROWS:
            raise InputError(f"expected a row of {', '.join(ROWS)}, found {self.row!r}")
        if self.row in ("fp-finetuned", "fp-frozen") and self.pretrained is None:
            raise InputError(
                f"expected --pretrained for the row {self.row}, found none; give the folder of "
                "the float network's training on the large set"
            )


def run(
    experiment: Experiment,
    folder: Path,
    work: Path,
    *,
    data: SplitPictures | None = None,
    progress: PhotoProgress | None = None,
    say: Say = lambda _: None,
) -> Result:
    """Run an experiment, or read its result when there is one of the same frozen network.

    Parameters
    ----------
    experiment : Experiment
    folder : Path
        Keeps results.
    work : Path
        Keeps embeddings, packed pictures and checkpoints, from which a run that was ended goes on.
    data : SplitPictures, optional
        By default the set that the experiment names.
    progress, say : callable, optional
        Hear of pictures embedded and of epochs.
    """
    network, fingerprint = _network(experiment)
    path = results.path_of(folder, experiment.dataset, experiment.row, network)
    if path.exists():
        found = Result.load(path)
        if found.settings.get("fingerprint") == fingerprint:
            return found
    data = data or SplitPictures.open(experiment.dataset)
    cache = work / "embeddings"  # two rows of one extractor share them
    work = work / path.stem
    work.mkdir(parents=True, exist_ok=True)
    scored = _scores(experiment, data, work, cache, progress, say)
    classes = sorted(set(data.classes))
    column = {name: i for i, name in enumerate(classes)}
    targets = np.array([column[name] for name in data.classes[data.test]], np.intp)
    result = Result(
        dataset=experiment.dataset,
        row=experiment.row,
        network=network,
        top1=results.share(results.hits(scored.scores, targets, 1)),
        top5=results.share(results.hits(scored.scores, targets, 5)),
        n_train=len(data.train),
        n_test=len(data.test),
        n_classes=len(classes),
        settings=scored.settings,
        measured=scored.measured,
        seed=int(scored.settings.get("seed", 0)),
        versions=results.versions(),
        command=results.command(),
    )
    result.save(folder)
    return result


def _network(experiment: Experiment) -> tuple[str, str | None]:
    """Return the name under which the result is filed, and the frozen network's fingerprint."""
    if experiment.row in HEADS or experiment.row in BLOCKS:
        manifest = Extractor.manifest_of(experiment.extractor)
        return manifest.name, manifest.fingerprint
    if experiment.row == "efficientnet":
        return "efficientnet-lite0", efficientnet.fingerprint()
    if experiment.row == "fp-frozen":
        assert experiment.pretrained is not None  # an experiment refuses to be made without it
        return _architecture(experiment), frozen.fingerprint(experiment.pretrained)
    return _architecture(experiment), None


def _architecture(experiment: Experiment) -> str:
    suffix = "" if experiment.row == "binary-scratch" else "_float"
    return experiment.architecture.removesuffix("_float") + suffix


def _scores(
    experiment: Experiment,
    data: SplitPictures,
    work: Path,
    cache: Path,
    progress: PhotoProgress | None,
    say: Say,
) -> Scores:
    if experiment.row in HEADS:
        opened = Extractor.open(experiment.extractor)
        method, views = HEADS[experiment.row]
        return train_head(data, opened, method, work, cache, views=views, progress=progress)
    if experiment.row == "efficientnet":
        return train_float_head(data, efficientnet.EfficientNetLite0(), cache, progress=progress)
    if experiment.row == "fp-frozen":
        assert experiment.pretrained is not None
        network = frozen.FrozenNetwork(experiment.pretrained)
        return train_float_head(data, network, cache, progress=progress)
    if experiment.row in BLOCKS:
        return train_blocks(
            data,
            experiment.extractor,
            BLOCKS[experiment.row],
            experiment.n_views,
            experiment.tuning,
            work,
            cache,
            progress=progress,
            say=say,
        )
    return train_network(
        data,
        _architecture(experiment),
        experiment.recipe,
        work,
        pretrained=experiment.pretrained,
        progress=progress,
    )
