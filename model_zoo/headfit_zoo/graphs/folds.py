"""What LCE's converter makes of the weights of a Keras network, in NumPy and to the bit.

A batch norm is one slope and one offset per channel, in float32:

    y = scale * x + offset,  scale = gamma * rsqrt(variance + epsilon),
                             offset = beta - mean * scale.

After a float convolution the scale goes into its kernel, after a binary one it is a multiplier.
Before a sign, with the values of `headfit_zoo.importers.bmxnet`, both become a threshold on the
count of differing bits, and a falling one turns the filter's signs.

TensorFlow takes ``rsqrt`` from the processor's approximation and one Newton step, so that its last
bit depends on the processor. Here it is the correctly rounded one plus `Folding.last_bits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
"""By layer and part, as Keras names them: "stem_bn/gamma", "stem_conv/kernel"."""

_INT32 = np.iinfo(np.int32)


def rounded_rsqrt(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``1 / sqrt(x)``, by way of float64: the same on every processor."""
    return np.asarray(1 / np.sqrt(x.astype(np.float64)), np.float32)


@dataclass(frozen=True)
class Folding:
    """A network's weights and what goes with them; a method for each thing the converter makes.

    Attributes
    ----------
    weights : mapping of str to ndarray, dtype float32
    epsilon : mapping of str to float
        Of each batch norm, by the name of its layer.
    last_bits : mapping of str to sequence of int
        What the converting processor's ``rsqrt`` had more than the rounded one, in units of the
        last bit, by the name of the batch norm; 0 where it is not named.
    """

    weights: Weights
    epsilon: Mapping[str, float]
    last_bits: Mapping[str, Any] = field(default_factory=dict)

    def shifted_variance(self, norm: str) -> NDArray[np.float32]:
        """``variance + epsilon``."""
        return self.weights[f"{norm}/moving_variance"] + np.float32(self.epsilon[norm])

    def scale(self, norm: str) -> NDArray[np.float32]:
        """Return a batch norm's slope per channel."""
        rsqrt = rounded_rsqrt(self.shifted_variance(norm))
        bits = np.asarray(self.last_bits.get(norm, 0), np.int32)
        rsqrt = (rsqrt.view(np.int32) + bits).view(np.float32)
        gamma = self.weights.get(f"{norm}/gamma")
        return rsqrt if gamma is None else rsqrt * gamma

    def offset(self, norm: str) -> NDArray[np.float32]:
        """Return a batch norm's offset per channel."""
        beta = self.weights.get(f"{norm}/beta", np.float32(0))
        return np.asarray(beta - self.weights[f"{norm}/moving_mean"] * self.scale(norm))

    def kernel(self, convolution: str, norm: str) -> NDArray[np.float32]:
        """Return a float convolution's kernel with the batch norm's slope, (out, h, w, in)."""
        return (self.weights[f"{convolution}/kernel"] * self.scale(norm)).transpose(3, 0, 1, 2)

    def depthwise(self, convolution: str, norm: str | None = None) -> NDArray[np.float32]:
        """Return a depthwise kernel, with the slope of a batch norm if given, (1, h, w, c)."""
        kernel = self.weights[f"{convolution}/depthwise_kernel"].transpose(3, 0, 1, 2)
        return kernel if norm is None else kernel * self.scale(norm)

    def bits(self, convolution: str) -> NDArray[np.int32]:
        """Return a binary convolution's filters, (out, h, w, in / 32): bit 1 for -1."""
        return _packed(self.weights[f"{convolution}/kernel"])

    def turned_bits(self, convolution: str, norm: str) -> NDArray[np.int32]:
        """Return the same before a sign: filters turned where the batch norm falls."""
        kernel = self.weights[f"{convolution}/kernel"]
        return _packed(np.where(self.scale(norm) < 0, -kernel, kernel))

    def thresholds(self, convolution: str, norm: str) -> NDArray[np.int32]:
        """Return how many bits may differ for the batch norm's output to be +1, per channel.

        Its slope is +1 or -1. Of ``K`` products the sum is ``K - 2 * count``, turned filters
        included, so +1 is ``count <= (K + offset) / 2``.
        """
        n_products = math.prod(self.weights[f"{convolution}/kernel"].shape[:3])
        most = (n_products + self.offset(norm).astype(np.float64)) / 2
        counts = np.floor(most)
        counts = np.where(counts < 0, _INT32.min, np.where(most > n_products, _INT32.max, counts))
        return counts.astype(np.int32)


FOLDS: dict[str, Callable[..., NDArray[Any]]] = {
    "scale": Folding.scale,
    "offset": Folding.offset,
    "kernel": Folding.kernel,
    "depthwise": Folding.depthwise,
    "bits": Folding.bits,
    "turned_bits": Folding.turned_bits,
    "thresholds": Folding.thresholds,
}
"""By the names that a graph's map has for them."""


def _packed(kernel: NDArray[np.float32]) -> NDArray[np.int32]:
    negative = np.ascontiguousarray(kernel.transpose(3, 0, 1, 2)) < 0
    return np.packbits(negative, axis=-1, bitorder="little").view("<i4")
