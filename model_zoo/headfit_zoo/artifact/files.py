"""An extractor's three files: network, manifest, golden picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from headfit import InputError
from headfit.files import (
    Golden,
    Manifest,
    Preprocessing,
    load_manifest,
    save_manifest,
    write_atomically,
)
from headfit_zoo.artifact.golden import GOLDEN_COSINE, GOLDEN_DIFFERENCE, golden_picture

SUFFIXES = (".golden.png", ".json", ".tflite")
"""In the order in which they are put in place."""


def write_extractor(
    flatbuffer: bytes,
    folder: Path,
    *,
    name: str,
    version: int,
    description: str,
    licence: str,
    preprocessing: Preprocessing,
    golden: Sequence[float],
) -> Manifest:
    """Write ``<name>.tflite``, ``<name>.json`` and ``<name>.golden.png`` into `folder`.

    Parameters
    ----------
    flatbuffer : bytes
        The ``.tflite``.
    folder : Path
    name, version, description, licence, preprocessing
        Go into the manifest.
    golden : sequence of float
        The network's embedding of `golden_picture`.

    Returns
    -------
    Manifest

    Raises
    ------
    InputError
        If another extractor of that name lies there: heads may rest on it.
    """
    manifest = Manifest(
        name=name,
        version=version,
        fingerprint=hashlib.sha256(flatbuffer).hexdigest(),
        size_bytes=len(flatbuffer),
        embedding_dim=len(golden),
        preprocessing=preprocessing,
        description=description,
        licence=licence,
        golden=Golden(GOLDEN_COSINE, GOLDEN_DIFFERENCE, tuple(map(float, golden))),
    )
    beside = folder / f"{name}.json"
    if beside.exists() and load_manifest(beside).fingerprint != manifest.fingerprint:
        raise InputError(
            f"{beside}: expected a new name, found another extractor of it, on which heads may "
            "rest; choose another name or folder, or remove that one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.tflite", flatbuffer)
    Image.fromarray(golden_picture(preprocessing.height)).save(folder / f"{name}.golden.png")
    save_manifest(manifest, beside)
    return manifest
