"""Untrusted `.tflite` bytes to a graph in which everything has been checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.errors import ExtractorError
from headfit.networks.onnx import is_onnx
from headfit.networks.tflite.flexbuffer import read_int_map
from headfit.networks.tflite.graph import Graph, Operator, Options, Quantization, Tensor
from headfit.networks.tflite.schema import (
    BUILTINS,
    CUSTOM,
    DELEGATED,
    IDENTIFIER,
    LCE_OPTIONS,
    NO_ACTIVATION,
    TENSOR_TYPES,
    VERSION,
    Builtin,
)
from headfit.networks.tflite.tables import Table, damaged, unfit

MAX_BYTES: Final = 1 << 28
"""Largest file, 256 MB; the embedded extractor has 1 MB."""
MAX_ENTRIES: Final = 8192
"""Most tensors, buffers, operators."""
MAX_ELEMENTS: Final = 1 << 26
"""Most elements of one tensor, 64 Mi."""
_MAX_TOTAL_ELEMENTS: Final = 1 << 28
_MAX_RANK: Final = 8
_MAX_OPERANDS: Final = 128
_MAX_NAME: Final = 4096


def read_graph(model: bytes, *, keep_unknown: bool = False) -> Graph:
    """Read a TFLite file and check that it is a plain, acyclic network.

    Constants are views of `model`: nothing is copied, and nothing large is allocated whatever
    the file claims.

    Parameters
    ----------
    model : bytes
        Content of a `.tflite`.
    keep_unknown : bool
        Keep operators that headfit does not know, without their options, for what is cut off with
        them. Otherwise they are refused, and nothing that is not known here reaches native code.

    Returns
    -------
    Graph

    Raises
    ------
    ExtractorError
        If the file is damaged, or uses something that headfit does not run.
    """
    if len(model) > MAX_BYTES:
        raise unfit(f"it has {len(model):,} bytes, and at most {MAX_BYTES:,} are read")
    if is_onnx(model):
        raise ExtractorError(
            "expected a .tflite, found an ONNX file; the engine onnx runs it, and nothing else can"
        )
    if len(model) < 8 or model[4:8] != IDENTIFIER:
        raise damaged(f"it does not carry the identifier {IDENTIFIER.decode()}")
    root = Table.root(model)
    version = root.scalar(0, "I", 0)
    if version != VERSION:
        raise damaged(f"schema version {version}, expected {VERSION}")
    subgraphs = list(root.tables(2, MAX_ENTRIES))
    if len(subgraphs) != 1:
        raise unfit(f"it has {len(subgraphs)} subgraphs, expected one")
    subgraph = subgraphs[0]
    buffers = [_read_buffer(table) for table in root.tables(4, MAX_ENTRIES)]
    tensors = tuple(_read_tensor(table, buffers) for table in subgraph.tables(0, MAX_ENTRIES))
    codes = [_read_code(table, keep_unknown) for table in root.tables(1, MAX_ENTRIES)]
    operators = tuple(_read_operator(table, codes) for table in subgraph.tables(3, MAX_ENTRIES))
    graph = Graph(tensors, operators, _indices(subgraph, 1), _indices(subgraph, 2))
    check_graph(graph)
    return graph


def check_graph(graph: Graph) -> None:
    """Check that every tensor exists before it is used and is written once.

    Raises
    ------
    ExtractorError
        If an index names no tensor, an operator reads what nothing has written yet (so also: if
        there is a cycle), writes a constant or something already written, or if all tensors
        together are absurdly large.
    """
    n_tensors = len(graph.tensors)
    if sum(math.prod(tensor.shape) for tensor in graph.tensors) > _MAX_TOTAL_ELEMENTS:
        raise damaged(f"its tensors have more than {_MAX_TOTAL_ELEMENTS} elements together")
    ready = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    _write(ready, graph.inputs, n_tensors, "the network's inputs")
    for i, operator in enumerate(graph.operators):
        who = f"operator {i} ({operator.name})"
        _read(ready, [j for j in operator.inputs if j != -1], n_tensors, who)
        _write(ready, operator.outputs, n_tensors, who)
    _read(ready, graph.outputs, n_tensors, "the network's outputs")


def _read(ready: set[int], indices: Sequence[int], n_tensors: int, who: str) -> None:
    for i in indices:
        if not 0 <= i < n_tensors:
            raise damaged(f"{who} name tensor {i} of {n_tensors}")
        if i not in ready:
            raise damaged(f"{who} read tensor {i} before anything has written it")


def _write(ready: set[int], indices: Sequence[int], n_tensors: int, who: str) -> None:
    for i in indices:
        if not 0 <= i < n_tensors:
            raise damaged(f"{who} name tensor {i} of {n_tensors}")
        if i in ready:
            raise damaged(f"{who} write tensor {i}, which is already written")
        ready.add(i)


def _indices(table: Table, field: int) -> tuple[int, ...]:
    return table.numbers(field, "i", _MAX_OPERANDS)


def _read_buffer(table: Table) -> NDArray[np.uint8]:
    if table.scalar(1, "Q", 0) or table.scalar(2, "Q", 0):
        raise damaged("a buffer that lies outside the FlatBuffer")
    return table.array(0, MAX_BYTES)


def _read_tensor(table: Table, buffers: Sequence[NDArray[np.uint8]]) -> Tensor:
    name = table.text(3, _MAX_NAME)
    shape = table.numbers(0, "i", _MAX_RANK)
    if any(n < 1 for n in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise damaged(f"tensor {name!r} of shape {shape}")
    type_code = table.scalar(1, "b", 0)
    if type_code not in TENSOR_TYPES:
        raise unfit(f"tensor {name!r} has type {type_code}, expected numbers")
    if table.scalar(5, "?", False):
        raise unfit(f"tensor {name!r} is a variable, expected a network without memory")
    if table.table(6) is not None:
        raise unfit(f"tensor {name!r} is stored sparsely, expected all its values")
    buffer = table.scalar(2, "I", 0)
    if buffer >= max(1, len(buffers)):
        raise damaged(f"tensor {name!r} names buffer {buffer} of {len(buffers)}")
    dtype = TENSOR_TYPES[type_code]
    data: NDArray[Any] | None = None
    if buffers and len(buffers[buffer]):
        expected = math.prod(shape) * dtype.itemsize
        if len(buffers[buffer]) != expected:
            raise damaged(
                f"constant {name!r} of shape {shape} has {len(buffers[buffer])} bytes, "
                f"expected {expected}"
            )
        data = buffers[buffer].view(dtype).reshape(shape)
    quantization = _read_quantization(table.table(4), shape, name)
    return Tensor(name, shape, dtype, data, quantization, _open_axes(table, shape))


def _open_axes(table: Table, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of length -1 in the signature, which is the shape as the model stated it."""
    signature = table.numbers(7, "i", _MAX_RANK)
    return tuple(i for i, n in enumerate(signature) if n < 0 and i < len(shape))


