"""What the whole numbers of a quantised ONNX network stand for: (number - zero point) * scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headfit.networks.onnx.model import OnnxNode

_SCALES: Final = {
    "QuantizeLinear": 1, "QLinearConv": 6, "QLinearMatMul": 6, "QLinearAdd": 6, "QLinearMul": 6,
    "QGemm": 7, "QLinearGlobalAveragePool": 3, "QLinearAveragePool": 3, "QLinearReduceMean": 3,
    "QLinearLeakyRelu": 3, "QLinearSigmoid": 3, "QLinearSoftmax": 3, "QLinearConcat": 0,
}  # fmt: skip
"""Which operand of an operator is the scale of what it makes; the zero point is the next one."""

_CARRYING: Final = {
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Dropout"),
    *("MaxPool", "Pad", "Slice", "Gather", "Split", "DepthToSpace", "SpaceToDepth"),
}
"""What gives on the numbers of its first operand, with their scale."""

_DYNAMIC: Final = "DynamicQuantizeLinear"
"""Makes whole numbers, their scale and their zero point of whatever numbers it gets."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The tensors that hold scale and zero point of another; without a zero point it is 0."""

    scale: str
    zero: str = ""

    def names(self) -> tuple[str, ...]:
        """Return the tensors that there are."""
        return (self.scale, self.zero) if self.zero else (self.scale,)


def steps_of(nodes: Sequence[OnnxNode]) -> Mapping[str, Steps]:
    """Return scale and zero point of every tensor of whole numbers that has them, by its name."""
    found: dict[str, Steps] = {}
    for node in nodes:
        at = _SCALES.get(node.kind)
        if node.kind == _DYNAMIC and len(node.outputs) == 3:
            made, scale, zero = node.outputs
            found[made] = Steps(scale, zero)
        elif at is not None and at < len(node.inputs) and node.inputs[at]:
            found |= dict.fromkeys(node.outputs, Steps(*node.inputs[at : at + 2]))
        elif node.kind in _CARRYING and node.inputs and node.inputs[0] in found:
            found |= dict.fromkeys(node.outputs, found[node.inputs[0]])
    return found


def without_rounding(nodes: Sequence[OnnxNode]) -> Iterator[tuple[OnnxNode, tuple[str, ...]]]:
    """Yield the operators with their operands, as if nothing were rounded while the network runs.

    Scales that are computed of a picture are no path that its features take.
    """
    behind: dict[str, str] = {}
    for node in nodes:
        inputs = tuple(behind.get(name, name) for name in node.inputs)
        if node.kind == _DYNAMIC and inputs and node.outputs:
            behind[node.outputs[0]] = inputs[0]
        else:
            yield node, inputs
