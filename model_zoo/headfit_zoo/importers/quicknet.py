"""The ImageNet weights of QuickNet that Larq Zoo publishes, a Keras HDF5 file."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from headfit import FileFormatError, MissingExtraError


def read(
    data: bytes, source: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a Keras HDF5 file, which names layers by number alone.

    Parameters
    ----------
    data : bytes
        The whole file. HDF5 is read by a C library: check the file's SHA-256 before.
    source : str
        Names it in messages.
    shapes : mapping of str to tuple of int
        Of the network's weights, in the order of the file.

    Returns
    -------
    dict of str to ndarray, dtype float32
        By layer and part, with the keys of `shapes`.

    Raises
    ------
    FileFormatError
        If the file is damaged or holds another network.
    MissingExtraError
        If the package `h5py` is not installed.
    """
    expected = f"{source}: expected the weights of QuickNet"
    remedy = "these are the weights of another network: fetch the file that the card names"
    found = _read(data, source)
    if len(found) != len(shapes):
        raise FileFormatError(f"{expected}, {len(shapes)} arrays, found {len(found)}; {remedy}")
    for (name, array), (ours, shape) in zip(found, shapes.items(), strict=True):
        if array.shape != shape:
            raise FileFormatError(
                f"{expected}, {ours} of shape {shape}, found {name} of {array.shape}; {remedy}"
            )
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise FileFormatError(
                f"{expected}, finite float32 numbers in {ours}, found others in {name}; "
                "the file is damaged: fetch it again"
            )
    return {ours: array for ours, (_, array) in zip(shapes, found, strict=True)}


def _read(data: bytes, source: str) -> list[tuple[str, NDArray[np.float32]]]:
    """Return (name, array) of every weight, in the file's order."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            "the published weights of QuickNet are HDF5, which the package h5py reads: "
            "pip install h5py"
        ) from error
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            groups = [file[name] for name in file.attrs["layer_names"]]
            return [
                (f"{group.name}/{_text(name)}", group[name][()])
                for group in groups
                for name in group.attrs["weight_names"]
            ]
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise FileFormatError(
            f"{source}: expected a Keras weight file (HDF5), found a fault: {error}; fetch it again"
        ) from error


def _text(name: bytes | str) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
