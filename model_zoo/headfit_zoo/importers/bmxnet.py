"""The binary ResNet-18 that BMXNet's authors trained on ImageNet, as weights of a Larq model.

Three things differ from Larq and are folded away without loss:

- BMXNet's binary convolution returns ``(dot + K) / 2``, with ``K`` the number of products. Inside a
  stage only such values are summed, so all of them are ``(S + C) / 2``, where ``S`` is what Larq's
  convolutions sum to and ``C`` is the sum of their ``K``. The batch norm that follows takes it in.
- All these values are integers, and in the stages batch norm goes into the sign alone. So every
  such batch norm is one integer threshold per channel. It is found in float64 and written as a
  batch norm whose arithmetic is exact in float32, half-way between two integers: no engine can
  round it to the other side, and nothing there can be a tie.
- Weights are packed 32 to a word, bit 1 for +1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit import FileFormatError
from headfit_zoo.importers.mxnet_params import read_params

EPSILON = 2e-5
"""Of every batch norm."""

Float64 = NDArray[np.float64]
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _BatchNorm:
    """``slope * (x - mean) + beta``, per channel, in float64."""

    slope: Float64
    mean: Float64
    beta: Float64


def read(data: bytes, source: str, shapes: Mapping[str, tuple[int, ...]]) -> Tensors:
    """Return the weights of a BMXNet ``.params`` file as our ``resnet18`` has them.

    Parameters
    ----------
    data : bytes
        The whole file.
    source : str
        Names it in messages.
    shapes : mapping of str to tuple of int
        Of the network's weights, which say its widths and how many classes it has.

    Returns
    -------
    dict of str to ndarray, dtype float32
        By layer and part; the 1,000 logits of the published file in the order of its
        ``synset.txt``.

    Raises
    ------
    FileFormatError
        If the file is damaged or holds another network.
    """
    stages = [f"stage{stage}_unit1_conv2/kernel" for stage in (1, 2, 3, 4)]
    widths = [shapes[kernel][-1] for kernel in stages]
    tensors = read_params(data, source)
    _check(tensors, expected_shapes(widths, shapes["logits/bias"][0]), source)
    return translate(tensors, widths)


def expected_shapes(widths: Sequence[int], n_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of such a network by name, binary weights as words."""
    shapes: dict[str, tuple[int, ...]] = {}

    def batch_norm(name: str, channels: int) -> None:
        for part in ("arg:{}_gamma", "arg:{}_beta", "aux:{}_moving_mean", "aux:{}_moving_var"):
            shapes[part.format(name)] = (channels,)

    batch_norm("bn_data", 3)
    shapes["arg:conv0_weight"] = (widths[0], 3, 7, 7)
    batch_norm("bn0", widths[0])
    for stage, (before, width) in enumerate(pairwise((widths[0], *widths)), start=1):
        for unit, channels in ((1, before), (2, width)):
            name = f"stage{stage}_unit{unit}"
            batch_norm(f"{name}_bn1", channels)
            shapes[f"arg:{name}_conv1_weight"] = (width * channels * 9 // 32,)
            batch_norm(f"{name}_bn2", width)
            shapes[f"arg:{name}_conv2_weight"] = (width * width * 9 // 32,)
        shapes[f"arg:stage{stage}_unit1_sc_weight"] = (width * before // 32,)
    batch_norm("bn1", widths[-1])
    shapes["arg:fc1_weight"] = (n_classes, widths[-1])
    shapes["arg:fc1_bias"] = (n_classes,)
    return shapes


def unpack_bits(
    words: NDArray[np.float32], filters: int, channels: int, kernel: int
) -> NDArray[np.float32]:
    """Unpack a binary convolution's weights.

    Parameters
    ----------
    words : ndarray of shape (filters * channels * kernel * kernel / 32,), dtype float32
        Really ``uint32``: bits in O, I, height, width order, lowest first, 1 for +1 and 0 for -1.
    filters, channels, kernel : int

    Returns
    -------
    ndarray of shape (kernel, kernel, channels, filters), dtype float32
        Of +1 and -1, as Keras lays it out.
    """
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    ordered = bits.reshape(filters, channels, kernel, kernel).transpose(2, 3, 1, 0)
    return np.where(ordered, np.float32(1), np.float32(-1))


def translate(tensors: Tensors, widths: Sequence[int]) -> Tensors:
    """Return the weights of a `resnet18` from tensors whose names and shapes were checked."""
    weights: Tensors = {}

    def norm(layer: str, *parts: NDArray[np.floating[Any]]) -> None:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        weights.update(
            (f"{layer}/{name}", np.asarray(part, np.float32))
            for name, part in zip(names[-len(parts) :], parts, strict=True)
        )

    norm("data_bn", *_as_it_is(tensors, "bn_data")[1:])
    weights["stem_conv/kernel"] = tensors["arg:conv0_weight"].transpose(2, 3, 1, 0)
    norm("stem_bn", *_as_it_is(tensors, "bn0"))
    # The first batch norm of the stages is the only one whose input is no integer.
    norm("stage1_unit1_bn1", *_as_it_is(tensors, "stage1_unit1_bn1"))
    offset = 0
    for stage, (before, width) in enumerate(pairwise((widths[0], *widths)), start=1):
        first, second = f"stage{stage}_unit1", f"stage{stage}_unit2"
        if stage > 1:
            norm(f"{first}_bn1", *_threshold(_batch_norm(tensors, f"{first}_bn1"), offset))
        # The stream of this stage starts anew: its first shortcut is a convolution too.
        offset = 9 * width + before
        norm(f"{second}_bn1", *_threshold(_batch_norm(tensors, f"{second}_bn1"), offset))
        offset += 9 * width
        for name, channels in ((first, before), (second, width)):
            for part, inputs in (("conv1", channels), ("conv2", width)):
                words = tensors[f"arg:{name}_{part}_weight"]
                weights[f"{name}_{part}/kernel"] = unpack_bits(words, width, inputs, 3)
            middle = _batch_norm(tensors, f"{name}_bn2")
            norm(f"{name}_bn2", *_threshold(middle, 9 * channels))
        shortcut = unpack_bits(tensors[f"arg:{first}_sc_weight"], width, before, 1)
        weights[f"{first}_shortcut/kernel"] = shortcut
    norm("final_bn", *_scaled(tensors, "bn1", offset))
    weights["logits/kernel"] = tensors["arg:fc1_weight"].T
    weights["logits/bias"] = tensors["arg:fc1_bias"]
    return weights


def _check(tensors: Tensors, shapes: dict[str, tuple[int, ...]], source: str) -> None:
    expected = f"{source}: expected the tensors of BMXNet's binary ResNet-18"
    remedy = "these are the weights of another network: fetch the file that the card names"
    differing = sorted(tensors.keys() ^ shapes.keys())
    if differing:
        kind = "lacks" if differing[0] in shapes else "has besides"
        raise FileFormatError(
            f"{expected}, found a file that {kind} {differing[0]!r} "
            f"({len(differing)} names differ); {remedy}"
        )
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise FileFormatError(
                f"{expected}, {name!r} of shape {shape}, found {tensors[name].shape}; {remedy}"
            )
        packed = len(shape) == 1 and ("_conv" in name or name.endswith("_sc_weight"))
        values = tensors[name]
        if not packed and not (
            np.isfinite(values).all() and (not name.endswith("_var") or (values >= 0).all())
        ):
            raise FileFormatError(
                f"{expected}, finite numbers and no negative variance in {name!r}, found others; "
                "the file is damaged: fetch it again"
            )


def _as_it_is(tensors: Tensors, name: str) -> tuple[NDArray[np.float32], ...]:
    return (
        tensors[f"arg:{name}_gamma"],
        tensors[f"arg:{name}_beta"],
        tensors[f"aux:{name}_moving_mean"],
        tensors[f"aux:{name}_moving_var"],
    )


def _batch_norm(tensors: Tensors, name: str) -> _BatchNorm:
    gamma, beta, mean, variance = (a.astype(np.float64) for a in _as_it_is(tensors, name))
    return _BatchNorm(gamma / np.sqrt(variance + EPSILON), mean, beta)


def _threshold(norm: _BatchNorm, offset: int) -> tuple[Float64, ...]:
    """Return batch norm weights whose output has, for Larq's sums, the sign that BMXNet's has.

    BMXNet sees ``x = (s + offset) / 2`` where Larq sees the sum ``s``, which is odd or even as
    `offset` is; ``x`` is an integer from 0 to `offset`. A channel is +1 from ``x = first`` upwards
    if its slope is positive, and up to ``x = last`` if it is negative.

    Returns
    -------
    tuple of 4 ndarrays of shape (channels,), dtype float64
        Gamma (+1 or -1), beta (0), mean (an integer that ``s`` cannot be) and variance.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = norm.mean - norm.beta / norm.slope
    # Without a slope the sign of beta decides, which no crossing inside the range says too.
    constant = np.where(norm.beta >= 0, -np.inf, np.inf)
    crossing = np.where(norm.slope == 0, constant, crossing)
    rising = norm.slope >= 0
    first = np.clip(np.ceil(crossing), 0, offset + 1)
    last = np.clip(np.floor(crossing), -1, offset)
    mean = np.where(rising, 2 * first - 1, 2 * last + 1) - float(offset)
    gamma = np.where(rising, 1.0, -1.0)
    return gamma, np.zeros_like(mean), mean, np.full_like(mean, 1 - EPSILON)


def _scaled(tensors: Tensors, name: str, offset: int) -> tuple[Float64, ...]:
    """Return the batch norm of ``(s + offset) / 2`` as one of ``s``."""
    gamma, beta, mean, variance = (a.astype(np.float64) for a in _as_it_is(tensors, name))
    return (
        gamma,
        beta,
        2 * mean - offset,
        4 * (variance + EPSILON) - EPSILON,
    )
