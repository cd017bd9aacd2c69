"""A graph made into a plan: the steps that the library runs, their constants and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.native import layout, steps
from headfit.engines.native.library import Kernels
from headfit.engines.native.memory import Buffer, Constants, arrange
from headfit.engines.native.packing import (
    in_lanes,
    pack_filters,
    pack_float_filters,
    packed_bytes,
)
from headfit.errors import ExtractorError
from headfit.networks.operators import arrays, quantisation
from headfit.networks.operators.binary_convolution import Thresholds, read_binary_convolution
from headfit.networks.operators.convolutions import (
    read_convolution,
    read_dense,
    read_depthwise_convolution,
)
from headfit.networks.operators.known import runnable
from headfit.networks.operators.node import Node
from headfit.networks.operators.pooling import read_binary_max_pool, read_mean, read_pool
from headfit.networks.operators.windows import Window
from headfit.networks.tflite import Graph, Operator
from headfit.networks.tflite.schema import ACTIVATION_RANGES, RELU, RELU6, RELU_N1_TO_1

MAX_ARENA: Final = 1 << 30
_UNBOUNDED: Final = (-math.inf, math.inf)
_SHORT_ROW: Final = 16
_LONGEST_ROW: Final = 1 << 14
_LONGEST_SUM: Final = 65535
"""Counts are kept in 16 bits."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array lies: in a buffer, else among the constants or at the start of the picture."""

    buffer: Buffer | None = None
    constant: int | None = None
    offset: int = 0

    def shifted(self, n_bytes: int) -> Place:
        """Return the place some bytes on."""
        return replace(self, offset=self.offset + n_bytes)


