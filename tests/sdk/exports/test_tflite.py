"""A head and its extractor as one .tflite: the same probabilities, wherever it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from tests.support.networks import NETWORKS, Network

from headfit import (
    Extractor,
    ExtractorError,
    ExtractorMismatchError,
    MultiLabelHead,
    NotFittedError,
    SoftmaxHead,
)
from headfit.commands.main import main
from headfit.engines.lce import LceEngine
from headfit.engines.popcount import PopcountEngine
from headfit.errors import EngineMissingError, InputError
from headfit.exports.onnx import export_onnx
from headfit.exports.tflite import export_tflite
from headfit.exports.web import export_web
from headfit.files.tensors import rounded
from headfit.learning.calibration import Calibration
from headfit.networks.appending import append_head
from headfit.networks.tflite import read_graph
from headfit.networks.tflite.metadata import read_metadata
from headfit.networks.tflite.schema import LCE_OPTIONS

METHODS = ["logistic", "binary"]
CLASSES = ("größe 网", 'a "b"', "c")


def run_stock(module: str, model: bytes, image: np.ndarray) -> np.ndarray:
    """Run a .tflite in an interpreter as its makers built it, with nothing of ours between."""
    interpreter = pytest.importorskip(module).Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    assert "probabilities" in output["name"]
    probabilities: np.ndarray = interpreter.get_tensor(output["index"])
    return probabilities


STOCK = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
RUNS: dict[str, tuple[bool, Callable[[bytes, np.ndarray], np.ndarray]]] = {
    "lce": (False, lambda model, image: LceEngine(model).run(image)[None]),
    "popcount": (False, lambda model, image: PopcountEngine(model).run(image)[None]),
    **{
        name: (True, lambda model, image, module=module: run_stock(module, model, image))
        for name, module in STOCK.items()
    },
}


@pytest.fixture
def extractor(extractor_path: Path) -> Extractor:
    return Extractor.open(extractor_path, engine="popcount")


@pytest.fixture
def pictures() -> list[np.ndarray]:
    """Four of each class, alike but for noise, so that there is something to learn."""
    rng = np.random.default_rng(0)
    classes = np.repeat(rng.integers(0, 200, (3, 64, 64, 3)), 4, axis=0)
    return list((classes + rng.integers(0, 56, classes.shape)).astype(np.uint8))


@pytest.fixture(params=METHODS)
def head(
    request: pytest.FixtureRequest, extractor: Extractor, pictures: list[np.ndarray]
) -> SoftmaxHead:
    embeddings = extractor.embed(pictures)
    return SoftmaxHead(method=request.param, l2=1).fit(
        embeddings, np.repeat(CLASSES, 4), extractor=extractor
    )


def assert_answers(
    run: Callable[[bytes, np.ndarray], np.ndarray],
    model: bytes,
    pictures: list[np.ndarray],
    expected: np.ndarray,
) -> None:
    """Compare what a runtime says of each picture; skip where the runtime is missing."""
    for picture, row in zip(pictures, expected, strict=True):
        try:
            found = run(model, picture[None].astype(np.float32))
        except EngineMissingError as error:
            pytest.skip(str(error))
        np.testing.assert_allclose(row[None], found, atol=1e-5)


@pytest.mark.parametrize("runtime", sorted(RUNS))
def test_every_runtime_gives_the_probabilities_of_the_head(
    runtime: str,
    head: SoftmaxHead,
    extractor: Extractor,
    extractor_path: Path,
    pictures: list[np.ndarray],
) -> None:
    lowered, run = RUNS[runtime]
    model = export_tflite(head.fitted_, extractor_path, lowered=lowered)
    expected = head.predict_proba(extractor.embed(pictures))
    assert np.ptp(expected) > 0.5
    assert_answers(run, model, pictures, expected)


@pytest.mark.parametrize("runtime", sorted(RUNS))
def test_a_multi_label_head_gets_a_sigmoid_per_class(
    runtime: str, extractor: Extractor, extractor_path: Path, pictures: list[np.ndarray]
) -> None:
    """In every runtime; the description holds the thresholds, metadata know none for each class."""
    lowered, run = RUNS[runtime]
    embeddings = extractor.embed(pictures)
    sets = [[CLASSES[i // 4], *(["c"] if i < 4 else [])] for i in range(12)]
    head = MultiLabelHead(l2=1).fit(embeddings, sets, extractor=extractor)
    expected = head.predict_proba(embeddings)
    assert np.ptp(expected.sum(axis=1)) > 0.3
    model = export_tflite(head.fitted_, extractor_path, lowered=lowered)
    assert_answers(run, model, pictures, expected)
    schema = pytest.importorskip("tensorflow.lite.python.schema_py_generated")
    told = json.loads(schema.Model.GetRootAsModel(model, 0).Description().decode())
    assert told["classes"] == head.classes_.tolist() == list(read_metadata(model).labels)
    np.testing.assert_array_equal(np.array(told["thresholds"], np.float32), head.thresholds_)
    assert read_metadata(model).threshold is None


def test_a_binary_head_stays_packed_and_a_lowered_file_has_nothing_of_lce(
    head: SoftmaxHead, extractor_path: Path
) -> None:
    packed = read_graph(export_tflite(head.fitted_, extractor_path))
    lowered = read_graph(export_tflite(head.fitted_, extractor_path, lowered=True))
    names = [operator.name for operator in packed.operators]
    assert names[-1] == "SOFTMAX"
    assert ("LceBconv2d" in names[-4:]) == (head.thresholds_ is not None)
    assert not LCE_OPTIONS.keys() & {operator.name for operator in lowered.operators}


def test_the_file_names_its_classes(head: SoftmaxHead, extractor_path: Path) -> None:
    """Read by TensorFlow's own schema module."""
    schema = pytest.importorskip("tensorflow.lite.python.schema_py_generated")
    model = schema.Model.GetRootAsModel(export_tflite(head.fitted_, extractor_path), 0)
    assert json.loads(model.Description().decode()) == {"classes": list(head.fitted_.classes)}


