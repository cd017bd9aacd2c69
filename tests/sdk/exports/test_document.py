"""A head as JSON: everything of it is there, to the bit, and only what may be shared."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tests.support import label_files
from tests.support.headfiles import golden_path

from headfit import (
    Extractor,
    ExtractorMismatchError,
    MultiLabelHead,
    SoftmaxHead,
    UnshareableHeadError,
)
from headfit.commands.main import main
from headfit.exports.document import export_json
from headfit.files.head_parts import block_as_json
from headfit.files.headfile import load_head

GOLDEN = ["plain", "float16", "int8", "binary", "binary_typical", "typical", "views", "blocks"]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_head_is_whole_in_it(name: str) -> None:
    """Every number reads back as the same float32; a line for each key."""
    head = load_head(golden_path(name)).head
    data = export_json(head, force=True)
    found = json.loads(data)
    assert data == export_json(head, force=True)
    assert len(data.splitlines()) == len(found) + 2
    assert (found["format"], found["format_version"]) == ("headfit-head-json", 1)
    assert tuple(found["classes"]) == head.classes
    assert tuple(found["class_counts"]) == head.class_counts
    np.testing.assert_array_equal(np.array(found["weights"], np.float32).T, head.weights)
    np.testing.assert_array_equal(np.array(found["bias"], np.float32), head.bias)
    assert (found["thresholds"] is None) == (head.thresholds is None)
    if head.thresholds is not None:
        np.testing.assert_array_equal(np.array(found["thresholds"], np.float32), head.thresholds)
    assert (found["typicality"] is None) == (head.typicality is None)
    if head.typicality is not None:
        for key, value in found["typicality"].items():
            expected = getattr(head.typicality, key)
            np.testing.assert_array_equal(np.array(value, np.float32), expected)
    assert found["calibration"] == (head.calibration and block_as_json(head.calibration))
    assert [tuple(view.values()) for view in found["views"]] == [
        tuple(asdict(view).values()) for view in head.views
    ]
    assert found["training"] == dict(head.training)
    reference = found["extractor"]
    assert (reference and reference["fingerprint"]) == (
        head.extractor and head.extractor.fingerprint
    )


def test_a_head_that_compares_brings_the_background(tmp_path: Path) -> None:
    """From the head, or from its extractor's manifest where the file was loaded alone."""
    extractor = Extractor.open(engine="popcount")
    manifest = extractor.manifest
    assert manifest.background is not None
    rows = np.random.default_rng(0).normal(size=(40, manifest.embedding_dim))
    head = SoftmaxHead(method="logistic").fit(rows, ["a", "b"] * 20, extractor=extractor)
    head.save(tmp_path / "a.head")
    alone = SoftmaxHead.load(tmp_path / "a.head").fitted_
    assert alone.background is None
    data = export_json(alone)
    assert data == export_json(head.fitted_)
    likeness = json.loads(data)["likeness"]
    assert likeness["background"]["factor"] == manifest.background.factor
    assert head.fitted_.likeness is not None
    assert likeness["prototypes"] == head.fitted_.likeness.prototypes.tolist()
    other = replace(head.fitted_.likeness, background="0" * 64)
    with pytest.raises(ExtractorMismatchError):
        export_json(replace(alone, likeness=other))


@pytest.mark.parametrize("name", label_files.NAMES)
def test_a_multi_label_head_is_whole_in_it(name: str) -> None:
    """In a format of its own: no reader of the other kind takes its numbers for logits of one."""
    head = MultiLabelHead.load(label_files.golden_path(name)).fitted_
    data = export_json(head, force=True)
    found = json.loads(data)
    assert len(data.splitlines()) == len(found) + 2
    assert (found["format"], found["format_version"]) == ("headfit-multi-label-head-json", 1)
    assert "thresholds" not in found  # which are of embeddings, in the other kind
    np.testing.assert_array_equal(np.array(found["weights"], np.float32).T, head.weights)
    np.testing.assert_array_equal(np.array(found["bias"], np.float32), head.bias)
    thresholds = np.array(found["class_thresholds"], np.float32)
    np.testing.assert_array_equal(thresholds, head.thresholds)
    assert found["n_samples"] == head.n_samples
    for key in ("classes", "class_counts"):
        assert tuple(found[key]) == getattr(head, key)
    assert len(found["views"]) == len(head.views)
    assert (found["extractor"] is None) == (head.extractor is None)
    assert found["training"] == dict(head.training)
    if min(head.class_counts) < 3:
        with pytest.raises(UnshareableHeadError):
            export_json(head)


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = tmp_path / "a.head", tmp_path / "a.json"
    head = SoftmaxHead().fit(np.random.default_rng(0).normal(size=(6, 5)), ["größe", "b"] * 3)
    head.save(path)
    several = MultiLabelHead().fit(np.eye(6, 5), [["a"], []] * 3)
    several.save(tmp_path / "several.head")
    other = ["export-json", str(tmp_path / "several.head"), "-o", str(output)]
    assert main(other) == 0
    assert output.read_bytes() == export_json(several.fitted_)
    command = ["export-json", str(path), "-o", str(output)]
    assert main(command) == 0
    assert main(command) == 0
    assert "größe" in capsys.readouterr().out
    assert output.read_bytes() == export_json(head.fitted_)
    assert json.loads(output.read_bytes())["classes"] == ["b", "größe"]


def test_single_photos_do_not_leave() -> None:
    few = SoftmaxHead().fit(np.random.default_rng(0).normal(size=(5, 5)), ["a", "b", "b", "b", "b"])
    with pytest.raises(UnshareableHeadError):
        export_json(few.fitted_)
    assert export_json(few.fitted_, force=True)
