"""One file per family of networks, each a function from settings to a Keras model.

Every model has two layers by name: ``embedding`` is what the extractor returns, ``logits`` is the
classifier it was trained with and is cut off before shipping.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from headfit_zoo.architectures import residual

ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "residual": residual.build,
    "residual_float": partial(residual.build, binary=False),
}
"""By the name of the Keras model that each builds."""
