"""One operator with its tensors, and the questions asked before it is accepted."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from headfit.errors import ExtractorError
from headfit.networks.tflite.graph import Graph, Operator, Quantization, Tensor

_OPERANDS: Final = {
    **dict.fromkeys(("LceQuantize", "LceDequantize", "LceBMaxPool2d"), (1, 1)),
    "LceBconv2d": (5, 5),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), (2, 3)),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D", "SOFTMAX", "LOGISTIC", "ABS"), (1, 1)),
    **dict.fromkeys(("RELU", "RELU_N1_TO_1", "RELU6", "SQRT", "QUANTIZE", "DEQUANTIZE"), (1, 1)),
    **dict.fromkeys(
        ("ADD", "SUB", "MUL", "DIV", "LESS", "PRELU", "MEAN", "PAD", "TRANSPOSE"), (2, 2)
    ),
    **dict.fromkeys(("SELECT_V2", "PADV2"), (3, 3)),
    "RESHAPE": (1, 2),
}
"""How many operands each may have; those that can be absent count."""


class Node:
    """An operator of a graph, about to be compiled or lowered.

    Every method raises `ExtractorError` if the operator is not as the caller needs it.
    """

    def __init__(self, graph: Graph, operator: Operator) -> None:
        self._operator = operator
        least, most = _OPERANDS.get(operator.name, (0, len(operator.inputs)))
        if not least <= len(operator.inputs) <= most:
            raise self.refusal(
                f"it has {len(operator.inputs)} operands, expected {least} to {most}"
            )
        self._operands = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
        if len(operator.outputs) != 1:
            raise self.refusal(f"it has {len(operator.outputs)} outputs, expected one")
        self.output = graph.tensors[operator.outputs[0]]

    @property
    def name(self) -> str:
        """The operator's name in the schema."""
        return self._operator.name

    @property
    def n_operands(self) -> int:
        """How many operands there are, absent ones included."""
        return len(self._operands)

    def refusal(self, reason: str) -> ExtractorError:
        """Return the error that says why the operator cannot run."""
        return ExtractorError(
            f"{self._operator.name} cannot be run: {reason}. "
            "Convert the network with Larq Compute Engine 0.16, or use another engine."
        )

    def has(self, i: int) -> bool:
        """Say whether operand `i` is present."""
        return i < len(self._operands) and self._operands[i] is not None

    def dtype(self, i: int) -> np.dtype[Any]:
        """Return the dtype of operand `i`."""
        tensor = self._operands[i] if self.has(i) else None
        if tensor is None:
            raise self.refusal(f"operand {i} is missing")
        return tensor.dtype

    def operand(self, i: int, dtype: DTypeLike = np.float32, rank: int | None = None) -> Tensor:
        """Return operand `i`, of this dtype and rank."""
        tensor = self._operands[i] if i < len(self._operands) else None
        if tensor is None:
            raise self.refusal(f"operand {i} is missing")
        if tensor.dtype != np.dtype(dtype):
            raise self.refusal(f"operand {i} is {tensor.dtype}, expected {np.dtype(dtype)}")
        if rank is not None and len(tensor.shape) != rank:
            raise self.refusal(f"operand {i} has shape {tensor.shape}, expected {rank} axes")
        return tensor

    def constant(
        self, i: int, shape: tuple[int | None, ...], dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        """Return the content of constant operand `i`; None in `shape` is any length."""
        tensor = self.operand(i, dtype)
        if tensor.data is None:
            raise self.refusal(f"operand {i} is computed, expected a constant")
        fits = len(shape) == len(tensor.shape) and all(
            expected in (None, found) for expected, found in zip(shape, tensor.shape, strict=True)
        )
        if not fits:
            raise self.refusal(f"operand {i} has shape {tensor.shape}, expected {shape}")
        return tensor.data

    def broadcast(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape to which these shapes broadcast."""
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise self.refusal(f"shapes {shapes} do not broadcast") from None

    @property
    def dilates(self) -> bool:
        """Whether the operator has dilation factors."""
        return "dilation_height_factor" in self._operator.options

    def option(self, name: str, low: int, high: int) -> int:
        """Return a whole-number option that lies between `low` and `high`."""
        value = int(self._operator.options[name])
        if not low <= value <= high:
            raise self.refusal(f"{name} is {value}, expected {low} to {high}")
        return value

    def filter_size(self) -> tuple[int, int]:
        """Return height and width of a pooling window."""
        return self.option("filter_height", 1, 1 << 15), self.option("filter_width", 1, 1 << 15)

    def number(self, name: str) -> float:
        """Return an option that is a number."""
        return float(self._operator.options[name])

    def flag(self, name: str) -> bool:
        """Return an option that is true or false."""
        return bool(self._operator.options[name])

    def per_tensor(self, tensor: Tensor) -> Quantization:
        """Return the single scale and zero point of an int8 tensor."""
        if tensor.quantization is None or len(tensor.quantization.scale) != 1:
            raise self.refusal(f"int8 tensor {tensor.name!r} has no single scale and zero point")
        if not -128 <= tensor.quantization.zero_point[0] <= 127:
            raise self.refusal(f"int8 tensor {tensor.name!r} has a zero point outside int8")
        return tensor.quantization

    def returns(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> None:
        """Check that the file states this output."""
        if self.output.shape != shape or self.output.dtype != np.dtype(dtype):
            raise self.refusal(
                f"its output is {self.output.shape} {self.output.dtype}, "
                f"expected {shape} {np.dtype(dtype)}"
            )
