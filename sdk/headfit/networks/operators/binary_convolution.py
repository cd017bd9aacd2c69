"""The exact arithmetic of LceBconv2d, read out of the file.

From larq_compute_engine/core/bconv2d (reference.h, output_transform.h,
zero_padding_correction.h) and tflite/kernels/bconv2d.cc, version 0.16. With `count` the number
of places where input and filter differ, the convolution of +1 and -1 is depth - 2 * count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headfit.maths.arrays import FloatArray
from headfit.maths.bits import Words, n_words, unpack_signs
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window
from headfit.networks.tflite.graph import Quantization
from headfit.networks.tflite.schema import ACTIVATION_RANGES, NO_ACTIVATION, RELU6

_INT32: Final = np.dtype(np.int32)
_MAX_CHANNELS: Final = 1 << 20
_MAX_DEPTH: Final = 1 << 22
"""Most values in one dot product: twice the count must be exact in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Bitpacked output: the value is -1 where `count` exceeds the channel's threshold."""

    values: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """float32 or int8 output: clamp(2 * count) * multiplier + bias, rounded after each step.

    Not the shorter (depth - 2 * count) * m + b: it rounds otherwise, and signs that flip by it
    change everything downstream.
    """

    activation: int
    bounds: tuple[float, float]
    """What 2 * count is clamped to: the activation, seen from depth - 2 * count."""
    multiplier: FloatArray
    bias: FloatArray
    correction: FloatArray | None
    """(out_h * out_w, filters) to add last: turns padding by +1 into padding by 0."""
    quantization: Quantization | None
    """For int8 output, whose scale and zero point are folded into `multiplier` and `bias`."""


@dataclass(frozen=True, slots=True, eq=False)
class BinaryConvolution:
    """One LceBconv2d."""

    window: Window
    filters: Words
    """(n_filters, window height, window width, words for one group)."""
    groups: int
    depth: int
    """Values in one dot product, K."""
    transform: Thresholds | Affine

    @property
    def n_filters(self) -> int:
        """How many output channels there are."""
        return self.filters.shape[0]

    def signs(self) -> FloatArray:
        """Return the filters as +1.0 and -1.0: (n_filters, height, width, channels per group)."""
        return unpack_signs(self.filters, self.depth // self.window.area)

    def dense_signs(self) -> FloatArray:
        """Return them over all channels: zero outside their group, which changes no sum.

        For TFLite's CONV_2D, which knows groups only since version 6.
        """
        signs = self.signs()
        if self.groups == 1:
            return signs
        n_filters, height, width, channels = signs.shape
        dense = np.zeros(
            (self.groups, n_filters // self.groups, height, width, self.groups, channels),
            np.float32,
        )
        for group, of_group in enumerate(signs.reshape(self.groups, -1, height, width, channels)):
            dense[group, ..., group, :] = of_group
        return dense.reshape(n_filters, height, width, -1)


@np.errstate(all="ignore")  # NaN and infinite constants travel on, as in LCE
def read_binary_convolution(node: Node) -> BinaryConvolution:
    """Read and check a LceBconv2d.

    Raises
    ------
    ExtractorError
        If it is not well-formed, or is one that LCE's fast kernels cannot run.
    """
    shape = node.operand(0, _INT32, rank=4).shape
    filters: Words = node.constant(1, (None, None, None, None), _INT32).view("<u4")
    channels = node.option("channels_in", 1, _MAX_CHANNELS)
    n_filters, height, width, words = filters.shape
    if shape[0] != 1 or shape[3] != n_words(channels) or shape[3] % words:
        raise node.refusal(f"input {shape} of {channels} channels, filters {filters.shape}")
    groups = shape[3] // words
    if n_filters % groups or (groups > 1 and channels % (32 * groups)):
        raise node.refusal(f"{n_filters} filters, {channels} channels in {groups} groups")
    depth = height * width * (channels // groups)
    if depth > _MAX_DEPTH:
        raise node.refusal(f"dot products of {depth} values, at most {_MAX_DEPTH} are exact")
    window = Window.of(node, shape, (height, width))
    zero_padded = window.pads and not node.option("pad_values", 0, 1)
    activation = node.option("fused_activation_function", NO_ACTIVATION, RELU6)
    output = node.output.dtype
    if zero_padded and (output != np.float32 or activation != NO_ACTIVATION):
        raise node.refusal(
            "zero padding with packed or int8 output or an activation, which LCE cannot run either"
        )
    transform: Thresholds | Affine
    if output == np.int32:
        node.returns((1, *window.output, n_words(n_filters)), np.int32)
        transform = Thresholds(node.constant(4, (n_filters,), _INT32))
    elif output in (np.float32, np.int8):
        node.returns((1, *window.output, n_filters), output)
        correction = None
        if zero_padded:
            correction = _correction(node, window, unpack_signs(filters, channels // groups))
        transform = _read_affine(node, depth, activation, correction)
    else:
        raise node.refusal(f"it returns {output}, expected float32, int8 or int32")
    return BinaryConvolution(window, filters, groups, depth, transform)


def _read_affine(node: Node, depth: int, activation: int, correction: FloatArray | None) -> Affine:
    n_filters = node.output.shape[3]
    multiplier = node.constant(2, (n_filters,)).astype(np.float64)
    bias = node.constant(3, (n_filters,)).astype(np.float64)
    quantization = None
    scale, zero_point = 1.0, 0
    if node.output.dtype == np.int8:
        quantization = node.per_tensor(node.output)
        scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    low, high = ACTIVATION_RANGES[activation]
    return Affine(
        activation,
        (depth - min(high, depth), depth - max(low, -depth)),
        (-multiplier / scale).astype(np.float32),
        ((bias + depth * multiplier) / scale + zero_point).astype(np.float32),
        correction,
        quantization,
    )


def _correction(node: Node, window: Window, signs: FloatArray) -> FloatArray:
    """Return -multiplier times the sum of the filter values that fall outside the image.

    LCE's fast kernels add this too, and get it wrong where the image is smaller than the window;
    here it is right there as well.
    """
    tap_sums = signs.sum(axis=3).reshape(len(signs), -1)
    outside = window.outside(node.operand(0, _INT32).shape).astype(np.float32)
    correction: FloatArray = -node.constant(2, (len(signs),)) * (outside @ tap_sums.T)
    return correction
