"""Shapes and strides of operators that go element by element, in as few axes as there need be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headfit.engines.native.steps import DIMS

Strides = tuple[int, ...]


def contiguous(shape: Sequence[int]) -> Strides:
    """Return the strides of an array without gaps, in elements."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def broadcast(shape: Sequence[int], to: Sequence[int]) -> Strides:
    """Return the strides by which an array of `shape` is read as one of shape `to`."""
    missing = len(to) - len(shape)
    own = contiguous(shape)
    return (0,) * missing + tuple(
        0 if n == 1 else stride for n, stride in zip(shape, own, strict=True)
    )


def in_four_axes(
    shape: Sequence[int], *operands: Strides
) -> tuple[tuple[int, ...], list[Strides]] | None:
    """Join neighbouring axes that every operand walks as one; None if more than four are left."""
    dims: list[int] = []
    strides: list[list[int]] = [[] for _ in operands]
    for axis in range(len(shape) - 1, -1, -1):
        n, of_axis = shape[axis], [operand[axis] for operand in operands]
        if n == 1:
            continue
        if dims and all(s == own[0] * dims[0] for s, own in zip(of_axis, strides, strict=True)):
            dims[0] *= n
            continue
        dims.insert(0, n)
        for s, own in zip(of_axis, strides, strict=True):
            own.insert(0, s)
    if len(dims) > DIMS:
        return None
    missing = DIMS - len(dims)
    if not dims:  # one element: read in a row of one
        return (1,) * DIMS, [(0, 0, 0, 1)] * len(operands)
    return (1,) * missing + tuple(dims), [(0,) * missing + tuple(own) for own in strides]
