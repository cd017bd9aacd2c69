"""The sigmoid: from a logit to the probability of one class by itself."""

from __future__ import annotations

import numpy as np

from headfit.maths.arrays import Floats


def sigmoid(logits: Floats) -> Floats:
    """Return ``1 / (1 + exp(-logits))``: from 0 to 1, of the same shape and dtype.

    Bishop, Pattern Recognition and Machine Learning, 2006, equation 4.59.
    """
    probabilities = np.empty_like(logits)
    np.negative(logits, out=probabilities)
    with np.errstate(over="ignore"):  # infinity makes it 0, which it is
        np.exp(probabilities, out=probabilities)
    np.add(probabilities, 1, out=probabilities)
    np.reciprocal(probabilities, out=probabilities)
    return probabilities
