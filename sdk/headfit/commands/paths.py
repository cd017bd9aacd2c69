"""Paths on the command line: what is read, what is written, and the check of both before any work.

A command declares which of its arguments are read (`InputPath`) and which are written
(`OutputPath`, `OutputFolder`); `Command` checks them before it runs, and gives it ``--force``.
"""

from __future__ import annotations

import json
import os
import re
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from headfit.errors import FileFormatError, InputError
from headfit.exports import coreml, document
from headfit.exports.web import is_web
from headfit.files import blockfile, headfile, multi_label_file
from headfit.files.disk import prove_writable
from headfit.files.manifest import load_manifest
from headfit.networks.appending import is_classifier as is_tflite_classifier
from headfit.networks.onnx import is_onnx
from headfit.networks.onnx.appending import is_classifier as is_onnx_classifier
from headfit.networks.tflite.schema import IDENTIFIER
from headfit.photos.formats import format_of
from headfit.pooling import part, plain, roll, round_file
from headfit.report.elements import GENERATOR
from headfit.store import exchange

_FORCE: Final = "force"
_WRITABLE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_MAX_HEADER_BYTES: Final = 1 << 25
_MAX_NETWORK_BYTES: Final = 1 << 30
_DESCRIBED_WITHIN: Final = 1 << 24
"""Bytes of a Core ML model: it describes itself first."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of file a command writes, and may therefore replace.

    Attributes
    ----------
    name : str
        For messages: "head file".
    is_of : callable
        Whether the file at a path is of the kind. It is there, regular and not empty.
    otherwise : str
        What any other file is found to be.
    """

    name: str
    is_of: Callable[[Path], bool]
    otherwise: str = "another kind of file"


def _container(name: str, *formats: str) -> Kind:
    return Kind(name, lambda path: _metadata_of(path).get("format") in formats)


def _kept(reason: str) -> Kind:
    """Return the kind of what replaces no file but by force."""
    return Kind("blank file", lambda path: False, f"a file that is kept: {reason}")


def _is_open_roll(path: Path) -> bool:
    """Return whether this is a roll over which no half was given."""
    metadata = _metadata_of(path)
    return metadata.get("format") == roll.ROLL.name and metadata.get("agreed") == ""


