"""Version 2 of the head file: smaller weights, further blocks, and every way to be wrong."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save
from tests.support.headfiles import (
    GOLDEN,
    GOLDEN_V2,
    assemble,
    assert_damage_is_refused,
    assert_equal,
    golden_v2_path,
    parts,
)

from headfit.errors import FileFormatError, InputError
from headfit.files.head_parts import MAX_SET_SCORES, Calibration, Signature
from headfit.files.headfile import (
    HeadData,
    load_head,
    load_head_bytes,
    save_head_bytes,
    signed_message,
)
from headfit.files.tensors import rounded
from headfit.head import SoftmaxHead
from headfit.maths.softmax import softmax

NAMES = sorted(GOLDEN_V2)
FILES = {name: save_head_bytes(head) for name, head in GOLDEN_V2.items()}


@pytest.mark.parametrize("name", NAMES)
def test_todays_writer_reproduces_the_golden_bytes(name: str) -> None:
    assert golden_v2_path(name).read_bytes() == FILES[name]


@pytest.mark.parametrize("name", NAMES)
def test_todays_reader_reads_the_golden_bytes(name: str) -> None:
    assert_equal(GOLDEN_V2[name], load_head_bytes(golden_v2_path(name).read_bytes()))


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_is_the_one_of_the_specification(name: str) -> None:
    header, data = parts(FILES[name])
    assert header == parts(assemble(header, data))[0]
    assert header["__metadata__"]["format_version"] == "2"


@pytest.mark.parametrize("name", NAMES)
def test_the_safetensors_library_reads_what_we_write(name: str) -> None:
    """And from its arrays alone the weights follow, as the page says."""
    tensors = safetensors_load(FILES[name])
    head = GOLDEN_V2[name]
    weights = tensors["weights"]
    if name == "int8":
        weights = weights * tensors["scales"]
    if name == "binary":
        bits = [[row[d // 8] >> (d % 8) & 1 for d in range(11)] for row in weights.tolist()]
        weights = np.where(np.array(bits), -1, 1).T * tensors["scales"]
        np.testing.assert_array_equal(head.thresholds, tensors["thresholds"])
    np.testing.assert_array_equal(head.weights, weights.astype(np.float32))
    np.testing.assert_array_equal(head.bias, tensors["bias"])


@pytest.mark.parametrize("name", NAMES)
def test_we_read_what_the_safetensors_library_writes(name: str) -> None:
    """It chooses the order of the tensors itself, and chooses ours."""
    metadata = parts(FILES[name])[0]["__metadata__"]
    file = safetensors_save(safetensors_load(FILES[name]), metadata)
    assert_equal(GOLDEN_V2[name], load_head_bytes(file))


@pytest.mark.parametrize("name", NAMES)
def test_any_truncation_and_any_flipped_bit_is_refused(name: str) -> None:
    assert_damage_is_refused(FILES[name])


FLOATS = st.floats(-(2.0**120), 2.0**120, width=32)


@given(npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2), elements=FLOATS))
def test_rounding_to_int8_moves_a_weight_by_half_a_scale(weights: np.ndarray) -> None:
    """And once rounded, a weight stays; where a whole class is below 2^-100, it becomes 0."""
    nearest = rounded(weights, "int8")
    assert nearest.tobytes() == rounded(nearest, "int8").tobytes()
    allowed = np.abs(weights).max(axis=0).astype(np.float64) / 127 / 2 * (1 + 2.0**-16)
    assert (np.abs(nearest.astype(np.float64) - weights) <= np.maximum(allowed, 2.0**-100)).all()


@given(
    st.sampled_from(["float16", "int8"]),
    npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.just(3)),
        elements=st.floats(-60_000, 60_000, width=32),
    ),
)
def test_rounded_weights_are_saved_exactly(storage: str, weights: np.ndarray) -> None:
    head = dataclasses.replace(GOLDEN, weights=rounded(weights, storage), storage=storage)
    file = save_head_bytes(head)
    assert_equal(head, load_head_bytes(file))
    assert file == save_head_bytes(load_head_bytes(file))


@given(
    npst.arrays(np.bool_, st.tuples(st.integers(1, 30), st.just(3))),
    npst.arrays(np.float32, 3, elements=st.floats(2.0**-126, 2.0**127, width=32)),
)
def test_signs_are_saved_exactly(negative: np.ndarray, scales: np.ndarray) -> None:
    """At every width, those that fill no whole byte too."""
    head = dataclasses.replace(
        GOLDEN,
        weights=np.where(negative, -scales, scales),
        thresholds=np.arange(len(negative), dtype=np.float32),
        storage="binary",
    )
    assert_equal(head, load_head_bytes(save_head_bytes(head)))


def test_sizes_are_those_that_were_promised() -> None:
    """The weights shrink by 2, 4 and 32; so does the file but for what else is in it."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(512, 3)).astype(np.float32)
    data = dict.fromkeys(("float32", "float16", "int8"), 0)
    for storage in data:
        head = dataclasses.replace(GOLDEN, weights=rounded(weights, storage), storage=storage)
        data[storage] = len(parts(save_head_bytes(head))[1])
    assert data == {"float32": 12 + 6144, "float16": 12 + 3072, "int8": 24 + 1536}
    head = dataclasses.replace(
        GOLDEN,
        weights=np.sign(weights),
        thresholds=np.zeros(512, np.float32),
        storage="binary",
    )
    assert len(parts(save_head_bytes(head))[1]) == 24 + 4 * 512 + 6144 // 32


