"""An extractor out of a classifier: the network up to one of its tensors, float32 in and out.

A quantised network begins with QUANTIZE then and ends with DEQUANTIZE, by the scales and zero
points of its own tensors, so that every engine runs it and no engine needs to know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorError
from headfit.networks import place as rules
from headfit.networks.place import AUTOMATIC, Place, Step
from headfit.networks.tflite import Graph, Operator, Tensor, read_graph, write_graph
from headfit.networks.tflite.pruning import prune
from headfit.networks.tflite.schema import NO_ACTIVATION, TENSOR_TYPES, VALID

T = TypeVar("T")

_FLOAT: Final = np.dtype("<f4")
_TYPE_CODES: Final = {dtype: code for code, dtype in TENSOR_TYPES.items()}
_WHOLE: Final = (np.dtype("u1"), np.dtype("i1"), np.dtype("<i2"))
_CHANNELS_LAST: Final = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "MAX_POOL_2D", "AVERAGE_POOL_2D"),
    *("LceBconv2d", "LceBMaxPool2d", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
)
"""What reads maps with channels last, or makes something else of them."""
_VERSIONS: Final = {np.dtype("u1"): 1, np.dtype("i1"): 2, np.dtype("<i2"): 3}
"""Of DEQUANTIZE, by what it reads."""


def cut(model: bytes, at: str | None = None, *, pool: str = AUTOMATIC) -> bytes:
    """Return the network whose output is one of its tensors, as a vector of float32.

    Parameters
    ----------
    model : bytes
        A `.tflite`, LCE or plain, float or quantised.
    at : str, optional
        Name of the tensor, or its number in `places`; by default the one before the classifier.
    pool : str
        What becomes of a map of several places: "mean" (default) or "max" of each channel, or
        "none", every number of it.

    Raises
    ------
    InputError
        If no operator computes a tensor of that name, or several do, or there is no such pooling.
    ExtractorError
        If the file is damaged, takes no picture, or the tensor cannot become an embedding.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    graph = read_graph(model, keep_unknown=True)
    return write_graph(cut_graph(graph, choose(graph, at, pool), pool))


def places(graph: Graph, pool: str = AUTOMATIC) -> list[Place]:
    """Return every tensor that an operator computes, in order, and what it would become."""
    rules.check_pool(pool)
    makers = {i: operator.name for operator in graph.operators for i in operator.outputs}
    exchanged = channels_first(graph)
    return [_place(graph.tensors[i], makers[i], pool, i not in exchanged) for i in makers]


def computed(graph: Graph) -> list[int]:
    """Return every tensor that an operator computes, in the order of `places`."""
    return list(dict.fromkeys(i for operator in graph.operators for i in operator.outputs))


def channels_first(graph: Graph) -> set[int]:
    """Return the maps whose axes were exchanged, as conversions from PyTorch leave them.

    Convolutions and poolings want channels last. What works number by number keeps the order.
    """
    found = {i for i in graph.inputs if _is_exchanged(graph.tensors[i])}
    for operator in graph.operators:
        maps = [i for i in operator.inputs if i >= 0 and len(graph.tensors[i].shape) == 4]
        if operator.name in rules.TRANSPOSES:
            order = graph.tensors[operator.inputs[1]].data if len(operator.inputs) == 2 else None
            if order is not None and order.tolist() == [0, 3, 1, 2]:
                found.update(operator.outputs)
        elif operator.name not in _CHANNELS_LAST and found.intersection(maps):
            found.update(i for i in operator.outputs if len(graph.tensors[i].shape) == 4)
    return found


def _is_exchanged(taken: Tensor) -> bool:
    return len(taken.shape) == 4 and taken.shape[1] == 3 and taken.shape[3] != 3


