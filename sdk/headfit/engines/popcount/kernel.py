"""Kernels: the functions that operators are compiled to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Kernel = Callable[..., NDArray[Any]]
"""Takes the operator's present operands in order and returns its output; keeps no state."""
