"""TFLite metadata: what a `.tflite` says of itself, how pictures are prepared for it above all.

It is a FlatBuffer of its own (metadata_schema.fbs, identifier M001) in one of the file's buffers;
labels lie in a ZIP archive appended to the file.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final

from headfit.errors import ExtractorError
from headfit.networks.tflite.flatbuffer import FlatBuffer
from headfit.networks.tflite.reading import MAX_BYTES, MAX_ENTRIES
from headfit.networks.tflite.schema import IDENTIFIER, METADATA
from headfit.networks.tflite.tables import Table

_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
"""What `zipfile` raises over a damaged archive, or one that it cannot read."""

_IDENTIFIER: Final = b"M001"
_NORMALIZATION: Final = 1
_THRESHOLD: Final = 3
_PICTURE: Final = 2
_RGB: Final = 1
_LABELS: Final = "labels.txt"
_LABELS_OF_AN_AXIS: Final = 2
_NEVER: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date that an archive can give a file."""
_MAX_TEXT: Final = 1 << 16
_MAX_LABELS_BYTES: Final = 1 << 20
_MAX_CHANNELS: Final = 3


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a `.tflite` says of itself; empty where it says nothing.

    Attributes
    ----------
    name, author, licence : str
    mean, std : tuple of float, or None
        Of one channel or three, on the scale of the pixels: ``input = (pixel - mean) / std``.
    labels : tuple of str
        What its classifier told apart.
    threshold : float or None
        Of the largest probability: below it, a photo shows none of them.
    """

    name: str = ""
    author: str = ""
    licence: str = ""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()
    threshold: float | None = None


def read_metadata(model: bytes) -> Metadata:
    """Return what a `.tflite` says of itself.

    Raises
    ------
    ExtractorError
        If its metadata is damaged or contradicts itself.
    """
    if model[4:8] != IDENTIFIER:
        return Metadata()
    try:
        found = _find(model)
        return Metadata() if found is None else _read(found, model)
    except ExtractorError as error:
        raise ExtractorError(
            f"expected metadata that says how pictures are prepared, found some that cannot be "
            f"used: {error}; give --mean and --std, and it is not read"
        ) from error


def metadata_bytes(metadata: Metadata) -> bytes:
    """Return metadata of a classifier of pictures as `write_graph` takes them.

    Its labels are named and not in it: append `labels_archive` to the written file.

    Raises
    ------
    EngineMissingError
        If the package `flatbuffers` is not installed.
    """
    file = FlatBuffer()

    def one(kind: int, options: int) -> int:
        return file.offsets([file.table([(0, "B", kind), (1, "offset", options)])])

    colours = file.table([(0, "b", _RGB)])
    content = file.table([(0, "B", _PICTURE), (1, "offset", colours)])
    photo = [(0, "offset", file.text("photo")), (3, "offset", content)]
    if metadata.mean is not None and metadata.std is not None:
        numbers = [file.numbers(values, "<f4") for values in (metadata.mean, metadata.std)]
        scaling = file.table([(slot, "offset", vector) for slot, vector in enumerate(numbers)])
        photo.append((4, "offset", one(_NORMALIZATION, scaling)))
    answer = [(0, "offset", file.text("probabilities"))]
    if metadata.threshold is not None:
        least = file.table([(0, "f", metadata.threshold)])
        answer.append((4, "offset", one(_THRESHOLD, least)))
    labels = [(0, "offset", file.text(_LABELS)), (2, "b", _LABELS_OF_AN_AXIS)]
    answer.append((6, "offset", file.offsets([file.table(labels)])))
    tensors = [file.offsets([file.table(fields)]) for fields in (photo, answer)]
    subgraph = file.table([(2, "offset", tensors[0]), (3, "offset", tensors[1])])
    root = [(3, "offset", file.offsets([subgraph]))]
    texts = ((0, metadata.name), (4, metadata.author), (5, metadata.licence))
    root += [(slot, "offset", file.text(text)) for slot, text in texts if text]
    return file.finish(file.table(root), _IDENTIFIER)


def labels_archive(metadata: Metadata) -> bytes:
    """Return what follows a `.tflite`: an archive of its labels, the same bytes for the same."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        lines = "".join(f"{label}\n" for label in metadata.labels)
        archive.writestr(zipfile.ZipInfo(_LABELS, _NEVER), lines)
    return stream.getvalue()