def choose(graph: Graph, at: str | None, pool: str = AUTOMATIC) -> int:
    """Return which of `places` is meant: by name or number, else the one before the classifier.

    Raises
    ------
    InputError
        If there is no such place.
    ExtractorError
        If it cannot become an embedding, or several outputs leave open which one is meant.
    """
    picture_size(graph)
    found = places(graph, pool)
    if at is not None:
        return rules.named(found, at)
    if len(graph.outputs) != 1:
        raise ExtractorError(
            f"expected a network with one output, found {len(graph.outputs)}, as detectors have; "
            "choose a tensor of those that headfit cut --list shows, and name it with --at"
        )
    steps = rules.of_picture(
        [Step(o.name, o.inputs, o.outputs) for o in graph.operators], graph.inputs
    )
    exchanged = channels_first(graph)
    shapes = {
        i: (_channels_last(tensor.shape) if i in exchanged else tensor.shape)
        for i, tensor in enumerate(graph.tensors)
    }
    tensor = rules.before_classifier(steps, shapes, graph.outputs[0])
    is_classifier = tensor != graph.outputs[0]
    order = computed(graph)
    if tensor not in order:
        raise ExtractorError(
            "expected a network that computes something before its classifier, found a classifier "
            "of the picture itself; choose a network with layers before its last one"
        )
    i = order.index(tensor)
    rules.check_automatic(found[i], is_classifier)
    return i


def picture_size(graph: Graph) -> tuple[int, int]:
    """Return height and width of the picture that a network takes, channels first or last.

    Raises
    ------
    ExtractorError
        If it takes anything but one picture of three channels.
    """
    only = the_only([graph.tensors[i] for i in graph.inputs])
    return check_picture(only.shape, str(only.dtype))


def the_only(inputs: Sequence[T]) -> T:
    """Return the input of a network that has one, whatever it is."""
    if len(inputs) != 1:
        raise ExtractorError(
            f"expected a network with one input, the picture, found {len(inputs)}; choose a "
            "network that takes a picture and nothing else"
        )
    return inputs[0]


def check_picture(shape: Sequence[int], dtype: str) -> tuple[int, int]:
    """Return height and width of an input of this shape, channels first or last.

    Raises
    ------
    ExtractorError
        If that is no picture of three channels.
    """
    found = f"{dtype} of shape {tuple(shape)}"
    if len(shape) != 4:
        raise ExtractorError(
            f"expected a network that takes a picture, (1, height, width, 3), found one that takes "
            f"{found}, as those of texts, sounds or tables do; choose one for pictures"
        )
    if shape[0] != 1:
        raise ExtractorError(
            f"expected a network that takes one picture at a time, found one that takes {found}; "
            "convert it with batch size 1"
        )
    if shape[3] == 3:
        return shape[1], shape[2]
    if shape[1] == 3:
        return shape[2], shape[3]
    raise ExtractorError(
        f"expected a network that takes pictures in red, green and blue, found one that takes "
        f"{found}; choose one for coloured pictures"
    )


def cut_graph(graph: Graph, index: int, pool: str = AUTOMATIC) -> Graph:
    """Return the network up to one of `places`, float32 of (1, height, width, 3) to (1, width).

    Raises
    ------
    ExtractorError
        If it takes no picture, holds weights that are no numbers, or an operator is not known.
    """
    picture_size(graph)
    order = [i for operator in graph.operators for i in operator.outputs]
    output = order[index]
    kept = prune(replace(graph, outputs=(output,)))
    _check_numbers(kept)
    joined = _Joined(kept)
    joined.take_picture()
    joined.give_vector(pool, is_exchanged=output in channels_first(graph))
    return joined.graph()