def _metadata_of(path: Path) -> dict[str, object]:
    """Return which file of headfit this is, by its header alone: a damaged one may be replaced."""
    with path.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8 or not 0 < (length := struct.unpack("<Q", start)[0]) < _MAX_HEADER_BYTES:
            return {}
        text = stream.read(length)
    try:
        metadata = json.loads(text)["__metadata__"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(1024)


def _is_onnx(path: Path) -> bool:
    return path.suffix == ".onnx" and is_onnx(_start(path))


def _is_classifier(path: Path) -> bool:
    """Return whether a network is one that ``export-tflite`` or ``export-onnx`` wrote."""
    if path.stat().st_size > _MAX_NETWORK_BYTES:
        return False
    data = path.read_bytes()
    if data[4:8] == IDENTIFIER:
        return is_tflite_classifier(data)
    return is_onnx(data) and is_onnx_classifier(data)


def _is_round(path: Path) -> bool:
    return f'"format": "{round_file.FORMAT}"'.encode() in _start(path)


def _is_head_json(path: Path) -> bool:
    start = _start(path)
    return any(
        f'"format": "{name}"'.encode() in start
        for name in (document.FORMAT, document.MULTI_LABEL_FORMAT)
    )


def _is_core_ml(path: Path) -> bool:
    """Return whether it begins as a model does, and is described as a head of headfit.

    A model's version, a description, in it a tensor.
    """
    with path.open("rb") as stream:
        start = stream.read(_DESCRIBED_WITHIN)
    begins = re.match(rb"\x08[\x01-\x7f]\x12(?:[\x80-\xff]{0,4}[\0-\x7f])\x0a", start)
    return begins is not None and coreml.DESCRIBED.encode() in start


def _is_manifest(path: Path) -> bool:
    try:
        load_manifest(path)
    except FileFormatError:
        return False
    return True


HEAD_FILE: Final = _container("head file", headfile.FORMAT, multi_label_file.FORMAT)
MULTI_LABEL: Final = _container("multi-label head file", multi_label_file.FORMAT)
BLOCK_FILE: Final = _container("block file", blockfile.FORMAT)
EXAMPLES: Final = _container("file of examples", exchange.FORMAT)
NETWORK: Final = Kind("network", lambda path: _start(path)[4:8] == IDENTIFIER or _is_onnx(path))
CLASSIFIER: Final = Kind("classifier of this command", _is_classifier)
NEW_NETWORK: Final = _kept("a network does not say who made it, and heads may rest on it")
PAGE: Final = Kind("report", lambda path: GENERATOR.encode() in _start(path))
MANIFEST: Final = Kind("manifest", _is_manifest)
GOLDEN: Final = Kind("golden picture", lambda path: _start(path).startswith(b"\x89PNG\r\n"))
ROUND: Final = Kind("round", _is_round)
CORE_ML: Final = Kind("Core ML model of this command", _is_core_ml)
HEAD_JSON: Final = Kind("head as JSON", _is_head_json)
WEB: Final = Kind("page of this command", is_web)
PART: Final = _container("part", part.PART.name)
PLAIN: Final = _container("plain contribution", plain.PLAIN.name)
ROLL: Final = Kind("roll that nothing was summed over", _is_open_roll)
HALF: Final = _kept("a side gives one half of a round")
CALLED: Final = _kept("what devices contributed to a round is of no use with another")
CONTRIBUTED: Final = _kept(
    "if its contribution was sent, in part or whole, another costs the photos' epsilon again"
)
KEY: Final = _kept("a private key cannot be made again")


class _AnyPath(click.Path):
    """A path of which the command itself says why it cannot be used, and goes on with others."""

    def __init__(self, path_type: type[Any] = Path) -> None:
        super().__init__(readable=False, path_type=path_type)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse "", which a shell makes of a variable that is not set."""
        if value == "":
            self.fail("expected a path, found an empty text", param, ctx)
        return super().convert(value, param, ctx)


class InputPath(_AnyPath):
    """A path that a command reads, or a store that it opens: what is there is not replaced."""


class HeadPath(InputPath):
    """A head file that a command reads; what comes in its place is told from it."""


class StorePath(InputPath):
    """An example store that a command opens, or makes where there is none.

    What is plainly something else is named, before a question is asked or damage is seen in it.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse a folder, and a file whose first bytes are of another kind."""
        path = super().convert(value, param, ctx)
        if path is not None and (found := _no_store(Path(path))) is not None:
            raise InputError(f"{path}: expected an example store, found {found}; give another path")
        return path


def _no_store(path: Path) -> str | None:
    """Return what a path is if that is no store; a damaged store may have lost its beginning."""
    if path.is_dir():
        return "a folder"
    if not path.is_file() or not os.access(path, os.R_OK):
        return None
    kinds = (HEAD_FILE, BLOCK_FILE, EXAMPLES, NETWORK, PAGE, ROUND, PART, PLAIN, ROLL)
    named = next((f"a {kind.name}" for kind in kinds if kind.is_of(path)), None)
    return named or format_of(_start(path))


class OutputPath(_AnyPath):
    """A file that a command writes.

    Parameters
    ----------
    kind : Kind
        An existing file is replaced only if it is empty or of this kind.
    beside : callable, optional
        Returns of the path the other files that are written with it, and their kinds. They may be
        replaced only together with it.
    """

    def __init__(
        self, kind: Kind, beside: Callable[[Path], Mapping[Path, Kind]] = lambda path: {}
    ) -> None:
        super().__init__()
        self.kind, self.beside = kind, beside


class OutputFolder(_AnyPath):
    """A folder that a command fills: a new one, an empty one, or one that it filled before.

    Parameters
    ----------
    kind : Kind
        Of a folder that may be filled again.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind


class Command(click.Command):
    """A command whose files are checked before it runs."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if any(isinstance(one.type, (OutputPath, OutputFolder)) for one in self.params):
            self.params.append(
                click.Option(
                    ["--force"],
                    is_flag=True,
                    expose_value=False,
                    callback=_remember_force,
                    help="Replace whatever file is there.",
                )
            )

    def invoke(self, context: click.Context) -> Any:
        """Check what is to be written, then run."""
        values = [(one.type, context.params.get(one.name or "")) for one in self.params]
        inputs = [value for kind, value in values if isinstance(kind, InputPath)]
        read = [path for value in inputs for path in _all(value)]
        for kind, value in values:
            if isinstance(kind, HeadPath) and value is not None:
                _refuse_swapped(value, read)
        is_forced = context.meta.get(_FORCE, False)
        for kind, value in values:
            if value is not None and isinstance(kind, OutputPath):
                outputs = list(_all(value))
                if len({os.path.realpath(path) for path in outputs}) < len(outputs):
                    raise InputError(
                        f"{outputs[0]}: expected a name for each file to write, found it twice; "
                        "choose another"
                    )
                for output in outputs:
                    check_output(output, kind.kind, kind.beside, read, is_forced)
            elif value is not None and isinstance(kind, OutputFolder):
                _check_output_folder(value, kind.kind, read, is_forced)
        return super().invoke(context)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def _remember_force(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[_FORCE] = value


def _all(value: object) -> Iterator[Path]:
    """Yield the paths that a parameter holds: none, one or several."""
    if isinstance(value, (str, Path)):
        yield Path(value)
    elif isinstance(value, tuple):
        for one in value:
            yield from _all(one)


def _refuse_swapped(head: Path, read: Iterable[Path]) -> None:
    """Say that a head stands where photos should, before it is called a bad photo."""
    other = next((path for path in read if path != head and _is_head(path)), None)
    if other is not None and head.exists() and not _is_head(head):
        raise InputError(
            f"expected the head file first, found {head} before {other}; put {other} first"
        )


def _is_head(path: Path) -> bool:
    try:
        return path.is_file() and HEAD_FILE.is_of(path)
    except OSError:
        return False


def check_output(
    output: Path,
    kind: Kind,
    beside: Callable[[Path], Mapping[Path, Kind]] = lambda path: {},
    read: Iterable[Path] = (),
    is_forced: bool = False,
) -> None:
    """Refuse, before any work, to write where that is impossible or would destroy something.

    Raises
    ------
    InputError
        If the folder is not there, the path is no place for a file, or is read by the same command;
        unless forced, if a file of another kind is there.
    OSError
        If nothing can be written there: the message names ``output``.
    """
    _check_place(output)
    wanted = [(output, kind), *beside(output).items()]
    if len({os.path.realpath(path) for path, _ in wanted}) < len(wanted):
        raise InputError(
            f"{output}: expected a name that leaves room for the file beside it, found that file's "
            "own; choose another"
        )
    for path, one in wanted:
        _check_place(path)
        _refuse_input(path, read)
        if not path.exists() or path.stat().st_size == 0:
            continue
        if not one.is_of(path) and (source := _inside(path, read)) is not None:
            raise InputError(
                f"{path}: expected another file than those that are read, found one of {source}; "
                "choose another name"
            )
        if is_forced:
            continue
        if one in (CLASSIFIER, NEW_NETWORK) and NETWORK.is_of(path) and _is_extractor(path):
            raise InputError(
                f"{path}: expected a new name, found an extractor with its manifest "
                f"{path.with_suffix('.json')}, on which heads may rest; choose another name, or "
                "say --force"
            )
        if not one.is_of(path):
            raise InputError(
                f"{path}: expected a new name, or a {one.name} to replace, found {one.otherwise}; "
                "choose another name, or say --force"
            )
        if not path.stat().st_mode & _WRITABLE:
            raise InputError(
                f"{path}: expected a file that may be replaced, found one that is write-protected; "
                "choose another name, or say --force"
            )
        if path != output and not (output.exists() and output.stat().st_size):
            raise InputError(
                f"{path}: expected a new name, found a {one.name} that belongs to another file "
                f"than {output}; choose another name, or say --force"
            )
    for path, _ in wanted:
        prove_writable(path)


def _is_extractor(network: Path) -> bool:
    manifest = network.with_suffix(".json")
    return manifest.is_file() and _is_manifest(manifest)


def _check_place(path: Path) -> None:
    """Refuse what no file can be written to."""
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: expected a folder to write into, found none; make it first")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise InputError(f"{path}: expected the name of a file to write, found {found}; add a name")


def _refuse_input(path: Path, read: Iterable[Path]) -> None:
    real = os.path.realpath(path)
    for one in read:
        if os.path.realpath(one) == real or (path.exists() and one.exists() and path.samefile(one)):
            raise InputError(
                f"{path}: expected another file than those that are read, found {one}; choose "
                "another name"
            )


def _inside(path: Path, read: Iterable[Path]) -> Path | None:
    """Return which folder that is read holds a path."""
    above = Path(os.path.realpath(path)).parents
    return next((one for one in read if Path(os.path.realpath(one)) in above), None)


def _check_output_folder(folder: Path, kind: Kind, read: Iterable[Path], is_forced: bool) -> None:
    _refuse_input(folder, read)
    if (source := _inside(folder, read)) is not None:
        raise InputError(
            f"{folder}: expected a folder outside {source}, which is read, found one in it; what "
            "is written there would be taken for a class: choose another"
        )
    if folder.exists():
        if not folder.is_dir():
            raise InputError(f"{folder}: expected a folder, found a file; choose another name")
        # Hidden files are the system's, or were left by a run that was killed.
        is_used = any(not one.name.startswith(".") for one in folder.iterdir())
        if not is_forced and is_used and not kind.is_of(folder):
            raise InputError(
                f"{folder}: expected a new or empty folder, or a {kind.name}, found other files, "
                "or changed ones; choose another, or say --force"
            )
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise InputError(f"{folder}: expected a folder, found the file {there}; choose another")
    try:
        prove_writable(there / folder.name)
    except OSError as error:
        error.filename = str(folder)
        raise