def _find(model: bytes) -> bytes | None:
    root = Table.root(model)
    for entry in root.tables(6, MAX_ENTRIES):
        if entry.text(0, _MAX_TEXT) == METADATA:
            index = entry.scalar(1, "I", 0)
            for i, buffer in enumerate(root.tables(4, MAX_ENTRIES)):
                if i == index:
                    return buffer.octets(0, MAX_BYTES)
            raise ExtractorError(f"it names buffer {index}, which is not there")
    return None


def _read(data: bytes, model: bytes) -> Metadata:
    if data[4:8] != _IDENTIFIER:
        raise ExtractorError(f"it does not carry the identifier {_IDENTIFIER.decode()}")
    root = Table.root(data)
    subgraph = next(root.tables(3, MAX_ENTRIES), None)
    taken = None if subgraph is None else next(subgraph.tables(2, MAX_ENTRIES), None)
    made = None if subgraph is None else next(subgraph.tables(3, MAX_ENTRIES), None)
    mean, std = (None, None) if taken is None else _normalization(taken)
    return Metadata(
        name=_line(root, 0),
        author=_line(root, 4),
        licence=_line(root, 5),
        mean=mean,
        std=std,
        labels=() if made is None else _labels(made, model),
        threshold=None if made is None else _threshold(made),
    )


def _line(table: Table, field: int) -> str:
    """Return a text as one line without control characters, at most 200 characters long."""
    text = " ".join(table.text(field, _MAX_TEXT).split())
    return "".join(one for one in text if one.isprintable())[:200]


def _normalization(
    tensor: Table,
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    for unit in tensor.tables(4, MAX_ENTRIES):
        if unit.scalar(0, "B", 0) != _NORMALIZATION:
            continue
        options = unit.table(1)
        if options is None:
            raise ExtractorError("its normalisation is empty")
        mean = options.numbers(0, "f", _MAX_CHANNELS)
        std = options.numbers(1, "f", _MAX_CHANNELS)
        if len(mean) not in (1, 3) or len(std) not in (1, 3):
            raise ExtractorError(
                f"it has {len(mean)} means and {len(std)} deviations, for one channel or three"
            )
        if not all(map(math.isfinite, (*mean, *std))) or min(std) < 1e-6:
            raise ExtractorError(f"it has the mean {mean} and the deviation {std}")
        return mean, std
    return None, None


def _threshold(tensor: Table) -> float | None:
    for unit in tensor.tables(4, MAX_ENTRIES):
        options = unit.table(1) if unit.scalar(0, "B", 0) == _THRESHOLD else None
        if options is not None:
            return float(options.scalar(0, "f", 0.0))
    return None


def _labels(tensor: Table, model: bytes) -> tuple[str, ...]:
    """Return the lines of the first file of labels; none if the archive does not hold it."""
    for file in tensor.tables(6, MAX_ENTRIES):
        if file.scalar(2, "b", 0) not in (2, 3):  # labels of an axis, of a value
            continue
        try:
            with (
                zipfile.ZipFile(io.BytesIO(model)) as archive,
                archive.open(file.text(0, _MAX_TEXT)) as stream,
            ):
                text = stream.read(_MAX_LABELS_BYTES + 1)
        except _UNREADABLE as error:
            raise ExtractorError(f"its file of labels cannot be read ({error})") from error
        if len(text) > _MAX_LABELS_BYTES:
            raise ExtractorError(f"its labels have more than {_MAX_LABELS_BYTES} bytes")
        lines = text.decode("utf-8", "replace").splitlines()
        return tuple("".join(c for c in line if c.isprintable()).strip() for line in lines)
    return ()
