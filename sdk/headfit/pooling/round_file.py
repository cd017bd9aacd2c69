"""The round file: signed JSON to a `Round`, and back; all is checked before it is used.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headfit.errors import UntrustedHeadError
from headfit.files.class_names import CLASS_NAME_RULE, MAX_CLASSES, as_class_name
from headfit.files.disk import read_bounded
from headfit.files.fields import Fields, canonical_json, parse_json
from headfit.files.head_parts import block_as_json, signature_from_json
from headfit.files.manifest import reference_from_json
from headfit.files.views import views_as_json, views_from_json
from headfit.pooling.projection import (
    MAX_DIRECTION,
    MAX_EMBEDDING_DIM,
    MAX_EXPONENT,
    MAX_INPUT,
    Projection,
)
from headfit.pooling.round import (
    MAX_DEVICES,
    MAX_NOISE,
    MAX_NUMBERS,
    MAX_PHOTOS,
    MIN_NOISE,
    Round,
)
from headfit.privacy.signing import check_signature, signature_of

FORMAT: Final = "headfit-round"
FORMAT_VERSION: Final = 1
MAX_FILE_BYTES: Final = 1 << 25
_SIGNED_TEXT: Final = b"headfit round "


@dataclass(frozen=True, slots=True, eq=False)
class RoundFile:
    """A round as it was read.

    Attributes
    ----------
    round : Round
    digest : str
        64 hex digits, by which other files name it.
    caller : str
        The public key that signed it.
    """

    round: Round
    digest: str
    caller: str


def round_bytes(called: Round, private_key: bytes) -> bytes:
    """Return the bytes of a round file, signed by a private key in PEM.

    Raises
    ------
    InputError
        If this is no private key.
    MissingExtraError
        If the library that signs is not installed.
    """
    content = _as_json(called)
    signature = signature_of(_SIGNED_TEXT + _digest(content), private_key)
    written = json.dumps({**content, "signature": block_as_json(signature)}, ensure_ascii=False)
    read_round_bytes(written.encode(), None, "round")  # what could not be read is not written
    return written.encode()


def read_round(
    path: str | os.PathLike[str], trusted_keys: Collection[str] | None = None
) -> RoundFile:
    """Read the round file at ``path``; see `read_round_bytes`."""
    return read_round_bytes(read_bounded(path, MAX_FILE_BYTES), trusted_keys, os.fspath(path))


def read_round_bytes(
    file: bytes, trusted_keys: Collection[str] | None = None, source: str = "round"
) -> RoundFile:
    """Return the round of a file, if its signature is right.

    Parameters
    ----------
    file : bytes
    trusted_keys : collection of str, optional
        One of these public keys must have signed it; by default any.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UntrustedHeadError
        If it is not signed by such a key, or the signature is of other content.
    FileFormatError
        If it breaks the specification.
    """
    document = parse_json(file, source)
    fields = Fields(document, source)
    fields.kind(FORMAT, FORMAT_VERSION)
    signature = signature_from_json(fields.take("signature"), f"{source}: signature")
    projection = _projection(fields.take("projection"), f"{source}: projection")
    keys = fields.take("device_keys")
    devices = fields.whole("devices", 2, MAX_DEVICES)
    read = Round(
        round_id=fields.text("round_id", pattern="[0-9a-f]{32}", meaning="32 hex digits"),
        extractor=reference_from_json(fields.take("extractor"), f"{source}: extractor"),
        views=views_from_json(fields.take("views"), f"{source}: views"),
        classes=_classes(fields),
        projection=projection,
        moments=fields.boolean("moments"),
        max_photos=fields.whole("max_photos", 1, MAX_PHOTOS),
        noise=fields.whole("noise", 0, MAX_NOISE),
        delta=fields.number("delta", 0, 1e-2),
        devices=devices,
        min_devices=fields.whole("min_devices", 2, devices),
        device_keys=None if keys is None else _keys(fields, keys),
    )
    fields.done()
    if 0 < read.noise < MIN_NOISE:
        raise fields.fault(f"0, or at least {MIN_NOISE}", read.noise, "noise")
    if read.delta == 0:
        raise fields.fault("a number above 0", read.delta, "delta")
    if read.n_numbers > MAX_NUMBERS:
        raise fields.fault(f"a vector of at most {MAX_NUMBERS} numbers", read.n_numbers)
    if trusted_keys is not None and signature.public_key not in {k.lower() for k in trusted_keys}:
        raise UntrustedHeadError(
            f"{source}: expected a round called by a key that is trusted, found the key "
            f"{signature.public_key}; get the round from who calls it"
        )
    # As it stands in the file, not as it was understood: 1 and 1.0 are not the same digest.
    digest = _digest({key: value for key, value in document.items() if key != "signature"})
    check_signature(signature, _SIGNED_TEXT + digest, source)
    return RoundFile(read, digest.hex(), signature.public_key)


def _digest(content: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonical_json(content).encode()).digest()


def _as_json(called: Round) -> dict[str, Any]:
    projection = called.projection
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "round_id": called.round_id,
        "extractor": dataclasses.asdict(called.extractor),
        "views": views_as_json(called.views),
        "classes": list(called.classes),
        "projection": {
            "embedding_dim": projection.embedding_dim,
            "width": projection.width,
            "unit_exponent": projection.unit_exponent,
            "scale_exponent": projection.scale_exponent,
            "centre": _coded(projection.centre),
            "directions": _coded(projection.directions),
        },
        "moments": called.moments,
        "max_photos": called.max_photos,
        "noise": called.noise,
        "delta": called.delta,
        "devices": called.devices,
        "min_devices": called.min_devices,
        "device_keys": None if called.device_keys is None else list(called.device_keys),
    }


def _coded(numbers: npt.NDArray[np.int32]) -> str:
    return base64.b64encode(numbers.astype("<i4").tobytes()).decode("ascii")


def _numbers(fields: Fields, key: str, count: int, largest: int) -> npt.NDArray[np.int32]:
    text = fields.text(key)
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != 4 * count:
        raise fields.fault(f"{count} integers in base64", text, key)
    numbers = np.frombuffer(data, "<i4").astype(np.int32)
    if numbers.min() < -largest or numbers.max() > largest:
        raise fields.fault(f"integers from -{largest} to {largest}", text, key)
    return numbers


def _projection(value: object, source: str) -> Projection:
    fields = Fields(value, source)
    embedding_dim = fields.whole("embedding_dim", 1, MAX_EMBEDDING_DIM)
    width = fields.whole("width", 1, embedding_dim)
    is_diagonal = width == embedding_dim
    directions = _numbers(
        fields, "directions", width * (1 if is_diagonal else embedding_dim), MAX_DIRECTION
    )
    projection = Projection(
        centre=_numbers(fields, "centre", embedding_dim, MAX_INPUT),
        directions=directions if is_diagonal else directions.reshape(embedding_dim, width),
        unit_exponent=fields.whole("unit_exponent", -MAX_EXPONENT, MAX_EXPONENT),
        scale_exponent=fields.whole("scale_exponent", -MAX_EXPONENT, MAX_EXPONENT),
    )
    fields.done()
    return projection


def _classes(fields: Fields) -> tuple[str, ...]:
    names = fields.take("classes")
    if not isinstance(names, list) or not 2 <= len(names) <= MAX_CLASSES:
        raise fields.fault(f"a list of 2 to {MAX_CLASSES} class names", names, "classes")
    for name in names:
        if name is None or as_class_name(name) != name:
            raise fields.fault(f"{CLASS_NAME_RULE}, in normal form", name, "classes")
    if names != sorted(set(names)):
        raise fields.fault("sorted class names, each once", names, "classes")
    return tuple(names)


def _keys(fields: Fields, keys: object) -> tuple[str, ...]:
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_DEVICES:
        raise fields.fault("null or a list of public keys", keys, "device_keys")
    for key in keys:
        one = Fields({"key": key}, fields.source)
        one.text("key", pattern="[0-9a-f]{64}", meaning="a public key of 64 hex digits")
    if len(set(keys)) != len(keys):
        raise fields.fault("different public keys", keys, "device_keys")
    return tuple(keys)
