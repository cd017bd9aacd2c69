"""Settings of a fit: the parameters of `headfit.head.SoftmaxHead`, checked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import Any

from headfit.errors import InputError

SOLVERS = ("adam", "sgd")

DEFAULT_L2 = 50.0
"""Measured on 5 kinds of flowers and 15 of scenes, 1 to 400 photos per class, with the 288-wide
embeddings of a binary network: near the most accurate of 1 to 3000 at every number of photos, with
probabilities closer to how often they are right than at 10 or less. It counts against the sum of
the losses, so it needs no change as photos come.
"""

_NUMBERS = {"l2", "tolerance", "max_iterations", "label_smoothing", "learning_rate"}

MAX_L2 = 1e9
"""Beyond it the weights drown in the rounding of float32."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fit; `headfit.head.SoftmaxHead` says what each means."""

    method: str = "auto"
    l2: float | None = DEFAULT_L2
    tolerance: float = 1e-4
    max_iterations: int = 500
    balanced: bool = False
    label_smoothing: float = 0.0
    solver: str = "adam"
    learning_rate: float = 0.01

    @property
    def penalty(self) -> float:
        """The `l2` that was named, or chosen before anything is fitted with these settings."""
        assert self.l2 is not None
        return self.l2


def settings_of(methods: Collection[str], *, class_weight: str | None, **others: Any) -> Settings:
    """Return the settings that a head's parameters make; its method must be one of ``methods``.

    Raises
    ------
    InputError
        If one makes no sense.
    """
    for name, value in others.items():
        is_default = name == "l2" and value is None  # it is chosen then
        if name in _NUMBERS and not (isinstance(value, Real) or is_default):
            raise InputError(
                f"expected a number for {name}, found {value!r}; leave it out for the default"
            )
    settings = Settings(balanced=class_weight == "balanced", **others)
    rules = [
        (
            class_weight in (None, "balanced"),
            "a class_weight of None or 'balanced'",
            class_weight,
        ),
        (settings.method in tuple(methods), "a method of " + ", ".join(methods), settings.method),
        (
            settings.l2 is None or 0 <= settings.l2 <= MAX_L2,
            f"l2 of None or from 0 to {MAX_L2:g}",
            settings.l2,
        ),
        (0 <= settings.tolerance < 1, "a tolerance from 0 to below 1", settings.tolerance),
        (settings.max_iterations >= 1, "max_iterations of at least 1", settings.max_iterations),
        (settings.solver in SOLVERS, "a solver of " + ", ".join(SOLVERS), settings.solver),
        (
            0 < settings.learning_rate < float("inf"),
            "a learning_rate above 0",
            settings.learning_rate,
        ),
        (
            0 <= settings.label_smoothing < 1,
            "label_smoothing from 0 to below 1",
            settings.label_smoothing,
        ),
    ]
    for is_right, expected, found in rules:
        if not is_right:
            raise InputError(f"expected {expected}, found {found!r}; leave it out for the default")
    return settings
