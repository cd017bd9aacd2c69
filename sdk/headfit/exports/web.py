"""A head as a page: a folder of files that recognises in any browser, with nothing to install."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Final

from headfit.engines.native.exporting import export_plan, find_wasm
from headfit.errors import InputError
from headfit.exports.document import STARTS, export_json
from headfit.exports.joining import TFLITE, AnyHead, read_extractor_of
from headfit.files.disk import write_atomically
from headfit.photos.images import open_rgb
from headfit.privacy.sharing import released

_PAGE: Final = Path(__file__).with_name("page")
_START: Final = "index.html"
_SOURCES: Final = (
    *("head.js", "native.js", "page.css", "page.js", "pictures.js", "recogniser.js", "teaching.js"),
    _START,
)
_GOLDEN: Final = "golden.rgb"
_MADE: Final = ("headfit_native.wasm", "network.plan", "network.json", "head.json")


def export_web(
    head: AnyHead,
    extractor: str | os.PathLike[str] | None = None,
    *,
    library: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> dict[str, bytes]:
    """Return the files of a page that recognises with a head, by the camera or from a picture.

    The page asks for its own files and for nothing else, which its Content-Security-Policy holds
    it to; no picture leaves it. It needs a server, as browsers run no such page from a disk.

    Parameters
    ----------
    head : FittedHead or FittedMultiLabelHead
        `SoftmaxHead.fitted_`, or `MultiLabelHead.fitted_`.
    extractor : name or path, optional
        Of the extractor that the head was fitted on; by default the one that headfit knows.
    library : path, optional
        The native engine's library for WebAssembly; by default it is built by ziglang, or taken
        from where a checkout has it: see `headfit.engines.native.exporting.find_wasm`.
    force : bool
        Export a head that gives single photos away.

    Returns
    -------
    dict of str to bytes
        Files by their names, all for one folder; `index.html` is the last.

    Raises
    ------
    InputError
        If nobody said what the head was fitted on, or the extractor is an ONNX file; if
        ``library`` is not what it should be.
    ExtractorMismatchError
        If the head was fitted on another extractor.
    UnshareableHeadError
        If a class rests on fewer than three photos: see `SoftmaxHead.share`.
    EngineMissingError
        If there is no library for WebAssembly, and nothing to build it with.
    """
    head = released(head, force=force)
    if head.extractor is None:
        raise InputError(
            "expected a head that remembers its extractor, and with it how photos are prepared, "
            "found one that does not; fit it with extractor="
        )
    otherwise = "convert that network to a .tflite, cut it, and train the head on it"
    path, manifest, model = read_extractor_of(head, extractor, TFLITE, otherwise)
    document = export_json(head, extractor, force=True)
    plan = export_plan(model)
    golden = manifest.golden
    told = {
        "fingerprint": manifest.fingerprint,
        "crc32": zlib.crc32(plan),
        "golden": golden and asdict(golden),
    }
    made = (find_wasm(library), plan, json.dumps(told).encode(), document)
    pictures = {}
    if golden is not None:  # as pixels: a browser need not decode a PNG to the same ones
        pictures[_GOLDEN] = open_rgb(path.with_suffix(".golden.png")).tobytes()
    sources = {name: (_PAGE / name).read_bytes() for name in _SOURCES}
    return {**dict(zip(_MADE, made, strict=True)), **pictures, **sources}


def write_web(files: dict[str, bytes], folder: str | os.PathLike[str]) -> None:
    """Write the files of `export_web` into a folder, which is made if it is not there.

    ``index.html`` goes first and comes last: what was interrupted is no page.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / _START).unlink(missing_ok=True)
    for name, data in files.items():
        write_atomically(place / name, data)


def is_web(folder: Path) -> bool:
    """Return whether a folder holds what `write_web` writes, or a part of it, and nothing else.

    A page that someone changed, or that knows what it was taught in a browser, is theirs.
    """
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if not names:
        return True
    if not names <= {*_SOURCES, *_MADE, _GOLDEN} or not all(
        (folder / name).is_file() for name in names
    ):
        return False
    if not names & {*_MADE[:3], _START}:
        return False
    changed = (name for name in _SOURCES if name in names and not _is(folder / name, _PAGE / name))
    return not any(changed) and not ("head.json" in names and _is_taught(folder / "head.json"))


def _is(path: Path, source: Path) -> bool:
    expected = source.read_bytes()
    with path.open("rb") as stream:
        return stream.read(len(expected) + 1) == expected


def _is_taught(path: Path) -> bool:
    """Whether a head was saved by a page, and may be nowhere else."""
    with path.open("rb") as stream:
        return not stream.read(64).startswith(STARTS)
