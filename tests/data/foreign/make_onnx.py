"""Make the small ONNX networks that are cut in the tests; see MAKE.md beside this file.

Needs the package onnx. Weights are random but fixed by a seed; what they make of a picture comes
from onnx's own reference evaluator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).parent
FLOAT = TensorProto.FLOAT


class Network:
    """Nodes and weights as they are added."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, name: str, *shape: int) -> str:
        """Add random weights."""
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        return self.constant(name, self._rng.normal(0, scale, shape).astype(np.float32))

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant."""
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operator."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def features(self, x: str = "input") -> str:
        """Add convolutions, and the mean of all places."""
        x = self.node(
            "Conv", [x, self.weight("w1", 16, 3, 3, 3)], "c1", strides=[2, 2], pads=[1] * 4
        )
        x = self.node("Relu", [x], "r1")
        x = self.node("Conv", [x, self.weight("w2", 16, 1, 3, 3)], "c2", group=16, pads=[1] * 4)
        x = self.node("Relu", [x], "r2")
        x = self.node("Conv", [x, self.weight("w3", 24, 16, 1, 1)], "c3", strides=[2, 2])
        return self.node("Relu", [x], "map")

    def save(self, name: str, shape: list[Any], output: str, dtype: int = FLOAT) -> onnx.ModelProto:
        """Write it."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("input", dtype, shape)],
            [helper.make_tensor_value_info(output, FLOAT, None)],
            self.weights,
        )
        opset = [helper.make_opsetid("", 13)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="make")
        onnx.save(model, HERE / f"{name}.onnx")
        return model


def pooled(network: Network, x: str) -> str:
    """Add a classifier of the mean of all places."""
    x = network.node("GlobalAveragePool", [x], "pooled")
    x = network.node("Flatten", [x], "features")
    x = network.node("Gemm", [x, network.weight("w4", 10, 24)], "logits", transB=1)
    return network.node("Softmax", [x], "output")


def main() -> None:
    """Write every network and what the first and the last make of a picture."""
    with np.load(HERE / "golden.npz") as goldens:
        picture = goldens["picture"]
    x = (picture.astype(np.float32)[None] - 127.5) / 127.5
    first = x.transpose(0, 3, 1, 2)

    network = Network()
    classifier = network.save("classifier", ["N", 3, 24, 32], pooled(network, network.features()))
    network = Network()
    network.save("any_size", ["N", 3, "H", "W"], pooled(network, network.features()))

    network = Network()
    moved = network.node("Transpose", ["input"], "moved", perm=[0, 3, 1, 2])
    network.save("channels_last", [1, 24, 32, 3], pooled(network, network.features(moved)))

    network = Network()
    wide = network.node("Cast", ["input"], "wide", to=FLOAT)
    dtype = TensorProto.FLOAT16
    network.save("half_input", [1, 3, 24, 32], pooled(network, network.features(wide)), dtype)

    network = Network(2)
    x = network.node("Flatten", [network.features()], "flat")
    x = network.node("MatMul", [x, network.weight("w4", 24 * 6 * 8, 5)], "product")
    logits = network.node("Add", [x, network.weight("bias", 5)], "logits")
    flattened = network.save("flattened", [1, 3, 24, 32], logits)

    def seen(model: onnx.ModelProto, name: str) -> np.ndarray:
        model.graph.output.append(helper.make_tensor_value_info(name, FLOAT, None))
        (found,) = ReferenceEvaluator(model).run([name], {"input": first})
        return np.asarray(found[0], np.float32)

    embeddings = {"classifier": seen(classifier, "features"), "map": seen(flattened, "map")}
    np.savez(HERE / "golden_onnx.npz", **embeddings)


if __name__ == "__main__":
    main()
