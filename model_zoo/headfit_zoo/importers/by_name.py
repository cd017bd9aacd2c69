"""Every importer by the name of its extractor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from headfit.files import Preprocessing
from headfit_zoo.importers import bmxnet, quicknet
from headfit_zoo.training import MEAN, STD


@dataclass(frozen=True)
class Importer:
    """How a file of published weights becomes a Keras model, and what that model expects.

    Attributes
    ----------
    build : callable
        From the file's bytes and a name for messages to a model with layers ``embedding`` and
        ``logits``.
    preprocessing : Preprocessing
    """

    build: Callable[[bytes, str], Any]
    preprocessing: Preprocessing


def _centre_224(
    interpolation: str, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Preprocessing:
    return Preprocessing(224, 224, "shorter-side", 256, interpolation, mean, std)


_QUICKNET = _centre_224("bicubic", MEAN, STD)

IMPORTERS = {
    "quicknet": Importer(quicknet.build, _QUICKNET),
    "quicknet-large": Importer(partial(quicknet.build, name="quicknet_large"), _QUICKNET),
    "quicknet-small": Importer(partial(quicknet.build, name="quicknet_small"), _QUICKNET),
    "resnet18-binary-imagenet": Importer(
        bmxnet.build, _centre_224("bilinear", (123.68, 116.779, 103.939), (1.0, 1.0, 1.0))
    ),
}
"""By the name of the extractor, which is the name of its card."""
