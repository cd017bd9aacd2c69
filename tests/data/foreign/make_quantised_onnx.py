"""Make the small quantised ONNX networks that are cut in the tests; see MAKE.md beside this file.

Each is the same classifier, calibrated on one picture. Needs the package onnx; what the networks
make of the picture before their classifier is computed here in NumPy, without rounding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from make_onnx import FLOAT, Network
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).parent


class Quantised(Network):
    """A network whose numbers are rounded to 8 bits, by the ranges that a picture has in it."""

    def __init__(self, ranges: dict[str, tuple[float, float]], signed: bool) -> None:
        super().__init__()
        self.ranges = ranges
        self.dtype = np.int8 if signed else np.uint8
        self.microsoft = False

    def steps(self, name: str) -> list[str]:
        """Add scale and zero point of a tensor of the float network; return their names."""
        if f"{name}_scale" not in {one.name for one in self.weights}:
            low, high = self.ranges[name]
            scale = np.float32((high - low) / 255)
            zero = np.clip(np.rint(-low / scale), 0, 255) - (128 if self.dtype is np.int8 else 0)
            self.constant(f"{name}_scale", scale)
            self.constant(f"{name}_zero", self.dtype(zero))
        return [f"{name}_scale", f"{name}_zero"]

    def rounded_weight(self, name: str, *shape: int) -> list[str]:
        """Add random weights of 8 bits; return their name, scale and zero point."""
        self.weight(name, *shape)
        values = onnx.numpy_helper.to_array(self.weights.pop())
        scale = np.float32(np.abs(values).max() / 127)
        self.constant(name, np.rint(values / scale).astype(np.int8))
        self.constant(f"{name}_scale", scale)
        self.constant(f"{name}_zero", np.int8(0))
        return [name, f"{name}_scale", f"{name}_zero"]

    def microsoft_node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operator of ONNX Runtime's own."""
        self.microsoft = True
        return self.node(kind, inputs, output, domain="com.microsoft", **attributes)

    def write(self, name: str, output: str, dtype: int = FLOAT, shape: Any = None) -> None:
        """Write it."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("input", dtype, shape or ["N", 3, 24, 32])],
            [helper.make_tensor_value_info(output, FLOAT, None)],
            self.weights,
        )
        opsets = [helper.make_opsetid("", 13)]
        if self.microsoft:
            opsets.append(helper.make_opsetid("com.microsoft", 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="make")
        onnx.save(model, HERE / f"{name}.onnx")


LAYERS = (
    ("w1", (16, 3, 3, 3), "r1", {"strides": [2, 2], "pads": [1] * 4}),
    ("w2", (16, 1, 3, 3), "r2", {"group": 16, "pads": [1] * 4}),
    ("w3", (24, 16, 1, 1), "map", {"strides": [2, 2]}),
)


def operators(network: Quantised, x: str, last: str) -> None:
    """Add layers whose operators take and make whole numbers; `x` is rounded already."""
    scales = network.steps("input")
    for weight, shape, made, options in LAYERS:
        rounded, own = network.rounded_weight(weight, *shape), network.steps(made)
        x = network.node("QLinearConv", [x, *scales, *rounded, *own], made, **options)
        scales = own
    own = network.steps("pooled")
    x = network.microsoft_node(
        "QLinearGlobalAveragePool", [x, *scales, *own], "pooled", channels_last=0
    )
    x = network.node("Flatten", [x], "features")
    rounded, logits = network.rounded_weight("w4", 24, 10), network.steps("logits")
    if last == "QGemm":
        x = network.microsoft_node("QGemm", [x, *own, *rounded, "", *logits], "logits")
    else:
        x = network.node("QLinearMatMul", [x, *own, *rounded, *logits], "logits")
    x = network.node("DequantizeLinear", [x, *logits], "numbers")
    network.node("Softmax", [x], "output")


def pairs(network: Quantised) -> None:
    """Add layers of floats between pairs that round and take back."""

    def around(x: str, name: str) -> str:
        scales = network.steps(name)
        x = network.node("QuantizeLinear", [x, *scales], f"{name}_rounded")
        return network.node("DequantizeLinear", [x, *scales], f"{name}_back")

    x = around("input", "input")
    for weight, shape, made, options in LAYERS:
        rounded = network.rounded_weight(weight, *shape)
        weights = network.node("DequantizeLinear", rounded, f"{weight}_back")
        x = network.node("Relu", [network.node("Conv", [x, weights], f"c{made}", **options)], made)
        x = around(x, made)
    x = around(network.node("GlobalAveragePool", [x], "pooled"), "pooled")
    x = network.node("Flatten", [x], "features")
    rounded = network.rounded_weight("w4", 24, 10)
    weights = network.node("DequantizeLinear", rounded, "w4_back")
    x = around(network.node("MatMul", [x, weights], "logits"), "logits")
    network.node("Softmax", [x], "output")


def dynamic(network: Quantised) -> None:
    """Add layers that find the range of what they get while they run."""

    def product(kind: str, x: str, weight: str, *shape: int, **options: Any) -> str:
        rounded, scale, zero = network.rounded_weight(weight, *shape)
        parts = [f"{x}_rounded", f"{x}_own_scale", f"{x}_own_zero"]
        network.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], parts))
        whole = network.node(
            kind, [parts[0], rounded, parts[2], zero], f"{weight}_whole", **options
        )
        numbers = network.node("Cast", [whole], f"{weight}_numbers", to=FLOAT)
        scales = network.node("Mul", [parts[1], scale], f"{weight}_scales")
        return network.node("Mul", [numbers, scales], f"{weight}_product")

    x = "input"
    for weight, shape, made, options in LAYERS:
        x = network.node("Relu", [product("ConvInteger", x, weight, *shape, **options)], made)
    x = network.node("GlobalAveragePool", [x], "pooled")
    x = network.node("Flatten", [x], "features")
    x = product("MatMulInteger", x, "w4", 24, 10)
    network.constant("bias", np.zeros(10, np.float32))
    network.node("Add", [x, "bias"], "logits")


def loud(network: Quantised) -> None:
    """Add a layer whose sums leave 16 bits where its input is white."""
    scale = network.constant("one", np.float32(1 / 127))
    zero = network.constant("none", np.int8(0))
    x = network.node("QuantizeLinear", ["input", scale, zero], "rounded")
    x = network.node("DequantizeLinear", [x, scale, zero], "back")
    rising = np.rint(np.linspace(5, 127, 24)).astype(np.int8)
    network.constant("w1", np.tile(rising[:, None, None, None], (1, 3, 3, 3)))
    weights = network.node("DequantizeLinear", ["w1", scale, zero], "w1_back")
    x = network.node("Conv", [x, weights], "map")
    scale = network.constant("large", np.float32(30 / 127))
    x = network.node("QuantizeLinear", [x, scale, zero], "map_rounded")
    x = network.node("DequantizeLinear", [x, scale, zero], "map_back")
    network.node("Flatten", [network.node("GlobalAveragePool", [x], "pooled")], "features")


def main() -> None:
    """Write every network, and what the float one makes of the picture."""
    with np.load(HERE / "golden.npz") as goldens:
        picture = goldens["picture"].astype(np.float32)[None].transpose(0, 3, 1, 2)
    x = (picture - 127.5) / 127.5

    network = Network()
    for weight, shape, made, options in LAYERS:
        before = "input" if made == "r1" else LAYERS[["r1", "r2", "map"].index(made) - 1][2]
        network.node("Conv", [before, network.weight(weight, *shape)], f"c{made}", **options)
        network.node("Relu", [f"c{made}"], made)
    network.node("GlobalAveragePool", ["map"], "pooled")
    network.node("Flatten", ["pooled"], "features")
    network.node("MatMul", ["features", network.weight("w4", 24, 10)], "logits")
    names = ["input", "r1", "r2", "map", "pooled", "logits"]
    made = [helper.make_tensor_value_info(name, FLOAT, None) for name in names[1:]]
    taken = [helper.make_tensor_value_info("input", FLOAT, [1, 3, 24, 32])]
    graph = helper.make_graph(network.nodes, "float", taken, made, network.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    found = dict(zip(names[1:], ReferenceEvaluator(model).run(None, {"input": x}), strict=True))
    found["input"] = np.array([-1, 1])
    ranges = {name: (min(0.0, float(one.min())), float(one.max())) for name, one in found.items()}
    np.savez(HERE / "golden_quantised_onnx.npz", features=found["pooled"].ravel())

    for signed in (False, True):
        ending = "int8" if signed else "uint8"
        network = Quantised(ranges, signed)
        pairs(network)
        network.write(f"qdq_{ending}", "output")
        network = Quantised(ranges, signed)
        x = network.node("QuantizeLinear", ["input", *network.steps("input")], "rounded")
        operators(network, x, "QGemm" if signed else "QLinearMatMul")
        network.write(f"qoperator_{ending}", "output")
        network = Quantised(ranges, signed)
        operators(network, "input", "QLinearMatMul")
        network.write(
            f"{ending}_input", "output", TensorProto.INT8 if signed else TensorProto.UINT8
        )
    network = Quantised(ranges, False)
    dynamic(network)
    network.write("dynamic", "logits")
    network = Quantised(ranges, True)
    loud(network)
    network.write("loud", "features")
    network = Quantised(ranges, False)
    x = network.node("Transpose", ["input"], "moved", perm=[0, 3, 1, 2])
    operators(network, x, "QLinearMatMul")
    network.write("uint8_channels_last", "output", TensorProto.UINT8, ["N", 24, 32, 3])


if __name__ == "__main__":
    main()