@dataclass(slots=True)
class _Draft:
    """A step whose places are not yet numbers."""

    kind: type[steps.Step]
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What the library runs.

    Attributes
    ----------
    steps : ndarray of dtype uint8
        Structs of `headfit.engines.native.steps`, one after another.
    constants : ndarray of dtype uint8
    arena_bytes : int
    output : int
        Where in the arena the embedding begins, in bytes.
    """

    steps: NDArray[np.uint8]
    constants: NDArray[np.uint8]
    arena_bytes: int
    output: int


def compile_plan(graph: Graph, kernels: Kernels) -> Plan:
    """Compile a graph of one input and one output, both float32.

    Raises
    ------
    ExtractorError
        If it has an operator that is not run here, or one that is not well-formed.
    """
    return _Compiler(runnable(graph, _COMPILERS, "native"), kernels).run()


class _Compiler:
    """Compiles one graph, operator by operator."""

    def __init__(self, graph: Graph, kernels: Kernels) -> None:
        self._graph, self._kernels = graph, kernels
        self._constants = Constants()
        self._drafts: list[_Draft] = []
        self._buffers: list[Buffer] = []
        self._places: dict[int, Place] = {graph.inputs[0]: Place()}
        self._makers: dict[int, int] = {}
        """By tensor: the binary convolution that makes it, to which more may be added."""
        self._readers = [0] * len(graph.tensors)
        for operator in graph.operators:
            for i in operator.inputs:
                if i >= 0:
                    self._readers[i] += 1
        for i in graph.outputs:
            self._readers[i] += 1

    def run(self) -> Plan:
        for operator in self._graph.operators:
            _COMPILERS[operator.name](self, operator, Node(self._graph, operator))
        output = self._read(self._graph.outputs[0])
        if output.buffer is None:  # of the picture itself, or a constant
            n = math.prod(self._graph.tensors[self._graph.outputs[0]].shape)
            copied = self._buffer(4 * n)
            self._copy(output, copied, (n,), (1,), (1,))
            output = copied
        assert output.buffer is not None
        output.buffer.last = len(self._drafts)
        return self._finish(output.buffer)

    def _finish(self, output: Buffer) -> Plan:
        arena_bytes = arrange(self._buffers)
        if arena_bytes > MAX_ARENA:
            raise ExtractorError(
                f"this network needs {arena_bytes} bytes while it runs, and at most {MAX_ARENA} "
                "are given; use smaller pictures or another engine"
            )
        constants = self._constants.join()
        picture = 4 * math.prod(self._graph.tensors[self._graph.inputs[0]].shape)

        def number(field: Any) -> Any:
            if field is None:
                return steps.NOWHERE
            if not isinstance(field, Place):
                return field
            if field.constant is not None:
                return field.constant + field.offset
            if field.buffer is None:
                return constants.size + field.offset
            return constants.size + picture + field.buffer.place + field.offset

        flat = b"".join(
            bytes(draft.kind(**{name: number(field) for name, field in draft.fields.items()}))
            for draft in self._drafts
        )
        plan = np.zeros(len(flat) // 8, np.uint64).view(np.uint8)  # begins at a multiple of 8
        plan[:] = np.frombuffer(flat, np.uint8)
        return Plan(plan, constants, arena_bytes, output.place)

    # Memory

    def _buffer(self, n_bytes: int) -> Place:
        """Return a new part of the arena, for the next step to write."""
        step = len(self._drafts)
        self._buffers.append(Buffer(n_bytes, step, step))
        return Place(self._buffers[-1])

    def _constant(self, array: NDArray[Any]) -> Place:
        return Place(constant=self._constants.add(array))

    def _read(self, tensor: int) -> Place:
        """Return where a tensor lies, for the next step to read."""
        if tensor not in self._places:
            data = self._graph.tensors[tensor].data
            assert data is not None
            self._places[tensor] = self._constant(data)
        place = self._places[tensor]
        if place.buffer is not None:
            place.buffer.last = max(place.buffer.last, len(self._drafts))
        return place

    def _write(self, operator: Operator) -> Place:
        """Return where an operator's output goes, which the next step writes."""
        tensor = self._graph.tensors[operator.outputs[0]]
        place = self._buffer(math.prod(tensor.shape) * tensor.dtype.itemsize)
        self._places[operator.outputs[0]] = place
        return place

    def _emit(self, kind: type[steps.Step], **fields: Any) -> None:
        self._drafts.append(_Draft(kind, fields))

    # Binary operators

    def pack(self, operator: Operator, node: Node) -> None:
        limit = quantisation.negative_below(node)
        (x,), source = operator.inputs, node.operand(0, node.dtype(0))
        maker = self._drafts[self._makers[x]] if x in self._makers else None
        if maker is not None and maker.fields["groups"] == 1 and maker.fields["signs"] is None:
            self._places[operator.outputs[0]] = place = self._buffer(_size(node))
            assert place.buffer is not None
            place.buffer.first = self._makers[x]
            maker.fields["signs"] = place
            return
        channels = source.shape[-1]
        self._emit(
            steps.Pack,
            x=self._read(x),
            y=self._write(operator),
            rows=math.prod(source.shape[:-1]),
            channels=channels,
            type=steps.FLOAT if source.dtype == np.float32 else steps.BYTE,
            limit=limit,
        )

    def unpack(self, operator: Operator, node: Node) -> None:
        channels = quantisation.unpacked_channels(node)
        plus, minus = quantisation.stored_pair(node)
        self._emit(
            steps.Unpack,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            rows=math.prod(node.output.shape[:-1]),
            channels=channels,
            type=steps.FLOAT if node.output.dtype == np.float32 else steps.BYTE,
            plus=plus,
            minus=minus,
        )

    def binary_max_pool(self, operator: Operator, node: Node) -> None:
        window, shape = read_binary_max_pool(node), node.operand(0, np.int32).shape
        self._pool(operator, window, shape, steps.POOL_BITS, _UNBOUNDED)

    def binary_convolution(self, operator: Operator, node: Node) -> None:
        conv = read_binary_convolution(node)
        window, shape, kernels = conv.window, node.operand(0, np.int32).shape, self._kernels
        words, transform = shape[3], conv.transform
        if 32 * window.area * conv.filters.shape[3] > _LONGEST_SUM:
            raise node.refusal(
                f"dot products of {conv.depth} values, and the native engine counts to "
                f"{_LONGEST_SUM}"
            )
        places = math.prod(_padded(window, shape))
        unit_bytes = 32 // kernels.unit_bits * kernels.unit_bytes
        filters = (conv.filters, conv.groups, kernels)
        write = partial(pack_filters, *filters)
        fields: dict[str, Any] = {
            "x": self._read(operator.inputs[0]),
            "y": self._write(operator),
            "filters": Place(constant=self._constants.reserve(packed_bytes(*filters), write)),
            "scratch": self._buffer(places * words * unit_bytes),
            "window": _window(window, shape),
            "words": words,
            "groups": conv.groups,
            "group_filters": conv.n_filters // conv.groups,
            "signs": None,
            "residual": None,
            "correction": None,
        }
        if isinstance(transform, Thresholds):
            limits = np.clip(transform.values.astype(np.int64) + 1, 0, _LONGEST_SUM)
            limits = in_lanes(limits.astype(np.uint16), conv.groups, steps.LANES)
            fields |= {"type": steps.BITS, "limits": self._constant(limits)}
            fields |= {"multiplier": None, "bias": None}
            self._emit(steps.BinaryConvolution, **fields)
            return
        is_float = transform.quantization is None
        fields |= {
            "type": steps.FLOAT if is_float else steps.BYTE,
            "limits": None,
            "low": transform.bounds[0],
            "high": transform.bounds[1],
            "sum_low": -math.inf,
            "sum_high": math.inf,
        }
        for name in ("multiplier", "bias"):
            lanes = in_lanes(getattr(transform, name), conv.groups, steps.LANES)
            fields[name] = self._constant(lanes)
        if transform.correction is not None:
            fields["correction"] = self._constant(transform.correction)
        if is_float:
            self._makers[operator.outputs[0]] = len(self._drafts)
        self._emit(steps.BinaryConvolution, **fields)

    # Float operators

    def convolution(self, operator: Operator, node: Node) -> None:
        conv, shape = read_convolution(node), node.operand(0).shape
        height, width = _padded(conv.window, shape)
        scratch = None
        if (height, width) != shape[1:3]:
            scratch = self._buffer(4 * height * width * shape[3])
        bounds = conv.bounds
        self._emit(
            steps.Convolution,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            filters=self._constant(pack_float_filters(conv.weights, conv.groups)),
            bias=self._constant(in_lanes(conv.bias, conv.groups, steps.FLOAT_LANES)),
            scratch=scratch,
            low=bounds[0],
            high=bounds[1],
            window=_window(conv.window, shape),
            depth=conv.depth,
            groups=conv.groups,
            group_filters=conv.group_filters,
        )

    def dense(self, operator: Operator, node: Node) -> None:
        dense = read_dense(node)
        window = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0), (dense.rows, 1))
        self._emit(
            steps.Convolution,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            filters=self._constant(pack_float_filters(dense.weights, 1)),
            bias=self._constant(in_lanes(dense.bias, 1, steps.FLOAT_LANES)),
            scratch=None,
            low=dense.bounds[0],
            high=dense.bounds[1],
            window=_window(window, (1, dense.rows, 1)),
            depth=dense.weights.shape[1],
            groups=1,
            group_filters=dense.weights.shape[0],
        )

    def depthwise_convolution(self, operator: Operator, node: Node) -> None:
        conv, shape = read_depthwise_convolution(node), node.operand(0).shape
        self._emit(
            steps.DepthwiseConvolution,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            filters=self._constant(conv.weights),
            bias=self._constant(conv.bias),
            low=conv.bounds[0],
            high=conv.bounds[1],
            window=_window(conv.window, shape),
            channels=shape[3],
            multiple=conv.multiple,
        )

    def max_pool(self, operator: Operator, node: Node) -> None:
        window, bounds = read_pool(node)
        self._pool(operator, window, node.operand(0).shape, steps.POOL_MAX, bounds)

    def average_pool(self, operator: Operator, node: Node) -> None:
        window, bounds = read_pool(node)
        self._pool(operator, window, node.operand(0).shape, steps.POOL_AVERAGE, bounds)

    def _pool(
        self,
        operator: Operator,
        window: Window,
        shape: tuple[int, ...],
        pooling: int,
        bounds: tuple[float, float],
    ) -> None:
        x, y = self._read(operator.inputs[0]), self._write(operator)
        for i in range(shape[0]):
            self._emit(
                steps.Pool,
                x=x.shifted(4 * i * math.prod(shape[1:])),
                y=y.shifted(4 * i * math.prod(window.output) * shape[3]),
                low=bounds[0],
                high=bounds[1],
                window=_window(window, shape),
                channels=shape[3],
                pooling=pooling,
            )
            self._keep(x, y)

    def mean(self, operator: Operator, node: Node) -> None:
        shape, axes = node.operand(0).shape, read_mean(node)
        long = [i for i, n in enumerate(shape) if n > 1]
        over = [i for i in long if i in axes]
        between = [i for i in long if over and over[0] <= i <= over[-1]]
        if over != between:
            raise node.refusal(f"a mean of {shape} over axes {axes} that are not neighbours")
        first, last = (over[0], over[-1] + 1) if over else (len(shape), len(shape))
        self._emit(
            steps.Mean,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            outer=math.prod(shape[:first]),
            count=math.prod(shape[first:last]),
            inner=math.prod(shape[last:]),
        )

    # Element by element

    def add(self, operator: Operator, node: Node) -> None:
        bounds = arrays.read_arithmetic(node)
        if not self._add_to_convolution(operator, node, bounds):
            self._broadcast(operator, node, steps.ADD, bounds)

    def subtract(self, operator: Operator, node: Node) -> None:
        self._broadcast(operator, node, steps.SUBTRACT, arrays.read_arithmetic(node))

    def multiply(self, operator: Operator, node: Node) -> None:
        self._broadcast(operator, node, steps.MULTIPLY, arrays.read_arithmetic(node))

    def divide(self, operator: Operator, node: Node) -> None:
        self._broadcast(operator, node, steps.DIVIDE, arrays.read_arithmetic(node))

    def less(self, operator: Operator, node: Node) -> None:
        arrays.read_less(node)
        self._broadcast(operator, node, steps.LESS)

    def select(self, operator: Operator, node: Node) -> None:
        arrays.read_select(node)
        self._broadcast(operator, node, steps.SELECT)

    def prelu(self, operator: Operator, node: Node) -> None:
        arrays.read_prelu(node)
        self._broadcast(operator, node, steps.PRELU)

    def _add_to_convolution(
        self, operator: Operator, node: Node, bounds: tuple[float, float]
    ) -> bool:
        """Let a binary convolution add the other array itself, where it alone is read by this."""
        for x, other in (operator.inputs, operator.inputs[::-1]):
            step = self._makers.get(x)
            if step is None or self._readers[x] != 1 or x == other:
                continue
            fields = self._drafts[step].fields
            shapes = {self._graph.tensors[i].shape for i in (x, other)}
            if fields["residual"] is not None or fields["signs"] is not None or len(shapes) != 1:
                continue
            place = self._read(other)
            if place.buffer is not None and place.buffer.first >= step:
                continue  # made after the convolution
            fields["residual"] = place
            fields["sum_low"], fields["sum_high"] = bounds
            self._places[operator.outputs[0]] = fields["y"]
            self._makers[operator.outputs[0]] = self._makers.pop(x)
            return True
        return False

    def _broadcast(
        self,
        operator: Operator,
        node: Node,
        operation: int,
        bounds: tuple[float, float] = _UNBOUNDED,
    ) -> None:
        shape = node.output.shape
        places, operands = zip(*(self._operand(i, shape) for i in operator.inputs), strict=True)
        dims, strides = self._joined(node, shape, *operands)
        if len(strides) == 2:
            strides.append((0,) * steps.DIMS)
        a, b, *c = places
        self._emit(
            steps.Broadcast,
            a=a,
            b=b,
            c=c[0] if c else None,
            y=self._write(operator),
            dims=dims,
            a_strides=strides[0],
            b_strides=strides[1],
            c_strides=strides[2],
            low=bounds[0],
            high=bounds[1],
            operation=operation,
        )

    def _operand(self, i: int, shape: tuple[int, ...]) -> tuple[Place, layout.Strides]:
        """Return where an operand of an output of this shape is read, and by which strides.

        A constant of one short row, such as a mean for each of three channels, is written out for
        the axis before as well: the library goes by rows, eight elements at a time.
        """
        tensor = self._graph.tensors[i]
        row = tensor.data
        if (
            row is not None
            and len(shape) > 1
            and 1 < row.size == tensor.shape[-1] == shape[-1] < _SHORT_ROW
            and shape[-2] * row.size < _LONGEST_ROW
        ):
            wide = np.tile(row.reshape(-1), (shape[-2], 1))
            return self._constant(wide), layout.broadcast(wide.shape, shape)
        return self._read(i), layout.broadcast(tensor.shape, shape)

    def clamp(self, operator: Operator, node: Node) -> None:
        arrays.read_elementwise(node)
        activation = {"RELU": RELU, "RELU_N1_TO_1": RELU_N1_TO_1, "RELU6": RELU6}[node.name]
        low, high = ACTIVATION_RANGES[activation]
        self._map(operator, steps.CLAMP, low=low, high=high)

    def elementwise(self, operator: Operator, node: Node) -> None:
        arrays.read_elementwise(node)
        self._map(operator, _MAPPINGS[node.name])

    def quantize(self, operator: Operator, node: Node) -> None:
        steps_of = arrays.read_quantize(node)
        scale, zero = steps_of.scale[0], steps_of.zero_point[0]
        self._map(operator, steps.QUANTIZE, scale=scale, zero=zero)

    def dequantize(self, operator: Operator, node: Node) -> None:
        steps_of = arrays.read_dequantize(node)
        scale, zero = steps_of.scale[0], steps_of.zero_point[0]
        self._map(operator, steps.DEQUANTIZE, scale=scale, zero=zero)

    def _map(self, operator: Operator, mapping: int, **fields: Any) -> None:
        n = math.prod(self._graph.tensors[operator.outputs[0]].shape)
        x, y = self._read(operator.inputs[0]), self._write(operator)
        self._emit(steps.Map, x=x, y=y, n=n, mapping=mapping, **fields)

    def softmax(self, operator: Operator, node: Node) -> None:
        arrays.read_elementwise(node)
        shape = node.output.shape or (1,)
        self._emit(
            steps.Softmax,
            x=self._read(operator.inputs[0]),
            y=self._write(operator),
            rows=math.prod(shape[:-1]),
            channels=shape[-1],
            beta=node.number("beta"),
        )

    # Arrangement

    def reshape(self, operator: Operator, node: Node) -> None:
        arrays.read_reshape(node)
        self._places[operator.outputs[0]] = self._read(operator.inputs[0])

    def pad(self, operator: Operator, node: Node) -> None:
        widths, value = arrays.read_pad(node)
        shape, output = node.operand(0).shape, node.output.shape
        x, y = self._read(operator.inputs[0]), self._write(operator)
        bits = int(np.float32(value).view(np.int32))
        self._emit(steps.Fill, y=y, n=math.prod(output), value=bits)
        self._keep(x, y)
        to = layout.contiguous(output)
        start = sum(before * stride for (before, _), stride in zip(widths, to, strict=True))
        dims, (of_x, of_y) = self._joined(node, shape, layout.contiguous(shape), to)
        self._copy(x, y.shifted(4 * start), dims, of_x, of_y)

    def transpose(self, operator: Operator, node: Node) -> None:
        order, source = arrays.read_transpose(node), layout.contiguous(node.operand(0).shape)
        shape = node.output.shape
        strides = tuple(source[i] for i in order)
        dims, (of_x, of_y) = self._joined(node, shape, strides, layout.contiguous(shape))
        self._copy(self._read(operator.inputs[0]), self._write(operator), dims, of_x, of_y)

    def concatenation(self, operator: Operator, node: Node) -> None:
        axis = arrays.read_concatenation(node)
        shape, start = node.output.shape, 0
        rows, row = math.prod(shape[:axis]), math.prod(shape[axis:])
        parts, y = [self._read(i) for i in operator.inputs], self._write(operator)
        for i, x in zip(operator.inputs, parts, strict=True):
            n = math.prod(self._graph.tensors[i].shape[axis:])
            self._copy(x, y.shifted(4 * start), (rows, n), (n, 1), (row, 1))
            self._keep(y, *parts)
            start += n

    def _copy(
        self,
        x: Place,
        y: Place,
        dims: Sequence[int],
        of_x: Sequence[int],
        of_y: Sequence[int],
    ) -> None:
        missing = steps.DIMS - len(dims)
        self._emit(
            steps.Copy,
            x=x,
            y=y,
            dims=(1,) * missing + tuple(dims),
            x_strides=(0,) * missing + tuple(of_x),
            y_strides=(0,) * missing + tuple(of_y),
            element=4,
        )

    def _joined(
        self, node: Node, shape: Sequence[int], *operands: layout.Strides
    ) -> tuple[tuple[int, ...], list[layout.Strides]]:
        joined = layout.in_four_axes(shape, *operands)
        if joined is None:
            raise node.refusal(f"shape {tuple(shape)} has more axes than the native engine walks")
        return joined

    def _keep(self, *places: Place) -> None:
        """Say that the next step, one more of the same operator, uses these too."""
        for place in places:
            if place.buffer is not None:
                place.buffer.last = max(place.buffer.last, len(self._drafts))


