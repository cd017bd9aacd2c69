"""The file of a multi-label head: one meaning per file, every fault refused, golden bytes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as safetensors_load
from safetensors.numpy import save as safetensors_save
from tests.support.headfiles import PLAIN as SOFTMAX
from tests.support.headfiles import assemble, parts
from tests.support.label_files import FILES, GOLDENS, NAMES, golden_path

from headfit import ExtractorMismatchError, FileFormatError, MultiLabelHead, SoftmaxHead
from headfit.files.headfile import load_head_bytes
from headfit.files.multi_label_file import (
    MultiLabelFile,
    load_multi_label_bytes,
    save_multi_label_bytes,
)
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead

ARRAYS = ("weights", "bias", "thresholds")


def assert_equal(expected: FittedMultiLabelHead, actual: FittedMultiLabelHead) -> None:
    for field in dataclasses.fields(FittedMultiLabelHead):
        one, two = getattr(expected, field.name), getattr(actual, field.name)
        if field.name in ARRAYS:
            assert (one.tobytes(), one.shape, np.float32) == (two.tobytes(), two.shape, two.dtype)
        else:
            assert one == two


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_written_and_read(name: str) -> None:
    """They never change."""
    golden = golden_path(name).read_bytes()
    assert golden == FILES[name]
    assert_equal(GOLDENS[name], load_multi_label_bytes(golden).head)


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_and_the_container_are_those_of_the_page(name: str) -> None:
    """As other implementations find and write them."""
    header, data = parts(FILES[name])
    assert header == parts(assemble(header, data))[0]
    file = safetensors_save(safetensors_load(FILES[name]), header["__metadata__"])
    assert_equal(GOLDENS[name], load_multi_label_bytes(file).head)


@pytest.mark.parametrize("name", NAMES)
def test_any_truncation_and_any_third_flipped_bit_is_refused(name: str) -> None:
    damaged = bytearray(FILES[name])
    for position in range(0, len(damaged), 3):
        with pytest.raises(FileFormatError):
            load_multi_label_bytes(bytes(damaged[:position]))
        damaged[position] ^= 1 << position % 8
        with pytest.raises(FileFormatError):
            load_multi_label_bytes(bytes(damaged))
        damaged[position] ^= 1 << position % 8


@pytest.mark.parametrize("name", NAMES)
def test_a_head_keeps_what_its_file_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.head"
    MultiLabelHead.load(golden_path(name)).save(path)
    assert path.read_bytes() == save_multi_label_bytes(MultiLabelFile(GOLDENS[name]))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("embedding_dim", "0", "a width"),
        ("embedding_dim", "65537", "65536"),
        ("n_samples", "0", "a count"),
        ("n_samples", str(2**53 + 1), "2\\^53"),
        ("n_samples", "298", "counts up to 298"),
        ("classes", "[]", "1 to 65536"),
        ("classes", '["a","a","b"]', "different class names"),
        ("class_counts", "[1,2]", "a list of 3 counts"),
        ("class_counts", "[1,2,-1]", "counts from 0"),
        ("held_out_counts", "[2,1,1]", "counts up to class_counts"),
        ("held_out_counts", "[1,1,true]", "counts from 0"),
        ("training", "[]", "a JSON object"),
        ("views", '[{"is_flipped":false,"x":0.5,"y":0.5,"zoom":1}]', "no views"),
        ("format_version", "2", "install a newer headfit"),
        ("signature", "{}", "the key 'public_key'"),
        ("privacy", "{}", "no further keys"),
    ],
)
def test_metadata_that_break_the_page_are_refused(key: str, value: str, words: str) -> None:
    header, data = parts(FILES["plain"])
    header["__metadata__"][key] = value
    with pytest.raises(FileFormatError, match=words):
        load_multi_label_bytes(assemble(header, data))


@pytest.mark.parametrize("value", [0.0, -0.5, 1.5, np.nan, np.inf])
def test_thresholds_that_no_probability_can_be_compared_with_are_refused(value: float) -> None:
    head = dataclasses.replace(GOLDENS["plain"], thresholds=np.array([0.5, value, 0.5], np.float32))
    with pytest.raises(FileFormatError, match="thresholds"):
        save_multi_label_bytes(MultiLabelFile(head))


def test_infinite_weights_are_refused() -> None:
    with pytest.raises(FileFormatError, match="finite weights"):
        save_multi_label_bytes(
            MultiLabelFile(
                dataclasses.replace(GOLDENS["one"], weights=np.array([[np.inf]], np.float32))
            )
        )


def test_training_that_json_cannot_hold_is_refused() -> None:
    training: dict[str, Any] = {"x": np.float32(1)}
    with pytest.raises(FileFormatError, match="JSON can hold"):
        save_multi_label_bytes(
            MultiLabelFile(dataclasses.replace(GOLDENS["one"], training=training))
        )


def test_neither_kind_of_head_is_taken_for_the_other(tmp_path: Path) -> None:
    """Each reader says what the file is; no number of the one is read as one of the other."""
    with pytest.raises(FileFormatError, match="format headfit-head, found headfit-multi-label-hea"):
        load_head_bytes(FILES["plain"], "x")
    with pytest.raises(FileFormatError, match="format headfit-multi-label-head, found headfit-hea"):
        load_multi_label_bytes(SOFTMAX, "x")
    with pytest.raises(FileFormatError, match="headfit.MultiLabelHead"):
        SoftmaxHead.load(golden_path("plain"))


class Described:
    """An extractor as a head sees it."""

    def __init__(self, manifest: Any, views: Any) -> None:
        self.manifest, self.views = manifest, views


def test_another_extractor_is_refused_and_other_views_are(tmp_path: Path) -> None:
    from headfit.extractor import Extractor
    from headfit.photos import FLIPPED, WHOLE

    manifest = Extractor.manifest_of()
    with pytest.raises(ExtractorMismatchError, match="tiny-net with fingerprint"):
        MultiLabelHead.load(golden_path("plain"), extractor=Described(manifest, (WHOLE,)))
    embeddings = np.random.default_rng(0).normal(size=(8, manifest.embedding_dim))
    head = MultiLabelHead().fit(
        embeddings, [["a"], []] * 4, extractor=Described(manifest, (WHOLE,))
    )
    assert head.fingerprint_ == manifest.fingerprint
    path = tmp_path / "labels.head"
    head.save(path)
    loaded = MultiLabelHead.load(path, extractor=Described(manifest, (WHOLE,)))
    assert_equal(head.fitted_, loaded.fitted_)
    head.check_extractor(manifest)
    with pytest.raises(ExtractorMismatchError, match="views"):
        MultiLabelHead.load(path, extractor=Described(manifest, FLIPPED))
    with pytest.raises(ExtractorMismatchError, match="width 1"):
        MultiLabelHead.load(golden_path("one"), extractor=Described(manifest, (WHOLE,)))


def test_class_names_of_other_forms_are_brought_into_the_normal_one() -> None:
    header, data = parts(FILES["plain"])
    header["__metadata__"]["classes"] = json.dumps(["a", "gro\u0308\u00dfe", " c "])
    assert load_multi_label_bytes(assemble(header, data)).head.classes == ("a", "größe", "c")
