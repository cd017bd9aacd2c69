"""LCE's operators rewritten as builtin ones of version 1, so that any TFLite runtime runs them.

A packed tensor becomes float32 values +1 and -1 with its true number of channels. Sums of such
products are whole numbers below 2**24, exact in float32 whatever the order of summation; so every
operator gives the very bits that LCE gives, in every runtime. docs/engines.md has the derivation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorError
from headfit.networks.operators.binary_convolution import (
    Affine,
    BinaryConvolution,
    Thresholds,
    read_binary_convolution,
)
from headfit.networks.operators.node import Node
from headfit.networks.operators.quantisation import int8_pair, read_packed, unpacked_channels
from headfit.networks.tflite import Graph, Operator, Quantization, Tensor, read_graph, write_graph
from headfit.networks.tflite.pruning import prune
from headfit.networks.tflite.schema import NO_ACTIVATION, RELU_N1_TO_1, VALID

_FLOAT: Final = np.dtype("<f4")
_ROUNDER: Final = 1.5 * 2.0**23
"""Adding and taking this away rounds a float32 below 2**22 to a whole number, ties to even."""


def lower(model: bytes) -> bytes:
    """Rewrite a Larq Compute Engine network for plain TFLite.

    Parameters
    ----------
    model : bytes
        A `.tflite` with LCE's operators.

    Returns
    -------
    bytes
        A `.tflite` of builtin operators; its binary filters take 32 times the space.

    Raises
    ------
    ExtractorError
        If the file is damaged, or takes or returns packed bits.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    return write_graph(lower_graph(read_graph(model)))


def lower_graph(graph: Graph) -> Graph:
    """Do what `lower` does, on a graph."""
    return _Lowering(graph).run()


