"""Networks are trained: pictures packed, recipes, optimisers, a teacher, checkpoints."""

from headfit_zoo.training import efficientnet
from headfit_zoo.training.batches import evaluation_batches
from headfit_zoo.training.datasets import (
    PackedSet,
    find_pictures,
    open_or_pack,
    pack,
)
from headfit_zoo.training.recipes import RECIPES, Recipe, Stage
from headfit_zoo.training.strategies import STRATEGIES, open_strategy, worker_index
from headfit_zoo.training.teacher import open_teacher, write_logits
from headfit_zoo.training.training import normalise, train

__all__ = [
    "RECIPES",
    "STRATEGIES",
    "PackedSet",
    "Recipe",
    "Stage",
    "efficientnet",
    "evaluation_batches",
    "find_pictures",
    "normalise",
    "open_or_pack",
    "open_strategy",
    "open_teacher",
    "pack",
    "train",
    "worker_index",
    "write_logits",
]
