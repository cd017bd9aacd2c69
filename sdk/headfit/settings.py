"""Settings of a fit: the parameters of `headfit.head.SoftmaxHead`, checked."""

from __future__ import annotations

from dataclasses import dataclass

from headfit.errors import InputError

METHODS = ("auto", "imprint", "lda", "logistic", "binary")
SOLVERS = ("adam", "sgd")

DEFAULT_L2 = 50.0
"""Measured on 5 kinds of flowers and 15 of scenes, 1 to 400 photos per class, with the 288-wide
embeddings of a binary network: near the most accurate of 1 to 3000 at every number of photos, with
probabilities closer to how often they are right than at 10 or less. It counts against the sum of
the losses, so it needs no change as photos come.
"""

MAX_L2 = 1e9
"""Beyond it the weights drown in the rounding of float32."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fit; `headfit.head.SoftmaxHead` says what each means."""

    method: str = "auto"
    l2: float = DEFAULT_L2
    tolerance: float = 1e-4
    max_iterations: int = 500
    balanced: bool = False
    label_smoothing: float = 0.0
    solver: str = "adam"
    learning_rate: float = 0.01


def check_settings(settings: Settings) -> None:
    """Refuse settings of a head that make no sense."""
    if settings.method not in METHODS:
        raise InputError(f"expected a method of {', '.join(METHODS)}, found {settings.method!r}")
    if not 0 <= settings.l2 <= MAX_L2:
        raise InputError(f"expected l2 from 0 to {MAX_L2:g}, found {settings.l2}")
    if not 0 <= settings.tolerance < 1:
        raise InputError(f"expected a tolerance from 0 to below 1, found {settings.tolerance}")
    if settings.max_iterations < 1:
        raise InputError(f"expected max_iterations of at least 1, found {settings.max_iterations}")
    if settings.solver not in SOLVERS:
        raise InputError(f"expected a solver of {', '.join(SOLVERS)}, found {settings.solver!r}")
    if not 0 < settings.learning_rate < float("inf"):
        raise InputError(f"expected a learning_rate above 0, found {settings.learning_rate}")
    if not 0 <= settings.label_smoothing < 1:
        raise InputError(
            f"expected label_smoothing from 0 to below 1, found {settings.label_smoothing}"
        )
