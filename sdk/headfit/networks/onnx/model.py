"""Untrusted ONNX bytes to a graph in which names, order and weights have been checked.

From onnx.proto. Nodes and weights are kept as the bytes that they were: what is cut is written of
the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from headfit.errors import ExtractorError
from headfit.networks.onnx.wire import Field, damaged, read_fields, read_numbers

MAX_BYTES: Final = 1 << 28
_MAX_NODES: Final = 1 << 15
_KNOWN_DOMAINS: Final = ("", "ai.onnx", "com.microsoft")
_VERSIONS: Final = range(3, 20)
FLOAT: Final = 1
_NAMES: Final = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "text", 9: "bool", 10: "float16", 11: "float64",
}  # fmt: skip
_SIZES: Final = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}
_FLOATS: Final[dict[int, np.dtype[Any]]] = {
    1: np.dtype("<f4"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
}


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operator: `raw` is its message. `strange` says why headfit does not run it."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: bytes
    strange: str = ""


@dataclass(frozen=True, slots=True)
class OnnxValue:
    """An input: its type by the format's number, and its shape, None where a length is open."""

    name: str
    type_code: int
    shape: tuple[int | None, ...]

    @property
    def dtype(self) -> str:
        """Name of its type."""
        return _NAMES.get(self.type_code, f"type {self.type_code}")


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A network.

    Attributes
    ----------
    version : int
        Of the file format.
    opsets : tuple of bytes
        Messages that say which version of which operators it uses.
    nodes : tuple of OnnxNode
        In the order in which they run.
    weights : dict of str to bytes
        Messages of constants by name.
    inputs : tuple of OnnxValue
    outputs : tuple of str
    """

    version: int
    opsets: tuple[bytes, ...]
    nodes: tuple[OnnxNode, ...]
    weights: dict[str, bytes]
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[str, ...]


def is_onnx(data: bytes) -> bool:
    """Whether bytes begin as an ONNX file does: with its version, then another field of a model."""
    return len(data) > 2 and data[0] == 0x08 and data[1] in _VERSIONS and data[2] in _SECOND


_SECOND: Final = bytes((tag << 3 | (0 if tag == 5 else 2)) for tag in (2, 3, 4, 5, 6, 7, 8))


def read_onnx(model: bytes) -> OnnxModel:
    """Read an ONNX file and check that it is a plain, acyclic network in one file.

    Raises
    ------
    ExtractorError
        If the file is damaged, or its weights lie in another file.
    """
    if len(model) > MAX_BYTES:
        raise ExtractorError(
            f"expected an ONNX file of at most {MAX_BYTES:,} bytes, found {len(model):,}; choose a "
            "smaller network"
        )
    version, opsets, graphs = 0, [], []
    for field in read_fields(model):
        if field.tag == 1:
            version = field.whole()
        elif field.tag == 7:
            graphs.append(field.message())
        elif field.tag == 8:
            opsets.append(field.message())
    if version not in _VERSIONS or len(graphs) != 1 or not opsets:
        raise damaged(
            f"version {version}, {len(graphs)} graphs and {len(opsets)} sets of operators, "
            f"expected a version from {_VERSIONS.start}, one graph and a set"
        )
    return _read_graph(version, tuple(opsets), graphs[0])


def _read_graph(version: int, opsets: tuple[bytes, ...], graph: bytes) -> OnnxModel:
    nodes, weights, inputs, outputs = [], {}, [], []
    for field in read_fields(graph):
        if field.tag == 1:
            nodes.append(_read_node(field.message()))
        elif field.tag == 5:
            name = _check_tensor(field.message())
            if name in weights:
                raise damaged(f"two constants are named {name!r}")
            weights[name] = field.message()
        elif field.tag == 11:
            inputs.append(_read_value(field.message()))
        elif field.tag == 12:
            outputs.append(_read_value(field.message()).name)
        elif field.tag == 15:
            raise ExtractorError(
                "expected weights with all their values, found some that are stored sparsely; "
                "export the network again without"
            )
    if len(nodes) > _MAX_NODES:
        raise damaged(f"{len(nodes)} operators, at most {_MAX_NODES} are read")
    taken = tuple(value for value in inputs if value.name not in weights)
    model = OnnxModel(version, opsets, tuple(nodes), weights, taken, tuple(outputs))
    _check_order(model)
    return model


def _check_order(model: OnnxModel) -> None:
    """Check that every tensor exists before it is read, and is written once."""
    ready = {*model.weights, *(value.name for value in model.inputs)}
    for i, node in enumerate(model.nodes):
        for name in node.inputs:
            if name and name not in ready:
                raise damaged(f"operator {i} ({node.kind}) reads {name!r}, which nothing has made")
        for name in node.outputs:
            if name in ready:
                raise damaged(f"operator {i} ({node.kind}) makes {name!r}, which is there already")
            if name:
                ready.add(name)
    for name in model.outputs:
        if name not in ready:
            raise damaged(f"the output {name!r} is made by nothing")


def _read_node(data: bytes) -> OnnxNode:
    kind, domain, strange = "", "", ""
    inputs, outputs = [], []
    for field in read_fields(data):
        if field.tag == 1:
            inputs.append(field.text())
        elif field.tag == 2:
            outputs.append(field.text())
        elif field.tag == 4:
            kind = field.text()
        elif field.tag == 7:
            domain = field.text()
        elif field.tag == 5:
            strange = strange or _check_attribute(field.message())
    if domain not in _KNOWN_DOMAINS:
        strange = f"it is of the domain {domain!r}"
    return OnnxNode(kind, tuple(inputs), tuple(outputs), data, strange)


def _check_attribute(data: bytes) -> str:
    """Return why an operator with this attribute is not run; check the tensors that it holds."""
    name, number = "", 0
    for field in read_fields(data):
        if field.tag == 1:
            name = field.text()
        elif field.tag == 3:
            number = field.whole()
        elif field.tag in (5, 10):
            _check_tensor(field.message())
        elif field.tag in (6, 11, 22, 23):
            return "it holds another graph"
    # ONNX Runtime's own operators may work so; every place would be pooled over wrong axes.
    return "its maps have channels last" if name == "channels_last" and number else ""


def _read_value(data: bytes) -> OnnxValue:
    name, type_code = "", 0
    shape: tuple[int | None, ...] = ()
    for field in read_fields(data):
        if field.tag == 1:
            name = field.text()
        elif field.tag == 2:
            for kind in _within(field, 1):
                for part in read_fields(kind.message()):
                    if part.tag == 1:
                        type_code = part.whole()
                    elif part.tag == 2:
                        shape = tuple(_length(one) for one in _within(part, 1))
    return OnnxValue(name, type_code, shape)


def _within(field: Field, tag: int) -> Iterator[Field]:
    return (one for one in read_fields(field.message()) if one.tag == tag)


def _length(field: Field) -> int | None:
    for part in read_fields(field.message()):
        if part.tag == 1 and part.whole() > 0:
            return part.whole()
    return None


def _check_tensor(data: bytes) -> str:
    """Return a constant's name; check that it is whole and in this file."""
    dims: list[int] = []
    name, type_code, raw = "", 0, None
    for field in read_fields(data):
        if field.tag == 1:
            dims += read_numbers(field)
        elif field.tag == 2:
            type_code = field.whole()
        elif field.tag == 8:
            name = field.text()
        elif field.tag == 9:
            raw = field.message()
        elif field.tag == 13 or (field.tag == 14 and field.whole() != 0):
            raise ExtractorError(
                f"expected a network in one file, found that the weights {name!r} lie in another; "
                "save it with its weights inside (in Python: onnx.save_model without external data)"
            )
    if any(n < 0 for n in dims) or math.prod(dims) > MAX_BYTES:
        raise damaged(f"the constant {name!r} has the shape {tuple(dims)}")
    if raw is not None and type_code in _SIZES:
        expected = math.prod(dims) * _SIZES[type_code]
        if len(raw) != expected:
            raise damaged(f"the constant {name!r} has {len(raw)} bytes, expected {expected}")
    return name


def constant_shape(data: bytes) -> tuple[int, ...]:
    """Return the shape of a constant."""
    return tuple(n for field in read_fields(data) if field.tag == 1 for n in read_numbers(field))


def count_unsound(data: bytes) -> tuple[str, int]:
    """Return the name of a constant, and how many of its floats are no finite numbers."""
    name, type_code, values = "", 0, b""
    for field in read_fields(data):
        if field.tag == 2:
            type_code = field.whole()
        elif field.tag == 8:
            name = field.text()
        elif field.tag in (4, 9):
            values += field.data
    dtype = _FLOATS.get(type_code)
    if dtype is None or len(values) % dtype.itemsize:
        return name, 0
    return name, int(np.count_nonzero(~np.isfinite(np.frombuffer(values, dtype))))
