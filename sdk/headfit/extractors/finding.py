"""Where extractors lie on this device: found by name, installed once, verified by SHA-256.

Every copy of headfit knows one extractor: its manifest and golden picture lie in the package. The
network itself lies beside them, or, where an app ships without it, in `installed_folder`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from headfit.errors import ExtractorError, ExtractorMissingError, HeadfitError
from headfit.files import blockfile
from headfit.files.disk import write_atomically
from headfit.files.elsewhere import install_command
from headfit.files.manifest import Manifest, load_manifest

ENDINGS: Final = (".tflite", ".onnx")
"""Of the files that hold a network."""

_EMBEDDED: Final = Path(__file__).parent


def installed_folder() -> Path:
    """Return the folder of this user in which extractors are looked up by name.

    It is the platform's place for application data, with ``headfit/extractors`` below it; on
    Android that is the app's own storage. Only `install_extractor` creates it.
    """
    private = os.environ.get("ANDROID_PRIVATE")  # set by python-for-android: Context.getFilesDir()
    if private:
        base = Path(private)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "headfit" / "extractors"


def known_extractor() -> Manifest:
    """Return the manifest of the one extractor that this headfit knows.

    Raises
    ------
    ExtractorError
        If the package holds none, or several.
    """
    return load_manifest(_known_manifest())


def find_extractor(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a network, ``.tflite`` or ``.onnx``, whose manifest lies beside it.

    Parameters
    ----------
    name_or_path : str or path, optional
        Path of the network, or the name of an extractor. By default the one this headfit knows.

    Raises
    ------
    ExtractorMissingError
        If the extractor is not on this device.
    """
    if name_or_path is None:
        return _find_known()
    path = Path(name_or_path)
    if path.suffix in ENDINGS or len(path.parts) > 1:
        return path
    present = list_extractors()
    for candidate in present:
        if candidate.stem == path.name:
            return candidate
    available = [candidate.stem for candidate in present]
    command = install_command(path.name)
    advice = f"install it ({command}), or " if command else ""
    raise ExtractorMissingError(
        f"expected the name of an installed extractor ({', '.join(available) or 'there is none'}), "
        f"found {path.name!r}; {advice}give the path of a .tflite, or put it with its manifest "
        f"into {installed_folder()}"
    )


def read_manifest(name_or_path: str | os.PathLike[str] | None = None) -> Manifest:
    """Return what an extractor is, whose network is not read; errors as of `find_extractor`."""
    return load_manifest(find_extractor(name_or_path).with_suffix(".json"))


def read_extractor(
    name_or_path: str | os.PathLike[str] | None = None,
) -> tuple[Path, Manifest, bytes]:
    """Return where an extractor lies, its manifest and its verified bytes; see `Extractor.open`."""
    path = find_extractor(name_or_path)
    path.stat()  # of two missing files, the error should name this one
    beside = path.with_suffix(".json")
    if not beside.exists():
        raise ExtractorError(
            f"{path}: expected an extractor with its manifest {beside.name} beside it, found the "
            "network alone; headfit cut makes an extractor of a network, and writes three files "
            "that belong into one folder"
        )
    manifest = load_manifest(beside)
    return path, manifest, _read_verified(path, manifest)


def _read_verified(path: Path, manifest: Manifest) -> bytes:
    """Return the model's bytes; a native interpreter crashes on wrong ones, so they stop here."""
    with path.open("rb") as stream:
        model = stream.read(manifest.size_bytes + 1)
    fingerprint = hashlib.sha256(model).hexdigest()
    if fingerprint != manifest.fingerprint:
        size = f"{len(model)} bytes" if len(model) <= manifest.size_bytes else "more bytes"
        raise ExtractorError(
            f"{path}: expected {manifest.size_bytes} bytes with SHA-256 {manifest.fingerprint}, "
            f"found {size} with {fingerprint}; the file is damaged or belongs to another manifest: "
            "fetch both again"
        )
    return model


def list_extractors() -> list[Path]:
    """Return the path of every extractor that is found by name, the package's own first."""
    folders = (_EMBEDDED, installed_folder())
    return [
        path
        for folder in folders
        for path in sorted(one for ending in ENDINGS for one in folder.glob(f"*{ending}"))
    ]


def find_made_by(fingerprint: str | None, file: str | os.PathLike[str]) -> Path | None:
    """Return what a head file or a store names by its fingerprint: blocks beside it, or installed.

    Parameters
    ----------
    fingerprint : str or None
        Of the extractor whose embeddings it is of; None if the file does not say.
    file : path
        Retrained blocks lie beside a head file, under its name.

    Returns
    -------
    Path or None
        A ``.block``, or a ``.tflite`` or ``.onnx``; None if this device has none of them. Only its
        manifest was read: the file is verified when it is opened.
    """
    if fingerprint is None:
        return None
    blocks = Path(file).with_suffix(blockfile.SUFFIX) if Path(file).name else Path(file)
    with contextlib.suppress(HeadfitError, OSError):
        if hashlib.sha256(blockfile.read_blocks(blocks)).hexdigest() == fingerprint:
            return blocks
    for path in list_extractors():
        with contextlib.suppress(HeadfitError, OSError):
            if load_manifest(path.with_suffix(".json")).fingerprint == fingerprint:
                return path
    return None


def install_extractor(model: bytes) -> Path:
    """Install the extractor that this headfit knows, for every start to come.

    Parameters
    ----------
    model : bytes
        The ``.tflite``, however it arrived. Nothing is written unless its SHA-256 is the known one.

    Returns
    -------
    Path
        Where it lies now.

    Raises
    ------
    ExtractorError
        If these bytes are another file.
    OSError
        If the disk is full; nothing is installed then.
    """
    manifest = known_extractor()
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.fingerprint:
        raise ExtractorError(
            f"expected the {manifest.size_bytes} bytes of {manifest.name} with SHA-256 "
            f"{manifest.fingerprint}, found {len(model)} bytes with {found}; choose the file "
            f"{manifest.name}.tflite of version {manifest.version}"
        )
    source, folder = _known_manifest(), installed_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.stem}.tflite"
    # The .tflite is what is looked for: it goes first and comes last.
    path.unlink(missing_ok=True)
    if manifest.golden is not None:
        shutil.copyfile(source.with_suffix(".golden.png"), path.with_suffix(".golden.png"))
    shutil.copyfile(source, path.with_suffix(".json"))
    write_atomically(path, model)
    return path


def _known_manifest() -> Path:
    manifests = sorted(_EMBEDDED.glob("*.json"))
    if len(manifests) != 1:
        raise ExtractorError(
            f"expected one manifest in {_EMBEDDED}, found {len(manifests)}; install headfit again, "
            "or give the path of a .tflite"
        )
    return manifests[0]


def _find_known() -> Path:
    known = _known_manifest()
    embedded = known.with_suffix(".tflite")
    if embedded.is_file():
        return embedded
    manifest = load_manifest(known)
    path = installed_folder() / embedded.name
    # One left by an older app may be of another version: that is not the one meant.
    if path.is_file() and load_manifest(path.with_suffix(".json")) == manifest:
        return path
    raise ExtractorMissingError(
        f"expected {path}, {manifest.size_bytes} bytes with SHA-256 {manifest.fingerprint}, "
        f"found {'another version' if path.is_file() else 'no such file'}; install it once with "
        "Extractor.install"
    )
