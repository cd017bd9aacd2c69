"""An extractor out of somebody's network: described, tried, opened again, and used."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image
from tests.support.foreign import Foreign, with_metadata
from tests.support.graphs import GraphBuilder

from headfit import Extractor, ExtractorError, InputError, SoftmaxHead
from headfit.engines import open_engine
from headfit.errors import EngineMissingError
from headfit.exports.tflite import export_tflite
from headfit.extractors.making import allowed_name, cut_network, list_places, make_extractor
from headfit.files.disk import replacing
from headfit.networks import write_graph
from headfit.photos.images import prepare_input

pytest.importorskip("flatbuffers")
needs_runtime = pytest.mark.skipif(
    not any(
        __import__("importlib.util").util.find_spec(one)
        for one in ("ai_edge_litert", "tflite_runtime", "larq_compute_engine")
    ),
    reason="no runtime for quantised networks is installed",
)
OWN = {"mean": [127.5], "std": [127.5]}
KINDS = {
    "float32": OWN,
    "float16": OWN,
    "dynamic_range": OWN,
    "int8": {},
    "uint8": {},
    "flattened": OWN,
    "any_size": {**OWN, "size": (24, 32)},
}


@needs_runtime
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_opened_again_and_sees_what_keras_sees(name: str, tmp_path: Path) -> None:
    network = Foreign(name)
    path = tmp_path / f"{name}.tflite"
    made = make_extractor(network.model, name, **KINDS[name])
    made.write(path)
    extractor = Extractor.open(path)
    assert extractor.embed([network.picture]).shape == (1, len(network.embedding))
    found = open_engine(path.read_bytes()).run(network.image)
    cosine = found @ network.embedding / np.linalg.norm(found) / np.linalg.norm(network.embedding)
    assert cosine > 0.998
    assert extractor.manifest.golden is not None
    assert len(made.engines) >= 1


@needs_runtime
@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_pixels_go_into_a_quantised_network_as_they_are(name: str) -> None:
    """Whatever its scale and zero point: each of the 256 comes back as itself."""
    network = Foreign(name)
    made = make_extractor(network.model, name)
    preprocessing = made.manifest.preprocessing
    pixels = np.arange(256, dtype=np.float32)
    scaled = (pixels - np.float32(preprocessing.mean[0])) / np.float32(preprocessing.std[0])
    steps = network.quantization
    stored = np.rint(scaled / np.float32(steps.scale[0])) + steps.zero_point[0]
    np.testing.assert_array_equal(stored, pixels - (128 if name == "int8" else 0))


@needs_runtime
def test_a_head_on_a_quantised_network_and_its_export(tmp_path: Path) -> None:
    """The head remembers the fingerprint; both become one file that stock interpreters run."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    path = tmp_path / "eye.tflite"
    make_extractor(Foreign("uint8").model, "eye").write(path)
    extractor = Extractor.open(path, engine="litert")
    rng = np.random.default_rng(0)
    pictures = [
        np.clip(rng.normal(colour, 40, (40, 50, 3)), 0, 255).astype(np.uint8)
        for colour in ((200, 40, 40), (40, 40, 200))
        for _ in range(6)
    ]
    embeddings = extractor.embed(pictures)
    head = SoftmaxHead(method="logistic").fit(
        embeddings, ["a"] * 6 + ["b"] * 6, extractor=extractor
    )
    assert head.fingerprint_ == extractor.fingerprint
    model = export_tflite(head.fitted_, path)
    runs = interpreter.Interpreter(model_content=model)
    runs.allocate_tensors()
    prepared = extractor.manifest.preprocessing
    for picture, expected in zip(pictures, head.predict_proba(embeddings), strict=True):
        scaled = prepare_input(picture, prepared)
        pixels = np.rint(scaled * np.float32(prepared.std) + np.float32(prepared.mean))
        runs.set_tensor(runs.get_input_details()[0]["index"], pixels)
        runs.invoke()
        found = runs.get_tensor(runs.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_not_said_is_asked_for() -> None:
    """And the message blames no file."""
    with pytest.raises(InputError, match="expected --mean and --std, as this file does not say"):
        make_extractor(Foreign("float32").model, "x")
    with pytest.raises(InputError, match="together, found one of them"):
        make_extractor(Foreign("float32").model, "x", mean=[0])
    with pytest.raises(InputError, match="mean as one number or three"):
        make_extractor(Foreign("float32").model, "x", mean=[1, 2], std=[1])
    with pytest.raises(InputError, match="std as one number or three, from 1e-06 to 1e6, found 0"):
        make_extractor(Foreign("float32").model, "x", mean=[1], std=[0])
    with pytest.raises(InputError, match="a size of 32 x 24, which this network is fixed to"):
        make_extractor(Foreign("float32").model, "x", **OWN, size=(30, 30))
    with pytest.raises(InputError, match="as this network takes pictures of any size"):
        make_extractor(Foreign("any_size").model, "x", **OWN)
    with pytest.raises(InputError, match="--resize-to from 32, the longer side"):
        make_extractor(Foreign("float32").model, "x", **OWN, resize_to=31)


def test_metadata_is_read_unless_the_caller_says_otherwise() -> None:
    said = with_metadata(
        Foreign("float32").model, mean=[127.5], std=[127.5], licence="MIT", labels=["a", "b"]
    )
    made = make_extractor(said, "x")
    assert made.manifest.preprocessing.mean == (127.5, 127.5, 127.5)
    assert made.manifest.licence == "MIT"
    assert made.manifest.description.endswith("as they are; it told 2 classes apart")
    own = make_extractor(said, "x", mean=[1, 2, 3], std=[4])
    assert own.manifest.preprocessing.mean == (1, 2, 3)
    lies = with_metadata(Foreign("float32").model, mean=[127.5], std=[0.0])
    with pytest.raises(ExtractorError, match="give --mean and --std, and it is not read"):
        make_extractor(lies, "x")
    assert make_extractor(lies, "x", **OWN).manifest.preprocessing.std == (127.5,) * 3


@pytest.mark.parametrize("size", [(24, 32), (40, 40), (57, 33)])
def test_a_network_of_any_size_is_fixed_to_one(size: tuple[int, int]) -> None:
    """Its maps too: the mean is taken over all places that there are then."""
    pytest.importorskip("ai_edge_litert")
    model = Foreign("any_size").model
    found, chosen = list_places(model, size=size)
    assert chosen is not None
    assert found[chosen].shape == (1, 24)
    cut = cut_network(model, at="3", size=size)
    assert cut.place.shape == (1, -(-size[0] // 4), -(-size[1] // 4), 24)


def test_a_picture_of_the_users_becomes_the_golden_one(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    made = make_extractor(Foreign("float32").model, "x", **OWN, picture=picture)
    made.write(tmp_path / "x.tflite")
    with Image.open(tmp_path / "x.golden.png") as golden:
        assert golden.size == (32, 24)
    Extractor.open(tmp_path / "x.tflite")


def test_an_embedding_that_tells_nothing_is_refused() -> None:
    """A ReLU that nothing passes is 0 everywhere: the normalisation is another, or the place."""
    builder = GraphBuilder(1, 8, 8, 3)
    dark = builder.graph(builder.add("RELU", (0,), (1, 8, 8, 3)))
    with pytest.raises(ExtractorError, match=r"found 0 everywhere; check --mean and --std"):
        make_extractor(write_graph(dark), "x", mean=[255], std=[1], at="1")


@pytest.mark.parametrize(
    ("text", "name"),
    [("net_v1.5", "net_v1.5"), ("my eye", "my_eye"), ("网", "extractor"), ("-x" * 60, None)],
)
def test_names_that_a_manifest_allows(text: str, name: str | None) -> None:
    found = allowed_name(text)
    assert found == (name or ("-x" * 60).lstrip("-")[:64])


@pytest.mark.parametrize("stem", ["net_v1.5", "my eye", "网络", "a.tflite.b"])
def test_whatever_it_is_called_it_is_found_again(
    stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By path, by path from within its folder, and by name where extractors are installed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "headfit" / "extractors"
    folder.mkdir(parents=True)
    made = make_extractor(Foreign("float32").model, stem, **OWN)
    made.write(folder / f"{stem}.tflite")
    fingerprint = made.manifest.fingerprint
    assert Extractor.open(folder / f"{stem}.tflite").fingerprint == fingerprint
    assert Extractor.open(stem).fingerprint == fingerprint
    monkeypatch.chdir(folder)
    assert Extractor.open(f"{stem}.tflite").fingerprint == fingerprint
    assert json.loads((folder / f"{stem}.json").read_text())["size_bytes"] == os.path.getsize(
        f"{stem}.tflite"
    )


def test_engines_that_lack_operators_say_which() -> None:
    cut = cut_network(Foreign("uint8").model)
    with pytest.raises(
        ExtractorError,
        match="know the operators QUANTIZE of uint8, CONV_2D of int8, DEPTHWISE",
    ):
        open_engine(cut.model, "popcount")
    with pytest.raises((ExtractorError, EngineMissingError)):
        open_engine(cut.model, "native")
    assert open_engine(cut_network(Foreign("float16").model).model, "popcount").embedding_dim == 24


@pytest.mark.parametrize("name", ["float32", "classifier"])
def test_how_photos_are_prepared_is_part_of_the_fingerprint(name: str) -> None:
    """A head that rests on one preparation must not be taken for one that rests on another."""
    if name == "classifier":
        pytest.importorskip("onnxruntime")
    model = Foreign(name, "onnx" if name == "classifier" else "tflite").model
    ways = [OWN, {**OWN, "mean": [127.0]}, {**OWN, "std": [1, 2, 3]}, {**OWN, "resize_to": 99}]
    made = [make_extractor(model, "x", **way) for way in ways]
    assert len({one.manifest.fingerprint for one in made}) == len(ways)
    again = make_extractor(model, "another name", **OWN)
    assert again.cut.model == made[0].cut.model
    assert b'"mean": [127.5, 127.5, 127.5]' in again.cut.model


def test_pixels_that_a_quantised_network_cannot_take_are_refused() -> None:
    """Its own scale says which numbers it takes; others would all become its last one."""
    for name in ("uint8", "int8"):
        model = Foreign(name).model
        assert make_extractor(model, "x", **OWN).manifest.preprocessing.std == (127.5,) * 3
        for way in ({"mean": [0], "std": [1]}, {"mean": [0], "std": [1e4]}):
            with pytest.raises(InputError, match="leave both out, and pixels go in as they are"):
                make_extractor(model, "x", **way)


def test_an_output_taken_for_want_of_a_classifier_is_known() -> None:
    assert not cut_network(Foreign("float32").model).is_whole
    assert cut_network(cut_network(Foreign("float32").model).model).is_whole


@pytest.mark.parametrize("which", [1, 2, 3])
def test_a_full_disk_leaves_what_was_there(
    which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the three files does not fit: no half of a new one, and the old one opens."""
    path = tmp_path / "eye.tflite"
    make_extractor(Foreign("float32").model, "eye", **OWN).write(path)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    other = make_extractor(Foreign("float32").model, "eye", mean=[0], std=[255])
    opened: list[Path] = []
    write = replacing

    @contextlib.contextmanager
    def full(target: Path) -> Iterator[BinaryIO]:
        opened.append(target)
        with write(target) as stream:
            if len(opened) == which:
                raise OSError(28, "No space left on device")
            yield stream

    monkeypatch.setattr("headfit.extractors.making.replacing", full)
    for place in (path, tmp_path / "new.tflite"):
        opened.clear()
        with pytest.raises(OSError, match="No space left"):
            other.write(place)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before
    monkeypatch.undo()
    other.write(path)
    assert Extractor.open(path).manifest.preprocessing.std == (255.0,) * 3
