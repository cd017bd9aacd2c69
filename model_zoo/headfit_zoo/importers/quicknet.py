"""QuickNet with the ImageNet weights that Larq Zoo publishes, a Keras HDF5 file."""

from __future__ import annotations

import io

import h5py
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from headfit import FileFormatError
from headfit_zoo.architectures import quicknet

N_CLASSES = 1000
INPUT_SIZE = 224


def build(data: bytes, source: str = "weights", *, name: str = "quicknet") -> tf.keras.Model:
    """Return a QuickNet with the weights of a Keras HDF5 file, classifier included.

    Parameters
    ----------
    data : bytes
        The whole file. HDF5 is read by a C library: check the file's SHA-256 before.
    source : str
        Names it in messages.
    name : str
        Which of `headfit_zoo.architectures.quicknet.SIZES`.

    Raises
    ------
    FileFormatError
        If the file is damaged or holds another network.
    """
    model = quicknet.build(N_CLASSES, INPUT_SIZE, name=name, **quicknet.SIZES[name])
    fill(model, data, source)
    return model


def fill(model: tf.keras.Model, data: bytes, source: str) -> None:
    """Set the weights of `model` layer by layer, in the file's order."""
    expected = f"{source}: expected the weights of {model.name}"
    remedy = "these are the weights of another network: fetch the file that the card names"
    layers = [layer for layer in model.layers if layer.weights]
    found = _read(data, source)
    if len(found) != len(layers):
        raise FileFormatError(
            f"{expected}, {len(layers)} layers with weights, found {len(found)}; {remedy}"
        )
    for layer, (name, arrays) in zip(layers, found, strict=True):
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if [array.shape for array in arrays] != shapes:
            raise FileFormatError(
                f"{expected}, {layer.name} of shapes {shapes}, found {name} of "
                f"{[array.shape for array in arrays]}; {remedy}"
            )
    for layer, (_, arrays) in zip(layers, found, strict=True):
        layer.set_weights(arrays)


def _read(data: bytes, source: str) -> list[tuple[str, list[NDArray[np.float32]]]]:
    """Return (layer name, weights) of every layer that has weights, in the file's order."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            groups = [file[name] for name in file.attrs["layer_names"]]
            named = [
                (group.name, [group[name][()] for name in group.attrs["weight_names"]])
                for group in groups
            ]
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise FileFormatError(
            f"{source}: expected a Keras weight file (HDF5), found a fault: {error}; fetch it again"
        ) from error
    return [(name, arrays) for name, arrays in named if arrays]
