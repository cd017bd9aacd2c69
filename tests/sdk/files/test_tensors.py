"""The tensors of a head file: float32, float16, int8, signs, and every way to be wrong."""

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
from tests.support.headfiles import (
    FILES,
    GOLDEN,
    GOLDENS,
    assemble,
    assert_equal,
    golden_path,
    parts,
    read,
    written,
)

from headfit.errors import FileFormatError, InputError
from headfit.files.tensors import DTYPES, rounded
from headfit.head import SoftmaxHead
from headfit.maths.softmax import softmax

NAMES = ["float16", "int8", "binary"]
FLOATS = st.floats(-(2.0**120), 2.0**120, width=32)


@pytest.mark.parametrize("storage", sorted(DTYPES))
def test_every_storage_has_golden_bytes_and_stands_in_the_page(storage: str) -> None:
    assert storage in {head.storage for head in GOLDENS.values()}
    page = (Path(__file__).parents[3] / "docs" / "head-format.md").read_text(encoding="utf-8")
    assert f"| {storage} | {DTYPES[storage]} " in page


@pytest.mark.parametrize("name", NAMES)
def test_the_safetensors_library_reads_what_we_write(name: str) -> None:
    """And from its arrays alone the weights follow, as the page says."""
    tensors = safetensors_load(FILES[name])
    head = GOLDENS[name]
    weights = tensors["weights"]
    if name == "int8":
        weights = weights * tensors["scales"]
    if name == "binary":
        bits = [[row[d // 8] >> (d % 8) & 1 for d in range(11)] for row in weights.tolist()]
        weights = np.where(np.array(bits), -1, 1).T * tensors["scales"]
        np.testing.assert_array_equal(head.thresholds, tensors["thresholds"])
    np.testing.assert_array_equal(head.weights, weights.astype(np.float32))
    np.testing.assert_array_equal(head.bias, tensors["bias"])


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
    file = written(head)
    assert_equal(head, read(file))
    assert file == written(read(file))


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
    assert_equal(head, read(written(head)))


def test_sizes_are_those_that_were_promised() -> None:
    """The weights shrink by 2, 4 and 32; so does the file but for what else is in it."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(512, 3)).astype(np.float32)
    data = dict.fromkeys(("float32", "float16", "int8"), 0)
    for storage in data:
        head = dataclasses.replace(GOLDEN, weights=rounded(weights, storage), storage=storage)
        data[storage] = len(parts(written(head))[1])
    assert data == {"float32": 12 + 6144, "float16": 12 + 3072, "int8": 24 + 1536}
    head = dataclasses.replace(
        GOLDEN,
        weights=np.sign(weights),
        thresholds=np.zeros(512, np.float32),
        storage="binary",
    )
    assert len(parts(written(head))[1]) == 24 + 4 * 512 + 6144 // 32


def test_loaded_arrays_are_the_callers_own() -> None:
    for file in FILES.values():
        head = read(file)
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
        read(assemble(header, data))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("int8", "scales"), ("binary", "scales"), ("binary", "thresholds"), ("binary", "weights")],
)
def test_every_tensor_is_needed(name: str, tensor: str) -> None:
    header, data = parts(FILES[name])
    del header[tensor]
    with pytest.raises(FileFormatError, match=rf"{tensor}'.*found (none|None)"):
        read(assemble(header, data))


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
        read(changed(name, tensor, position, value))


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
        read(assemble(header, b""))


@pytest.mark.parametrize("width", [10, 12, 1, 22])
def test_thresholds_of_another_width_are_not_written(width: int) -> None:
    head = dataclasses.replace(GOLDENS["binary"], thresholds=np.zeros(width, np.float32))
    with pytest.raises(FileFormatError, match="bytes of tensors"):
        written(head)


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_weights_beyond_the_storage_are_not_rounded(storage: str) -> None:
    largest = np.full((2, 2), np.finfo(np.float32).max)
    with pytest.raises(InputError, match=f"expected weights that {storage} can hold, found 3.4"):
        rounded(largest, storage)


def test_signs_take_more_than_rounding() -> None:
    with pytest.raises(InputError, match="a binary head is trained as one"):
        rounded(GOLDEN.weights, "binary")


def test_a_binary_head_takes_the_signs_of_embeddings() -> None:
    """Above the threshold is +1, and so is the threshold itself."""
    head = SoftmaxHead.load(golden_path("binary"))
    golden = GOLDENS["binary"]
    assert golden.thresholds is not None
    embedding = golden.thresholds.copy()
    embedding[:4] = [-1, -2, 2.4, 2e10]
    signs = np.array([-1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1], np.float32)
    expected = softmax((signs @ golden.weights + golden.bias)[None])
    np.testing.assert_allclose(head.predict_proba(embedding[None]), expected, rtol=1e-6)


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
    ],
)
def test_what_could_not_be_read_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError):
        written(dataclasses.replace(GOLDEN, **change))
