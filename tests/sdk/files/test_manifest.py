"""The manifest is read strictly, written atomically, and says what is wrong with it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfit.errors import FileFormatError, UnsupportedVersionError
from headfit.files.manifest import (
    MAX_MANIFEST_BYTES,
    Golden,
    Manifest,
    Preprocessing,
    load_manifest,
    load_manifest_bytes,
    save_manifest,
)
from headfit.learning.background import Background

MANIFEST = Manifest(
    name="tiny-net",
    version=2,
    fingerprint="0123456789abcdef" * 4,
    size_bytes=1234,
    embedding_dim=3,
    preprocessing=Preprocessing(
        height=48,
        width=64,
        resize="shorter-side",
        resize_to=72,
        interpolation="bicubic",
        mean=(127.5, 120.0, 110.25),
        std=(60.0, 61.0, 62.5),
    ),
    description="größer 网",
    licence="Apache-2.0",
    golden=Golden(cosine_at_least=0.999, difference_at_most=0.01, embedding=(0.0, -1.5, 2.25)),
    background=Background(
        made_from="größere Bilder",
        n_pictures=20,
        mean=(0.5, -1.0, 0.0),
        factor="ADwAwAA4ADQAPAC8",
    ),
)


def document(**changes: Any) -> dict[str, Any]:
    """Return the JSON object of `MANIFEST` with top-level changes."""
    fields = json.loads(json.dumps(dataclasses.asdict(MANIFEST)))
    return {"format": "headfit-extractor", "format_version": 1, **fields, **changes}


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_a_manifest_reads_back_equal(tmp_path: Path) -> None:
    """Save then load is identity, and equal manifests give equal bytes."""
    save_manifest(MANIFEST, tmp_path / "a.json")
    save_manifest(MANIFEST, str(tmp_path / "b.json"))
    assert load_manifest(tmp_path / "a.json") == MANIFEST
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_manifest_without_self_check(tmp_path: Path) -> None:
    """The golden picture is optional."""
    manifest = dataclasses.replace(MANIFEST, golden=None)
    save_manifest(manifest, tmp_path / "a.json")
    assert load_manifest(tmp_path / "a.json") == manifest


@pytest.mark.parametrize("key", sorted(document()))
def test_every_key_is_needed(key: str) -> None:
    """A missing key is named."""
    fields = document()
    del fields[key]
    with pytest.raises(FileFormatError, match=f"'{key}'"):
        load_manifest_bytes(encode(fields))


WRONG: dict[str, list[Any]] = {
    "format": ["headfit-head", None, 1],
    "format_version": ["1", 0, True, 1.0],
    "name": ["", "-a", "a" * 65, "a/b", "a\n", 7],
    "version": [0, -1, 1.5, "1", True],
    "fingerprint": ["", "0" * 63, "A" * 64, "g" * 64, "0" * 64 + "\n", 0],
    "size_bytes": [0, 1 << 31, None],
    "embedding_dim": [0, 65_537, 4, "3"],
    "preprocessing": [None, [], {}],
    "description": [None, "a\x00b", "\ud800"],
    "licence": [1],
    "golden": [[], {}, 1],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_every_wrong_field_is_refused(key: str, value: Any) -> None:
    """A field of the wrong type, range or form is refused."""
    with pytest.raises(FileFormatError):
        load_manifest_bytes(encode(document(**{key: value})), "x.json")


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("preprocessing", "height", 73),
        ("preprocessing", "width", 0),
        ("preprocessing", "resize", "squash"),
        ("preprocessing", "resize_to", 5000),
        ("preprocessing", "interpolation", "nearest"),
        ("preprocessing", "mean", [1.0, 2.0]),
        ("preprocessing", "mean", [1.0, 2.0, "3"]),
        ("preprocessing", "std", [1.0, 0.0, 1.0]),
        ("preprocessing", "std", [1.0, True, 1.0]),
        ("preprocessing", "std", [10**400, 1.0, 1.0]),
        ("preprocessing", "gamma", 2.2),
        ("golden", "cosine_at_least", 1.5),
        ("golden", "difference_at_most", -0.1),
        ("golden", "embedding", [1.0, 2.0]),
        ("golden", "embedding", [1.0, 2.0, 1e39]),
    ],
)
def test_every_wrong_nested_field_is_refused(part: str, key: str, value: Any) -> None:
    """The message names the part and the key."""
    fields = document()
    fields[part][key] = value
    with pytest.raises(FileFormatError, match=f"{part}.*'{key}'"):
        load_manifest_bytes(encode(fields))


def test_an_unknown_key_is_refused() -> None:
    """An ignored key could change what the others mean."""
    with pytest.raises(FileFormatError, match="'colour'"):
        load_manifest_bytes(encode(document(colour="blue")))


def test_a_newer_version_says_so() -> None:
    """The remedy is a newer headfit, not a repair of the file."""
    with pytest.raises(UnsupportedVersionError, match="found 2; install a newer headfit"):
        load_manifest_bytes(encode(document(format_version=2)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe{}",
        b'{"format": "a", "format": "b"}',
        encode(document()).replace(b"1234", b"NaN"),
        encode(document()).replace(b"127.5", b"-Infinity"),
        encode(document()).replace(b"127.5", b"1e999"),
        b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_strict_json_is_refused(data: bytes) -> None:
    """Repeated keys, NaN, bad UTF-8 and deep nesting are all a FileFormatError."""
    with pytest.raises(FileFormatError):
        load_manifest_bytes(data)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """The bound holds before anything is parsed."""
    path = tmp_path / "a.json"
    path.write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(FileFormatError, match="at most 1048576 bytes"):
        load_manifest(path)


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    """Standard errors pass untouched."""
    with pytest.raises(FileNotFoundError):
        load_manifest(tmp_path / "none.json")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a b"},
        {"description": "\ud800"},
        {"golden": Golden(0.9, 0.1, (1.0, float("nan"), 2.0))},
        {"preprocessing": dataclasses.replace(MANIFEST.preprocessing, mean=[1.0, 2.0, 3.0])},
        {"licence": b"MIT"},
    ],
)
def test_what_cannot_be_read_is_not_written(tmp_path: Path, change: dict[str, Any]) -> None:
    """A manifest that breaks the specification leaves the old file alone and no litter."""
    path = tmp_path / "a.json"
    save_manifest(MANIFEST, path)
    with pytest.raises(FileFormatError):
        save_manifest(dataclasses.replace(MANIFEST, **change), path)
    assert load_manifest(path) == MANIFEST
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@given(st.binary() | st.text().map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(encode))  # fmt: skip
def test_any_bytes_load_or_are_refused(data: bytes) -> None:
    """No input raises anything but FileFormatError."""
    with pytest.raises(FileFormatError):
        load_manifest_bytes(data)


@given(st.data())
def test_a_changed_field_is_refused_or_loads(data: st.DataObject) -> None:
    """Any JSON value in any field is refused or gives a manifest that holds it."""
    key = data.draw(st.sampled_from(sorted(document())))
    value = data.draw(st.none() | st.integers() | st.text() | st.floats(allow_nan=False))
    try:
        manifest = load_manifest_bytes(encode(document(**{key: value})))
    except FileFormatError:
        return
    assert key in ("format", "format_version") or getattr(manifest, key) == value
