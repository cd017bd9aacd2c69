"""How a head's weights are stored: as float32, float16, int8 with a scale per class, or as bits.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headfit.errors import FileFormatError, InputError
from headfit.files.container import Container, Tensors, laid_out
from headfit.learning.fitted_head import FittedHead
from headfit.learning.likeness import MAX_CODE
from headfit.learning.typicality import Typicality
from headfit.maths.arrays import DoubleArray, FloatArray

DTYPES: Final = {"float32": "F32", "float16": "F16", "int8": "I8", "binary": "U8"}
"""For each storage, what safetensors calls the dtype of its ``weights``."""

_LITTLE_ENDIAN: Final = {"F32": "<f4", "F16": "<f2", "I8": "i1", "U8": "u1"}
_LARGEST_INT8: Final = 127
_EXACT_BITS: Final = 17
"""Bits of a scale's significand: with the 7 of a weight they fit into the 24 of float32."""

_CODE_OF_ZERO: Final = 8
_NEGLIGIBLE: Final = 2.0**-100


def rounded(weights: FloatArray, storage: str) -> FloatArray:
    """Return the nearest weights that a storage holds exactly.

    Parameters
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
        Not written to.
    storage : str
        "float32", "float16" or "int8". Signs take more than rounding: a head is trained for them.

    Raises
    ------
    InputError
        If a weight is too large for the storage, or there is no such storage.
    """
    if storage == "float32":
        return weights.copy()
    if storage == "float16":
        with np.errstate(over="ignore"):  # refused below
            nearest = weights.astype(np.float16).astype(np.float32)
    elif storage == "int8":
        largest = np.abs(weights).max(axis=0).astype(np.float64)
        fraction, exponent = np.frexp(largest / _LARGEST_INT8)
        # Upwards, so that the largest weight stays within 127 and still needs all of it.
        fraction = np.ceil(np.ldexp(fraction, _EXACT_BITS))
        scales = np.ldexp(fraction, exponent - _EXACT_BITS)
        scales[largest < _NEGLIGIBLE] = 0
        with np.errstate(over="ignore"):
            nearest = (_whole(weights, scales) * scales).astype(np.float32)
    else:
        raise InputError(
            f"expected a storage of float32, float16 or int8, found {storage!r}; a binary head is "
            "trained as one"
        )
    if not np.isfinite(nearest).all():
        raise InputError(
            f"expected weights that {storage} can hold, found {np.abs(weights).max():g}; "
            "keep them as float32"
        )
    return nearest


