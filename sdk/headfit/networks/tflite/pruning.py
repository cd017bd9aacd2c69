"""Pruning: removing what a graph's outputs do not need."""

from __future__ import annotations

from dataclasses import replace

from headfit.networks.tflite.graph import Graph


def prune(graph: Graph) -> Graph:
    """Return the graph without operators and tensors that contribute nothing to its outputs.

    The network's inputs stay. Order is kept.
    """
    needed = set(graph.outputs)
    operators = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            operators.append(operator)
            needed.update(i for i in operator.inputs if i >= 0)
            needed.update(operator.outputs)
    needed.update(graph.inputs)
    kept = sorted(needed)
    new = {old: i for i, old in enumerate(kept)}
    new[-1] = -1

    def renumber(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(new[i] for i in indices)

    return Graph(
        tuple(graph.tensors[i] for i in kept),
        tuple(
            replace(operator, inputs=renumber(operator.inputs), outputs=renumber(operator.outputs))
            for operator in reversed(operators)
        ),
        renumber(graph.inputs),
        renumber(graph.outputs),
    )
