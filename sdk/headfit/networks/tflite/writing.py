"""A graph to `.tflite` bytes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from headfit.errors import ExtractorError
from headfit.networks.tflite.flatbuffer import FlatBuffer
from headfit.networks.tflite.graph import Graph, Operator, Quantization, Tensor
from headfit.networks.tflite.schema import (
    BUILTINS,
    CUSTOM,
    DELEGATED,
    IDENTIFIER,
    LCE_OPTIONS,
    METADATA,
    TENSOR_TYPES,
    VERSION,
)

_CODES = {builtin.name: code for code, builtin in BUILTINS.items()}
_TYPE_CODES = {dtype: code for code, dtype in TENSOR_TYPES.items()}
_DATA_ALIGNMENT = 16
"""TFLite maps constants in place and wants them aligned so."""


def write_graph(graph: Graph, *, description: str = "", metadata: bytes = b"") -> bytes:
    """Write a graph as a TFLite file, with a description for people.

    Equal graphs give equal bytes. Tensors that share one array share one buffer. `metadata` is a
    FlatBuffer for other programs: see `headfit.networks.tflite.metadata`.

    Raises
    ------
    ExtractorError
        If it has an operator that headfit does not know.
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    known = {*_CODES, *LCE_OPTIONS, DELEGATED}
    strange = dict.fromkeys(o.name for o in graph.operators if o.name not in known)
    if strange:
        raise ExtractorError(
            f"expected operators that headfit knows, found {', '.join(strange)}; cut the network "
            "before them"
        )
    constants: dict[int, NDArray[Any]] = {}
    for tensor in graph.tensors:
        if tensor.data is not None:
            constants.setdefault(id(tensor.data), tensor.data)
    size = sum(array.nbytes for array in constants.values())
    return _Writer(FlatBuffer(size + size // 64 + 65536), graph, constants).write(
        description, metadata
    )


class _Writer:
    """Writes one graph."""

    def __init__(
        self, buffer: FlatBuffer, graph: Graph, constants: dict[int, NDArray[Any]]
    ) -> None:
        self._file = buffer
        self._graph = graph
        self._constants = constants
        # Buffer 0 is empty by convention: it marks tensors that are not constant.
        self._buffers = {key: i for i, key in enumerate(constants, start=1)}
        self._codes = {key: i for i, key in enumerate(dict.fromkeys(map(_code, graph.operators)))}

    def write(self, description: str, metadata: bytes) -> bytes:
        file, graph = self._file, self._graph
        parts = [file.table([]), *(self._buffer(one.tobytes()) for one in self._constants.values())]
        if metadata:
            parts.append(self._buffer(metadata))
        buffers = file.offsets(parts)
        tensors = file.offsets([self._tensor(tensor) for tensor in graph.tensors])
        operators = file.offsets([self._operator(operator) for operator in graph.operators])
        codes = file.offsets([self._operator_code(*code) for code in self._codes])
        inputs, outputs = file.indices(graph.inputs), file.indices(graph.outputs)
        fields = [(0, "offset", tensors), (1, "offset", inputs), (2, "offset", outputs)]
        subgraphs = file.offsets([file.table([*fields, (3, "offset", operators)])])
        model = [(0, "I", VERSION), (1, "offset", codes), (2, "offset", subgraphs)]
        if description:
            model.append((3, "offset", file.text(description)))
        if metadata:
            name = file.text(METADATA)
            entry = file.table([(0, "offset", name), (1, "I", len(parts) - 1)])
            model.append((6, "offset", file.offsets([entry])))
        return file.finish(file.table([*model, (4, "offset", buffers)]), IDENTIFIER)

    def _buffer(self, data: bytes) -> int:
        return self._file.table([(0, "offset", self._file.octets(data, _DATA_ALIGNMENT))])

    def _tensor(self, tensor: Tensor) -> int:
        name = self._file.text(tensor.name)
        shape = self._file.indices(tensor.shape)
        fields: list[tuple[int, str, Any]] = [
            (0, "offset", shape),
            (1, "b", _TYPE_CODES[tensor.dtype]),
            (2, "I", self._buffers[id(tensor.data)] if tensor.data is not None else 0),
            (3, "offset", name),
        ]
        if tensor.quantization is not None:
            fields.append((4, "offset", self._quantization(tensor.quantization)))
        return self._file.table(fields)

    def _quantization(self, quantization: Quantization) -> int:
        scale = self._file.numbers(quantization.scale, "<f4")
        zero_point = self._file.numbers(quantization.zero_point, "<i8")
        return self._file.table(
            [(2, "offset", scale), (3, "offset", zero_point), (6, "i", quantization.axis)]
        )

    def _operator(self, operator: Operator) -> int:
        inputs, outputs = map(self._file.indices, (operator.inputs, operator.outputs))
        fields: list[tuple[int, str, Any]] = [
            (0, "I", self._codes[_code(operator)]),
            (1, "offset", inputs),
            (2, "offset", outputs),
        ]
        if operator.name not in _CODES:
            fields.append((5, "offset", self._custom_options(operator)))
        else:
            builtin = BUILTINS[_CODES[operator.name]]
            if builtin.options_type:
                fields.append((3, "B", builtin.options_type))
                fields.append((4, "offset", self._builtin_options(operator)))
        return self._file.table(fields)

    def _custom_options(self, operator: Operator) -> int:
        from flatbuffers import flexbuffers

        if operator.name == DELEGATED:
            return self._file.octets(operator.options["data"])
        options = {key: int(operator.options[key]) for key in LCE_OPTIONS[operator.name]}
        data = bytes(flexbuffers.Dumps(options)) if options else b""
        return self._file.octets(data)

    def _builtin_options(self, operator: Operator) -> int:
        fields = []
        for slot, (name, kind, default) in enumerate(BUILTINS[_CODES[operator.name]].fields):
            value = operator.options.get(name, default)
            if value == default:
                continue
            fields.append(
                (slot, "offset", self._file.indices(value)) if kind == "*i" else (slot, kind, value)
            )
        return self._file.table(fields)

    def _operator_code(self, name: str, version: int) -> int:
        code = _CODES.get(name, CUSTOM)
        fields: list[tuple[int, str, Any]] = []
        if code == CUSTOM:
            fields.append((1, "offset", self._file.text(name)))
        # Old runtimes read only the first field, a byte; 127 sends newer ones to the last.
        fields += [(0, "b", min(code, 127)), (2, "i", version), (3, "i", code)]
        return self._file.table(fields)


def _code(operator: Operator) -> tuple[str, int]:
    return operator.name, operator.version
