"""A head as ONNX: ONNX Runtime says what headfit says, of photos or of embeddings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.foreign import DATA
from tests.support.headfiles import golden_path

from headfit import (
    Extractor,
    ExtractorError,
    InputError,
    MultiLabelHead,
    SoftmaxHead,
    UnshareableHeadError,
)
from headfit.commands.main import main
from headfit.exports.onnx import export_onnx
from headfit.files.headfile import load_head
from headfit.learning.origin import View
from headfit.networks.onnx import read_onnx
from headfit.networks.onnx.appending import behind_network
from headfit.networks.onnx.writing import model_file, node, opset, value
from headfit.photos.images import prepare_input

GOLDEN = ["plain", "float16", "int8", "binary", "binary_typical", "typical", "views", "blocks"]


def run(model: bytes, given: Mapping[str, Any], shown_from: list[float] | None = None) -> Any:
    """Return the only output of an ONNX file, by Microsoft's runtime; check what it says."""
    runtime = pytest.importorskip("onnxruntime", reason="not tested: pip install 'headfit[onnx]'")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], dict(given))
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["classes"])
    assert shown_from is None or json.loads(told["thresholds"]) == shown_from
    assert (shown_from is None) == ("thresholds" not in told)
    return found


@pytest.fixture(scope="module")
def eye(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extractor cut out of an ONNX classifier."""
    pytest.importorskip("onnxruntime", reason="not tested: pip install 'headfit[onnx]'")
    path = tmp_path_factory.mktemp("eye") / "eye.onnx"
    mean_and_std = ["--mean", "127.5", "--std", "127.5"]
    assert main(["cut", str(DATA / "classifier.onnx"), "-o", str(path), *mean_and_std]) == 0
    return path


@pytest.mark.parametrize("name", GOLDEN)
def test_a_head_alone(name: str) -> None:
    """Of every kind: the same probabilities for many embeddings, for one, for those at an edge."""
    fitted = load_head(golden_path(name)).head
    rows = np.random.default_rng(0).normal(size=(50, fitted.embedding_dim)).astype(np.float32)
    if fitted.thresholds is not None:
        rows[0] = fitted.thresholds
    expected = SoftmaxHead.load(golden_path(name)).predict_proba(rows)
    model = export_onnx(fitted, alone=True, force=True)
    assert model == export_onnx(fitted, alone=True, force=True)
    np.testing.assert_allclose(run(model, {"embedding": rows}), expected, atol=1e-5)
    np.testing.assert_allclose(run(model, {"embedding": rows[:1]}), expected[:1], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "int8", "binary"])
def test_a_head_behind_its_extractor(
    eye: Path, photos: Path, tmp_path: Path, dtype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file from a photo to probabilities, by the command."""
    head, output = tmp_path / "mine.head", tmp_path / "mine.onnx"
    on_eye = ["--extractor", str(eye)]
    assert main(["train", str(photos), "-o", str(tmp_path / "wide.head"), *on_eye]) == 0
    from_photos = ["--photos", str(photos)] if dtype == "binary" else []
    converted = ["convert-head", str(tmp_path / "wide.head"), "--dtype", dtype, "-o", str(head)]
    assert main([*converted, *from_photos, *on_eye]) == 0
    assert main(["export-onnx", str(head), "-o", str(output), *on_eye]) == 0
    assert "takes a photo" in capsys.readouterr().out
    extractor = Extractor.open(eye)
    photo = photos / "red" / "0.png"
    image = prepare_input(photo, extractor.manifest.preprocessing)
    (photo_input,) = read_onnx(output.read_bytes()).inputs
    found = run(output.read_bytes(), {photo_input.name: image})
    expected = SoftmaxHead.load(head).predict_proba(extractor.embed([photo]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("alone", [True, False])
def test_a_multi_label_head(eye: Path, photos: Path, alone: bool) -> None:
    """Each class by itself, with its threshold: what the file says is shown, the head predicts."""
    extractor = Extractor.open(eye)
    paths = sorted(photos.rglob("*.png"))
    rows = extractor.embed(paths)
    sets = [[path.parent.name, *["odd"] * (i % 2)] for i, path in enumerate(paths)]
    head = MultiLabelHead(l2=1).fit(rows, sets, extractor=extractor)
    shown_from = [float(str(one)) for one in head.thresholds_]
    assert shown_from != [0.5] * len(shown_from)
    expected = head.predict_proba(rows)
    assert np.ptp(expected.sum(axis=1)) > 0.03
    model = export_onnx(head.fitted_, eye, alone=alone)
    if alone:
        found = run(model, {"embedding": rows}, shown_from)
    else:
        (photo,) = read_onnx(model).inputs
        prepared = [prepare_input(path, extractor.manifest.preprocessing) for path in paths]
        found = np.vstack([run(model, {photo.name: one}, shown_from) for one in prepared])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found >= shown_from, expected >= head.thresholds_)


def test_names_of_the_network_are_left_to_it() -> None:
    """A network may have called its own tensors what the head would call its own."""
    taken = ["head/weights", "head/logits", "probabilities"]
    model = model_file(
        8,
        [opset(13)],
        [node("Identity", ["photo"], taken[0])]
        + [node("Identity", [one], after) for one, after in pairwise(taken)],
        [],
        [value("photo", (1, 3))],
        [value(taken[-1], (1, 3))],
    )
    whole = read_onnx(behind_network(model, np.eye(3), np.zeros(3), np.zeros(3), ["a", "b", "c"]))
    assert whole.outputs == ("probabilities_",)


def test_what_cannot_be_joined_is_said(eye: Path) -> None:
    embedded = Extractor.open(engine="popcount")
    rows = np.zeros((6, embedded.embedding_dim))
    head = SoftmaxHead(method="imprint").fit(rows, ["a", "b"] * 3, extractor=embedded)
    with pytest.raises(InputError, match="expected an extractor that is an ONNX file, found"):
        export_onnx(head.fitted_)
    extractor = Extractor.open(eye)
    rows = np.random.default_rng(0).normal(size=(6, extractor.embedding_dim))
    fitted = SoftmaxHead(method="imprint").fit(rows, ["a", "b"] * 3, extractor=extractor).fitted_
    with pytest.raises(InputError, match="one view of each photo, found one of 2"):
        export_onnx(replace(fitted, views=(*fitted.views, View(zoom=1.1))), eye)
    single = SoftmaxHead(method="imprint").fit(rows[:2], ["a", "b"], extractor=extractor).fitted_
    for alone in (True, False):
        with pytest.raises(UnshareableHeadError):
            export_onnx(single, eye, alone=alone)


def test_a_network_of_old_operators_is_refused() -> None:
    old = model_file(3, [opset(6)], [node("Identity", ["x"], "y")], [], [value("x")], [value("y")])
    with pytest.raises(ExtractorError, match="version 7 or later, found 6"):
        behind_network(old, np.eye(3), np.zeros(3), None, ["a", "b", "c"])
