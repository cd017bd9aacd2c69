"""An ONNX network whose weights lie in a file beside it, as PyTorch exports it, made one file."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath
from typing import Final

from headfit.errors import ExtractorError
from headfit.networks.onnx.model import MAX_BYTES
from headfit.networks.onnx.wire import (
    damaged,
    join,
    read_fields,
    write_bytes,
    write_field,
)

_GRAPH: Final = 7
_CONSTANT: Final = 5
_RAW, _ENTRY, _PLACE = 9, 13, 14
_NUMBER: Final = re.compile("[0-9]{1,18}")


def with_weights(model: bytes, folder: Path) -> bytes:
    """Return the network with the weights inside that it says lie in files of its folder.

    Weights of Constant operators stay where they are; `headfit.networks.onnx.read_onnx` refuses
    those.

    Raises
    ------
    ExtractorError
        If a file is missing, shorter than the network says or outside the folder, or if all are
        more than a network may have.
    """
    files: dict[str, bytes] = {}
    total = 0

    def constant(message: bytes) -> bytes:
        nonlocal total
        fields = list(read_fields(message))
        if not any(field.tag == _PLACE and field.whole() for field in fields):
            return message
        said = dict(_entry(field.message()) for field in fields if field.tag == _ENTRY)
        data = _part(said, folder, files)
        total += len(data)
        if total > MAX_BYTES:
            raise _too_large()
        kept = (write_field(one) for one in fields if one.tag not in (_RAW, _ENTRY, _PLACE))
        return join((*kept, write_bytes(_RAW, data)))

    def graph(message: bytes) -> bytes:
        return join(
            write_bytes(_CONSTANT, constant(one.message()))
            if one.tag == _CONSTANT
            else write_field(one)
            for one in read_fields(message)
        )

    return join(
        write_bytes(_GRAPH, graph(one.message())) if one.tag == _GRAPH else write_field(one)
        for one in read_fields(model)
    )


def _entry(message: bytes) -> tuple[str, str]:
    texts = {field.tag: field.text() for field in read_fields(message)}
    return texts.get(1, ""), texts.get(2, "")


def _part(said: dict[str, str], folder: Path, files: dict[str, bytes]) -> bytes:
    """Return the bytes that a constant names: a file, and where in it they begin and end."""
    name = said.get("location", "")
    start, length = (said.get(key, "0") for key in ("offset", "length"))
    if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(length)):
        raise damaged(f"weights of {length!r} bytes at {start!r} of {name!r}")
    if name not in files:
        files[name] = _read(name, folder)
    first = int(start)
    last = first + int(length) if "length" in said else len(files[name])
    if not first <= last <= len(files[name]):
        raise ExtractorError(
            f"{folder / name}: expected {last} bytes of weights, found {len(files[name])}; fetch "
            "or export the network again, both of its files"
        )
    return files[name][first:last]


def _read(name: str, folder: Path) -> bytes:
    path = PureWindowsPath(name)  # whose parts are those of other systems, too
    if not path.parts or path.drive or path.root or {"..", "\0"} & {*path.parts, *name}:
        raise ExtractorError(
            f"expected weights in a file of the network's own folder, found {name!r}; save it with "
            "its weights inside (in Python: onnx.save_model without external data)"
        )
    try:
        with (folder / name).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ExtractorError(
            f"expected the file {name} beside the network, with its weights, found none; fetch "
            "both into one folder, or export the network again with its weights inside"
        ) from error
    if len(data) > MAX_BYTES:
        raise _too_large()
    return data


def _too_large() -> ExtractorError:
    return ExtractorError(
        f"expected a network of at most {MAX_BYTES:,} bytes with its weights, found more; choose a "
        "smaller one"
    )
