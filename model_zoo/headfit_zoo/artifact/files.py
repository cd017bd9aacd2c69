"""An extractor's three files: network, manifest, golden picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from headfit.files import Golden, Manifest, Preprocessing, save_manifest, write_atomically
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
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.tflite", flatbuffer)
    Image.fromarray(golden_picture(preprocessing.height)).save(folder / f"{name}.golden.png")
    save_manifest(manifest, folder / f"{name}.json")
    return manifest
