"""The block file: one meaning per file, every fault refused by name, golden bytes for ever."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save
from tests.support.headfiles import GOLDEN as GOLDEN_HEAD
from tests.support.headfiles import assemble, parts

from headfit.errors import FileFormatError, UnsupportedVersionError
from headfit.files.blockfile import (
    BlockData,
    PackedBlock,
    load_blocks_bytes,
    save_blocks_bytes,
)

GOLDEN_PATH = Path(__file__).parents[2] / "data" / "blocks_v1.block"
assert GOLDEN_HEAD.extractor is not None

# What tests/data/blocks_v1.block holds; neither changes (tests/data/MAKE.md).
GOLDEN = BlockData(
    blocks=(
        PackedBlock(
            np.arange(24, dtype=np.uint32).reshape(2, 3, 2, 2) * np.uint32(178956970),
            np.array([0.5, -0.0], np.float32),
            np.array([1e-20, -3.5], np.float32),
        ),
        PackedBlock(
            np.array([[[[0xFFFFFFFF]]], [[[0]]], [[[0x80000001]]]], np.uint32),
            np.array([1, 2, 3e38], np.float32),
            np.array([0.1, 0.2, 0.3], np.float32),
        ),
    ),
    extractor=GOLDEN_HEAD.extractor,
    training={"method": "by hand", "epochs": 7, "loss": 0.25, "größe": None},
    headfit_version="0.1.0",
)
FILE = save_blocks_bytes(GOLDEN)


def assert_equal(expected: BlockData, actual: BlockData) -> None:
    assert len(expected.blocks) == len(actual.blocks)
    for one, other in zip(expected.blocks, actual.blocks, strict=True):
        for field in dataclasses.fields(PackedBlock):
            mine, theirs = getattr(one, field.name), getattr(other, field.name)
            assert mine.dtype == theirs.dtype
            assert mine.shape == theirs.shape
            assert mine.tobytes() == theirs.tobytes()
    for field in ("extractor", "training", "headfit_version"):
        assert getattr(expected, field) == getattr(actual, field)


def test_todays_writer_reproduces_the_golden_bytes() -> None:
    assert GOLDEN_PATH.read_bytes() == FILE


def test_todays_reader_reads_the_golden_bytes() -> None:
    assert_equal(GOLDEN, load_blocks_bytes(GOLDEN_PATH.read_bytes()))


def test_the_hash_is_the_one_of_the_specification() -> None:
    header, data = parts(FILE)
    assert header == parts(assemble(header, data))[0]


def test_the_safetensors_library_reads_what_we_write() -> None:
    tensors = safetensors_load(FILE)
    for i, block in enumerate(GOLDEN.blocks):
        for field in dataclasses.fields(PackedBlock):
            np.testing.assert_array_equal(tensors[f"{i}.{field.name}"], getattr(block, field.name))


def test_we_read_what_the_safetensors_library_writes() -> None:
    """It chooses the order of the tensors itself, and chooses ours."""
    metadata = parts(FILE)[0]["__metadata__"]
    assert_equal(GOLDEN, load_blocks_bytes(safetensors_save(safetensors_load(FILE), metadata)))


@st.composite
def packed_blocks(draw: st.DrawFn) -> PackedBlock:
    shape = draw(st.tuples(*[st.integers(1, 4)] * 4))
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    return PackedBlock(
        draw(npst.arrays(np.uint32, shape)),
        draw(npst.arrays(np.float32, shape[0], elements=numbers)),
        draw(npst.arrays(np.float32, shape[0], elements=numbers)),
    )


@given(st.lists(packed_blocks(), min_size=1, max_size=9))
def test_save_then_load_is_identity(blocks: list[PackedBlock]) -> None:
    data = dataclasses.replace(GOLDEN, blocks=tuple(blocks))
    file = save_blocks_bytes(data)
    assert_equal(data, load_blocks_bytes(file))
    assert save_blocks_bytes(load_blocks_bytes(file)) == file


def test_any_truncation_and_any_flipped_bit_is_refused() -> None:
    file = bytearray(FILE)
    for position in range(len(file)):
        with pytest.raises(FileFormatError):
            load_blocks_bytes(bytes(file[:position]))
        for bit in (1 << position % 8, 0x80):
            file[position] ^= bit
            with pytest.raises(FileFormatError):
                load_blocks_bytes(bytes(file))
            file[position] ^= bit
    with pytest.raises(FileFormatError, match="appended"):
        load_blocks_bytes(bytes(file) + b"\0")


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(FileFormatError):
        load_blocks_bytes(noise)


def changed(path: tuple[str, ...], value: Any) -> bytes:
    """The golden file with one entry of its header replaced (None: removed), and the right hash."""
    header, data = parts(FILE)
    *outer, last = path
    inner = header
    for key in outer:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return assemble(header, data)


REFERENCE = json.loads(parts(FILE)[0]["__metadata__"]["extractor"])


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("__metadata__", "format"), "headfit-head", "headfit-block"),
        (("__metadata__", "n_blocks"), "3", "2.filters"),
        (("__metadata__", "n_blocks"), "1", "0.filters"),
        (("__metadata__", "n_blocks"), "0", "a number"),
        (("__metadata__", "n_blocks"), "10", "a number"),
        (("__metadata__", "extractor"), "null", "a JSON object"),
        (("__metadata__", "extractor"), json.dumps({**REFERENCE, "x": 1}), "no further keys"),
        (("__metadata__", "training"), "[]", "a JSON object"),
        (("__metadata__", "training"), '{"a":[]}', "texts, finite numbers"),
        (("__metadata__", "extra"), "", "no further keys"),
        (("__metadata__", "headfit_version"), None, "headfit_version"),
        (("2.filters",), {}, "no further keys"),
        (("0.bias",), None, "0.bias"),
        (("0.bias", "dtype"), "F16", "F32"),
        (("0.bias", "shape"), [2.0], "F32"),
        (("0.filters", "shape"), [2, 3, 2], "4 numbers"),
        (("0.filters", "shape"), [2, 3, 2, 0], "4 numbers"),
        (("0.filters", "shape"), [2, 3, 2, 65537], "4 numbers"),
        (("0.filters", "shape"), [2, 3, True, 2], "4 numbers"),
        (("0.filters", "shape"), [65536, 65536, 65536, 65536], "F32"),
        (("1.filters", "data_offsets"), [0, 12], "U32"),
    ],
)
def test_every_way_to_be_wrong_has_a_reason(path: tuple[str, ...], value: Any, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        load_blocks_bytes(changed(path, value))


def test_a_newer_version_says_so() -> None:
    with pytest.raises(UnsupportedVersionError, match="newer headfit"):
        load_blocks_bytes(changed(("__metadata__", "format_version"), "2"))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_could_not_be_read_is_not_written(value: float) -> None:
    bias = np.array([0, value], np.float32)
    bad = dataclasses.replace(GOLDEN.blocks[0], bias=bias)
    with pytest.raises(FileFormatError, match="finite"):
        save_blocks_bytes(dataclasses.replace(GOLDEN, blocks=(bad,)))