def test_other_programs_are_told_how_to_use_it(
    head: SoftmaxHead, extractor: Extractor, extractor_path: Path
) -> None:
    """Pixels go in as they are, and come out as these classes; the last is a name as it is."""
    calibration = Calibration("max_probability", 0.625, 0.95, 12, (0.5,))
    told = replace(head.fitted_, calibration=calibration)
    model = export_tflite(told, extractor_path)
    assert model == export_tflite(told, extractor_path)
    found = read_metadata(model)
    assert (found.mean, found.std) == ((0.0,), (1.0,))
    assert found.labels == head.fitted_.classes
    assert found.threshold == 0.625
    assert found.name == extractor.manifest.name
    other = replace(head.fitted_, calibration=None)
    assert read_metadata(export_tflite(other, extractor_path)).threshold is None


def test_mediapipe_takes_it(
    head: SoftmaxHead, extractor: Extractor, extractor_path: Path, pictures: list[np.ndarray]
) -> None:
    """The whole of what a developer writes there, and the same answers."""
    mediapipe = pytest.importorskip("mediapipe", reason="not tested: pip install mediapipe")
    model = export_tflite(head.fitted_, extractor_path, lowered=True)
    tasks = mediapipe.tasks
    options = tasks.vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=model)
    )
    expected = head.predict_proba(extractor.embed(pictures))
    with tasks.vision.ImageClassifier.create_from_options(options) as classifier:
        for picture, row in zip(pictures, expected, strict=True):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
            (answer,) = classifier.classify(image).classifications
            found = {one.category_name: one.score for one in answer.categories}
            assert found == pytest.approx(dict(zip(head.classes_, row, strict=True)), abs=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("n_classes", [2, 33])
@pytest.mark.parametrize("is_binary", [False, True])
def test_every_network_can_carry_a_head(name: str, n_classes: int, is_binary: bool) -> None:
    """Embeddings of every shape and width, those that fill no whole word too."""
    network = Network(name)
    rng = np.random.default_rng(n_classes)
    embedding = network.embedding
    weights = rng.normal(size=(len(embedding), n_classes)).astype(np.float32)
    weights /= np.float32(max(1, np.abs(embedding).max()))
    bias = rng.normal(size=n_classes).astype(np.float32)
    thresholds = None
    signs = embedding
    if is_binary:
        thresholds = embedding + rng.choice(np.array([-1, 1], np.float32), len(embedding))
        signs = np.where(embedding >= thresholds, 1, -1).astype(np.float32)
        scales = np.abs(weights).max(axis=0) / 8
        weights = np.where(weights < 0, -scales, scales)
    model = append_head(network.model, weights, bias, thresholds, list(map(str, range(n_classes))))
    logits = (signs @ weights + bias).astype(np.float64)
    expected = np.exp(logits - logits.max())
    found = PopcountEngine(model).run(network.image)
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-4)


