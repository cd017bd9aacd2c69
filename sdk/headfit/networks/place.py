"""Where a network can be cut, whatever its format: what a tensor becomes as an embedding."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from headfit.errors import ExtractorError, InputError
from headfit.maths.arrays import MAX_EMBEDDING_DIM

POOLS: Final = ("mean", "max", "none")
"""What becomes of a map of places: the mean or the largest of each channel, or every number."""

AUTOMATIC: Final = "mean"

FEWEST: Final = 16
"""Numbers of an output that is taken for features without being named."""

_FEWEST_CHANNELS: Final = 8
"""Of a map that is pooled without being named: of fewer, every number is kept."""

_CERTAIN: Final = {"SOFTMAX", "LOG_SOFTMAX", "Softmax", "LogSoftmax", "QLinearSoftmax"}
"""Only a classifier ends in these."""
_ENDINGS: Final = _CERTAIN | {
    *(
        "LOGISTIC",
        "RESHAPE",
        "SQUEEZE",
        "QUANTIZE",
        "DEQUANTIZE",
        "CAST",
        "ADD",
        "SUB",
        "MUL",
        "DIV",
    ),
    *("Sigmoid", "Reshape", "Squeeze", "Flatten", "Identity", "Cast", "Add", "Sub", "Mul", "Div"),
    *("QuantizeLinear", "DequantizeLinear", "BatchNormalization"),
    *("QLinearAdd", "QLinearMul", "QLinearSigmoid"),
}
"""What may follow a classifier's last layer; each has one operand that is computed."""
_POOLED_ENDINGS: Final = {
    *("MEAN", "AVERAGE_POOL_2D", "RELU", "RELU6"),
    *("ReduceMean", "GlobalAveragePool", "AveragePool", "Relu", "Clip"),
    *("QLinearReduceMean", "QLinearGlobalAveragePool", "QLinearAveragePool"),
}
"""What may do so, too, where the last layer is a convolution, as in SqueezeNet."""
_DENSE: Final = {
    *("FULLY_CONNECTED", "Gemm", "MatMul", "FusedGemm", "FusedMatMul", "MatMulNBits"),
    *("QGemm", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"),
}
_CONVOLUTIONS: Final = {"CONV_2D", "Conv", "FusedConv", "QLinearConv", "ConvInteger"}
_REARRANGING: Final = {
    *("RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE", "CAST", "TRANSPOSE"),
    *("Reshape", "Squeeze", "Flatten", "Identity", "Dropout", "Cast", "Transpose"),
    *("QuantizeLinear", "DequantizeLinear"),
}
"""What leaves a map's numbers as they are; a classifier reads it through these."""
TRANSPOSES: Final = {"TRANSPOSE", "Transpose"}

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """One operator as this file sees it: its kind, what tensors it reads, what it makes."""

    kind: str
    inputs: tuple[T, ...]
    outputs: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor at which a network can be cut, or why it cannot.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : str
    embedding_dim : int or None
        How many numbers it becomes; None if it can become no embedding.
    how : str
        By which means, or why not: "the mean of 7 x 7".
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    embedding_dim: int | None
    how: str


def place(
    name: str, shape: tuple[int, ...], dtype: str, pool: str, *, channels_last: bool = True
) -> Place:
    """Return what a tensor of numbers becomes as an embedding."""

    def refused(why: str) -> Place:
        return Place(name, shape, dtype, None, why)

    if not shape or any(n < 1 for n in shape):
        return refused("its shape is not known")
    if len(shape) > 1 and shape[0] != 1:
        return refused(f"it is of {shape[0]} pictures, expected one")
    area = area_of(shape, channels_last=channels_last)
    if len(shape) > 4:
        return refused(f"it has {len(shape)} axes, expected at most 4")
    n_numbers = math.prod(shape)
    width = n_numbers if math.prod(area) == 1 or pool == "none" else n_numbers // math.prod(area)
    if width < 2:
        return refused("it becomes one number, which tells no classes apart")
    if width > MAX_EMBEDDING_DIM:
        return refused(f"it becomes {width:,} numbers, and at most {MAX_EMBEDDING_DIM:,} are used")
    window = " x ".join(map(str, area))
    if math.prod(area) == 1:
        how = "as they are"
    elif pool == "none":
        how = f"all of {window}"
    else:
        how = f"the {pool} of {window}"
    return Place(name, shape, dtype, width, how)


def area_of(shape: tuple[int, ...], *, channels_last: bool = True) -> tuple[int, ...]:
    """Return the lengths of the axes over which a map is pooled."""
    if len(shape) < 3:
        return (1,)
    return shape[1:-1] if channels_last or len(shape) == 3 else shape[2:]


def check_pool(pool: str) -> None:
    """Refuse a pooling that there is not.

    Raises
    ------
    InputError
        If `pool` is none of `POOLS`.
    """
    if pool not in POOLS:
        raise InputError(
            f"expected a pooling out of {', '.join(POOLS)}, found {pool!r}; choose one"
        )


def named(places: Sequence[Place], at: str) -> int:
    """Return the index of the place of this name, or of this number as they are listed, from 1.

    Raises
    ------
    InputError
        If there is no such place, or several have the name.
    ExtractorError
        If it cannot become an embedding.
    """
    found = [i for i, one in enumerate(places) if one.name == at]
    if not found and at.isdecimal() and 1 <= int(at) <= len(places):
        found = [int(at) - 1]
    if len(found) != 1:
        numbers = ", ".join(str(i + 1) for i in found)
        raise InputError(
            f"expected the name of one tensor that an operator computes, found {len(found)} named "
            f"{at!r}"
            + (f", with numbers {numbers}; give a number" if found else "; the last ones are ")
            + ("" if found else ", ".join(repr(one.name) for one in places[-5:]))
        )
    chosen = places[found[0]]
    if chosen.embedding_dim is None:
        raise ExtractorError(
            f"expected a tensor that can become an embedding, {chosen.name!r} cannot: "
            f"{chosen.how}; choose another of those that headfit cut --list shows"
        )
    return found[0]


def check_automatic(chosen: Place, is_before_classifier: bool) -> None:
    """Refuse a place that nobody named and that can hardly be meant.

    Raises
    ------
    ExtractorError
        If it cannot become an embedding, or is an output that does not look like features.
    """
    advice = "name another tensor with --at, headfit cut --list shows them"
    if chosen.embedding_dim is None:
        where = "before the classifier" if is_before_classifier else "at the output"
        raise ExtractorError(
            f"expected to cut {where}, at {chosen.name!r}, which cannot become an embedding: "
            f"{chosen.how}; {advice}"
        )
    if not is_before_classifier and (len(chosen.shape) == 3 or chosen.embedding_dim < FEWEST):
        raise ExtractorError(
            f"expected a network that ends in a classifier or in features of the picture, found an "
            f"output {chosen.name!r} of shape {chosen.shape}, as detectors have; {advice}"
        )


def of_picture(steps: Sequence[Step[T]], inputs: Sequence[T]) -> list[Step[T]]:
    """Return the steps that the picture goes through, reading nothing but what comes of it.

    Weights may be computed too: from half floats, say.
    """
    made = set(inputs)
    kept = []
    for step in steps:
        read = tuple(i for i in step.inputs if i in made)
        if read:
            kept.append(Step(step.kind, read, step.outputs))
            made.update(step.outputs)
    return kept


def before_classifier(
    steps: Sequence[Step[T]],
    shapes: Mapping[T, tuple[int, ...]],
    output: T,
    *,
    channels_last: bool = True,
) -> T:
    """Return the tensor that a network's last layer reads, or its output if that is no classifier.

    The last layer is a dense one, or a convolution of a map of one place. What only rearranges a
    map before it is passed over, so that the map can be pooled.
    """
    makers = {made: step for step in steps for made in step.outputs}
    tensor, is_certain = output, False
    while (step := makers.get(tensor)) is not None:
        is_ending = step.kind in _ENDINGS or (is_certain and step.kind in _POOLED_ENDINGS)
        if not (is_ending and len(step.inputs) == 1):
            break
        is_certain |= step.kind in _CERTAIN
        (tensor,) = step.inputs
    if step is None or not step.inputs:
        return output
    read = step.inputs[0]
    is_one_place = math.prod(area_of(shapes.get(read, ()), channels_last=channels_last)) == 1
    if not (
        (step.kind in _DENSE and len(step.inputs) == 1)
        or (step.kind in _CONVOLUTIONS and (is_one_place or is_certain))
    ):
        return output
    return _map_behind(makers, shapes, read, channels_last)


def _map_behind(
    makers: Mapping[T, Step[T]],
    shapes: Mapping[T, tuple[int, ...]],
    tensor: T,
    channels_last: bool,
) -> T:
    """Return the map of several places that `tensor` holds rearranged, else `tensor` itself."""
    behind = tensor
    while (step := makers.get(behind)) and step.kind in _REARRANGING and len(step.inputs) == 1:
        (behind,) = step.inputs
        shape = shapes.get(behind, ())
        is_moved = (last := makers.get(behind)) is not None and last.kind in TRANSPOSES
        if len(shape) == 4 and not is_moved:
            area = math.prod(area_of(shape, channels_last=channels_last))
            is_map = area > 1 and math.prod(shape) // area >= _FEWEST_CHANNELS
            return behind if is_map else tensor
    return tensor
