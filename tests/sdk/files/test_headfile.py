"""The head file: one meaning per file, every fault refused by name, golden bytes for ever."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors import safe_open
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save
from tests.support.headfiles import (
    FILES,
    GOLDEN,
    GOLDENS,
    NAMES,
    PLAIN,
    SIGNATURES,
    assemble,
    assert_damage_is_refused,
    assert_equal,
    golden_path,
    parts,
    read,
    written,
)

from headfit.errors import FileFormatError, UnsupportedVersionError
from headfit.files.class_names import as_class_name
from headfit.files.container import MAX_HEADER_BYTES
from headfit.files.headfile import HeadFile, load_head, load_head_bytes, save_head, save_head_bytes
from headfit.head import SoftmaxHead
from headfit.learning.fitted_head import FittedHead


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_written_and_read(name: str) -> None:
    """They never change."""
    golden = golden_path(name).read_bytes()
    assert golden == FILES[name]
    loaded = load_head_bytes(golden)
    assert_equal(GOLDENS[name], loaded.head)
    assert loaded.signature == SIGNATURES.get(name)
    assert loaded.headfit_version == "0.1.0"


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_is_the_one_of_the_specification(name: str) -> None:
    """Another implementation, made from the page alone, finds the same hash."""
    header, data = parts(FILES[name])
    assert header == parts(assemble(header, data))[0]
    assert header["__metadata__"]["format_version"] == "1"


@pytest.mark.parametrize("name", NAMES)
def test_we_read_what_the_safetensors_library_writes_again(name: str) -> None:
    """It chooses the order of the tensors itself, and chooses ours."""
    file = safetensors_save(safetensors_load(FILES[name]), parts(FILES[name])[0]["__metadata__"])
    assert_equal(GOLDENS[name], read(file))


@pytest.mark.parametrize("name", NAMES)
def test_any_truncation_and_any_third_flipped_bit_is_refused(name: str) -> None:
    assert_damage_is_refused(FILES[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_softmax_head_keeps_what_its_file_says(name: str, tmp_path: Path) -> None:
    """But for the signature: what is saved again, its signer did not see."""
    path = tmp_path / "mine.head"
    SoftmaxHead.load(golden_path(name)).save(path)
    assert_equal(GOLDENS[name], load_head(path).head)
    assert load_head(path).signature is None


def test_the_data_begins_at_a_multiple_of_8() -> None:
    for extra in range(8):
        file = save_head_bytes(HeadFile(GOLDEN, headfit_version="1" * extra))
        (length,) = struct.unpack_from("<Q", file)
        assert length % 8 == 0


def test_the_safetensors_library_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_head(path, GOLDEN)
    tensors = safetensors_load(path.read_bytes())
    assert sorted(tensors) == ["bias", "weights"]
    np.testing.assert_array_equal(GOLDEN.weights, tensors["weights"])
    np.testing.assert_array_equal(GOLDEN.bias, tensors["bias"])
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == parts(path.read_bytes())[0]["__metadata__"]


def test_we_read_what_the_safetensors_library_writes() -> None:
    """Its order of keys is another; the hash does not mind."""
    metadata = parts(written(GOLDEN))[0]["__metadata__"]
    file = safetensors_save({"weights": GOLDEN.weights, "bias": GOLDEN.bias}, metadata)
    assert_equal(GOLDEN, read(file))


TEXTS = st.text(min_size=1, max_size=12).filter(lambda text: as_class_name(text) == text)


@st.composite
def heads(draw: st.DrawFn) -> FittedHead:
    classes = tuple(draw(st.lists(TEXTS, min_size=2, max_size=5, unique=True)))
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
    return FittedHead(
        weights=draw(
            npst.arrays(np.float32, (draw(st.integers(1, 6)), len(classes)), elements=numbers)
        ),
        bias=draw(npst.arrays(np.float32, len(classes), elements=numbers)),
        classes=classes,
        class_counts=tuple(draw(st.integers(0, 2**53)) for _ in classes),
        extractor=draw(st.sampled_from([None, GOLDEN.extractor])),
        training=draw(
            st.dictionaries(
                TEXTS,
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                | TEXTS,
                max_size=4,
            )
        ),
    )


@given(heads())
def test_save_then_load_is_identity(head: FittedHead) -> None:
    """To the bit, minus zero included; and saving again gives the same bytes."""
    file = written(head)
    loaded = read(file)
    assert_equal(head, loaded)
    assert file == written(loaded)


def test_a_file_is_what_save_head_bytes_returns(tmp_path: Path) -> None:
    path = tmp_path / "größe 1.head"
    save_head(path, GOLDEN)
    assert path.read_bytes() == save_head_bytes(HeadFile(GOLDEN))
    assert_equal(GOLDEN, load_head(str(path)).head)


def test_loaded_weights_are_the_callers_own() -> None:
    """They can be written to and share no memory with the bytes."""
    head = read(written(GOLDEN))
    head.weights[:] = 0
    head.bias[:] = 0


def test_weights_of_any_memory_order_are_stored_by_rows() -> None:
    head = dataclasses.replace(GOLDEN, weights=np.asfortranarray(GOLDEN.weights))
    assert written(head) == written(GOLDEN)


def test_any_truncation_is_refused() -> None:
    file = PLAIN
    for length in range(len(file)):
        with pytest.raises(FileFormatError):
            read(file[:length])


def test_any_flipped_bit_is_refused() -> None:
    """All of them, one after the other."""
    file = bytearray(PLAIN)
    for position in range(len(file)):
        for bit in range(8):
            file[position] ^= 1 << bit
            with pytest.raises(FileFormatError):
                read(bytes(file))
            file[position] ^= 1 << bit


@settings(max_examples=500)
@given(st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    file = bytearray(PLAIN)
    position = data.draw(st.integers(0, len(file) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != file[position]))
    file[position] = value
    with pytest.raises(FileFormatError):
        read(bytes(file))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    for file in (noise, len(noise).to_bytes(8, "little") + noise):
        with pytest.raises(FileFormatError):
            read(file)


def header_text(file: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return the file with its header's text changed and the length made right."""
    length = int.from_bytes(file[:8], "little")
    text = change(file[8 : 8 + length])
    return len(text).to_bytes(8, "little") + text + file[8 + length :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: b"", "at least 8 bytes, found 0"),
        (lambda file: file[:7], "at least 8 bytes, found 7"),
        (lambda file: b"\xff" * 8 + file[8:], "header of at most"),
        (lambda file: b"\0" * 8 + file[8:], "header of one line"),
        (lambda file: header_text(file, lambda text: b" " + text), "found one that begins with"),
        (lambda file: b"\xff\xd8\xff\xe0\0\x10JFIF" + file, r"begins with b'.*JFIF"),
        (lambda file: header_text(file, lambda text: text + b"\n"), "header of one line"),
        (lambda file: header_text(file, lambda text: text + b"}"), "expected JSON"),
        (lambda file: header_text(file, lambda text: text.replace(b"0", b"\xff", 1)), "UTF-8"),
        (lambda file: header_text(file, lambda text: b'{"bias":1,' + text[1:]), "key stands twice"),
        (lambda file: header_text(file, lambda text: text.replace(b"[3]", b"[NaN]")), "NaN"),
        (lambda file: header_text(file, lambda text: b'{"a":' * 100_000), "nested"),
        (lambda file: file + b"\0", "48 bytes of tensors, found 49"),
        (lambda file: file[:-1], "48 bytes of tensors, found 47"),
        (lambda file: file[:-1] + b"\x7e", "expected content with SHA-256"),
    ],
)
def test_every_broken_container_is_refused(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        load_head_bytes(change(PLAIN), "mine.head")


def test_a_header_beyond_the_bound_is_refused() -> None:
    """Before it is parsed, even if so many bytes are there."""
    length = MAX_HEADER_BYTES + 1
    with pytest.raises(FileFormatError, match=f"at most {MAX_HEADER_BYTES} bytes"):
        read(length.to_bytes(8, "little") + b"{" + b" " * length)


@pytest.mark.parametrize(
    ("tensor", "key", "value"),
    [
        ("bias", "dtype", "F16"),
        ("weights", "dtype", "I32"),
        ("bias", "shape", [4]),
        ("bias", "shape", [3, 1]),
        ("bias", "shape", [3.0]),
        ("bias", "data_offsets", [False, 12]),
        ("weights", "shape", [9]),
        ("weights", "shape", [2**40, 2**40]),
        ("weights", "shape", [-3, -3]),
        ("bias", "data_offsets", [0, 16]),  # overlap
        ("bias", "data_offsets", [0, 8]),  # gap
        ("weights", "data_offsets", [16, 52]),  # out of range
        ("weights", "data_offsets", [48, 12]),  # backwards
        ("weights", "data_offsets", [12, 2**64]),
        ("weights", "comment", "hello"),
    ],
)
def test_every_other_layout_is_refused(tensor: str, key: str, value: Any) -> None:
    """With a right hash, too: the layout itself is checked."""
    header, data = parts(written(GOLDEN))
    header[tensor][key] = value
    with pytest.raises(FileFormatError, match=f"'{tensor}': expected .*F32"):
        read(assemble(header, data))


@pytest.mark.parametrize("tensor", ["bias", "weights", "__metadata__"])
def test_every_part_is_needed(tensor: str) -> None:
    header, data = parts(written(GOLDEN))
    del header[tensor]
    with pytest.raises(FileFormatError, match=f"expected the key '{tensor}'"):
        read(assemble(header, data, rehash=False))


def test_a_further_tensor_is_refused() -> None:
    header, data = parts(written(GOLDEN))
    header["scale"] = {"dtype": "F32", "shape": [0], "data_offsets": [48, 48]}
    with pytest.raises(FileFormatError, match="no further keys, found 'scale'"):
        read(assemble(header, data))


METADATA_KEYS = sorted(parts(written(GOLDEN))[0]["__metadata__"])


@pytest.mark.parametrize("key", METADATA_KEYS)
def test_every_metadata_key_is_needed(key: str) -> None:
    header, data = parts(written(GOLDEN))
    del header["__metadata__"][key]
    with pytest.raises(FileFormatError, match=f"expected the key '{key}'"):
        read(assemble(header, data, rehash=key != "content_sha256"))


EXTRACTOR = json.loads(parts(written(GOLDEN))[0]["__metadata__"]["extractor"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "headfit-extractor"),
        ("format", 1),
        ("format_version", 1),
        ("format_version", "one"),
        ("format_version", "01"),
        ("headfit_version", "a\nb"),
        ("embedding_dim", "0"),
        ("embedding_dim", "-3"),
        ("embedding_dim", "65537"),
        ("embedding_dim", "4"),
        ("embedding_dim", "٣"),  # an Arabic digit: int() would take it
        ("classes", "a, b, c"),
        ("classes", '{"a": 0}'),
        ("classes", "[]"),
        ("classes", '["a"]'),
        ("classes", '["a", "b"]'),
        ("classes", '["a", "b", "a"]'),
        ("classes", '["a", "b", ""]'),
        ("classes", '["a", "b", 3]'),
        ("classes", '["a", "b", "c\\u0000"]'),
        ("classes", '["a", "b", "\\ud800"]'),
        ("classes", json.dumps(["a", "b", "c" * 256])),
        ("classes", json.dumps([str(i) for i in range(65_537)])),
        ("classes", "[" * 100_000),
        ("class_counts", "[1, 2]"),
        ("class_counts", "[1, 2, -1]"),
        ("class_counts", "[1, 2, 3.0]"),
        ("class_counts", "[1, 2, true]"),
        ("class_counts", "7"),
        ("extractor", "{}"),
        ("extractor", "[]"),
        ("extractor", json.dumps({**EXTRACTOR, "fingerprint": "0" * 63})),
        ("extractor", json.dumps({**EXTRACTOR, "name": "../x"})),
        ("extractor", json.dumps({**EXTRACTOR, "version": 0})),
        ("extractor", json.dumps({**EXTRACTOR, "preprocessing": None})),
        ("extractor", json.dumps({**EXTRACTOR, "more": 1})),
        ("training", "[]"),
        ("training", '{"a": []}'),
        ("training", '{"a": 1e999}'),
        ("training", '{"a": NaN}'),
        ("training", '{"a": "\\u0007"}'),
        ("training", '{"a": 1, "a": 2}'),
        ("surprise", "1"),
    ],
)
def test_every_wrong_metadatum_is_refused_by_name(key: str, value: Any) -> None:
    """With a right hash, too."""
    header, data = parts(written(GOLDEN))
    header["__metadata__"][key] = value
    name = "weights" if (key, value) == ("embedding_dim", "4") else key
    with pytest.raises(FileFormatError, match=name if value != '["a", "b"]' else "class_counts"):
        read(assemble(header, data))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    header, data = parts(written(GOLDEN))
    data = data[:4] + struct.pack("<f", value) + data[8:]
    with pytest.raises(FileFormatError, match="finite bias"):
        read(assemble(header, data))


