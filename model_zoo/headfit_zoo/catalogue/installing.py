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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headfit import Extractor, ExtractorError, InputError
from headfit.engines import open_engine
from headfit.extractors import installed_folder, list_extractors
from headfit.files import Manifest, Preprocessing, read_bounded
from headfit_zoo.artifact import SUFFIXES, golden_input, write_extractor
from headfit_zoo.catalogue.cards import Card, Source
from headfit_zoo.catalogue.downloading import MAX_BYTES
from headfit_zoo.graphs import load_graph
from headfit_zoo.importers import IMPORTERS

_STAGING = ".installing-"
_LEFT_AFTER_S = 3600.0

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
        If the network that was made is not the one that the card names, or does not reproduce its
        golden picture.
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
            _fill(card, read_weights(card, given or fetch()), staging)
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
    there = [path for path in list_extractors() if path.parent == folder]
    installed = sorted({path.stem for path in there})
    if name not in installed:
        raise InputError(
            f"expected an installed extractor ({', '.join(installed) or 'there is none'}), "
            f"found {name!r}"
        )
    for path in there:
        if path.stem == name:
            path.unlink()
    _take_away(name, folder)


def published(card: Card) -> Source:
    """Return where the weights of a card are published.

    Raises
    ------
    InputError
        If they are not.
    """
    if card.source is None:
        raise InputError(
            f"{card.name} is not made from weights of others; install it from its .tflite: "
            f"headfit-zoo install {card.name} --from FILE.tflite"
        )
    return card.source


def read_weights(card: Card, path: Path) -> bytes:
    """Return the published weights of a card, checked by their SHA-256.

    Raises
    ------
    InputError
        If it is another file than the card names, or the card names none.
    """
    source = published(card)
    data = read_bounded(path, MAX_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise InputError(
            f"{path}: expected the file of {source.url} with SHA-256 {source.sha256}, "
            f"found {len(data)} bytes with {found}; it is another file or was cut: fetch it again"
        )
    return data


def _fill(card: Card, weights: bytes, folder: Path) -> None:
    """Write what the full conversion of these weights gives, without TensorFlow."""
    graph, importer = load_graph(card.name), IMPORTERS[card.name]
    flatbuffer = graph.filled(importer.read(weights, card.name, graph.shapes))
    found = hashlib.sha256(flatbuffer).hexdigest()
    if card.file is not None and found != card.file.fingerprint:
        raise ExtractorError(
            f"expected of {card.name} a network with SHA-256 {card.file.fingerprint}, as the card "
            f"says, found {found}: nothing was installed; install headfit again"
        )
    write_extractor(
        flatbuffer,
        folder,
        name=card.name,
        version=card.version,
        description=card.summary,
        licence=card.licence,
        preprocessing=importer.preprocessing,
        golden=graph.golden or _reference(flatbuffer, importer.preprocessing),
    )


def _reference(flatbuffer: bytes, preprocessing: Preprocessing) -> tuple[float, ...]:
    """Return the golden embedding by the engine in NumPy, which the faster ones are held against.

    For networks whose weights nobody had here: theirs could not be written down.
    """
    embedding = open_engine(flatbuffer, "popcount", check=None).run(golden_input(preprocessing))
    return tuple(float(value) for value in embedding.ravel())


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
    for left in folder.glob(f"{_STAGING}*"):  # by one that was killed; another may be at work
        if time.time() - left.stat().st_mtime > _LEFT_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
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
