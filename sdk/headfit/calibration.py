"""How sure a head may be: temperature, rejection and conformal sets from held-out logits."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating[Any]]
TargetArray: TypeAlias = npt.NDArray[np.intp]

# One standard deviation of what is believed of a temperature's logarithm before any photo.
_DOUBT = math.log(2)
_SEARCHED = math.log(256)
_HALVINGS = 12


def sharpness(logits: Array, targets: TargetArray, expected: float) -> float:
    """Return the factor for logits that makes their probabilities the most believable.

    One over the temperature of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
    section 4.2. With few examples the one that is expected counts: the logarithm of the factor is
    taken for normal about it, give or take a factor of two.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
        Of examples that the head was not fitted on; there may be none.
    targets : ndarray of shape (n_samples,), dtype intp
    expected : float
        The factor that logits of this kind usually need.

    Returns
    -------
    float
        Positive, within 256 times of the expected, exact to a fraction of a percent.
    """
    rows = np.arange(len(targets))
    relative = logits - logits[rows, targets][:, np.newaxis]
    low, high = -_SEARCHED, _SEARCHED
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        factor = expected * math.exp(middle)
        scaled = factor * relative
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=0))
        # d / d log(factor) of the losses' sum: the mean scaled logit less the target's
        slope = float(((weights * scaled).sum(axis=1) / weights.sum(axis=1)).sum())
        if slope + middle / _DOUBT**2 > 0:
            high = middle
        else:
            low = middle
    return expected * math.exp((low + high) / 2)
