"""Settings of a training on a mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from headfit_zoo.mixture.student import Weights

DECAY = 0.2
"""Share of all steps in which the rate falls to zero."""


@dataclass(frozen=True)
class Recipe:
    """How a student is trained.

    Attributes
    ----------
    stages : tuple of (int, int)
        First step and size in pixels, ascending from step 0: small pictures first.
    steps : int or None
        In all; None goes on until `training.finish` is called.
    architecture : str
        A name in `headfit_zoo.architectures.ARCHITECTURES`; a float twin's ends in
        ``_float``.
    options : mapping of str to object
        What else its builder is given, such as other widths.
    batch : int
    rate_binary, rate : float
        Adam's peak, for latent weights and for all others.
    decay : float
        Of the kernels that are not binary, per step and rate.
    warmup : int
        Steps in which the rate rises.
    weights : Weights
    seed : int
    """

    stages: tuple[tuple[int, int], ...]
    steps: int | None = None
    architecture: str = "residual_large"
    options: Mapping[str, object] = field(default_factory=dict)
    batch: int = 64
    rate_binary: float = 2.5e-3
    rate: float = 2.5e-3
    decay: float = 0.02
    warmup: int = 200
    weights: Weights = field(default_factory=Weights)
    seed: int = 1

    def size_at(self, step: int) -> int:
        """Return the size of pictures at a step, in pixels."""
        return next(size for first, size in reversed(self.stages) if step >= first)

    def as_dict(self) -> dict[str, object]:
        """As plain values for JSON."""
        return asdict(self)


def share_of_peak(step: int, warmup: int, end: tuple[int, int] | None, first: int = 0) -> float:
    """Return the rate at a step as a share of its peak.

    It rises along a line, stays, and falls along a line to zero once an end is in sight, so that a
    training can end whenever the hours do (Hu et al., "MiniCPM", 2024).

    Parameters
    ----------
    step : int
        Counted from 0.
    warmup : int
    end : tuple of (int, int) or None
        First step of the fall, and the step at which the rate would be zero.
    first : int, optional
        The step at which it begins to rise.
    """
    share = min(1.0, (step - first + 1) / max(1, warmup))
    if end is not None and step >= end[0]:
        share *= max(0.0, (end[1] - step) / (end[1] - end[0]))
    return share


_PILOT = Recipe(stages=((0, 48),), steps=700, warmup=70)
RECIPES = {
    "pilot-labels": replace(_PILOT, weights=Weights(1.0, 0.0, 0.0)),
    "pilot-outputs": replace(_PILOT, weights=Weights(1.0, 1.0, 0.0)),
    "pilot-features": _PILOT,
    "pilot-features-5": replace(_PILOT, weights=Weights(1.0, 1.0, 5.0)),
    "pilot-features-15": replace(_PILOT, weights=Weights(1.0, 1.0, 15.0)),
    "pilot-float": replace(
        _PILOT, weights=Weights(1.0, 1.0, 15.0), architecture="residual_large_float"
    ),
    "eye": Recipe(stages=((0, 48), (15_000, 64), (30_000, 96)), weights=Weights(1.0, 1.0, 15.0)),
    # Ten times as wide an embedding of larger numbers: at the rate of ``eye`` its heads overshoot.
    "alexnet": Recipe(
        stages=((0, 64),), weights=Weights(1.0, 1.0, 15.0), architecture="alexnet_64", rate=1e-4
    ),
}
"""Pilots are of equal length; ``eye`` is the long training, ``alexnet`` the paper's network."""
