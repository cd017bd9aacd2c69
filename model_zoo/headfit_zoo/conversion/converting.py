"""A trained network becomes the device's artifact: ``.tflite``, manifest, golden picture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import larq_compute_engine as lce
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError
from headfit.files import Golden, Manifest, Preprocessing, save_manifest, write_atomically
from headfit.photos import prepare_input
from headfit_zoo.architectures import ARCHITECTURES, cut_top
from headfit_zoo.training import MEAN, STD

GOLDEN_COSINE = 0.99999
GOLDEN_DIFFERENCE = 1e-4
"""How near every engine must come to the golden embedding; see docs/manifest-format.md."""


def load_trained(run: Path, input_size: int | None = None) -> tf.keras.Model:
    """Rebuild the network of a finished training at a fixed input size, with its weights.

    Parameters
    ----------
    run : Path
        A folder that `headfit_zoo.training.train` wrote.
    input_size : int, optional
        Height and width in pixels; by default the size it was validated at.

    Raises
    ------
    InputError
        If the folder holds no finished training, or one of a network that is not known.
    """
    try:
        about = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"expected a training in {run}, found no recipe.json in it") from None
    if not (run / "weights.h5").exists():
        raise InputError(f"expected a finished training in {run}; run the same train command again")
    if about["network"] not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"expected a network out of {known}, found {about['network']!r} in {run}")
    size = input_size or about["recipe"]["final_size"]
    # Keras numbers layers as they come, and their names go into the file and so into its hash.
    tf.keras.backend.clear_session()
    model = ARCHITECTURES[about["network"]](len(about["classes"]), size)
    model.load_weights(run / "weights.h5")
    return model


def preprocessing_of(size: int) -> Preprocessing:
    """Return what a network of our own recipes was trained to see, at a size in pixels."""
    return Preprocessing(
        height=size,
        width=size,
        resize="shorter-side",
        resize_to=size,
        interpolation="bilinear",
        mean=MEAN,
        std=STD,
    )


def golden_picture(size: int) -> NDArray[np.uint8]:
    """Draw the picture of the self-check: gradients, edges and fine texture in every colour.

    Returns
    -------
    ndarray of shape (size, size, 3), dtype uint8
        The same for every release; no photograph is needed for a check of arithmetic.
    """
    y, x = np.mgrid[0:size, 0:size] / size
    waves = np.sin(2 * np.pi * np.stack([3 * x + y, 7 * x * y, 9 * np.hypot(x - 0.5, y - 0.5)], -1))
    disc = (np.hypot(x - 0.6, y - 0.4) < 0.25)[..., None] * np.array([90, -40, 20])
    noise = np.random.default_rng(0).integers(-12, 13, (size, size, 3))
    picture = np.clip(128 + 70 * waves + disc + noise, 0, 255)
    return np.asarray(picture, np.uint8)


def convert(
    model: tf.keras.Model,
    folder: Path,
    *,
    name: str,
    version: int,
    description: str,
    licence: str,
    preprocessing: Preprocessing | None = None,
) -> Manifest:
    """Write ``<name>.tflite``, ``<name>.json`` and ``<name>.golden.png`` into `folder`.

    Parameters
    ----------
    model : tf.keras.Model
        At a fixed input size, with a layer ``embedding``.
    folder : Path
    name, version, description, licence
        Go into the manifest.
    preprocessing : Preprocessing, optional
        What the network was trained to see; by default that of our own recipes.

    Returns
    -------
    Manifest
    """
    size = model.input_shape[1]
    extractor = cut_top(model)
    flatbuffer: bytes = lce.convert_keras_model(extractor)
    preprocessing = preprocessing or preprocessing_of(size)
    picture = golden_picture(size)
    # The reference is LCE's own interpreter on the very bytes that ship.
    interpreter = lce.testing.Interpreter(flatbuffer, num_threads=1)
    as_it_is = replace(preprocessing, resize_to=size)  # the golden picture has the input's size
    embedding = interpreter.predict(prepare_input(picture, as_it_is))[0]
    manifest = Manifest(
        name=name,
        version=version,
        fingerprint=hashlib.sha256(flatbuffer).hexdigest(),
        size_bytes=len(flatbuffer),
        embedding_dim=int(embedding.shape[-1]),
        preprocessing=preprocessing,
        description=description,
        licence=licence,
        golden=Golden(
            cosine_at_least=GOLDEN_COSINE,
            difference_at_most=GOLDEN_DIFFERENCE,
            embedding=tuple(float(value) for value in embedding.ravel()),
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.tflite", flatbuffer)
    Image.fromarray(picture).save(folder / f"{name}.golden.png")
    save_manifest(manifest, folder / f"{name}.json")
    return manifest