def test_a_head_that_version_1_can_hold_is_no_version_2() -> None:
    """One file per head: or equal heads would have different bytes."""
    header, data = parts(save_head_bytes(GOLDEN))
    header["__metadata__"]["format_version"] = "2"
    with pytest.raises(FileFormatError, match="expected 1 for what is in the file"):
        load_head_bytes(assemble(header, data))


@pytest.mark.parametrize("name", NAMES)
def test_version_1_has_none_of_this(name: str) -> None:
    header, data = parts(FILES[name])
    header["__metadata__"]["format_version"] = "1"
    with pytest.raises(FileFormatError, match=r"expected .*(F32|no further keys)"):
        load_head_bytes(assemble(header, data))


def test_loaded_arrays_are_the_callers_own() -> None:
    for file in FILES.values():
        head = load_head_bytes(file)
        head.weights[:] = 0
        head.bias[:] = 0


@pytest.mark.parametrize(
    ("name", "tensor", "key", "value", "reason"),
    [
        ("int8", "weights", "dtype", "U8", "expected the key 'thresholds'"),
        ("int8", "weights", "dtype", "BF16", "a dtype of F32, F16, I8, U8"),
        ("int8", "weights", "dtype", ["I8"], "a dtype of"),
        ("int8", "scales", "dtype", "F16", "'scales': expected"),
        ("int8", "scales", "shape", [3, 1], "'scales': expected"),
        ("int8", "weights", "data_offsets", [12, 21], "'weights': expected"),
        ("float16", "weights", "data_offsets", [14, 32], "'weights': expected"),
        ("float16", "weights", "shape", [3, 2**40], "'weights': expected"),
        ("binary", "weights", "shape", [3, 3], "'weights': expected"),
        ("binary", "weights", "shape", [2, 3], "'weights': expected"),
        ("binary", "thresholds", "shape", [3], "'thresholds': expected"),
        ("binary", "thresholds", "data_offsets", [12, 56], "'thresholds': expected"),
    ],
)
def test_every_other_layout_is_refused(
    name: str, tensor: str, key: str, value: Any, reason: str
) -> None:
    header, data = parts(FILES[name])
    header[tensor][key] = value
    with pytest.raises(FileFormatError, match=reason):
        load_head_bytes(assemble(header, data))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("int8", "scales"), ("binary", "scales"), ("binary", "thresholds"), ("binary", "weights")],
)
def test_every_tensor_is_needed(name: str, tensor: str) -> None:
    header, data = parts(FILES[name])
    del header[tensor]
    with pytest.raises(FileFormatError, match=rf"{tensor}'.*found (none|None)"):
        load_head_bytes(assemble(header, data))


