"""Version 3 of the head file: where embeddings of training lie, and every way to be wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save
from tests.support.headfiles import (
    GOLDEN_V2,
    GOLDEN_V3,
    assemble,
    assert_damage_is_refused,
    assert_equal,
    golden_v3_path,
    parts,
)

from headfit.errors import FileFormatError
from headfit.files.headfile import load_head, load_head_bytes, save_head_bytes
from headfit.head import SoftmaxHead

NAMES = sorted(GOLDEN_V3)
FILES = {name: save_head_bytes(head) for name, head in GOLDEN_V3.items()}


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_written_and_read(name: str) -> None:
    golden = golden_v3_path(name).read_bytes()
    assert golden == FILES[name]
    assert_equal(GOLDEN_V3[name], load_head_bytes(golden))


@pytest.mark.parametrize("name", NAMES)
def test_the_safetensors_library_reads_and_writes_the_same(name: str) -> None:
    """It chooses the order of the tensors itself, and chooses ours."""
    tensors = safetensors_load(FILES[name])
    typicality = GOLDEN_V3[name].typicality
    assert typicality is not None
    np.testing.assert_array_equal(typicality.centre, tensors["centre"])
    np.testing.assert_array_equal(typicality.inverse_spread, tensors["inverse_spread"])
    file = safetensors_save(tensors, parts(FILES[name])[0]["__metadata__"])
    assert_equal(GOLDEN_V3[name], load_head_bytes(file))


@pytest.mark.parametrize("name", NAMES)
def test_any_truncation_and_any_flipped_bit_is_refused(name: str) -> None:
    assert_damage_is_refused(FILES[name])


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_older_version_has_none_of_this(version: str) -> None:
    header, data = parts(FILES["float32"])
    header["__metadata__"]["format_version"] = version
    with pytest.raises(FileFormatError, match=r"expected (no further keys|3 for what is in)"):
        load_head_bytes(assemble(header, data))


def test_a_head_that_version_2_can_hold_is_no_version_3() -> None:
    header, data = parts(save_head_bytes(GOLDEN_V2["blocks"]))
    header["__metadata__"]["format_version"] = "3"
    with pytest.raises(FileFormatError, match="expected 2 for what is in the file, found '3'"):
        load_head_bytes(assemble(header, data))


@pytest.mark.parametrize("tensor", ["centre", "inverse_spread"])
def test_every_tensor_is_needed_and_must_be_as_wide_as_an_embedding(tensor: str) -> None:
    header, data = parts(FILES["float32"])
    without = {name: value for name, value in header.items() if name != tensor}
    with pytest.raises(FileFormatError, match=f"expected the key '{tensor}', found none"):
        load_head_bytes(assemble(without, data))
    header[tensor]["shape"] = [3, 1]
    with pytest.raises(FileFormatError, match=f"'{tensor}': expected"):
        load_head_bytes(assemble(header, data))


@pytest.mark.parametrize(
    ("tensor", "value", "reason"),
    [
        ("centre", np.nan, "finite centre"),
        ("inverse_spread", np.inf, "finite inverse_spread"),
        ("inverse_spread", -1.0, "an inverse spread of at least 0, found -1"),
    ],
)
def test_every_wrong_number_is_refused(tensor: str, value: float, reason: str) -> None:
    header, data = parts(FILES["float32"])
    start = header[tensor]["data_offsets"][0]
    data = data[:start] + np.array(value, "<f4").tobytes() + data[start + 4 :]
    with pytest.raises(FileFormatError, match=reason):
        load_head_bytes(assemble(header, data))


def test_a_score_without_its_tensors_is_not_written() -> None:
    """Nor tensors without their score."""
    golden = GOLDEN_V3["float32"]
    for change in ({"typicality": None}, {"calibration": None}):
        with pytest.raises(FileFormatError):
            save_head_bytes(dataclasses.replace(golden, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_softmax_head_keeps_what_its_file_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.head"
    SoftmaxHead.load(golden_v3_path(name)).save(path)
    assert_equal(GOLDEN_V3[name], load_head(path))


def test_the_score_is_the_one_of_the_specification() -> None:
    """From the file's arrays alone."""
    head = SoftmaxHead.load(golden_v3_path("float32"))
    tensors = safetensors_load(FILES["float32"])
    embeddings = np.array([[1.5, 0, 1e-10], [0.5, -1e10, 0]], np.float32)
    logits = embeddings @ tensors["weights"] + tensors["bias"]
    away = (embeddings - tensors["centre"]) * tensors["inverse_spread"]
    expected = logits.max(axis=1) - logits.mean(axis=1) - np.square(away).sum(axis=1)
    np.testing.assert_allclose(expected, head.sureness(embeddings), rtol=1e-5)
    threshold = json.loads(parts(FILES["float32"])[0]["__metadata__"]["calibration"])["threshold"]
    np.testing.assert_array_equal(expected >= threshold, head.is_known(embeddings))
