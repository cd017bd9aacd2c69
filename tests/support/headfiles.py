"""Head files for tests: the golden ones, and the plain way to take one apart and make another."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headfit.errors import FileFormatError
from headfit.files.head_parts import Signature
from headfit.files.headfile import HeadFile, load_head_bytes, save_head_bytes
from headfit.learning.calibration import Calibration
from headfit.learning.fitted_head import FittedHead, PrivacyGuarantee
from headfit.learning.likeness import Likeness
from headfit.learning.origin import ExtractorReference, Preprocessing, View
from headfit.learning.typicality import Typicality

_DATA = Path(__file__).parents[1] / "data"

# What tests/data/head_v1_plain.bin holds; neither changes (tests/data/MAKE.md).
GOLDEN = FittedHead(
    weights=np.array([[0.5, -1.25, 3e-5], [2.0, 0.0, -0.0], [1e20, -7.0, 0.1]], np.float32),
    bias=np.array([0.25, -3.5, 1e-20], np.float32),
    classes=('a "quoted" \\ name', "größe 网", "plain"),
    class_counts=(1, 20, 300),
    extractor=ExtractorReference(
        name="tiny-net",
        version=3,
        fingerprint="0123456789abcdef" * 4,
        preprocessing=Preprocessing(
            height=48,
            width=64,
            resize="shorter-side",
            resize_to=72,
            interpolation="bicubic",
            mean=(127.5, 120.0, 110.25),
            std=(60.0, 61.0, 62.5),
        ),
    ),
    training={"method": "by hand", "l2": 0.5, "iterations": 7, "converged": True, "seed": None},
)


def written(head: FittedHead, signature: Signature | None = None) -> bytes:
    """Return the bytes of a head file, as headfit 0.1.0 writes them."""
    return save_head_bytes(HeadFile(head, signature, "0.1.0"))


def read(file: bytes) -> FittedHead:
    """Return the head of a file's bytes."""
    return load_head_bytes(file).head


def assert_equal(expected: FittedHead, actual: FittedHead) -> None:
    assert expected.weights.tobytes() == actual.weights.tobytes()
    assert expected.bias.tobytes() == actual.bias.tobytes()
    assert expected.weights.shape == actual.weights.shape
    assert actual.weights.dtype == actual.bias.dtype == np.float32
    for field in dataclasses.fields(FittedHead):
        if field.name not in ("weights", "bias", "thresholds", "typicality", "likeness"):
            assert getattr(expected, field.name) == getattr(actual, field.name)
    assert (expected.thresholds is None) == (actual.thresholds is None)
    if expected.thresholds is not None and actual.thresholds is not None:
        assert expected.thresholds.tobytes() == actual.thresholds.tobytes()
    assert (expected.typicality is None) == (actual.typicality is None)
    if expected.typicality is not None and actual.typicality is not None:
        assert expected.typicality.centre.tobytes() == actual.typicality.centre.tobytes()
        spreads = expected.typicality.inverse_spread, actual.typicality.inverse_spread
        assert spreads[0].tobytes() == spreads[1].tobytes()
    assert (expected.likeness is None) == (actual.likeness is None)
    if expected.likeness is not None and actual.likeness is not None:
        assert expected.likeness.prototypes.tobytes() == actual.likeness.prototypes.tobytes()
        assert actual.likeness.prototypes.dtype == np.int8
        for name in ("background", "lead_weight", "usual_lead"):
            assert getattr(expected.likeness, name) == getattr(actual.likeness, name)


