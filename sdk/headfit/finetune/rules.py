"""The operators of a tail on a batch, and the gradient of each.

A rule takes its operands and returns the output with its pullback: a function from the gradient of
the loss by the output to its gradients by the operands, in their order. Signs are differentiated
straight through, as Larq's ``ste_sign`` does: where ``|x| <= 1`` as if they were x, elsewhere not
at all. Courbariaux et al., "Binarized Neural Networks" (arXiv:1602.02830), section 1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from headfit.errors import ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.binary_convolution import Affine, read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.operators.windows import Window
from headfit.networks.tflite.schema import ACTIVATION_RANGES, NO_ACTIVATION, RELU6

Pullback: TypeAlias = Callable[[FloatArray], Sequence[Any]]
Rule: TypeAlias = Callable[..., tuple[FloatArray, Pullback]]

_NAMED_ACTIVATIONS: Final = {"RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}


def rule_of(node: Node, passes_back: bool) -> Rule:
    """Return the rule of an operator.

    Parameters
    ----------
    node : Node
    passes_back : bool
        Whether trained parameters lie before its first operand. If not, a convolution does not
        compute that gradient: it costs as much as the rest.

    Raises
    ------
    ExtractorError
        If gradients cannot pass through the operator.
    """
    if node.name == "LceBconv2d":
        return _binary_convolution(node, passes_back)
    if node.name not in _RULES:
        raise refusal(node, f"only {', '.join(_RULES)} and LceBconv2d can be trained through")
    return _RULES[node.name](node)


def refusal(node: Node, reason: str) -> ExtractorError:
    """Return the error that says why an operator cannot be in a tail that is trained."""
    return ExtractorError(
        f"{node.name} cannot be trained through: {reason}. Retrain fewer blocks, or the head alone."
    )


def signs_of(values: FloatArray) -> FloatArray:
    """Return -1 where negative, else +1: 0 counts as positive, as in Larq and LCE."""
    return np.where(values < 0, np.float32(-1), np.float32(1))


def _quantize(_: Node) -> Rule:
    def run(x: FloatArray) -> tuple[FloatArray, Pullback]:
        return signs_of(x), lambda gradient: (gradient * (np.abs(x) <= 1),)

    return run


def _binary_convolution(node: Node, passes_back: bool) -> Rule:
    convolution = read_binary_convolution(node)
    transform, window = convolution.transform, convolution.window
    if not isinstance(transform, Affine) or transform.quantization is not None:
        raise refusal(node, "its output is not float32")
    if convolution.groups > 1:
        raise refusal(node, f"it has {convolution.groups} groups")
    low, high = ACTIVATION_RANGES[transform.activation]
    outside = 1.0 if transform.correction is None else 0.0
    shape = (*window.output, convolution.n_filters)

    def run(
        x: FloatArray, latent: FloatArray, multiplier: FloatArray, bias: FloatArray
    ) -> tuple[FloatArray, Pullback]:
        signs = signs_of(latent).reshape(len(latent), -1)
        padded = window.pad(x, outside)
        patches = np.stack(list(window.taps(padded)), axis=3).reshape(-1, convolution.depth)
        sums = patches @ signs.T
        active = np.clip(sums, low, high)

        def pull_back(gradient: FloatArray) -> Sequence[Any]:
            flat = gradient.reshape(sums.shape)
            by_sums = flat * multiplier
            by_sums *= (sums > low) & (sums < high)
            by_latent = (by_sums.T @ patches).reshape(latent.shape)
            by_latent *= np.abs(latent) <= 1
            by_x = None
            if passes_back:
                by_x = _unfold(by_sums @ signs, x.shape, padded.shape, window)
            return by_x, by_latent, (flat * active).sum(axis=0), flat.sum(axis=0)

        return (active * multiplier + bias).reshape(len(x), *shape), pull_back

    return run


def _unfold(
    by_patches: FloatArray, shape: tuple[int, ...], padded: tuple[int, ...], window: Window
) -> FloatArray:
    """Return the gradient by an image from that by its patches: each pixel was seen repeatedly."""
    by_patches = by_patches.reshape(shape[0], *window.output, window.area, shape[3])
    gradient = np.zeros(padded, np.float32)
    for k, tap in enumerate(window.taps(gradient)):
        tap += by_patches[:, :, :, k]
    (top, left), (_, height, width, _) = window.before, shape
    return gradient[:, top : top + height, left : left + width]


def _bounds(node: Node) -> tuple[float, float]:
    return ACTIVATION_RANGES[node.option("fused_activation_function", NO_ACTIVATION, RELU6)]


def _clipped(y: FloatArray, bounds: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Return what the activation makes of y, and its derivative."""
    low, high = bounds
    return np.clip(y, low, high), ((y > low) & (y < high)).astype(np.float32)


