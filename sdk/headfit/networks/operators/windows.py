"""Where a sliding window reads: strides, dilation and TFLite's padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from headfit.networks.operators.node import Node
from headfit.networks.tflite.schema import SAME, VALID

_MAX_STEP: Final = 1 << 15
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over (n, height, width, channels); pairs are (vertical, horizontal)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    """Padding above and to the left."""
    after: tuple[int, int]
    """Padding below and to the right."""
    output: tuple[int, int]

    @classmethod
    def of(cls, node: Node, shape: tuple[int, ...], size: tuple[int, int]) -> Window:
        """Return the window of an operator over an input of `shape`.

        As TFLite's ComputePaddingHeightWidth: SAME gives ceil(in / stride) outputs and puts the
        odd row or column of padding after.
        """
        padding = node.option("padding", SAME, VALID)
        stride = (
            node.option("stride_height", 1, _MAX_STEP),
            node.option("stride_width", 1, _MAX_STEP),
        )
        dilation = (1, 1)
        if node.dilates:
            dilation = (
                node.option("dilation_height_factor", 1, _MAX_STEP),
                node.option("dilation_width_factor", 1, _MAX_STEP),
            )
        before, after, output = [], [], []
        for length, k, s, d in zip(shape[1:3], size, stride, dilation, strict=True):
            reach = (k - 1) * d + 1
            n = -(-length // s) if padding == SAME else (length - reach) // s + 1
            if n < 1:
                raise node.refusal(f"a window of {reach} does not fit into {length}")
            total = max(0, (n - 1) * s + reach - length)
            output.append(n)
            before.append(total // 2)
            after.append(total - total // 2)
        pairs = [(pair[0], pair[1]) for pair in (before, after, output)]
        return cls(size, stride, dilation, *pairs)

    @property
    def area(self) -> int:
        """How many places the window sees at once."""
        return self.size[0] * self.size[1]

    @property
    def n_places(self) -> int:
        """How many places the window takes."""
        return self.output[0] * self.output[1]

    @property
    def pads(self) -> bool:
        """Whether the window reads outside the image anywhere."""
        return any(self.before + self.after)

    def pad(self, x: NDArray[_Scalar], value: float) -> NDArray[_Scalar]:
        """Return `x` with a border of `value`; `x` itself where none is needed."""
        if not self.pads:
            return x
        (top, left), (bottom, right) = self.before, self.after
        n, height, width, channels = x.shape
        padded = np.full((n, top + height + bottom, left + width + right, channels), value, x.dtype)
        padded[:, top : top + height, left : left + width] = x
        return padded

    def taps(self, padded: NDArray[_Scalar]) -> Iterator[NDArray[_Scalar]]:
        """Yield for every place in the window what it sees: views (n, out_h, out_w, channels)."""
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                top, left = i * self.dilation[0], j * self.dilation[1]
                bottom = top + (self.output[0] - 1) * self.stride[0] + 1
                right = left + (self.output[1] - 1) * self.stride[1] + 1
                yield padded[:, top : bottom : self.stride[0], left : right : self.stride[1]]

    def patches(self, padded: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return what the window sees: (out_h * out_w, window_h * window_w * channels)."""
        if self.area == 1 and self.stride == (1, 1):
            return padded.reshape(-1, padded.shape[3])
        columns = np.empty((*self.output, self.area, padded.shape[3]), padded.dtype)
        for k, tap in enumerate(self.taps(padded)):
            columns[:, :, k] = tap[0]
        return columns.reshape(self.n_places, -1)

    def outside(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Say which places see padding: bool (out_h * out_w, window_h * window_w)."""
        inside = np.zeros((1, *shape[1:3], 1), np.bool_)
        return self.patches(self.pad(inside, True))
