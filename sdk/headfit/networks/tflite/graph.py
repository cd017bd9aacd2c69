"""A network as plain values: tensors, operators, and which tensors go in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Options = Mapping[str, Any]
"""An operator's options by name: int, float, bool, or a tuple of int."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (stored - zero_point), per tensor or along one axis."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor; `data` is its content if it is constant, and None otherwise.

    `open_axes` are those whose length the file leaves open; `shape` has some length for them,
    mostly 1. What is written has no open axes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: NDArray[Any] | None = None
    quantization: Quantization | None = None
    open_axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: the schema's name (or LCE's), and indices of tensors (-1: absent)."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Graph:
    """A network. Operators are in the order in which they run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
