"""Building small networks operator by operator, with headfit's own writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit.maths.bits import n_words, pack
from headfit.networks.tflite import Graph, Operator, Quantization, Tensor, write_graph

FLOAT = np.dtype("<f4")
INT8 = np.dtype("i1")
INT32 = np.dtype("<i4")
_PLAIN = {
    **dict.fromkeys(("stride_height", "stride_width"), 1),
    **dict.fromkeys(("dilation_height_factor", "dilation_width_factor"), 1),
    "padding": 0,
    "pad_values": 1,
    "fused_activation_function": 0,
}


class GraphBuilder:
    """Tensors and operators in the order in which they are added; the first is the input."""

    def __init__(self, *input_shape: int) -> None:
        self.tensors = [Tensor("input", input_shape, FLOAT)]
        self.operators: list[Operator] = []

    def constant(self, data: NDArray[Any]) -> int:
        """Append a constant and return its index."""
        self.tensors.append(Tensor(f"constant{len(self.tensors)}", data.shape, data.dtype, data))
        return len(self.tensors) - 1

    def add(
        self,
        name: str,
        inputs: tuple[int, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any] = FLOAT,
        quantization: Quantization | None = None,
        **options: Any,
    ) -> int:
        """Append an operator and its output, and return the output's index."""
        self.tensors.append(Tensor(f"{name}{len(self.tensors)}", shape, dtype, None, quantization))
        output = len(self.tensors) - 1
        self.operators.append(Operator(name, inputs, (output,), options))
        return output

    def binary_convolution(
        self,
        x: int,
        filters: NDArray[Any],
        transform: tuple[int, int, int],
        shape: tuple[int, ...],
        dtype: np.dtype[Any] = FLOAT,
        quantization: Quantization | None = None,
        **options: Any,
    ) -> int:
        """Append a LceBconv2d, and return its output's index.

        `transform` are multiplier, bias and thresholds, -1 for what is absent; `options` those
        that are not of stride and dilation 1 over a picture that keeps its size by +1 around it.
        """
        inputs = (x, self.constant(filters), *transform)
        return self.add("LceBconv2d", inputs, shape, dtype, quantization, **(_PLAIN | options))

    def graph(self, output: int) -> Graph:
        """Return the graph that ends in `output`."""
        return Graph(tuple(self.tensors), tuple(self.operators), (0,), (output,))

    def model(self, output: int) -> bytes:
        """Write the file, the output flattened as an extractor's is."""
        return write_graph(self.flat_graph(output))

    def flat_graph(self, output: int) -> Graph:
        """Return the graph that ends in `output` as one vector of floats."""
        tensor = self.tensors[output]
        if tensor.dtype == INT8:
            output = self.add("DEQUANTIZE", (output,), tensor.shape)
        size = int(np.prod(tensor.shape))
        flat = np.array([1, size], INT32)
        last = self.add("RESHAPE", (output, self.constant(flat)), (1, size), new_shape=(1, size))
        return self.graph(last)


@dataclass
class ConvolutionCase:
    """One LceBconv2d between a quantisation and, for packed output, a dequantisation."""

    picture: tuple[int, int]
    channels: int
    kernel: tuple[int, int]
    filters: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: int = 0
    pad_values: int = 1
    activation: int = 0
    groups: int = 1
    output: str = "float32"
    int8_input: bool = False
    seed: int = 0

    @property
    def depth(self) -> int:
        """Return the number of values in one dot product."""
        return self.kernel[0] * self.kernel[1] * self.channels // self.groups

    def output_size(self) -> tuple[int, int]:
        """Return the height and width of the output, by TFLite's rule."""
        sizes = []
        for n, k, s, d in zip(self.picture, self.kernel, self.stride, self.dilation, strict=True):
            reach = (k - 1) * d + 1
            sizes.append(-(-n // s) if self.padding == 0 else (n - reach) // s + 1)
        return sizes[0], sizes[1]

    def pads(self) -> bool:
        """Say whether the window leaves the picture anywhere."""
        if self.padding == 1:
            return False
        return any(
            (out - 1) * s + (k - 1) * d + 1 > n
            for out, s, k, d, n in zip(
                self.output_size(),
                self.stride,
                self.kernel,
                self.dilation,
                self.picture,
                strict=True,
            )
        )

    def image(self) -> NDArray[np.float32]:
        """Return an input with zeros in it."""
        rng = np.random.default_rng(self.seed)
        x = rng.standard_normal((1, *self.picture, self.channels)).astype(np.float32)
        x[rng.random(x.shape) < 0.1] = 0  # signs of zero matter after a ReLU
        return x

    def constants(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return filters, multiplier, bias and thresholds."""
        rng = np.random.default_rng(self.seed + 1)
        signs = rng.random((self.filters, *self.kernel, self.channels // self.groups)) < 0.5
        multiplier = rng.standard_normal(self.filters).astype(np.float32)
        bias = (rng.standard_normal(self.filters) * 3).astype(np.float32)
        thresholds = rng.integers(0, self.depth + 1, self.filters, dtype=np.int32)
        sentinels = rng.random(self.filters)
        thresholds[sentinels < 0.1] = np.iinfo(np.int32).min
        thresholds[sentinels > 0.9] = np.iinfo(np.int32).max
        return pack(signs).view(INT32), multiplier, bias, thresholds

    def model(self) -> bytes:
        """Return the file with random constants."""
        filters, multiplier, bias, thresholds = self.constants()
        return convolution_model(self, filters, multiplier, bias, thresholds)


def convolution_model(
    case: ConvolutionCase,
    filters: NDArray[Any],
    multiplier: NDArray[Any],
    bias: NDArray[Any],
    thresholds: NDArray[Any],
    int8: Quantization | None = None,
) -> bytes:
    """Write the network of one case with these constants."""
    builder = GraphBuilder(1, *case.picture, case.channels)
    x = 0
    if case.int8_input:
        steps = Quantization((0.0625,), (7,))
        x = builder.add("QUANTIZE", (x,), builder.tensors[x].shape, INT8, steps)
    packed = builder.add("LceQuantize", (x,), (1, *case.picture, n_words(case.channels)), INT32)
    height, width = case.output_size()
    shape = (1, height, width, case.filters)
    dtype, quantization = FLOAT, None
    if case.output == "packed":
        transform = (-1, -1, builder.constant(thresholds))
        dtype, shape = INT32, (1, height, width, n_words(case.filters))
    else:
        transform = (builder.constant(multiplier), builder.constant(bias), -1)
    if case.output == "int8":
        dtype, quantization = INT8, int8 or Quantization((0.375,), (-5,))
    output = builder.binary_convolution(
        packed,
        filters,
        transform,
        shape,
        dtype,
        quantization,
        channels_in=case.channels,
        dilation_height_factor=case.dilation[0],
        dilation_width_factor=case.dilation[1],
        fused_activation_function=case.activation,
        pad_values=case.pad_values,
        padding=case.padding,
        stride_height=case.stride[0],
        stride_width=case.stride[1],
    )
    if case.output == "packed":
        output = builder.add("LceDequantize", (output,), (1, height, width, case.filters))
    return builder.model(output)