def parts(file: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the data of a head file, read the plain way."""
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def assemble(header: dict[str, Any], data: bytes, *, rehash: bool = True) -> bytes:
    """Return a file with this header and data, its hash made right as docs/head-format.md says."""
    header = json.loads(json.dumps(header))
    if rehash:
        header["__metadata__"].pop("content_sha256", None)
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        header["__metadata__"]["content_sha256"] = hashlib.sha256(text.encode() + data).hexdigest()
    text = json.dumps(header)
    return len(text).to_bytes(8, "little") + text.encode() + data


_SIGNS = np.array(
    [[1, -1, -1, 1, 1, -1, 1, -1, 1, -1, 1], [-1] * 11, [1, 1, 1, 1, -1, -1, -1, -1, 1, 1, -1]],
    np.float32,
).T

# What tests/data/head_v1_<name>.bin holds, for each of these names.
GOLDENS = {
    "plain": GOLDEN,
    "float16": dataclasses.replace(
        GOLDEN,
        weights=np.array([[0.5, -1.25, 0.1], [2.0, 0.0, -0.0], [-6e-8, -7.0, 65504.0]])
        .astype(np.float16)
        .astype(np.float32),
        storage="float16",
    ),
    "int8": dataclasses.replace(
        GOLDEN,
        weights=np.array([[127, 0, -3], [-127, 0, 127], [64, 0, 1]], np.float32)
        * np.array([0.0078125, 0, 3.25], np.float32),
        storage="int8",
    ),
    "binary": dataclasses.replace(
        GOLDEN,
        weights=_SIGNS * np.array([0.5, 1e-3, 7.0], np.float32),
        thresholds=np.array([0, -1, 2.5, 1e10, -1e-10, 0.1, 0.2, 0.3, 0.4, 0.5, -0.0], np.float32),
        storage="binary",
    ),
    "blocks": dataclasses.replace(
        GOLDEN,
        calibration=Calibration("max_probability", 0.25, 0.95, 4, (0.0, 0.25, 0.25, 1.0)),
        privacy=PrivacyGuarantee("gaussian", 3.0, 1e-5, "größe 网: one photo more or less"),
    ),
}
_TYPICAL = Calibration("typicality", -2.5, 0.95, 20, (0.0, 0.25, 0.25, 1.0))
GOLDENS["typical"] = dataclasses.replace(
    GOLDEN,
    calibration=_TYPICAL,
    typicality=Typicality(
        np.array([0.5, -1e10, -0.0], np.float32), np.array([0.25, 0.0, 1e10], np.float32)
    ),
)
GOLDENS["binary_typical"] = dataclasses.replace(
    GOLDENS["binary"],
    calibration=_TYPICAL,
    typicality=Typicality(np.arange(11, dtype=np.float32), np.linspace(0, 1, 11, dtype=np.float32)),
)
GOLDENS["views"] = dataclasses.replace(
    GOLDEN, views=(View(), View(is_flipped=True), View(1.15, 0, 1))
)
GOLDENS["like"] = dataclasses.replace(
    GOLDEN,
    calibration=Calibration("likeness", 0.125, 0.95, 20, (0.0, 0.25, 0.25, 1.0)),
    likeness=Likeness(
        "fedcba9876543210" * 4, np.array([[7, -7, 0], [0, 0, 0], [1, -2, -7]], np.int8), 0.5, 2.25
    ),
)
SIGNATURES = {"blocks": Signature("01" * 32, "ab" * 64)}
"""Signatures of the golden files that have one; they are of the right form and sign nothing."""

NAMES = sorted(GOLDENS)
FILES = {name: written(head, SIGNATURES.get(name)) for name, head in GOLDENS.items()}
PLAIN = FILES["plain"]


def golden_path(name: str) -> Path:
    """Return the path of a golden head file."""
    return _DATA / f"head_v1_{name}.bin"


def assert_damage_is_refused(file: bytes) -> None:
    """Cut a head file at every third byte, and turn a bit of it."""
    damaged = bytearray(file)
    for position in range(0, len(damaged), 3):
        with pytest.raises(FileFormatError):
            load_head_bytes(bytes(damaged[:position]))
        bit = 1 << position % 8
        damaged[position] ^= bit
        with pytest.raises(FileFormatError):
            load_head_bytes(bytes(damaged))
        damaged[position] ^= bit