def changed(name: str, tensor: str, position: int, value: bytes) -> bytes:
    """Return a golden file with bytes of one tensor changed, and a right hash."""
    header, data = parts(FILES[name])
    start = header[tensor]["data_offsets"][0] + position
    return assemble(header, data[:start] + value + data[start + len(value) :])


def float32(value: float) -> bytes:
    return struct.pack("<f", value)


@pytest.mark.parametrize(
    ("name", "tensor", "position", "value", "reason"),
    [
        ("float16", "weights", 0, b"\x00\x7c", "finite weights"),
        ("float16", "weights", 2, b"\x01\x7e", "finite weights"),
        ("float16", "bias", 0, float32(np.nan), "finite bias"),
        ("int8", "scales", 0, float32(np.inf), "finite scales"),
        ("int8", "scales", 0, float32(-1), "scales of at least 0"),
        ("int8", "scales", 4, float32(-0.0), "scales of at least 0"),
        ("int8", "scales", 0, float32(1 + 2**-23), "whose last 7 bits are 0"),
        ("int8", "scales", 0, float32(1 + 2**-17), "whose last 7 bits are 0"),
        ("int8", "scales", 0, float32(0), "of 0 where the scale is 0"),
        ("int8", "scales", 4, float32(1), "largest weight of 127"),
        ("int8", "scales", 0, float32(2.0**127), "a scale beyond float32"),
        ("int8", "weights", 0, b"\x80", "largest weight of 127"),  # -128
        ("int8", "weights", 5, b"\x7e", "largest weight of 127"),
        ("binary", "scales", 0, float32(0), "positive scales"),
        ("binary", "scales", 0, float32(-0.5), "positive scales"),
        ("binary", "scales", 8, float32(-np.inf), "finite scales"),
        ("binary", "thresholds", 0, float32(np.nan), "finite thresholds"),
        ("binary", "weights", 1, b"\xff", "the last 5 bits of every class to be 0"),
        ("binary", "weights", 5, b"\x08", "the last 5 bits of every class to be 0"),
    ],
)
def test_every_wrong_number_is_refused(
    name: str, tensor: str, position: int, value: bytes, reason: str
) -> None:
    """With a right hash, too."""
    with pytest.raises(FileFormatError, match=reason):
        load_head_bytes(changed(name, tensor, position, value))


def test_a_small_file_cannot_ask_for_much_memory() -> None:
    """Signs are 32 times larger once they are weights; too many are refused before."""
    header, _ = parts(FILES["binary"])
    n_classes, embedding_dim = 1025, 65_536
    header["__metadata__"].update(
        classes=json.dumps([str(i) for i in range(n_classes)]),
        class_counts=json.dumps([1] * n_classes),
        embedding_dim=str(embedding_dim),
    )
    with pytest.raises(FileFormatError, match="'embedding_dim': expected at most 65472"):
        load_head_bytes(assemble(header, b""))


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
        load_head_bytes(assemble(header, data))


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_every_key_of_a_block_is_needed_and_no_other_allowed(block: str) -> None:
    for key in BLOCKS[block]:
        header, data = parts(FILES["blocks"])
        fewer = {k: v for k, v in BLOCKS[block].items() if k != key}
        header["__metadata__"][block] = json.dumps(fewer)
        with pytest.raises(FileFormatError, match=f"{block}: expected the key '{key}'"):
            load_head_bytes(assemble(header, data))
    header, data = parts(FILES["blocks"])
    for value, reason in (({**BLOCKS[block], "more": 1}, "no further keys"), ([], "JSON object")):
        header["__metadata__"][block] = json.dumps(value)
        with pytest.raises(FileFormatError, match=reason):
            load_head_bytes(assemble(header, data))


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_each_block_may_come_alone(block: str) -> None:
    others = dict.fromkeys(BLOCKS.keys() - {block})
    head = dataclasses.replace(GOLDEN_V2["blocks"], **others)  # type: ignore[arg-type]
    assert_equal(head, load_head_bytes(save_head_bytes(head)))


