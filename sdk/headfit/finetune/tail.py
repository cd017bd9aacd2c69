"""The tail of a split network as a differentiable function of its blocks, on batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.files.blockfile import PackedBlock
from headfit.finetune.rules import Rule, refusal, rule_of
from headfit.maths.arrays import FloatArray
from headfit.maths.bits import pack
from headfit.networks.operators.binary_convolution import read_binary_convolution
from headfit.networks.operators.node import Node
from headfit.networks.tflite import Graph

Parameters: TypeAlias = list[FloatArray]
"""Of every block in turn the latent weights (n_filters, height, width, channels), the multiplier
(n_filters,) and the bias (n_filters,)."""


class Tail:
    """From activations to embeddings, with the blocks as parameters.

    Parameters
    ----------
    graph : Graph
        The second half of a `headfit.networks.splitting.Split`.

    Attributes
    ----------
    blocks : tuple of PackedBlock
        As the file has them.
    activation_dim, embedding_dim : int
        Widths of what goes in and comes out.

    Raises
    ------
    ExtractorError
        If the tail has an operator that gradients cannot pass through.
    """

    def __init__(self, graph: Graph) -> None:
        self._inputs, (self._output,) = graph.inputs, graph.outputs
        self._shapes = [graph.tensors[i].shape for i in graph.inputs]
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        self._ends = np.cumsum(sizes)[:-1]
        self._constants = {
            i: tensor.data for i, tensor in enumerate(graph.tensors) if tensor.data is not None
        }
        self.activation_dim = sum(sizes)
        self.embedding_dim = int(graph.tensors[self._output].shape[-1])
        self._steps: list[tuple[Rule, tuple[int, ...], int]] = []
        self._learned: list[int] = []
        self._signs: list[FloatArray] = []
        blocks = []
        depends: set[int] = set()
        for operator in graph.operators:
            node = Node(graph, operator)
            operands = tuple(i for i in operator.inputs if i >= 0)
            rule = rule_of(node, bool(depends.intersection(operands)))
            for i in depends.intersection(operands):
                if operator.name in ("ADD", "MUL") and graph.tensors[i].shape != node.output.shape:
                    raise refusal(node, "it repeats an operand along an axis")
            self._steps.append((rule, operands, operator.outputs[0]))
            if operator.name == "LceBconv2d":
                self._learned += operands[1:4]
                self._signs.append(read_binary_convolution(node).signs())
                filters, multiplier, bias = (self._constants[i] for i in operands[1:4])
                blocks.append(PackedBlock(filters.view("<u4"), multiplier, bias))
            if operator.name == "LceBconv2d" or depends.intersection(operands):
                depends.update(operator.outputs)
        self._depends = depends.union(self._learned)
        self.blocks = tuple(blocks)

    def start(self, magnitude: float) -> Parameters:
        """Return the parameters to begin with: the file's signs times `magnitude`, and the rest.

        A file has no latent weights, only their signs. The larger the magnitude, the longer the
        gradient must point one way before a sign flips.
        """
        parameters: Parameters = []
        for signs, block in zip(self._signs, self.blocks, strict=True):
            parameters += [signs * np.float32(magnitude), block.multiplier, block.bias]
        return parameters

    def packed(self, parameters: Parameters) -> tuple[PackedBlock, ...]:
        """Return the blocks as a file holds them."""
        return tuple(
            PackedBlock(pack(latent < 0), multiplier, bias)
            for latent, multiplier, bias in zip(*[iter(parameters)] * 3, strict=True)
        )

    def embed(
        self, activations: FloatArray, parameters: Parameters, batch: int = 256
    ) -> FloatArray:
        """Return the embeddings of any number of photos.

        Parameters
        ----------
        activations : ndarray of shape (n_samples, activation_dim), dtype float32
        parameters : Parameters
        batch : int
            Photos worked on at a time.

        Returns
        -------
        ndarray of shape (n_samples, embedding_dim), dtype float32
        """
        embeddings = np.empty((len(activations), self.embedding_dim), np.float32)
        for start in range(0, len(activations), batch):
            part = slice(start, start + batch)
            embeddings[part], _ = self.forward(activations[part], parameters)
        return embeddings

    def forward(
        self, activations: FloatArray, parameters: Parameters
    ) -> tuple[FloatArray, Callable[[FloatArray], Parameters]]:
        """Return the embeddings of a batch, and what turns their gradient into the parameters'.

        Parameters
        ----------
        activations : ndarray of shape (n_samples, activation_dim), dtype float32
        parameters : Parameters

        Returns
        -------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        pull_back : callable
            From the gradient of a loss by the embeddings to its gradients by the parameters.
        """
        values: dict[int, npt.NDArray[Any]] = dict(self._constants)
        values.update(zip(self._learned, parameters, strict=True))
        parts = np.split(activations, self._ends, axis=1)
        for i, shape, part in zip(self._inputs, self._shapes, parts, strict=True):
            values[i] = part.reshape(len(part), *shape[1:])
        tape = []
        for rule, operands, output in self._steps:
            values[output], pullback = rule(*[values[i] for i in operands])
            tape.append((pullback, operands, output))

        def pull_back(gradient: FloatArray) -> Parameters:
            gradients = {self._output: gradient}
            for pullback, operands, output in reversed(tape):
                if output in gradients:
                    for i, part in zip(operands, pullback(gradients.pop(output)), strict=False):
                        if i in self._depends:
                            gradients[i] = gradients[i] + part if i in gradients else part
            return [gradients[i] for i in self._learned]

        return values[self._output], pull_back