def test_a_newer_version_says_so() -> None:
    header, data = parts(written(GOLDEN))
    header["__metadata__"]["format_version"] = "2"
    with pytest.raises(UnsupportedVersionError, match="found 2; install a newer headfit"):
        read(assemble(header, data))


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ("a", "b", "a")},
        {"classes": ("a", "b")},
        {"classes": ("a", "b", "\ud800")},
        {"class_counts": (1, 2, -3)},
        {"bias": np.zeros(4, np.float32)},
        {"weights": np.full((3, 3), np.nan, np.float32)},
        {"training": {"l2": float("nan")}},
        {"training": {"l2": np.float32(1)}},
    ],
)
def test_what_could_not_be_read_is_not_written(tmp_path: Path, change: dict[str, Any]) -> None:
    """The old file stays and nothing else is left in the folder."""
    path = tmp_path / "mine.head"
    save_head(path, GOLDEN)
    with pytest.raises(FileFormatError):
        save_head(path, dataclasses.replace(GOLDEN, **change))
    assert_equal(GOLDEN, load_head(path).head)
    assert os.listdir(tmp_path) == ["mine.head"]


def test_a_version_of_headfit_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(FileFormatError, match="headfit_version"):
        save_head_bytes(HeadFile(GOLDEN, headfit_version="\n"))


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.head"
    with path.open("wb") as stream:
        stream.truncate((1 << 28) + 1)
    with pytest.raises(FileFormatError, match="at most 268435456 bytes"):
        load_head(path)


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_head(tmp_path / "none.head")
