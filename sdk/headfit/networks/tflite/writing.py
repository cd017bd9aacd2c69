"""A graph to `.tflite` bytes. The only place that needs the `flatbuffers` package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit.errors import EngineMissingError, ExtractorError
from headfit.networks.tflite.graph import Graph, Operator, Quantization, Tensor
from headfit.networks.tflite.schema import (
    BUILTINS,
    CUSTOM,
    DELEGATED,
    IDENTIFIER,
    LCE_OPTIONS,
    TENSOR_TYPES,
    VERSION,
)

_CODES = {builtin.name: code for code, builtin in BUILTINS.items()}
_TYPE_CODES = {dtype: code for code, dtype in TENSOR_TYPES.items()}
_DATA_ALIGNMENT = 16
"""TFLite maps constants in place and wants them aligned so."""


def write_graph(graph: Graph, *, description: str = "") -> bytes:
    """Write a graph as a TFLite file, with a description for people.

    Equal graphs give equal bytes. Tensors that share one array share one buffer.

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
    try:
        import flatbuffers
    except ImportError as error:
        raise EngineMissingError(
            "writing a .tflite needs the package flatbuffers: pip install 'headfit[litert]'"
        ) from error
    constants: dict[int, NDArray[Any]] = {}
    for tensor in graph.tensors:
        if tensor.data is not None:
            constants.setdefault(id(tensor.data), tensor.data)
    size = sum(array.nbytes for array in constants.values())
    return _Writer(flatbuffers.Builder(size + size // 64 + 65536), graph, constants).write(
        description
    )


class _Writer:
    """Writes one graph; FlatBuffers are written from their leaves up."""

    def __init__(self, builder: Any, graph: Graph, constants: dict[int, NDArray[Any]]) -> None:
        self._builder = builder
        self._graph = graph
        self._constants = constants
        # Buffer 0 is empty by convention: it marks tensors that are not constant.
        self._buffers = {key: i for i, key in enumerate(constants, start=1)}
        self._codes = {key: i for i, key in enumerate(dict.fromkeys(map(_code, graph.operators)))}

    def write(self, description: str) -> bytes:
        builder, graph = self._builder, self._graph
        buffers = self._offsets(
            [self._table([])] + [self._buffer(array) for array in self._constants.values()]
        )
        tensors = self._offsets([self._tensor(tensor) for tensor in graph.tensors])
        operators = self._offsets([self._operator(operator) for operator in graph.operators])
        codes = self._offsets([self._operator_code(*code) for code in self._codes])
        inputs, outputs = self._ints(graph.inputs), self._ints(graph.outputs)
        fields = [(0, "offset", tensors), (1, "offset", inputs), (2, "offset", outputs)]
        subgraphs = self._offsets([self._table([*fields, (3, "offset", operators)])])
        parts = [(0, "I", VERSION), (1, "offset", codes), (2, "offset", subgraphs)]
        if description:
            parts.append((3, "offset", builder.CreateString(description)))
        model = self._table([*parts, (4, "offset", buffers)])
        builder.Finish(model, IDENTIFIER)
        return bytes(memoryview(builder.Bytes)[builder.Head() :])  # Output() would copy once more

    def _buffer(self, array: NDArray[Any]) -> int:
        self._builder.Prep(_DATA_ALIGNMENT, array.nbytes)
        return self._table([(0, "offset", self._builder.CreateByteVector(array.tobytes()))])

    def _tensor(self, tensor: Tensor) -> int:
        name = self._builder.CreateString(tensor.name)
        shape = self._ints(tensor.shape)
        fields: list[tuple[int, str, Any]] = [
            (0, "offset", shape),
            (1, "b", _TYPE_CODES[tensor.dtype]),
            (2, "I", self._buffers[id(tensor.data)] if tensor.data is not None else 0),
            (3, "offset", name),
        ]
        if tensor.quantization is not None:
            fields.append((4, "offset", self._quantization(tensor.quantization)))
        return self._table(fields)

    def _quantization(self, quantization: Quantization) -> int:
        scale = self._builder.CreateNumpyVector(np.asarray(quantization.scale, "<f4"))
        zero_point = self._builder.CreateNumpyVector(np.asarray(quantization.zero_point, "<i8"))
        return self._table(
            [(2, "offset", scale), (3, "offset", zero_point), (6, "i", quantization.axis)]
        )

    def _operator(self, operator: Operator) -> int:
        inputs, outputs = self._ints(operator.inputs), self._ints(operator.outputs)
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
        return self._table(fields)

    def _custom_options(self, operator: Operator) -> int:
        from flatbuffers import flexbuffers

        if operator.name == DELEGATED:
            return int(self._builder.CreateByteVector(operator.options["data"]))
        options = {key: int(operator.options[key]) for key in LCE_OPTIONS[operator.name]}
        data = bytes(flexbuffers.Dumps(options)) if options else b""
        return int(self._builder.CreateByteVector(data))

    def _builtin_options(self, operator: Operator) -> int:
        fields = []
        for slot, (name, kind, default) in enumerate(BUILTINS[_CODES[operator.name]].fields):
            value = operator.options.get(name, default)
            if value == default:
                continue
            fields.append(
                (slot, "offset", self._ints(value)) if kind == "*i" else (slot, kind, value)
            )
        return self._table(fields)

    def _operator_code(self, name: str, version: int) -> int:
        code = _CODES.get(name, CUSTOM)
        fields: list[tuple[int, str, Any]] = []
        if code == CUSTOM:
            fields.append((1, "offset", self._builder.CreateString(name)))
        # Old runtimes read only the first field, a byte; 127 sends newer ones to the last.
        fields += [(0, "b", min(code, 127)), (2, "i", version), (3, "i", code)]
        return self._table(fields)

    def _ints(self, values: tuple[int, ...]) -> int:
        return int(self._builder.CreateNumpyVector(np.asarray(values, "<i4")))

    def _offsets(self, offsets: list[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def _table(self, fields: list[tuple[int, str, Any]]) -> int:
        builder = self._builder
        prepend = {
            "offset": builder.PrependUOffsetTRelativeSlot,
            "b": builder.PrependInt8Slot,
            "B": builder.PrependUint8Slot,
            "i": builder.PrependInt32Slot,
            "I": builder.PrependUint32Slot,
            "f": builder.PrependFloat32Slot,
            "?": builder.PrependBoolSlot,
        }
        builder.StartObject(1 + max((slot for slot, _, _ in fields), default=0))
        for slot, kind, value in fields:
            # Against an impossible default, so that the value is stored even where it is zero.
            prepend[kind](slot, value, 0 if kind == "offset" else None)
        return int(builder.EndObject())


def _code(operator: Operator) -> tuple[str, int]:
    return operator.name, operator.version