def test_equal_blocks_give_equal_bytes() -> None:
    """1 and 1.0, 0.0 and -0.0 are equal."""
    one = Calibration("margin", 0, 1, 3, (0, 0.5, 1))
    other = Calibration("margin", -0.0, 1.0, 3, (-0.0, 0.5, 1.0))
    assert one == other
    files = [save_head_bytes(dataclasses.replace(GOLDEN, calibration=c)) for c in (one, other)]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    "change",
    [
        {"storage": "float8"},
        {"storage": "binary"},  # without thresholds
        {"thresholds": np.zeros(3, np.float32)},  # without being binary
        {"storage": "float16"},  # 1e20 is beyond it
        {"storage": "int8"},  # not rounded
        {"storage": "binary", "thresholds": np.zeros(3, np.float32)},  # not of one size
        {"storage": "int8", "weights": np.full((3, 3), np.nan, np.float32)},
        {"storage": "int8", "weights": np.full((3, 3), -0.0, np.float32)},
        {"calibration": Calibration("energy", 0.0, 0.9, 1, ("x",))},  # type: ignore[arg-type]
        {"calibration": Calibration("energy", float("nan"), 0.9, 0, ())},
        {"signature": Signature("00", "00")},
    ],
)
def test_what_could_not_be_read_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError):
        save_head_bytes(dataclasses.replace(GOLDEN, **change))


@pytest.mark.parametrize("width", [10, 12, 1, 22])
def test_thresholds_of_another_width_are_not_written(width: int) -> None:
    head = dataclasses.replace(GOLDEN_V2["binary"], thresholds=np.zeros(width, np.float32))
    with pytest.raises(FileFormatError, match="bytes of tensors"):
        save_head_bytes(head)


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_weights_beyond_the_storage_are_not_rounded(storage: str) -> None:
    largest = np.full((2, 2), np.finfo(np.float32).max)
    with pytest.raises(InputError, match=f"expected weights that {storage} can hold, found 3.4"):
        rounded(largest, storage)


def test_signs_take_more_than_rounding() -> None:
    with pytest.raises(InputError, match="a binary head is trained as one"):
        rounded(GOLDEN.weights, "binary")


def signed(head: HeadData, signature: str) -> bytes:
    return save_head_bytes(dataclasses.replace(head, signature=Signature("00" * 32, signature)))


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
        signed_message(save_head_bytes(GOLDEN))


@pytest.mark.parametrize("name", NAMES)
def test_a_softmax_head_keeps_what_its_file_says(name: str, tmp_path: Path) -> None:
    """But for the signature: what is saved again, its signer did not see."""
    path = tmp_path / "mine.head"
    SoftmaxHead.load(golden_v2_path(name)).save(path)
    assert_equal(dataclasses.replace(GOLDEN_V2[name], signature=None), load_head(path))


def test_a_binary_head_takes_the_signs_of_embeddings() -> None:
    """Above the threshold is +1, and so is the threshold itself."""
    head = SoftmaxHead.load(golden_v2_path("binary"))
    golden = GOLDEN_V2["binary"]
    assert golden.thresholds is not None
    embedding = golden.thresholds.copy()
    embedding[:4] = [-1, -2, 2.4, 2e10]
    signs = np.array([-1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1], np.float32)
    expected = softmax((signs @ golden.weights + golden.bias)[None])
    np.testing.assert_allclose(head.predict_proba(embedding[None]), expected, rtol=1e-6)
