"""A head as Core ML: what coremltools reads back is the head. No Mac was there to run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support.headfiles import golden_path

from headfit import (
    InputError,
    MissingExtraError,
    MultiLabelHead,
    SoftmaxHead,
    UnshareableHeadError,
)
from headfit.commands.main import main
from headfit.exports.coreml import export_coreml
from headfit.files.headfile import load_head

needs_coremltools = pytest.mark.usefixtures("_coremltools")


@pytest.fixture
def _coremltools() -> None:
    pytest.importorskip("coremltools", reason="not tested: pip install 'headfit[coreml]'")


@needs_coremltools
def test_the_command_says_nothing_of_what_it_does_not_need(tmp_path: Path) -> None:
    """Coremltools warns of five libraries of macOS, elsewhere, when it is first imported."""
    words = ["export-coreml", golden_path("plain"), "-o", tmp_path / "a.mlmodel", "--few-photos"]
    done = subprocess.run(
        [sys.executable, "-m", "headfit", *map(str, words)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_coremltools
@pytest.mark.parametrize("name", ["plain", "float16", "int8", "typical", "views", "blocks"])
def test_it_is_the_head(name: str, tmp_path: Path) -> None:
    """By the numbers of its layers, in the layout that Core ML's format prescribes."""
    from coremltools.proto import Model_pb2

    fitted = load_head(golden_path(name)).head
    output = tmp_path / "mine.mlmodel"
    command = ["export-coreml", str(golden_path(name)), "-o", str(output), "--few-photos"]
    assert main(command) == 0
    assert output.read_bytes() == export_coreml(fitted, force=True)
    model = Model_pb2.Model.FromString(output.read_bytes())
    network = model.neuralNetworkClassifier
    assert tuple(network.stringClassLabels.vector) == fitted.classes
    first, second = network.layers
    dense = first.innerProduct
    weights = np.array(dense.weights.floatValue, np.float32)
    assert (dense.inputChannels, dense.outputChannels) == fitted.weights.shape
    assert dense.hasBias
    np.testing.assert_array_equal(weights.reshape(fitted.weights.shape[::-1]).T, fitted.weights)
    np.testing.assert_array_equal(np.array(dense.bias.floatValue, np.float32), fitted.bias)
    assert list(first.input) == ["embedding"]
    assert list(first.output) == list(second.input)
    assert second.WhichOneof("layer") == "softmax"
    assert network.labelProbabilityLayerName == "probabilities" == second.output[0]
    assert model.description.predictedFeatureName == "classLabel"
    if fitted.extractor is not None:
        told = json.loads(model.description.metadata.userDefined["extractor"])
        assert told["fingerprint"] == fitted.extractor.fingerprint


@needs_coremltools
def test_a_multi_label_head_is_no_classifier(tmp_path: Path) -> None:
    """Core ML's classifiers name one class: this is a network that returns an array."""
    from coremltools.proto import Model_pb2

    rows = np.random.default_rng(0).normal(size=(12, 8))
    sets = [["größe 网"], ["pen"], ["größe 网", "pen"], []] * 3
    head, path = MultiLabelHead().fit(rows, sets), tmp_path / "a.head"
    head.save(path)
    output = tmp_path / "mine.mlmodel"
    assert main(["export-coreml", str(path), "-o", str(output)]) == 0
    assert main(["export-coreml", str(path), "-o", str(output)]) == 0
    assert output.read_bytes() == export_coreml(head.fitted_)
    model = Model_pb2.Model.FromString(output.read_bytes())
    assert model.WhichOneof("Type") == "neuralNetwork"
    first, second = model.neuralNetwork.layers
    dense = first.innerProduct
    weights = np.array(dense.weights.floatValue, np.float32).reshape(2, 8)
    np.testing.assert_array_equal(weights.T, head.weights_)
    np.testing.assert_array_equal(np.array(dense.bias.floatValue, np.float32), head.bias_)
    assert second.activation.WhichOneof("NonlinearityType") == "sigmoid"
    assert list(second.output) == ["probabilities"]
    assert [one.name for one in model.description.output] == ["probabilities"]
    told = model.description.metadata.userDefined
    assert json.loads(told["classes"]) == ["größe 网", "pen"]
    thresholds = np.array(json.loads(told["thresholds"]), np.float32)
    np.testing.assert_array_equal(thresholds, head.thresholds_)


def test_a_binary_head_is_refused() -> None:
    with pytest.raises(InputError, match="found a binary one"):
        export_coreml(load_head(golden_path("binary")).head, force=True)


def test_single_photos_do_not_leave() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 8))
    few = SoftmaxHead(method="imprint").fit(rows, ["a", "a", "a", "b"]).fitted_
    with pytest.raises(UnshareableHeadError):
        export_coreml(few)


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coremltools.models", None)
    monkeypatch.setitem(sys.modules, "coremltools", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'headfit\[coreml\]'"):
        export_coreml(load_head(golden_path("plain")).head, force=True)
