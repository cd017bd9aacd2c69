"""An extractor's files: found, and checked before anything else sees them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from headfit.engines import Engine, SelfCheck
from headfit.errors import ExtractorError
from headfit.extractors.finding import find_extractor
from headfit.files.manifest import Manifest, load_manifest
from headfit.photos.images import prepare_input


def read_extractor(
    name_or_path: str | os.PathLike[str] | None = None,
) -> tuple[Path, Manifest, bytes]:
    """Return where an extractor lies, its manifest and its verified bytes; see `Extractor.open`."""
    path = find_extractor(name_or_path)
    path.stat()  # of two missing files, the error should name this one
    manifest = load_manifest(path.with_suffix(".json"))
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


def self_check(path: Path, manifest: Manifest) -> SelfCheck | None:
    """Return the golden picture as the extractor's input, with its known embedding."""
    golden, preprocessing = manifest.golden, manifest.preprocessing
    if golden is None:
        return None
    # The golden picture has the input's size already: it is neither resized nor cropped.
    as_it_is = replace(preprocessing, resize_to=min(preprocessing.height, preprocessing.width))
    return SelfCheck(
        image=prepare_input(path.with_suffix(".golden.png"), as_it_is),
        embedding=np.asarray(golden.embedding),
        cosine_at_least=golden.cosine_at_least,
        difference_at_most=golden.difference_at_most,
    )


def check_shapes(path: Path, manifest: Manifest, engine: Engine) -> None:
    """Refuse a manifest that was written for a network of other shapes than ``engine`` runs."""
    preprocessing = manifest.preprocessing
    expected = ((1, preprocessing.height, preprocessing.width, 3), manifest.embedding_dim)
    found = (tuple(engine.input_shape), engine.embedding_dim)
    if found != expected:
        raise ExtractorError(
            f"{path}: expected input shape and embedding width {expected} as its manifest says, "
            f"found {found}; the manifest was written for another network"
        )
