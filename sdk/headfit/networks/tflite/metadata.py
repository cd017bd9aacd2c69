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
from headfit.networks.tflite.reading import MAX_BYTES, MAX_ENTRIES
from headfit.networks.tflite.schema import IDENTIFIER
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

_NAME: Final = "TFLITE_METADATA"
_IDENTIFIER: Final = b"M001"
_NORMALIZATION: Final = 1
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
    """

    name: str = ""
    author: str = ""
    licence: str = ""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()


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


def _find(model: bytes) -> bytes | None:
    root = Table.root(model)
    for entry in root.tables(6, MAX_ENTRIES):
        if entry.text(0, _MAX_TEXT) == _NAME:
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