def test_another_extractor_is_refused(head: SoftmaxHead, pictures: list[np.ndarray]) -> None:
    with pytest.raises(ExtractorMismatchError, match="headfit extractors lists"):
        export_tflite(head.fitted_)
    with pytest.raises(ExtractorError, match="returns 3 float32 numbers"):
        append_head(Network("residual").model, np.eye(3, 2), np.zeros(2), None, ["a", "b"])


def test_a_new_head_is_refused(extractor_path: Path) -> None:
    with pytest.raises(NotFittedError):
        export_tflite(SoftmaxHead().fitted_, extractor_path)


def test_the_command_writes_the_file(
    head: SoftmaxHead, extractor_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "mine.head", tmp_path / "mine.tflite"
    head.save(path)
    arguments = ["export-tflite", str(path), "-o", str(output), "--extractor", str(extractor_path)]
    assert main(arguments) == 0
    assert output.read_bytes() == export_tflite(head.fitted_, extractor_path)
    assert str(output) in capsys.readouterr().out
    assert main([*arguments, "--lowered"]) == 0
    assert output.read_bytes() == export_tflite(head.fitted_, extractor_path, lowered=True)
    assert main(arguments[:-2]) == 4  # the default extractor is another one
    assert f"{path}: expected the extractor residual" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_head_is_stored_smaller(dtype: str, extractor: Extractor, tmp_path: Path) -> None:
    """By the command and by `save` alike; its answers hardly move.

    A network of random weights has embeddings that suit int8 badly: far from zero, hardly varying.
    """
    embeddings = extractor.embed(
        list(np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8))
    )
    head = SoftmaxHead(method="logistic").fit(embeddings, np.repeat(CLASSES, 4))
    path, output, other = tmp_path / "a.head", tmp_path / "b.head", tmp_path / "c.head"
    head.save(path)
    assert main(["convert-head", str(path), "--dtype", dtype, "-o", str(output)]) == 0
    head.save(other, storage=dtype)
    assert output.read_bytes() == other.read_bytes()
    small = SoftmaxHead.load(output)
    assert small.storage_ == dtype
    np.testing.assert_array_equal(small.weights_, rounded(head.weights_, dtype))
    np.testing.assert_allclose(
        head.predict_proba(embeddings),
        small.predict_proba(embeddings),
        atol={"float16": 0.005, "int8": 0.1}[dtype],
    )
    assert main(["convert-head", str(output), "--dtype", "float32", "-o", str(other)]) == 0
    np.testing.assert_array_equal(small.weights_, SoftmaxHead.load(other).weights_)


def test_a_binary_head_is_trained_from_photos(
    extractor_path: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "mine.head", tmp_path / "binary.head"
    tail = ["--extractor", str(extractor_path)]
    assert main(["train", str(photos), "-o", str(path), *tail]) == 0
    arguments = ["convert-head", str(path), "--dtype", "binary", "-o", str(output), *tail]
    assert main(arguments) == 3
    assert "expected --photos DIR with --dtype binary" in capsys.readouterr().err
    assert main([*arguments, "--photos", str(photos), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["size_bytes"] == output.stat().st_size
    binary = SoftmaxHead.load(output)
    assert (binary.storage_, binary.fitted_.classes) == ("binary", ("blue", "green", "red"))
    assert main(["convert-head", str(output), "--dtype", "int8", "-o", str(path)]) == 3
    assert "expected a storage of 'binary'" in capsys.readouterr().err
    assert main([*arguments[:3], "int8", *arguments[4:], "--photos", str(photos)]) == 3
    picture = str(photos / "red" / "0.png")
    assert main(["convert-head", str(path), "--dtype", "int8", "-o", picture]) == 3
    assert "found another kind of file" in capsys.readouterr().err
    (photos / "red").rename(photos / "crimson")
    assert main([*arguments, "--photos", str(photos)]) == 3
    assert "found blue, crimson, green" in capsys.readouterr().err


def test_stock_interpreters_are_here() -> None:
    """Say which were not tried, so that nobody takes a skip for a pass."""
    missing = []
    for name, module in STOCK.items():
        try:
            import_module(module)
        except ImportError:
            missing.append(name)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def test_nobody_is_joined_with_a_guess() -> None:
    """A head that does not say what it was fitted on is joined with what is named, or refused."""
    generator = np.random.default_rng(0)
    manifest = Extractor.manifest_of()
    rows = generator.standard_normal((8, manifest.embedding_dim)).astype(np.float32)
    head = SoftmaxHead().fit(rows, ["cup", "pen"] * 4).fitted_
    for write in (export_tflite, export_onnx, export_web):
        with pytest.raises(InputError, match="expected a head that remembers its extractor"):
            write(head)
    assert export_tflite(head, manifest.name)
