"""A network in two: the front, which stays as it is, and the tail with its last binary blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headfit.errors import ExtractorError, InputError
from headfit.networks.tflite import Graph, read_graph
from headfit.networks.tflite.graph import Operator, Options, Tensor
from headfit.networks.tflite.pruning import prune

_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A network cut before its last binary convolutions.

    Attributes
    ----------
    front : Graph
        From the picture to the activations, (1, activation_dim): all that the tail needs, each
        tensor flattened, joined in the order of ``tail.inputs``.
    tail : Graph
        From the tensors that make up the activations to the embedding.
    """

    front: Graph
    tail: Graph


def split(model: bytes, n_blocks: int = 1) -> Split:
    """Cut a network before its last `n_blocks` binary convolutions.

    Parameters
    ----------
    model : bytes
        An LCE `.tflite`.
    n_blocks : int
        How many convolutions are in the tail, with everything that depends on them.

    Raises
    ------
    InputError
        If the network has fewer binary convolutions, or none is asked for.
    ExtractorError
        If the file is damaged, or what the tail needs is neither float32 nor packed bits.
    """
    graph = read_graph(model)
    convolutions = [i for i, o in enumerate(graph.operators) if o.name == "LceBconv2d"]
    if not 1 <= n_blocks <= len(convolutions):
        raise InputError(
            f"expected 1 to {len(convolutions)} blocks, as many as the network has binary "
            f"convolutions, found {n_blocks}"
        )
    return _Splitter(graph, convolutions[-n_blocks:]).split()


class _Splitter:
    """Collects operators and tensors of the two halves; both share one list of tensors."""

    def __init__(self, graph: Graph, convolutions: list[int]) -> None:
        self._graph = graph
        self._tensors = list(graph.tensors)
        self._source = {j: i for i, o in enumerate(graph.operators) for j in o.outputs}
        in_tail = set(convolutions)
        for i, operator in enumerate(graph.operators):
            if any(self._source.get(j) in in_tail for j in operator.inputs):
                in_tail.add(i)
        self._tail = [graph.operators[i] for i in sorted(in_tail)]
        self._front = [o for i, o in enumerate(graph.operators) if i not in in_tail]

    def split(self) -> Split:
        computed = {j for operator in self._tail for j in operator.outputs}
        needed = {j for operator in self._tail for j in operator.inputs if j >= 0}
        constant = {j for j, tensor in enumerate(self._tensors) if tensor.data is not None}
        borders = [self._as_float(j) for j in sorted(needed - computed - constant)]
        borders = list(dict.fromkeys(borders))  # a shortcut needs the tensor whose signs are taken
        activations = self._join(borders)
        tensors = tuple(self._tensors)
        front = Graph(tensors, tuple(self._front), self._graph.inputs, (activations,))
        tail = Graph(tensors, tuple(self._tail), tuple(borders), self._graph.outputs)
        return Split(prune(front), prune(tail))

    def _as_float(self, border: int) -> int:
        """Return a float tensor from which the tail can make `border`."""
        tensor = self._tensors[border]
        if tensor.dtype == _FLOAT:
            return border
        source = self._graph.operators[self._source[border]] if border in self._source else None
        if source is not None and source.name == "LceQuantize":
            (signs,) = source.inputs
            if self._tensors[signs].dtype == _FLOAT:
                self._tail.insert(0, source)
                return signs
        channels = {
            int(o.options["channels_in"])
            for o in self._tail
            if o.name == "LceBconv2d" and o.inputs[0] == border
        }
        if tensor.dtype != np.int32 or len(channels) != 1:
            raise ExtractorError(
                f"expected float32 or packed bits before the last blocks, found {tensor.dtype} "
                f"in {tensor.name!r}; retrain another number of blocks"
            )
        signs = self._add("signs", (*tensor.shape[:-1], channels.pop()), None)
        self._front.append(Operator("LceDequantize", (border,), (signs,)))
        self._tail.insert(0, Operator("LceQuantize", (signs,), (border,)))
        return signs

    def _join(self, borders: list[int]) -> int:
        """Flatten and join tensors: what every engine can return is one vector."""
        vectors = []
        for border in borders:
            size = int(np.prod(self._tensors[border].shape))
            shape = self._add("shape", (2,), np.array([1, size], np.int32))
            vectors.append(self._add("flat", (1, size), None))
            options: Options = {"new_shape": (1, size)}
            self._front.append(Operator("RESHAPE", (border, shape), (vectors[-1],), options))
        if len(vectors) == 1:
            return vectors[0]
        total = sum(self._tensors[j].shape[1] for j in vectors)
        joined = self._add("activations", (1, total), None)
        join: Options = {"axis": 1, "fused_activation_function": 0}
        self._front.append(Operator("CONCATENATION", tuple(vectors), (joined,), join))
        return joined

    def _add(
        self, name: str, shape: tuple[int, ...], data: np.ndarray[object, np.dtype[np.int32]] | None
    ) -> int:
        dtype = _FLOAT if data is None else data.dtype
        self._tensors.append(Tensor(f"headfit/{name}{len(self._tensors)}", shape, dtype, data))
        return len(self._tensors) - 1