def fixed(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> Graph:
    """Return the network with these shapes, as an interpreter found them, and none left open."""
    return replace(
        graph,
        tensors=tuple(
            tensor if tensor.data is not None else replace(tensor, shape=shape, open_axes=())
            for tensor, shape in zip(graph.tensors, shapes, strict=True)
        ),
    )


def is_open(graph: Graph) -> bool:
    """Whether the file leaves more open than how many pictures there are."""
    return any(set(tensor.open_axes) - {0} for tensor in graph.tensors)


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    one, channels, height, width = shape
    return one, height, width, channels


def _place(tensor: Tensor, maker: str, pool: str, channels_last: bool) -> Place:
    dtype = str(tensor.dtype)
    why = ""
    if tensor.dtype in _WHOLE and not _is_quantised(tensor):
        why = "whole numbers without one scale and zero point"
    elif tensor.dtype == np.int32 and maker in ("LceQuantize", "LceBconv2d", "LceBMaxPool2d"):
        why = "packed bits; cut it after the next float operator"
    elif tensor.dtype != _FLOAT and tensor.dtype not in _WHOLE and tensor.dtype != np.float16:
        why = f"{dtype} are no features"
    if why:
        return Place(tensor.name, tensor.shape, dtype, None, why)
    return rules.place(tensor.name, tensor.shape, dtype, pool, channels_last=channels_last)


def _is_quantised(tensor: Tensor) -> bool:
    return tensor.quantization is not None and len(tensor.quantization.scale) == 1


def _check_numbers(graph: Graph) -> None:
    for tensor in graph.tensors:
        if tensor.data is not None and tensor.dtype.kind == "f":
            n_bad = int(np.count_nonzero(~np.isfinite(tensor.data)))
            if n_bad:
                raise ExtractorError(
                    f"expected weights that are finite numbers, found {n_bad} of "
                    f"{tensor.data.size} in {tensor.name!r} that are not; its training diverged: "
                    "choose another network"
                )


class _Joined:
    """A network to which operators are joined at both ends."""

    def __init__(self, graph: Graph) -> None:
        self._tensors = list(graph.tensors)
        self._operators = list(graph.operators)
        (self._input,) = graph.inputs
        (self._output,) = graph.outputs

    def graph(self) -> Graph:
        tensors, operators = tuple(self._tensors), tuple(self._operators)
        return Graph(tensors, operators, (self._input,), (self._output,))

    def take_picture(self) -> None:
        """Put in front what makes the network's own input of float32, channels last."""
        taken = self._tensors[self._input]
        if taken.dtype != _FLOAT:
            source = self._add("photo", taken.shape, _FLOAT)
            if _is_quantised(taken):
                version = 2 if taken.dtype == np.int16 else 1
                first = Operator("QUANTIZE", (source,), (self._input,), {}, version)
            elif taken.dtype in _TYPE_CODES:
                codes = {"in_data_type": 0, "out_data_type": _TYPE_CODES[taken.dtype]}
                first = Operator("CAST", (source,), (self._input,), codes)
            self._operators.insert(0, first)
            self._input = source
        if taken.shape[3] != 3:
            one, channels, height, width = taken.shape
            source = self._add("picture", (one, height, width, channels), _FLOAT)
            order = self._constant(np.array([0, 3, 1, 2], "<i4"))
            self._operators.insert(0, Operator("TRANSPOSE", (source, order), (self._input,)))
            self._input = source

    def give_vector(self, pool: str, *, is_exchanged: bool = False) -> None:
        """Put behind what makes one vector of float32 of the network's own output."""
        made = self._tensors[self._output]
        shape = made.shape
        if made.dtype == np.float16:
            codes = {"in_data_type": _TYPE_CODES[made.dtype], "out_data_type": 0}
            self._step("CAST", (), shape, **codes)
        elif made.dtype != _FLOAT:
            self._step("DEQUANTIZE", (), shape, version=_VERSIONS[made.dtype])
        if is_exchanged and pool != "none":
            shape = _channels_last(shape)
            self._step("TRANSPOSE", (self._constant(np.array([0, 2, 3, 1], "<i4")),), shape)
        area = rules.area_of(shape)
        if math.prod(area) > 1 and pool == "mean":
            axes = self._constant(np.arange(1, len(shape) - 1, dtype="<i4"))
            shape = (1, shape[-1])
            self._step("MEAN", (axes,), shape, keep_dims=False)
        elif math.prod(area) > 1 and pool == "max":
            if len(area) == 1:
                shape = (1, 1, *shape[1:])
                self._reshape(shape)
            shape, (height, width) = (1, 1, 1, shape[-1]), shape[1:3]
            self._step(
                "MAX_POOL_2D",
                (),
                shape,
                padding=VALID,
                stride_height=height,
                stride_width=width,
                filter_height=height,
                filter_width=width,
                fused_activation_function=NO_ACTIVATION,
            )
        flat = (1, math.prod(shape))
        if shape != flat:
            self._reshape(flat)

    def _reshape(self, shape: tuple[int, ...]) -> None:
        self._step("RESHAPE", (self._constant(np.array(shape, "<i4")),), shape, new_shape=shape)

    def _step(
        self,
        name: str,
        constants: tuple[int, ...],
        shape: tuple[int, ...],
        *,
        version: int = 1,
        **options: Any,
    ) -> None:
        output = self._add(name.lower(), shape, _FLOAT)
        inputs = (self._output, *constants)
        self._operators.append(Operator(name, inputs, (output,), options, version))
        self._output = output

    def _constant(self, data: NDArray[Any]) -> int:
        return self._add("constant", data.shape, data.dtype, data)

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        data: NDArray[Any] | None = None,
    ) -> int:
        self._tensors.append(Tensor(f"headfit/{name}{len(self._tensors)}", shape, dtype, data))
        return len(self._tensors) - 1
