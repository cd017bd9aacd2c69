"""The block file: retrained binary blocks as bytes, and back; all is checked before it is used.

``docs/block-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from headfit.errors import FileFormatError
from headfit.files.container import Container, laid_out, open_container, pack, seal
from headfit.files.disk import read_bounded
from headfit.files.fields import canonical_json
from headfit.files.manifest import reference_from_json
from headfit.learning.origin import ExtractorReference
from headfit.maths.arrays import FloatArray, Scalar
from headfit.maths.bits import Words

SUFFIX: Final = ".block"
FORMAT: Final = "headfit-block"
FORMAT_VERSION: Final = "1"
MAX_FILE_BYTES: Final = 1 << 26
MAX_BLOCKS: Final = 9
MAX_AXIS: Final = 1 << 16
_LITTLE_ENDIAN: Final = {"F32": "<f4", "U32": "<u4"}


@dataclass(frozen=True, slots=True, eq=False)
class PackedBlock:
    """What is trained of one binary block, as LceBconv2d holds it.

    Attributes
    ----------
    filters : ndarray of shape (n_filters, height, width, n_words), dtype uint32
        Packed signs, see `headfit.maths.bits`.
    multiplier, bias : ndarray of shape (n_filters,), dtype float32
        ``output = activation(convolution) * multiplier + bias``.
    """

    filters: Words
    multiplier: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class BlockData:
    """What a block file holds.

    Attributes
    ----------
    blocks : tuple of PackedBlock
        The extractor's last blocks, in the order in which they run.
    extractor : ExtractorReference
        Whose blocks they replace.
    training : mapping of str to text, number, boolean or None
        How they were trained, for people.
    headfit_version : str
        The headfit that wrote the file.
    """

    blocks: tuple[PackedBlock, ...]
    extractor: ExtractorReference
    training: Mapping[str, Scalar]
    headfit_version: str


def save_blocks_bytes(data: BlockData) -> bytes:
    """Return the bytes of a block file; equal blocks give equal bytes.

    Raises
    ------
    FileFormatError
        If the blocks break the specification.
    """
    tensors = _layout([block.filters.shape for block in data.blocks])
    content = b"".join(
        getattr(data.blocks[int(name[0])], name[2:])
        .astype(_LITTLE_ENDIAN[tensor["dtype"]])
        .tobytes()
        for name, tensor in tensors.items()
    )
    try:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "headfit_version": data.headfit_version,
            "n_blocks": str(len(data.blocks)),
            "extractor": canonical_json(dataclasses.asdict(data.extractor)),
            "training": canonical_json(dict(data.training)),
        }
        file = pack(seal(metadata, tensors, content), content)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"expected metadata that JSON can hold, found: {error}") from error
    load_blocks_bytes(file, "blocks")  # what could not be read must not be written
    return file


def load_blocks_bytes(file: bytes, source: str = "block file") -> BlockData:
    """Return what the bytes of a block file hold.

    Parameters
    ----------
    file : bytes
        A block file as docs/block-format.md describes it.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UnsupportedVersionError
        If ``format_version`` is not one this headfit knows.
    FileFormatError
        If anything else breaks the specification.
    """
    container = open_container(file, source, FORMAT, FORMAT_VERSION)
    metadata, content = container.metadata, container.data
    n_blocks = int(metadata.text("n_blocks", pattern=f"[1-{MAX_BLOCKS}]", meaning="a number"))
    extractor = reference_from_json(*metadata.nested("extractor"))
    training = metadata.scalars("training")
    headfit_version = metadata.text("headfit_version")
    tensors = _layout([_filter_shape(container, i) for i in range(n_blocks)])
    container.check(tensors)
    arrays = {
        name: np.frombuffer(
            content[slice(*tensor["data_offsets"])], _LITTLE_ENDIAN[tensor["dtype"]]
        ).reshape(tensor["shape"])
        for name, tensor in tensors.items()
    }
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise FileFormatError(
            f"{source}: expected finite multipliers and biases, found NaN or infinity; train again"
        )
    blocks = tuple(
        PackedBlock(arrays[f"{i}.filters"], arrays[f"{i}.multiplier"], arrays[f"{i}.bias"])
        for i in range(n_blocks)
    )
    return BlockData(blocks, extractor, training, headfit_version)


def read_blocks(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of the file at ``path``, if it is no longer than a block file may be."""
    return read_bounded(path, MAX_FILE_BYTES)


def _layout(shapes: list[tuple[int, ...]]) -> dict[str, dict[str, Any]]:
    """Return what the header must say about the tensors: there is one layout.

    It is the one that the safetensors library makes: by dtype, then by name.
    """
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {
        f"{i}.{name}": ("F32", (n,))
        for i, (n, *_) in enumerate(shapes)
        for name in ("bias", "multiplier")
    }
    return laid_out(tensors | {f"{i}.filters": ("U32", shape) for i, shape in enumerate(shapes)})


def _filter_shape(container: Container, i: int) -> tuple[int, ...]:
    """Return the shape that the header gives for a block's filters, if it can be one."""
    name = f"{i}.filters"
    tensor = container.header.get(name)
    shape = tensor.get("shape") if isinstance(tensor, dict) else None
    if (
        not isinstance(shape, list)
        or len(shape) != 4
        or not all(type(n) is int and 1 <= n <= MAX_AXIS for n in shape)
    ):
        raise container.tensors.fault(f"a shape of 4 numbers from 1 to {MAX_AXIS}", tensor, name)
    return tuple(shape)
