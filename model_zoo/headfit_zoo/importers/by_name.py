"""Every importer by the name of its extractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headfit.files import Preprocessing
from headfit_zoo.artifact import MEAN, STD
from headfit_zoo.importers import bmxnet, quicknet

Shapes = Mapping[str, tuple[int, ...]]
"""Of a network's weights by layer and part, in its order."""
Read = Callable[[bytes, str, Shapes], Mapping[str, NDArray[np.float32]]]
"""From a file's bytes, a name for messages and the network's shapes to its weights."""


@dataclass(frozen=True)
class Importer:
    """How a file of published weights is read, and what the network expects to see."""

    read: Read
    preprocessing: Preprocessing


def _centre_224(
    interpolation: str, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Preprocessing:
    return Preprocessing(224, 224, "shorter-side", 256, interpolation, mean, std)


_QUICKNET = _centre_224("bicubic", MEAN, STD)

IMPORTERS = {
    "quicknet": Importer(quicknet.read, _QUICKNET),
    "quicknet-large": Importer(quicknet.read, _QUICKNET),
    "quicknet-small": Importer(quicknet.read, _QUICKNET),
    "resnet18-binary-imagenet": Importer(
        bmxnet.read, _centre_224("bilinear", (123.68, 116.779, 103.939), (1.0, 1.0, 1.0))
    ),
}
"""By the name of the extractor, which is the name of its card."""