def _size(node: Node) -> int:
    return math.prod(node.output.shape) * node.output.dtype.itemsize


def _padded(window: Window, shape: Sequence[int]) -> tuple[int, int]:
    """Return height and width of the picture with all that the window reaches."""
    height, width = (
        max((out - 1) * stride + (size - 1) * dilation + 1, before + n)
        for out, stride, size, dilation, before, n in zip(
            window.output,
            window.stride,
            window.size,
            window.dilation,
            window.before,
            shape[1:3],
            strict=True,
        )
    )
    return height, width


def _window(window: Window, shape: Sequence[int]) -> steps.Window:
    pairs = (shape[1:3], window.output, window.size, window.stride, window.dilation, window.before)
    return steps.Window(*(n for pair in pairs for n in pair))


_MAPPINGS: Final = {
    "ABS": steps.ABSOLUTE,
    "SQRT": steps.SQUARE_ROOT,
    "LOGISTIC": steps.LOGISTIC,
}
_COMPILERS: Final[dict[str, Callable[[_Compiler, Operator, Node], None]]] = {
    "LceQuantize": _Compiler.pack,
    "LceDequantize": _Compiler.unpack,
    "LceBconv2d": _Compiler.binary_convolution,
    "LceBMaxPool2d": _Compiler.binary_max_pool,
    "CONV_2D": _Compiler.convolution,
    "DEPTHWISE_CONV_2D": _Compiler.depthwise_convolution,
    "FULLY_CONNECTED": _Compiler.dense,
    "MAX_POOL_2D": _Compiler.max_pool,
    "AVERAGE_POOL_2D": _Compiler.average_pool,
    "MEAN": _Compiler.mean,
    "ADD": _Compiler.add,
    "SUB": _Compiler.subtract,
    "MUL": _Compiler.multiply,
    "DIV": _Compiler.divide,
    "LESS": _Compiler.less,
    "SELECT_V2": _Compiler.select,
    "PAD": _Compiler.pad,
    "PADV2": _Compiler.pad,
    "RESHAPE": _Compiler.reshape,
    "TRANSPOSE": _Compiler.transpose,
    "CONCATENATION": _Compiler.concatenation,
    "QUANTIZE": _Compiler.quantize,
    "DEQUANTIZE": _Compiler.dequantize,
    "RELU": _Compiler.clamp,
    "RELU_N1_TO_1": _Compiler.clamp,
    "RELU6": _Compiler.clamp,
    "PRELU": _Compiler.prelu,
    **dict.fromkeys(_MAPPINGS, _Compiler.elementwise),
    "SOFTMAX": _Compiler.softmax,
}