def _add(node: Node) -> Rule:
    bounds = _bounds(node)

    def run(a: FloatArray, b: FloatArray) -> tuple[FloatArray, Pullback]:
        y, slope = _clipped(a + b, bounds)
        return y, lambda gradient: (gradient * slope,) * 2

    return run


def _multiply(node: Node) -> Rule:
    bounds = _bounds(node)

    def run(a: FloatArray, b: FloatArray) -> tuple[FloatArray, Pullback]:
        y, slope = _clipped(a * b, bounds)
        return y, lambda gradient: (gradient * slope * b, gradient * slope * a)

    return run


def _activation(node: Node) -> Rule:
    bounds = ACTIVATION_RANGES[_NAMED_ACTIVATIONS[node.name]]

    def run(x: FloatArray) -> tuple[FloatArray, Pullback]:
        y, slope = _clipped(x, bounds)
        return y, lambda gradient: (gradient * slope,)

    return run


def _square_root(_: Node) -> Rule:
    """The root of zero, whose slope is infinite, passes nothing back: a silent channel stays so."""

    def run(x: FloatArray) -> tuple[FloatArray, Pullback]:
        y = np.sqrt(x)
        slope = np.divide(np.float32(0.5), y, out=np.zeros_like(y), where=y > 0)
        return y, lambda gradient: (gradient * slope,)

    return run


def _mean(node: Node) -> Rule:
    rank = len(node.operand(0).shape)
    axes = tuple(int(axis) % rank for axis in node.constant(1, (None,), np.int32))
    if 0 in axes:
        raise refusal(node, "it averages over photos")
    output = node.output.shape[1:]

    def run(x: FloatArray, _: Any) -> tuple[FloatArray, Pullback]:
        mean = x.mean(axis=axes, keepdims=True, dtype=np.float32)
        share = np.float32(mean.size / x.size)

        def pull_back(gradient: FloatArray) -> Sequence[Any]:
            return np.broadcast_to(gradient.reshape(mean.shape) * share, x.shape), None

        return mean.reshape(len(x), *output), pull_back

    return run


def _average_pool(node: Node) -> Rule:
    window = Window.of(node, node.operand(0, rank=4).shape, node.filter_size())
    if window.pads or _bounds(node) != ACTIVATION_RANGES[NO_ACTIVATION]:
        raise refusal(node, "it has padding or an activation")
    share = np.float32(1 / window.area)

    def run(x: FloatArray) -> tuple[FloatArray, Pullback]:
        def pull_back(gradient: FloatArray) -> Sequence[Any]:
            by_x = np.zeros_like(x)
            for tap in window.taps(by_x):
                tap += gradient * share
            return (by_x,)

        first, *rest = window.taps(x)
        return sum(rest, first) * share, pull_back

    return run


def _concatenate(node: Node) -> Rule:
    rank = len(node.operand(0).shape)
    axis = node.option("axis", -rank, rank - 1) % rank
    if axis == 0 or _bounds(node) != ACTIVATION_RANGES[NO_ACTIVATION]:
        raise refusal(node, "it joins photos or has an activation")
    ends = np.cumsum([node.operand(i).shape[axis] for i in range(node.n_operands)])[:-1]

    def run(*parts: FloatArray) -> tuple[FloatArray, Pullback]:
        return np.concatenate(parts, axis), lambda gradient: np.split(gradient, ends, axis)

    return run


def _reshape(node: Node) -> Rule:
    shape = node.output.shape[1:]

    def run(x: FloatArray, *_: Any) -> tuple[FloatArray, Pullback]:
        return x.reshape(len(x), *shape), lambda gradient: (gradient.reshape(x.shape), None)

    return run


_RULES: Final[dict[str, Callable[[Node], Rule]]] = {
    "LceQuantize": _quantize,
    "ADD": _add,
    "MUL": _multiply,
    "RELU": _activation,
    "RELU_N1_TO_1": _activation,
    "RELU6": _activation,
    "SQRT": _square_root,
    "MEAN": _mean,
    "AVERAGE_POOL_2D": _average_pool,
    "CONCATENATION": _concatenate,
    "RESHAPE": _reshape,
}
