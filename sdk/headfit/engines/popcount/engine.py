"""Runs an LCE or float TFLite network in NumPy, binary layers by counting bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.interface import check_input, check_signature
from headfit.engines.popcount import activations, arrays, binary, convolutions, pooling
from headfit.engines.popcount.kernel import Kernel
from headfit.maths.arrays import FloatArray
from headfit.networks.operators.known import runnable
from headfit.networks.operators.node import Node
from headfit.networks.tflite import Graph, read_graph

_COMPILERS: Final[dict[str, Callable[[Node], Kernel]]] = {
    "LceQuantize": binary.compile_quantize,
    "LceDequantize": binary.compile_dequantize,
    "LceBconv2d": binary.compile_convolution,
    "LceBMaxPool2d": binary.compile_max_pool,
    "CONV_2D": convolutions.compile_conv_2d,
    "DEPTHWISE_CONV_2D": convolutions.compile_depthwise_conv_2d,
    "FULLY_CONNECTED": convolutions.compile_fully_connected,
    "MAX_POOL_2D": pooling.compile_max_pool_2d,
    "AVERAGE_POOL_2D": pooling.compile_average_pool_2d,
    "MEAN": pooling.compile_mean,
    "ADD": arrays.compile_arithmetic,
    "SUB": arrays.compile_arithmetic,
    "MUL": arrays.compile_arithmetic,
    "DIV": arrays.compile_arithmetic,
    "LESS": arrays.compile_less,
    "SELECT_V2": arrays.compile_select,
    "PAD": arrays.compile_pad,
    "PADV2": arrays.compile_pad,
    "RESHAPE": arrays.compile_reshape,
    "TRANSPOSE": arrays.compile_transpose,
    "CONCATENATION": arrays.compile_concatenation,
    "QUANTIZE": arrays.compile_quantize,
    "DEQUANTIZE": arrays.compile_dequantize,
    "RELU": activations.compile_clamp,
    "RELU_N1_TO_1": activations.compile_clamp,
    "RELU6": activations.compile_clamp,
    "PRELU": activations.compile_prelu,
    "ABS": activations.compile_abs,
    "SQRT": activations.compile_sqrt,
    "LOGISTIC": activations.compile_logistic,
    "SOFTMAX": activations.compile_softmax,
}


class Program:
    """A graph compiled to NumPy; any number of tensors in, one out.

    Parameters
    ----------
    graph : Graph
        With one output.

    Raises
    ------
    ExtractorError
        If it has an operator that is not run here, or one that is not well-formed.
    """

    def __init__(self, graph: Graph) -> None:
        graph = runnable(graph, _COMPILERS, "popcount")
        self._inputs, (self._output,) = graph.inputs, graph.outputs
        self._constants = {
            i: tensor.data for i, tensor in enumerate(graph.tensors) if tensor.data is not None
        }
        self._steps = [
            (_compile(graph, i), tuple(j for j in operator.inputs if j >= 0), operator.outputs[0])
            for i, operator in enumerate(graph.operators)
        ]
        self._last_uses = _last_uses(graph)

    def run(self, *inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the output for these inputs, whose shapes must be the graph's.

        May be called from several threads.
        """
        values: dict[int, NDArray[Any]] = dict(self._constants)
        values.update(zip(self._inputs, inputs, strict=True))
        # Infinities and NaN travel on as they do in the other engines.
        with np.errstate(all="ignore"):
            for (kernel, operands, output), finished in zip(
                self._steps, self._last_uses, strict=True
            ):
                values[output] = kernel(*[values[i] for i in operands])
                for i in finished:
                    del values[i]
        return values[self._output]


class PopcountEngine:
    """Runs an extractor with NumPy alone, on any machine.

    Parameters
    ----------
    model : bytes or Graph
        A `.tflite`, LCE or float, or what was read from one; it need not be verified: everything
        is checked here.

    Raises
    ------
    ExtractorError
        If the file is damaged, is no extractor or has an operator that is not run here.
    """

    name = "popcount"
    side_by_side = True

    def __init__(self, model: bytes | Graph) -> None:
        graph = read_graph(model) if isinstance(model, bytes) else model
        self.input_shape, self.embedding_dim = check_signature(
            [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs],
            [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.outputs],
        )
        self._program = Program(graph)

    @property
    def version(self) -> str:
        """Version of NumPy."""
        return np.__version__

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`. May be called from several threads."""
        check_input(image, self.input_shape)
        return self._program.run(image).reshape(self.embedding_dim)


def _compile(graph: Graph, i: int) -> Kernel:
    operator = graph.operators[i]
    return _COMPILERS[operator.name](Node(graph, operator))


def _last_uses(graph: Graph) -> list[list[int]]:
    """Return for every operator the tensors that nobody reads after it."""
    kept = set(graph.outputs) | {i for i, t in enumerate(graph.tensors) if t.data is not None}
    last_uses: list[list[int]] = [[] for _ in graph.operators]
    for step in range(len(graph.operators) - 1, -1, -1):
        operator = graph.operators[step]
        for i in (*operator.inputs, *operator.outputs):
            if i >= 0 and i not in kept:
                kept.add(i)
                last_uses[step].append(i)
    return last_uses
