"""Types that all rooms share: arrays by what they hold, and the values of a training record."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""What the device computes with: embeddings, weights, logits, probabilities."""

DoubleArray: TypeAlias = npt.NDArray[np.float64]
"""Sums over many samples, and what is derived from them."""

Array: TypeAlias = npt.NDArray[np.floating[Any]]
"""Of either precision."""

Floats = TypeVar("Floats", bound=Array)
"""The same precision in and out."""

TargetArray: TypeAlias = npt.NDArray[np.intp]
"""The column of each sample's class."""

BoolArray: TypeAlias = npt.NDArray[np.bool_]

Scalar: TypeAlias = str | int | float | bool | None
"""A value that says how something was trained."""