def layout(
    storage: str, embedding_dim: int, n_classes: int, score: str | None
) -> dict[str, dict[str, Any]]:
    """Return what a file's header must say about the tensors; there is no other layout.

    ``score`` is that of the calibration, None without one.
    """
    shapes = {"bias": ("F32", [n_classes])}
    if score == "typicality":
        shapes["centre"] = shapes["inverse_spread"] = ("F32", [embedding_dim])
    if storage in ("int8", "binary"):
        shapes["scales"] = ("F32", [n_classes])
    if storage == "binary":
        shapes["thresholds"] = ("F32", [embedding_dim])
        shapes["weights"] = ("U8", [n_classes, -(-embedding_dim // 8)])
    else:
        shapes["weights"] = (DTYPES[storage], [embedding_dim, n_classes])
    if score == "likeness":
        shapes["whitened_means"] = ("U8", [n_classes, -(-embedding_dim // 2)])
    return laid_out(shapes)


def encode(head: FittedHead) -> bytes:
    """Return the data of a head file; `layout` says what lies where.

    Raises
    ------
    FileFormatError
        If the storage does not hold the weights exactly.
    """
    weights, storage, thresholds = head.weights, head.storage, head.thresholds
    if storage not in DTYPES:
        raise FileFormatError(f"expected a storage of {', '.join(DTYPES)}, found {storage!r}")
    if (thresholds is not None) != (storage == "binary"):
        found = "none" if thresholds is None else "some"
        raise FileFormatError(
            f"expected thresholds for binary weights alone, found {found} and {storage}"
        )
    scales, stored = encode_weights(weights, storage)
    tensors: list[npt.NDArray[Any]] = [head.bias]
    if head.typicality is not None:
        tensors += [head.typicality.centre, head.typicality.inverse_spread]
    data = b"".join(_little_endian(tensor, "F32") for tensor in tensors) + scales
    if thresholds is not None:
        data += _little_endian(thresholds, "F32")
    data += stored
    return data if head.likeness is None else data + _packed_codes(head.likeness.prototypes)


def encode_weights(weights: FloatArray, storage: str) -> tuple[bytes, bytes]:
    """Return the bytes of the scales, if the storage has some, and of the weights.

    Parameters
    ----------
    weights : ndarray of shape (embedding_dim, n_classes), dtype float32
    storage : str
        A key of `DTYPES`.

    Raises
    ------
    FileFormatError
        If the storage does not hold the weights exactly.
    """
    if not np.isfinite(weights).all():
        raise FileFormatError("expected finite weights, found NaN or infinity; train again")
    scales: npt.NDArray[Any] = np.empty(0)
    stored: npt.NDArray[Any] = weights
    held: npt.NDArray[Any] = weights
    if storage == "float16":
        with np.errstate(over="ignore"):  # told below
            held = stored = weights.astype(np.float16)
    elif storage == "int8":
        scales = np.abs(weights).max(axis=0).astype(np.float64) / _LARGEST_INT8
        stored = _whole(weights, scales).astype(np.int8)
        held = stored * scales
    elif storage == "binary":
        scales, negative = np.abs(weights[0]), weights < 0
        stored = np.packbits(negative.T, axis=1, bitorder="little")
        held = np.where(negative, -scales, scales)
    if _little_endian(held, "F32") != _little_endian(weights, "F32"):
        raise FileFormatError(
            f"expected weights that {storage} holds exactly, found others; round them first"
        )
    return _little_endian(scales, "F32"), _little_endian(stored, DTYPES[storage])


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The arrays of a head file; see `headfit.learning.fitted_head.FittedHead`."""

    weights: FloatArray
    bias: FloatArray
    thresholds: FloatArray | None
    typicality: Typicality | None
    prototypes: npt.NDArray[np.int8] | None


def decode(
    data: bytes | memoryview,
    storage: str,
    embedding_dim: int,
    n_classes: int,
    score: str | None,
    source: str,
) -> Decoded:
    """Return what a file's data holds.

    Parameters
    ----------
    data : bytes or memoryview
        As long as `layout` says.
    storage : str
    embedding_dim, n_classes : int
    score : str or None
        Of the calibration.
    source : str
        Names the file in messages.

    Raises
    ------
    FileFormatError
        If they are not finite, or written in another form than `encode` writes them.
    """
    tensors = read_tensors(data, layout(storage, embedding_dim, n_classes, score), source)
    weights = tensors["weights"]
    thresholds = None
    if storage == "int8":
        weights = decoded_int8(weights, tensors["scales"], source)
    elif storage == "binary":
        weights = _decoded_signs(weights, tensors["scales"], embedding_dim, source)
        thresholds = tensors["thresholds"].astype(np.float32)
    typicality = None
    if score == "typicality":
        if (tensors["inverse_spread"] < 0).any():
            raise FileFormatError(
                f"{source}: expected an inverse spread of at least 0, found "
                f"{tensors['inverse_spread'].min():g}"
            )
        typicality = Typicality(
            tensors["centre"].astype(np.float32), tensors["inverse_spread"].astype(np.float32)
        )
    bias = tensors["bias"].astype(np.float32)
    prototypes = None
    if score == "likeness":
        prototypes = _unpacked_codes(tensors["whitened_means"], embedding_dim, source)
    return Decoded(weights.astype(np.float32), bias, thresholds, typicality, prototypes)


def read_tensors(
    data: bytes | memoryview, tensors: Tensors, source: str
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that lie in a file's data, by name.

    Raises
    ------
    FileFormatError
        If they are not finite.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, tensor in tensors.items():
        start, end = tensor["data_offsets"]
        values = np.frombuffer(data[start:end], _LITTLE_ENDIAN[tensor["dtype"]])
        arrays[name] = values.reshape(tensor["shape"])
        if not np.isfinite(values).all():
            raise FileFormatError(
                f"{source}: expected finite {name}, found NaN or infinity; train again"
            )
    return arrays


def decoded_int8(
    weights: npt.NDArray[np.int8], scales: FloatArray, source: str
) -> npt.NDArray[Any]:
    """Return weights of int8 times the scales of their classes.

    Raises
    ------
    FileFormatError
        If they are written in another form than `encode_weights` writes them.
    """
    largest = np.abs(weights.astype(np.int16)).max(axis=0)
    if (scales < 0).any() or np.signbit(scales).any():
        raise FileFormatError(f"{source}: expected scales of at least 0, found {scales.min():g}")
    if (scales.view("<u4") & 0x7F).any():
        raise FileFormatError(
            f"{source}: expected scales whose last 7 bits are 0, found others; products with them "
            "would be rounded"
        )
    if (largest != np.where(scales > 0, _LARGEST_INT8, 0)).any():
        raise FileFormatError(
            f"{source}: expected a largest weight of {_LARGEST_INT8} in every class, and of 0 "
            f"where the scale is 0, found {largest.tolist()[:8]}"
        )
    with np.errstate(over="ignore"):
        products: npt.NDArray[Any] = weights * scales
    if not np.isfinite(products).all():
        raise FileFormatError(f"{source}: expected finite weights, found a scale beyond float32")
    return products


def storage_of(container: Container) -> str:
    """Return how a container's weights are stored, which their dtype says.

    Raises
    ------
    FileFormatError
        If there are none, or they are of no dtype of `DTYPES`.
    """
    if not container.tensors.has("weights"):
        container.tensors.take("weights")  # refused by name
    weights = container.header["weights"]
    storages = {dtype: storage for storage, dtype in DTYPES.items()}
    dtype = weights.get("dtype") if isinstance(weights, dict) else None
    if not isinstance(dtype, str) or dtype not in storages:
        raise container.tensors.fault(f"a dtype of {', '.join(storages)}", weights, "weights")
    return storages[dtype]


def _little_endian(values: npt.NDArray[Any], dtype: str) -> bytes:
    with np.errstate(over="ignore"):
        return values.astype(_LITTLE_ENDIAN[dtype]).tobytes()


def _whole(weights: FloatArray, scales: DoubleArray) -> DoubleArray:
    """Return weights as whole multiples of their class's scale; 0 where that is 0."""
    multiples: DoubleArray = np.rint(weights / np.where(scales > 0, scales, np.inf))
    return multiples + 0.0  # no minus zero


def _packed_codes(codes: npt.NDArray[np.int8]) -> bytes:
    """Return two codes a byte, the first in the lower half, as codes plus 8; 0 fills the last."""
    halves = (codes.astype(np.int16) + _CODE_OF_ZERO).astype(np.uint8)
    if halves.shape[1] % 2:
        halves = np.pad(halves, ((0, 0), (0, 1)))
    return (halves[:, ::2] | halves[:, 1::2] << 4).tobytes()


def _unpacked_codes(
    packed: npt.NDArray[np.uint8], embedding_dim: int, source: str
) -> npt.NDArray[np.int8]:
    halves = np.stack([packed & 15, packed >> 4], axis=2).reshape(len(packed), -1)
    codes, spare = halves[:, :embedding_dim], halves[:, embedding_dim:]
    largest = np.abs(codes.astype(np.int16) - _CODE_OF_ZERO).max(axis=1)
    if (codes == 0).any() or spare.any() or not np.isin(largest, (0, MAX_CODE)).all():
        raise FileFormatError(
            f"{source}: expected the tensor 'whitened_means' of halves of bytes from 1 to 15, in "
            "each class one of them 1 or 15 or all of them 8, and 0 after the last, found others"
        )
    unpacked: npt.NDArray[np.int8] = (codes.astype(np.int16) - _CODE_OF_ZERO).astype(np.int8)
    return unpacked


def _decoded_signs(
    weights: npt.NDArray[np.uint8], scales: FloatArray, embedding_dim: int, source: str
) -> npt.NDArray[Any]:
    if not (scales > 0).all():
        raise FileFormatError(f"{source}: expected positive scales, found {scales.min():g}")
    spare = -embedding_dim % 8
    if (weights[:, -1] >> (8 - spare)).any():
        raise FileFormatError(
            f"{source}: expected the last {spare} bits of every class to be 0, found others"
        )
    negative = np.unpackbits(weights, axis=1, count=embedding_dim, bitorder="little").T
    signed: npt.NDArray[Any] = np.where(negative, -scales, scales)
    return signed