def _read_quantization(
    table: Table | None, shape: tuple[int, ...], name: str
) -> Quantization | None:
    if table is None:
        return None
    scale = table.numbers(2, "f", MAX_ENTRIES)
    zero_point = table.numbers(3, "q", MAX_ENTRIES)
    if not scale:
        return None
    axis = table.scalar(6, "i", 0)
    expected = 1
    if len(scale) > 1:
        if not 0 <= axis < len(shape):
            raise damaged(f"tensor {name!r} is quantised along axis {axis} of {len(shape)}")
        expected = shape[axis]
    if len(scale) != expected or len(zero_point) not in (0, 1, expected):
        raise damaged(
            f"tensor {name!r} has {len(scale)} scales and {len(zero_point)} zero points, "
            f"expected {expected}"
        )
    if not all(math.isfinite(s) and s > 0 for s in scale):
        raise damaged(f"tensor {name!r} has scales that are not positive numbers")
    return Quantization(scale, zero_point or (0,) * expected, axis)


def _read_code(table: Table, keep_unknown: bool) -> tuple[str, Builtin | None, int]:
    # The first field is a byte from the time when there were fewer operators than 128.
    code = max(table.scalar(0, "b", 0), table.scalar(3, "i", 0))
    version = table.scalar(2, "i", 1)
    if code == CUSTOM:
        name = table.text(1, _MAX_NAME)
        if name not in LCE_OPTIONS and name != DELEGATED and not keep_unknown:
            raise ExtractorError(
                f"custom operator {name!r} is not known; known are {', '.join(LCE_OPTIONS)}. "
                "Convert the network with Larq Compute Engine or as plain TFLite, or cut it before "
                "that operator: headfit cut."
            )
        return name, None, version
    if code not in BUILTINS:
        if keep_unknown:
            return f"operator number {code}", None, version
        raise ExtractorError(
            f"TFLite operator number {code} is not known to headfit; convert a network of "
            "convolutions, pooling and elementwise operators, or cut it before that operator: "
            "headfit cut"
        )
    return BUILTINS[code].name, BUILTINS[code], version


def _read_operator(table: Table, codes: Sequence[tuple[str, Builtin | None, int]]) -> Operator:
    code = table.scalar(0, "I", 0)
    if code >= len(codes):
        raise damaged(f"an operator names code {code} of {len(codes)}")
    name, builtin, version = codes[code]
    options: Options
    if builtin is None:
        options = _read_custom_options(table, name)
    else:
        options = _read_builtin_options(table, builtin)
    return Operator(name, _indices(table, 1), _indices(table, 2), options, version)


def _read_custom_options(table: Table, name: str) -> dict[str, Any]:
    if name == DELEGATED:
        return {"data": table.octets(5, MAX_BYTES)}
    if name not in LCE_OPTIONS:
        return {}
    data = table.octets(5, _MAX_NAME)
    expected = LCE_OPTIONS[name]
    options = read_int_map(data) if expected else {}
    missing = [key for key in expected if key not in options]
    if missing:
        raise damaged(f"{name} lacks the options {', '.join(missing)}")
    return {key: options[key] for key in expected}


def _read_builtin_options(table: Table, builtin: Builtin) -> dict[str, Any]:
    options_type = table.scalar(3, "B", 0)
    fields = table.table(4) if options_type else None
    if fields is not None and builtin.options_type and options_type != builtin.options_type:
        raise damaged(f"{builtin.name} has options of type {options_type}")
    options: dict[str, Any] = {}
    for slot, (name, kind, default) in enumerate(builtin.fields):
        if fields is None:
            options[name] = default
        elif kind == "*i":
            options[name] = fields.numbers(slot, "i", _MAX_RANK)
        else:
            options[name] = fields.scalar(slot, kind, default)
    if builtin.name == "CONCATENATION" and options["fused_activation_function"] != NO_ACTIVATION:
        # TFLite's kernel refuses it, and LiteRT leaves it out without a word.
        raise unfit(
            "an activation is fused into CONCATENATION, and must be an operator of its own after it"
        )
    return options
