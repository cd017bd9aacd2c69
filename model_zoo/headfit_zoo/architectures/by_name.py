"""Every network by its name. A new one is a file beside this one, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from headfit_zoo.architectures import alexnet, quicknet, residual, resnet18

ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "alexnet_224": alexnet.build,
    "alexnet_224_float": partial(alexnet.build, binary=False),
    "alexnet_64": partial(alexnet.build, variant=64),
    "alexnet_64_float": partial(alexnet.build, variant=64, binary=False),
    **{name: partial(quicknet.build, name=name, **size) for name, size in quicknet.SIZES.items()},
    **{
        f"{name}{'' if binary else '_float'}": partial(
            residual.build, name=name, binary=binary, **size
        )
        for name, size in residual.SIZES.items()
        for binary in (True, False)
    },
    "resnet18": resnet18.build,
    "resnet18_float": partial(resnet18.build, binary=False),
}
"""By the name of the Keras model that each builds."""


def usual_size(name: str) -> int:
    """Return the height and width in pixels that a network is meant for."""
    if name.startswith("residual_large"):
        return 112
    return 64 if name.startswith(("residual", "alexnet_64")) else 224
