"""What a head file says beside its weights: calibration, privacy, a signature, typicality."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as safetensors_load
from tests.support.headfiles import (
    FILES,
    GOLDEN,
    GOLDENS,
    SIGNATURES,
    assemble,
    assert_equal,
    golden_path,
    parts,
    read,
    written,
)

from headfit.errors import FileFormatError
from headfit.files.head_parts import Signature
from headfit.files.headfile import load_head_bytes, signed_message
from headfit.head import SoftmaxHead
from headfit.learning.calibration import MAX_SET_SCORES, Calibration
from headfit.learning.fitted_head import FittedHead

BLOCKS = {
    name: json.loads(parts(FILES["blocks"])[0]["__metadata__"][name])
    for name in ("calibration", "privacy", "signature")
}


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [
        ("calibration", "score", "softmax"),
        ("calibration", "score", None),
        ("calibration", "threshold", "0"),
        ("calibration", "threshold", 1e999),
        ("calibration", "threshold", True),
        ("calibration", "known_share", 1.5),
        ("calibration", "known_share", -0.1),
        ("calibration", "n_held_out", -1),
        ("calibration", "n_held_out", 4.0),
        ("calibration", "n_held_out", 2**53 + 1),
        ("calibration", "n_held_out", 3),  # fewer than there are scores
        ("calibration", "set_scores", 0.5),
        ("calibration", "set_scores", [0.5, 0.25]),
        ("calibration", "set_scores", [0.5, 1.25]),
        ("calibration", "set_scores", [-0.5]),
        ("calibration", "set_scores", [None]),
        ("calibration", "set_scores", [0.5] * (MAX_SET_SCORES + 1)),
        ("privacy", "mechanism", ""),
        ("privacy", "mechanism", "m" * 256),
        ("privacy", "mechanism", "a\tb"),
        ("privacy", "epsilon", -1),
        ("privacy", "epsilon", 1e10),
        ("privacy", "epsilon", None),
        ("privacy", "delta", 1.1),
        ("privacy", "assumptions", 7),
        ("privacy", "assumptions", "a" * 4097),
        ("signature", "algorithm", "rsa"),
        ("signature", "public_key", "01" * 31),
        ("signature", "public_key", "AB" * 32),
        ("signature", "signature", "ab" * 63 + "g0"),
        ("signature", "signature", 7),
    ],
)
def test_every_wrong_field_of_a_block_is_refused_by_name(block: str, key: str, value: Any) -> None:
    header, data = parts(FILES["blocks"])
    text = json.dumps({**BLOCKS[block], key: value}).replace("Infinity", "1e999")
    header["__metadata__"][block] = text
    name = "set_scores" if (key, value) == ("n_held_out", 3) else key
    with pytest.raises(FileFormatError, match=f"{block}: '{name}': expected"):
        read(assemble(header, data))


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_every_key_of_a_block_is_needed_and_no_other_allowed(block: str) -> None:
    for key in BLOCKS[block]:
        header, data = parts(FILES["blocks"])
        fewer = {k: v for k, v in BLOCKS[block].items() if k != key}
        header["__metadata__"][block] = json.dumps(fewer)
        with pytest.raises(FileFormatError, match=f"{block}: expected the key '{key}'"):
            read(assemble(header, data))
    header, data = parts(FILES["blocks"])
    for value, reason in (({**BLOCKS[block], "more": 1}, "no further keys"), ([], "JSON object")):
        header["__metadata__"][block] = json.dumps(value)
        with pytest.raises(FileFormatError, match=reason):
            read(assemble(header, data))


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_each_block_may_come_alone(block: str) -> None:
    others = dict.fromkeys({"calibration", "privacy"} - {block})
    head = dataclasses.replace(GOLDENS["blocks"], **others)  # type: ignore[arg-type]
    signature = SIGNATURES["blocks"] if block == "signature" else None
    loaded = load_head_bytes(written(head, signature))
    assert_equal(head, loaded.head)
    assert loaded.signature == signature


def test_equal_blocks_give_equal_bytes() -> None:
    """1 and 1.0, 0.0 and -0.0 are equal."""
    one = Calibration("max_probability", 0, 1, 3, (0, 0.5, 1))
    other = Calibration("max_probability", -0.0, 1.0, 3, (-0.0, 0.5, 1.0))
    assert one == other
    files = [written(dataclasses.replace(GOLDEN, calibration=c)) for c in (one, other)]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration("max_probability", 0.0, 0.9, 1, ("x",)),  # type: ignore[arg-type]
        Calibration("max_probability", float("nan"), 0.9, 0, ()),
        Calibration("energy", 0.0, 0.9, 0, ()),
    ],
)
def test_a_calibration_that_could_not_be_read_is_not_written(calibration: Calibration) -> None:
    with pytest.raises(FileFormatError):
        written(dataclasses.replace(GOLDEN, calibration=calibration))


def test_a_signature_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(FileFormatError):
        written(GOLDEN, Signature("00", "00"))


def signed(head: FittedHead, signature: str) -> bytes:
    return written(head, Signature("00" * 32, signature))


def test_the_signed_message_does_not_depend_on_the_signature_but_on_all_else() -> None:
    message = signed_message(signed(GOLDEN, "00" * 64))
    assert message.startswith(b"headfit head ")
    assert len(message) == 13 + 32
    assert message == signed_message(signed(GOLDEN, "11" * 64))
    for change in ({"class_counts": (1, 2, 4)}, {"bias": GOLDEN.bias + 1}):
        other = dataclasses.replace(GOLDEN, **change)  # type: ignore[arg-type]
        assert message != signed_message(signed(other, "00" * 64))


def test_nothing_is_signed_without_a_signature() -> None:
    with pytest.raises(FileFormatError, match="expected a signature, found none"):
        signed_message(written(GOLDEN))


@pytest.mark.parametrize("tensor", ["centre", "inverse_spread"])
def test_every_tensor_is_needed_and_must_be_as_wide_as_an_embedding(tensor: str) -> None:
    header, data = parts(FILES["typical"])
    without = {name: value for name, value in header.items() if name != tensor}
    with pytest.raises(FileFormatError, match=f"expected the key '{tensor}', found none"):
        read(assemble(without, data))
    header[tensor]["shape"] = [3, 1]
    with pytest.raises(FileFormatError, match=f"'{tensor}': expected"):
        read(assemble(header, data))


@pytest.mark.parametrize(
    ("tensor", "value", "reason"),
    [
        ("centre", np.nan, "finite centre"),
        ("inverse_spread", np.inf, "finite inverse_spread"),
        ("inverse_spread", -1.0, "an inverse spread of at least 0, found -1"),
    ],
)
def test_every_wrong_number_is_refused(tensor: str, value: float, reason: str) -> None:
    header, data = parts(FILES["typical"])
    start = header[tensor]["data_offsets"][0]
    data = data[:start] + np.array(value, "<f4").tobytes() + data[start + 4 :]
    with pytest.raises(FileFormatError, match=reason):
        read(assemble(header, data))


def test_a_score_without_its_tensors_is_not_written() -> None:
    """Nor tensors without their score."""
    golden = GOLDENS["typical"]
    for change in ({"typicality": None}, {"calibration": None}):
        with pytest.raises(FileFormatError):
            written(dataclasses.replace(golden, **change))  # type: ignore[arg-type]


def test_the_score_is_the_one_of_the_specification() -> None:
    """From the file's arrays alone."""
    head = SoftmaxHead.load(golden_path("typical"))
    tensors = safetensors_load(FILES["typical"])
    embeddings = np.array([[1.5, 0, 1e-10], [0.5, -1e10, 0]], np.float32)
    logits = embeddings @ tensors["weights"] + tensors["bias"]
    away = (embeddings - tensors["centre"]) * tensors["inverse_spread"]
    expected = logits.max(axis=1) - logits.mean(axis=1) - np.square(away).sum(axis=1)
    np.testing.assert_allclose(expected, head.sureness(embeddings), rtol=1e-5)
    threshold = json.loads(parts(FILES["typical"])[0]["__metadata__"]["calibration"])["threshold"]
    np.testing.assert_array_equal(expected >= threshold, head.is_known(embeddings))
