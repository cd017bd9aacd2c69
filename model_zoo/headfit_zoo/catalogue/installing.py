"""Puts extractors where the SDK finds them by name, and takes them away again.

An extractor is three files, and the SDK looks for the ``.tflite``. So that comes last when they are
put there and goes first when they are removed: at every moment the extractor is there as a whole or
not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headfit import Extractor, ExtractorError, InputError
from headfit.extractors import installed_folder
from headfit.files import Manifest, read_bounded
from headfit_zoo.catalogue.cards import Card
from headfit_zoo.catalogue.downloading import MAX_BYTES

SUFFIXES = (".golden.png", ".json", ".tflite")
"""In the order in which they are put in place."""

Fetch = Callable[[], Path]
"""Fetches the card's published weights and returns their path."""


def install(card: Card, given: Path | None, fetch: Fetch) -> Manifest:
    """Install an extractor from a file or, if none is given, from its published weights.

    Parameters
    ----------
    card : Card
    given : Path or None
        The published weights, or a ``.tflite`` that was converted before, its manifest and golden
        picture beside it.
    fetch : callable
        Called for the published weights if no file is given.

    Returns
    -------
    Manifest
        Of what is installed now.

    Raises
    ------
    InputError
        If `given` is another file than the card names.
    ExtractorError
        If the network that was made does not reproduce its golden picture.
    FileFormatError
        If the weights are not those of the network.
    OSError
        If the disk is full; nothing is installed then.
    """
    with _staging(installed_folder()) as staging:
        if given is not None and given.suffix == ".tflite":
            for suffix in SUFFIXES:
                shutil.copyfile(given.with_suffix(suffix), staging / f"{card.name}{suffix}")
        else:
            _convert(card, _weights(card, given, fetch), staging)
        manifest = _verified(card, staging)
        _put_in_place(card.name, staging, installed_folder())
    return manifest


def remove(name: str) -> None:
    """Remove an installed extractor.

    Raises
    ------
    InputError
        If none of that name is installed.
    """
    folder = installed_folder()
    installed = sorted(path.stem for path in folder.glob("*.tflite"))
    if name not in installed:
        raise InputError(
            f"expected an installed extractor ({', '.join(installed) or 'there is none'}), "
            f"found {name!r}"
        )
    _take_away(name, folder)


def _weights(card: Card, given: Path | None, fetch: Fetch) -> bytes:
    """Return the published weights, checked by their SHA-256."""
    if card.source is None:
        raise InputError(
            f"{card.name} is not made from weights of others; install it from its .tflite: "
            f"headfit-zoo install {card.name} --from FILE.tflite"
        )
    path = given or fetch()
    data = read_bounded(path, MAX_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != card.source.sha256:
        raise InputError(
            f"{path}: expected the file of {card.source.url} with SHA-256 {card.source.sha256}, "
            f"found {len(data)} bytes with {found}; it is another file or was cut: fetch it again"
        )
    return data


def _convert(card: Card, weights: bytes, folder: Path) -> None:
    # TensorFlow takes seconds to import, and a .tflite is installed without it.
    from headfit_zoo.conversion import convert
    from headfit_zoo.importers import IMPORTERS

    importer = IMPORTERS[card.name]
    convert(
        importer.build(weights, card.name),
        folder,
        name=card.name,
        version=card.version,
        description=card.summary,
        licence=card.licence,
        preprocessing=importer.preprocessing,
    )


def _verified(card: Card, folder: Path) -> Manifest:
    """Return the manifest in `folder` after the SDK has opened the extractor and checked it."""
    manifest = Extractor.open(folder / f"{card.name}.tflite").manifest
    expected = (card.name, card.version, card.network.embedding_dim)
    found = (manifest.name, manifest.version, manifest.embedding_dim)
    if found != expected:
        raise ExtractorError(
            f"expected name, version and embedding width {expected} as the card says, found "
            f"{found}; this is another extractor"
        )
    return manifest


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Make a folder on the same disk as `folder`, and leave nothing of it."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".installing-", dir=folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging)


def _put_in_place(name: str, staging: Path, folder: Path) -> None:
    for suffix in SUFFIXES:
        with (staging / f"{name}{suffix}").open("rb") as stream:
            os.fsync(stream.fileno())
    _take_away(name, folder)
    for suffix in SUFFIXES:
        os.replace(staging / f"{name}{suffix}", folder / f"{name}{suffix}")


def _take_away(name: str, folder: Path) -> None:
    for suffix in reversed(SUFFIXES):
        (folder / f"{name}{suffix}").unlink(missing_ok=True)