class _Lowering:
    """Rewrites one graph, operator by operator.

    The tensors of the source keep their places; a packed one is redefined when the operator that
    writes it is rewritten.
    """

    def __init__(self, graph: Graph) -> None:
        self._source = graph
        self._tensors = list(graph.tensors)
        self._operators: list[Operator] = []
        self._signs: set[int] = set()
        """Tensors that are packed in the source, and hold +1.0 and -1.0 here."""
        self._scalars: dict[float, int] = {}

    def run(self) -> Graph:
        rewriters: dict[str, Callable[[Operator], None]] = {
            "LceQuantize": self._quantize,
            "LceDequantize": self._dequantize,
            "LceBMaxPool2d": self._max_pool,
            "LceBconv2d": self._convolution,
        }
        for operator in self._source.operators:
            rewriter = rewriters.get(operator.name)
            if rewriter is not None:
                rewriter(operator)
            elif self._signs.intersection(operator.inputs):
                raise ExtractorError(
                    f"{operator.name} reads packed bits, which only LCE's own operators can; "
                    "convert the network with Larq Compute Engine 0.16"
                )
            else:
                self._operators.append(operator)
        if self._signs.intersection(self._source.outputs):
            raise ExtractorError(
                "the network returns packed bits, and an extractor returns float32; cut it at "
                "another tensor"
            )
        graph = self._source
        return prune(
            Graph(tuple(self._tensors), tuple(self._operators), graph.inputs, graph.outputs)
        )

    def _quantize(self, operator: Operator) -> None:
        node = Node(self._source, operator)
        (x,), (output,) = operator.inputs, operator.outputs
        source = read_packed(node)
        self._redefine_as_signs(output, source.shape)
        if source.dtype == np.bool_:
            self._emit("SELECT_V2", (x, self._scalar(1), self._scalar(-1)), output)
            return
        if source.dtype == np.int8:
            node.per_tensor(source)
            x = self._step("DEQUANTIZE", (x,), source.shape, version=2)
        elif source.dtype != np.float32:
            raise node.refusal(f"it reads {source.dtype}, expected float32, int8 or bool")
        negative = self._step("LESS", (x, self._scalar(0)), source.shape, dtype=np.dtype("?"))
        self._emit("SELECT_V2", (negative, self._scalar(-1), self._scalar(1)), output)

    def _dequantize(self, operator: Operator) -> None:
        node = Node(self._source, operator)
        (x,), (output,) = operator.inputs, operator.outputs
        self._check_signs(node, x, unpacked_channels(node))
        shape = node.output.shape
        if node.output.dtype == np.float32:
            self._emit("RESHAPE", (x,), output, new_shape=shape)
        elif node.output.dtype == np.bool_:
            self._emit("LESS", (self._scalar(0), x), output)
        elif node.output.dtype == np.int8:
            quantization = node.per_tensor(node.output)
            plus, minus = int8_pair(quantization)
            scale, zero_point = quantization.scale[0], quantization.zero_point[0]
            half = self._scalar((plus - minus) / 2 * scale)
            middle = self._scalar(((plus + minus) / 2 - zero_point) * scale)
            real = self._step("ADD", (self._step("MUL", (x, half), shape), middle), shape)
            self._emit("QUANTIZE", (real,), output)
        else:
            raise node.refusal(f"it returns {node.output.dtype}, expected float32, int8 or bool")

    def _max_pool(self, operator: Operator) -> None:
        node = Node(self._source, operator)
        (x,), (output,) = operator.inputs, operator.outputs
        node.operand(0, "<i4", rank=4)
        channels = self._tensors[x].shape[-1]
        self._check_signs(node, x, channels)
        self._redefine_as_signs(output, (*node.output.shape[:-1], channels))
        self._emit("MAX_POOL_2D", (x,), output, **operator.options)

    def _convolution(self, operator: Operator) -> None:
        node = Node(self._source, operator)
        convolution = read_binary_convolution(node)
        x, output = operator.inputs[0], operator.outputs[0]
        self._check_signs(node, x, node.option("channels_in", 1, 1 << 20))
        x = self._pad(convolution, x)
        transform = convolution.transform
        if isinstance(transform, Thresholds):
            self._bitpacked(operator, convolution, transform, x, output)
        else:
            self._affine(operator, convolution, transform, x, output)

    def _pad(self, convolution: BinaryConvolution, x: int) -> int:
        """Surround the picture with +1, which is what LCE pads with."""
        window = convolution.window
        if not window.pads:
            return x
        (top, left), (bottom, right) = window.before, window.after
        widths = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], "<i4")
        _, height, width, channels = self._tensors[x].shape
        shape = (1, top + height + bottom, left + width + right, channels)
        return self._step("PADV2", (x, self._constant(widths), self._scalar(1)), shape)

    def _bitpacked(
        self,
        operator: Operator,
        convolution: BinaryConvolution,
        transform: Thresholds,
        x: int,
        output: int,
    ) -> None:
        """One convolution whose bias and clamp give the sign.

        count > t is y < K - 2t. As y and K are both odd or both even, y - (K - 2t) + 1 is odd, so
        its clamp to [-1, 1] is the sign. Thresholds that nothing or everything passes become the
        nearest ones that do so, which keeps the bias small enough to be exact.
        """
        depth = convolution.depth
        thresholds = np.clip(transform.values.astype(np.int64), -1, depth)
        bias = (1 - (depth - 2 * thresholds)).astype(_FLOAT)
        shape = (1, *convolution.window.output, convolution.n_filters)
        self._redefine_as_signs(output, shape)
        inputs = (x, self._constant(convolution.dense_signs()), self._constant(bias))
        self._emit("CONV_2D", inputs, output, **_conv_options(operator, RELU_N1_TO_1))

    def _affine(
        self,
        operator: Operator,
        convolution: BinaryConvolution,
        transform: Affine,
        x: int,
        output: int,
    ) -> None:
        """2 * count from a convolution, then the multiplication and addition that LCE does."""
        depth, n_filters = convolution.depth, convolution.n_filters
        shape = (1, *convolution.window.output, n_filters)
        weights = convolution.dense_signs()
        options = _conv_options(operator, transform.activation)
        if transform.activation == NO_ACTIVATION:
            bias = self._constant(np.full(n_filters, depth, _FLOAT))
            twice = self._step("CONV_2D", (x, self._constant(-weights), bias), shape, **options)
        else:
            bias = self._constant(np.zeros(n_filters, _FLOAT))
            y = self._step("CONV_2D", (x, self._constant(weights), bias), shape, **options)
            twice = self._step("SUB", (self._scalar(depth), y), shape)
        scaled = self._step("MUL", (twice, self._constant(transform.multiplier)), shape)
        last = (scaled, self._constant(transform.bias))
        if transform.quantization is not None:
            self._to_int8(self._step("ADD", last, shape), transform.quantization, output)
        elif transform.correction is not None:
            correction = self._constant(transform.correction.reshape(shape))
            self._emit("ADD", (self._step("ADD", last, shape), correction), output)
        else:
            self._emit("ADD", last, output)

    def _to_int8(self, stored: int, quantization: Quantization, output: int) -> None:
        """Round what is already in int8 steps, then give QUANTIZE the real value of that step.

        Ties go to even, as in LCE on ARM; LCE on x86 rounds them away from zero.
        """
        shape = self._tensors[output].shape
        scale, zero_point = quantization.scale[0], quantization.zero_point[0]
        up = self._step("ADD", (stored, self._scalar(_ROUNDER)), shape)
        steps = self._step("SUB", (up, self._scalar(_ROUNDER + zero_point)), shape)
        real = self._step("MUL", (steps, self._scalar(scale)), shape)
        self._emit("QUANTIZE", (real,), output)

    def _check_signs(self, node: Node, x: int, channels: int) -> None:
        if x not in self._signs:
            raise node.refusal("packed bits that no operator of LCE has made")
        if self._tensors[x].shape[-1] != channels:
            raise node.refusal(f"{self._tensors[x].shape[-1]} channels, expected {channels}")

    def _redefine_as_signs(self, i: int, shape: tuple[int, ...]) -> None:
        self._tensors[i] = Tensor(self._tensors[i].name, shape, _FLOAT)
        self._signs.add(i)

    def _constant(self, data: NDArray[Any]) -> int:
        name = f"lowered/constant{len(self._tensors)}"
        self._tensors.append(Tensor(name, data.shape, data.dtype, data))
        return len(self._tensors) - 1

    def _scalar(self, value: float) -> int:
        if value not in self._scalars:
            self._scalars[value] = self._constant(np.array(value, _FLOAT))
        return self._scalars[value]

    def _step(
        self,
        name: str,
        inputs: Sequence[int],
        shape: tuple[int, ...],
        *,
        dtype: np.dtype[Any] = _FLOAT,
        version: int = 1,
        **options: Any,
    ) -> int:
        """Append an operator with a new tensor for its output."""
        self._tensors.append(Tensor(f"lowered/{name.lower()}{len(self._tensors)}", shape, dtype))
        output = len(self._tensors) - 1
        self._operators.append(Operator(name, tuple(inputs), (output,), options, version))
        return output

    def _emit(self, name: str, inputs: Sequence[int], output: int, **options: Any) -> None:
        """Append an operator that writes a tensor of the source."""
        self._operators.append(Operator(name, tuple(inputs), (output,), options))


def _conv_options(operator: Operator, activation: int) -> dict[str, Any]:
    kept = ("stride_height", "stride_width", "dilation_height_factor", "dilation_width_factor")
    options = {key: operator.options[key] for key in kept}
    return {**options, "padding": VALID, "fused_activation_function": activation}
