"""A trained network becomes the device's artifact: ``.tflite``, manifest, golden picture."""

from __future__ import annotations

import json
from pathlib import Path

import larq_compute_engine as lce
import tensorflow as tf

from headfit import InputError
from headfit.files import Manifest, Preprocessing
from headfit_zoo.architectures import ARCHITECTURES, cut_top
from headfit_zoo.artifact import golden_input, preprocessing_of, write_extractor


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
    flatbuffer: bytes = lce.convert_keras_model(cut_top(model))
    preprocessing = preprocessing or preprocessing_of(model.input_shape[1])
    return write_extractor(
        flatbuffer,
        folder,
        name=name,
        version=version,
        description=description,
        licence=licence,
        preprocessing=preprocessing,
        golden=golden_embedding(flatbuffer, preprocessing),
    )


def golden_embedding(flatbuffer: bytes, preprocessing: Preprocessing) -> tuple[float, ...]:
    """Return what a network makes of its golden picture, in LCE's own interpreter."""
    interpreter = lce.testing.Interpreter(flatbuffer, num_threads=1)
    embedding = interpreter.predict(golden_input(preprocessing))[0]
    return tuple(float(value) for value in embedding.ravel())
