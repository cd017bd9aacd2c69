"""The small networks of others' kinds; see tests/data/foreign/MAKE.md."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headfit.networks.onnx.wire import Field, read_fields, write_bytes, write_field, write_number
from headfit.networks.tflite import Quantization, read_graph

DATA = Path(__file__).parents[1] / "data" / "foreign"


class Foreign:
    """One file, a picture, and what Keras made of it before the classifier, pooled."""

    def __init__(self, name: str, ending: str = "tflite") -> None:
        self.name = name
        self.path = DATA / f"{name}.{ending}"
        self.model = self.path.read_bytes()
        with np.load(DATA / "golden.npz") as goldens:
            self.picture: NDArray[np.uint8] = goldens["picture"]
            features = goldens["flattened" if name == "flattened" else "classifier"]
        self.embedding: NDArray[np.float32] = features.mean(axis=tuple(range(features.ndim - 1)))
        scaled = (self.picture.astype(np.float32) - 127.5) / 127.5
        if name in ("int8", "uint8"):
            steps = self.quantization
            stored = self.picture.astype(np.float32) - (128 if name == "int8" else 0)
            scaled = (stored - steps.zero_point[0]) * np.float32(steps.scale[0])
        self.image: NDArray[np.float32] = scaled[None]

    @property
    def quantization(self) -> Quantization:
        """Scale and zero point of its input."""
        graph = read_graph(self.model)
        found = graph.tensors[graph.inputs[0]].quantization
        assert found is not None
        return found


def weights_apart(model: bytes, location: str = "net.onnx.data") -> tuple[bytes, bytes]:
    """Return an ONNX network without its weights and the file of these, as onnx.save_model does."""
    data = bytearray()

    def entry(key: str, text: str) -> bytes:
        return write_bytes(13, write_bytes(1, key) + write_bytes(2, text))

    def constant(message: bytes) -> bytes:
        fields = list(read_fields(message))
        (raw,) = (field.data for field in fields if field.tag == 9)
        said = [entry("location", location)]
        if data:
            said.append(entry("offset", str(len(data))))
        said.append(entry("length", str(len(raw))))
        data.extend(raw)
        kept = [write_field(field) for field in fields if field.tag != 9]
        return b"".join((*kept, *said, write_number(14, 1)))

    def graph(field: Field) -> bytes:
        return write_bytes(5, constant(field.data)) if field.tag == 5 else write_field(field)

    written = b"".join(
        write_bytes(7, b"".join(map(graph, read_fields(field.data))))
        if field.tag == 7
        else write_field(field)
        for field in read_fields(model)
    )
    return written, bytes(data)


def metadata_bytes(
    *,
    mean: list[float],
    std: list[float],
    labels: list[str] | None = None,
    author: str = "",
    licence: str = "",
    identifier: bytes = b"M001",
) -> bytes:
    """Return TFLite metadata, as metadata_schema.fbs lays it out."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)

    def table(fields: dict[int, int], kinds: dict[int, int] | None = None) -> int:
        builder.StartObject(8)
        for slot, offset in fields.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, number in (kinds or {}).items():
            builder.PrependInt8Slot(slot, number, 0)
        return int(builder.EndObject())

    def vector(offset: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    numbers = [builder.CreateNumpyVector(np.array(values, "<f4")) for values in (mean, std)]
    options = table({0: numbers[0], 1: numbers[1]})
    taken = table({4: vector(table({1: options}, {0: 1}))})
    tensors = {2: vector(taken)}
    if labels is not None:
        name = builder.CreateString("labels.txt")
        tensors[3] = vector(table({6: vector(table({0: name}, {2: 2}))}))
    subgraph = vector(table(tensors))
    texts = {4: builder.CreateString(author), 5: builder.CreateString(licence)}
    builder.Finish(table({3: subgraph, **texts}), identifier)
    return bytes(builder.Output())


def with_metadata(
    model: bytes, *, labels: list[str] | None = None, buffer: int | None = None, **said: Any
) -> bytes:
    """Return a .tflite that says this of itself, its labels in an archive behind."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    import flatbuffers

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    held = schema.BufferT()
    held.data = list(metadata_bytes(labels=labels, **said))
    parsed.buffers.append(held)
    entry = schema.MetadataT()
    entry.name = b"TFLITE_METADATA"
    entry.buffer = len(parsed.buffers) - 1 if buffer is None else buffer
    parsed.metadata = [entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(parsed.Pack(builder), b"TFL3")
    written = bytes(builder.Output())
    if labels is None:
        return written
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as pack:
        pack.writestr("labels.txt", "\n".join(labels))
    return written + archive.getvalue()
